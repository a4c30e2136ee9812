using Npgsql;

namespace CdpMonolith.Commands.Bench;

/// <summary>The store that is measured.</summary>
/// <param name="Name">With its version.</param>
/// <param name="Server">Connection string of a PostgreSQL server; null: SQLite.</param>
internal sealed record BenchEngine(string Name, string? Server)
{
    public static BenchEngine Sqlite { get; } = new("SQLite", null);

    /// <exception cref="NpgsqlException">The server cannot be reached.</exception>
    public static async Task<BenchEngine> OnAsync(string server, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(server);
        await connection.OpenAsync(ct);
        await using var ask = new NpgsqlCommand("SELECT 'fsync ' || current_setting('fsync')", connection);
        return new BenchEngine($"PostgreSQL {connection.PostgreSqlVersion} ({await ask.ExecuteScalarAsync(ct)})", server);
    }
}

/// <summary>A folder and, on PostgreSQL, a database for a measured server; gone when the measuring is done.</summary>
internal sealed class BenchPlace : IAsyncDisposable
{
    private readonly string? _server;
    private readonly string? _database;

    private BenchPlace(string? server, string? database) => (_server, _database) = (server, database);

    public string Folder { get; } = Directory.CreateTempSubdirectory("cdp-bench-").FullName;

    /// <summary>What the program is told to run here.</summary>
    public IEnumerable<string> Settings => _database is null
        ? [$"--Store:Folder={Folder}"]
        : [$"--Store:Folder={Folder}", $"--Store:PostgreSql={new NpgsqlConnectionStringBuilder(_server) { Database = _database }.ConnectionString}"];

    public static async Task<BenchPlace> NewAsync(BenchEngine engine, CancellationToken ct)
    {
        if (engine.Server is null)
        {
            return new BenchPlace(null, null);
        }

        var database = $"cdp_bench_{Guid.NewGuid():N}";
        await RunAsync(engine.Server, $"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8'", ct);
        return new BenchPlace(engine.Server, database);
    }

    public async ValueTask DisposeAsync()
    {
        if (_database is not null)
        {
            await RunAsync(_server!, $"DROP DATABASE IF EXISTS {_database} WITH (FORCE)", CancellationToken.None);
        }

        Directory.Delete(Folder, recursive: true);
    }

    private static async Task RunAsync(string server, string sql, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(server) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }
}
