using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Platform.Store;

/// <summary>The store in one SQLite file, <c>cdp.db</c>, in the data folder.</summary>
/// <remarks>
/// WAL with <c>synchronous=FULL</c>: what was committed survives a power cut. Only the write lane writes or checkpoints;
/// every other connection is read-only, which also rules out the WAL-reset fault of SQLite before 3.51.3
/// (sqlite.org/wal.html#walresetbug).
/// </remarks>
internal sealed partial class SqliteStore : IStore, IDisposable
{
    /// <summary>The first version without the WAL-reset fault.</summary>
    private static readonly Version SoundVersion = new(3, 51, 3);

    /// <summary>Bytes in a page of the database.</summary>
    public const int PageBytes = 8192;

    private readonly DataFolder _folder;
    private readonly WriteLane _lane;
    private readonly SemaphoreSlim _readers;
    private readonly ConcurrentBag<SqliteReadSession> _idle = [];
    private readonly string _readFrom;
    private bool _closed;

    static SqliteStore() => SqliteCalls.SetUp();

    public SqliteStore(DataFolder folder, IOptions<StoreOptions> options, Migrations migrations, ILogger<SqliteStore> logger)
    {
        _folder = folder;
        var settings = options.Value;
        var path = folder.PathOf("cdp.db");
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path, Mode = SqliteOpenMode.ReadWriteCreate, Pooling = false, DefaultTimeout = 5,
        }.ConnectionString);
        connection.Open();
        Version = Version.Parse(connection.ServerVersion);
        SetUp(connection, settings);
        migrations.ApplyToSqlite(connection, folder);

        _readers = new SemaphoreSlim(settings.Readers);
        _readFrom = new SqliteConnectionStringBuilder
        {
            DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false, DefaultTimeout = 5,
        }.ConnectionString;
        _lane = new WriteLane(
            new SqliteWriteSession(connection, settings.CheckpointMiB * 1024L * 1024, logger),
            grown => LogsGrew?.Invoke(grown), logger);
        LogOpened(logger, Version.ToString());
        if (Version < SoundVersion)
        {
            LogOldSqlite(logger, Version.ToString(), SoundVersion.ToString());
        }
    }

    public event Action<IReadOnlyCollection<string>>? LogsGrew;

    public Version Version { get; }

    /// <summary>The folder is locked: no other process can have it.</summary>
    public bool IsShared => false;

    public Task<T> WriteAsync<T>(Func<WriteSession, T> work, CancellationToken ct) => _lane.EnqueueAsync(work, ct);

    public Task WriteAsync(Action<WriteSession> work, CancellationToken ct) =>
        _lane.EnqueueAsync(session => { work(session); return true; }, ct);

    public async Task<T> ReadAsync<T>(Func<ReadSession, T> query, CancellationToken ct)
    {
        await _readers.WaitAsync(ct);
        try
        {
            // SQLite has no asynchronous calls: the work needs a thread that nobody waits on.
            return await Task.Run(() => Snapshot(query), ct);
        }
        finally
        {
            _readers.Release();
        }
    }

    public T Read<T>(Func<ReadSession, T> query) => Snapshot(query);

    public StoreFacts Facts()
    {
        var log = SizeOf("cdp.db-wal");
        return new StoreFacts(
            $"SQLite {Version}", SizeOf("cdp.db") + log, log,
            new DriveInfo(_folder.Path).AvailableFreeSpace, _lane.Waiting, Version < SoundVersion);
    }

    public void Dispose()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        foreach (var session in _idle)
        {
            session.Dispose();
        }

        // Last of all the writer: closing it copies the log back and removes it.
        _lane.Dispose();
        _readers.Dispose();
    }

    private T Snapshot<T>(Func<ReadSession, T> query)
    {
        if (!_idle.TryTake(out var session))
        {
            var connection = new SqliteConnection(_readFrom);
            connection.Open();
            Pragma(connection, "mmap_size=0", "temp_store=MEMORY", "cache_size=-4096");
            session = new SqliteReadSession(connection);
        }

        try
        {
            session.Prepare("BEGIN").Run();
            var result = query(session);
            session.ResetStatements();
            session.Prepare("COMMIT").Run();
            if (_closed)
            {
                session.Dispose();
            }
            else
            {
                _idle.Add(session);
            }

            return result;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private static void SetUp(SqliteConnection connection, StoreOptions settings)
    {
        Pragma(
            connection,
            $"page_size={PageBytes}",
            "journal_mode=WAL",
            settings.Durable ? "synchronous=FULL" : "synchronous=OFF",
            "secure_delete=ON",
            "foreign_keys=ON",
            "mmap_size=0",
            "temp_store=MEMORY",
            "wal_autocheckpoint=0",
            $"journal_size_limit={settings.CheckpointMiB * 1024L * 1024}",
            $"cache_size=-{settings.WriterCacheMiB * 1024}");
    }

    private static void Pragma(SqliteConnection connection, params string[] pragmas)
    {
        using var command = connection.CreateCommand();
        foreach (var pragma in pragmas)
        {
            command.CommandText = $"PRAGMA {pragma}";
            command.ExecuteNonQuery();
        }
    }

    /// <summary>Asks the folder, never opens the file: closing a database file drops SQLite's locks on it.</summary>
    private long SizeOf(string name)
    {
        var info = new FileInfo(_folder.PathOf(name));
        return info.Exists ? info.Length : 0;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Store open on SQLite {Version}")]
    private static partial void LogOpened(ILogger logger, string version);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "SQLite {Version} is older than {Sound}: one connection does every write and checkpoint, so its WAL-reset fault cannot occur; do not open the database with other programs while this one runs")]
    private static partial void LogOldSqlite(ILogger logger, string version, string sound);
}
