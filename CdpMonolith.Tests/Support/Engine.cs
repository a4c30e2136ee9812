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

    private static readonly Lazy<string> Migrated = new(MakeMigrated);

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

    /// <summary>Makes a database that has every migration and returns its connection string.</summary>
    public static string MakeDatabase() => Make(Migrated.Value);

    /// <summary>The database that all others are copies of is no longer needed.</summary>
    public static void Close()
    {
        if (Migrated.IsValueCreated)
        {
            Run($"DROP DATABASE IF EXISTS {Migrated.Value}");
        }
    }

    private static string Make(string template)
    {
        var name = $"cdp_test_{Guid.NewGuid():N}";
        Run($"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'");
        return new NpgsqlConnectionStringBuilder(Server) { Database = name, Pooling = false }.ConnectionString;
    }

    /// <summary>Migrating takes longer than copying: once for all tests.</summary>
    private static string MakeMigrated()
    {
        using var folder = TempFolder.For(Make("template0"));
        new TestStore(folder: folder).DisposeAsync().AsTask().GetAwaiter().GetResult();
        return new NpgsqlConnectionStringBuilder(folder.Database).Database!;
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
