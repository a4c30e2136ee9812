using Npgsql;

namespace CdpMonolith.Tests.Support;

/// <summary>
/// The database that a test runs on. SQLite, unless CDP_TEST_ENGINE says <c>postgresql</c>; a fixture can also ask for one.
/// CDP_TEST_POSTGRES is the connection string of a server on which databases may be made.
/// </summary>
internal static class Engine
{
    /// <summary>Category of tests that run on an engine of their own choice, or on none: once is enough.</summary>
    public const string One = "OneEngine";

    public const string Sqlite = "SQLite";
    public const string Postgres = "PostgreSQL";

    public static string Default { get; } =
        string.Equals(Environment.GetEnvironmentVariable("CDP_TEST_ENGINE"), Postgres, StringComparison.OrdinalIgnoreCase) ? Postgres : Sqlite;

    public static bool IsPostgres(string? engine) => (engine ?? Default) == Postgres;

    /// <summary>The server; skips the test in one line when there is none, which CI does not allow.</summary>
    public static string Server
    {
        get
        {
            var server = Environment.GetEnvironmentVariable("CDP_TEST_POSTGRES");
            if (string.IsNullOrEmpty(server))
            {
                Tools.Missing("PostgreSQL (CDP_TEST_POSTGRES)");
            }

            return server!;
        }
    }

    /// <summary>Makes an empty database and returns its connection string.</summary>
    public static string MakeDatabase()
    {
        var name = $"cdp_test_{Guid.NewGuid():N}";
        Run($"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
        return new NpgsqlConnectionStringBuilder(Server) { Database = name, Pooling = false }.ConnectionString;
    }

    public static void DropDatabase(string connection) =>
        Run($"DROP DATABASE IF EXISTS {new NpgsqlConnectionStringBuilder(connection).Database} WITH (FORCE)");

    private static void Run(string sql)
    {
        using var server = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Server) { Pooling = false }.ConnectionString);
        server.Open();
        using var command = new NpgsqlCommand(sql, server);
        command.ExecuteNonQuery();
    }
}
