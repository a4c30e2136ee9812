namespace CdpMonolith.Tests.Support;

/// <summary>A data folder of a test's own and, on PostgreSQL, a database to go with it; gone when the test ends.</summary>
/// <param name="engine">Null: what this run of the tests is about.</param>
internal sealed class TempFolder(string? engine = null) : IDisposable
{
    private string? _database;
    private bool _isBeside;

    public string Path { get; } = Directory.CreateTempSubdirectory("cdp-test-").FullName;

    public bool IsPostgres => Engine.IsPostgres(engine);

    /// <summary>Connection string of the folder's database, made when first asked for; null on SQLite.</summary>
    public string? Database => IsPostgres ? _database ??= Engine.MakeDatabase() : null;

    /// <summary>What the program must be told to run here.</summary>
    public string[] Settings => Database is { } database ? [$"--Store:Folder={Path}", $"--Store:PostgreSql={database}"] : [$"--Store:Folder={Path}"];

    /// <summary>A data folder for a database of somebody else's, which stays.</summary>
    public static TempFolder For(string database) => new(Engine.Postgres) { _database = database, _isBeside = true };

    /// <summary>Another data folder for the same database, with the same keys: for a second process.</summary>
    public TempFolder Beside()
    {
        var other = new TempFolder(engine) { _database = Database, _isBeside = true };
        foreach (var file in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories)
            .Where(file => System.IO.Path.GetFileName(file) is not ("cdp.lock" or "cdp.pid")))
        {
            var copy = System.IO.Path.Combine(other.Path, System.IO.Path.GetRelativePath(Path, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(copy)!);
            File.Copy(file, copy, overwrite: true);
        }

        return other;
    }

    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (_database is not null && !_isBeside)
        {
            Engine.DropDatabase(_database);
        }

        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A file still being closed; the system cleans its temporary folder.
        }
    }
}
