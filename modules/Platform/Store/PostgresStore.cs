using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace CdpMonolith.Platform.Store;

/// <summary>The store in a PostgreSQL database, which several processes may share; the data folder holds the rest. See docs/postgresql.md.</summary>
internal sealed partial class PostgresStore : IStore, IDisposable
{
    private static readonly Version OldestTaken = new(15, 0);
    private static readonly TimeSpan WaitsForServer = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly DataFolder _folder;
    private readonly ILogger _logger;
    private readonly PostgresWriteSession _session;
    private readonly WriteLane _lane;
    private readonly SemaphoreSlim _readers;
    private readonly ConcurrentBag<PostgresReadSession> _idle = [];
    private readonly int _idleAtMost;
    private readonly NpgsqlDataSource _forReading;
    private readonly NpgsqlDataSource _forWriting;
    private readonly PostgresNotices _notices;
    private readonly Version _version;
    private bool _closed;

    public PostgresStore(
        DataFolder folder, IOptions<StoreOptions> options, Migrations migrations, TimeProvider clock, ILogger<PostgresStore> logger)
    {
        (_folder, _logger) = (folder, logger);
        var settings = options.Value;
        _forWriting = SourceFor(settings.PostgreSql!, PostgresWriteSession.Settings(settings.Durable), timeout: 330);
        _forReading = SourceFor(settings.PostgreSql!, "-c default_transaction_read_only=on", timeout: 0);
        _version = Migrate(migrations);
        _readers = new SemaphoreSlim(settings.Readers);
        _idleAtMost = settings.Readers * 2;
        _session = new PostgresWriteSession(_forWriting.OpenConnection, clock);
        _lane = new WriteLane(_session, grown => LogsGrew?.Invoke(grown), logger);
        _notices = new PostgresNotices(_forReading, grown => LogsGrew?.Invoke(grown), () => _session.ServerPid, logger);
        LogOpened(logger, _version.ToString());
    }

    public event Action<IReadOnlyCollection<string>>? LogsGrew;

    public bool IsShared => true;

    public Task<T> WriteAsync<T>(Func<WriteSession, T> work, CancellationToken ct) => _lane.EnqueueAsync(
        Fence.Current is { } fence
            ? session =>
            {
                _session.Check(fence);
                return work(session);
            }
            : work, ct);

    public Task WriteAsync(Action<WriteSession> work, CancellationToken ct) =>
        WriteAsync(session => { work(session); return true; }, ct);

    public async Task<T> ReadAsync<T>(Func<ReadSession, T> query, CancellationToken ct)
    {
        await _readers.WaitAsync(ct);
        try
        {
            // The work is written for a thread of its own, as SQLite needs it.
            return await Task.Run(() => Read(query), ct);
        }
        finally
        {
            _readers.Release();
        }
    }

    public T Read<T>(Func<ReadSession, T> query)
    {
        PostgresReadSession? session = null;
        try
        {
            session = TakeIdle() ?? new PostgresReadSession(_forReading.OpenConnection());
            session.Begin();
            var result = query(session);
            session.End();
            if (_closed || _idle.Count >= _idleAtMost)
            {
                session.Dispose();
            }
            else
            {
                _idle.Add(session);
            }

            return result;
        }
        catch (Exception fault)
        {
            Drop(session);
            if (!PostgresFaults.IsPassing(fault))
            {
                throw;
            }

            // The others were connected to the same server.
            while (_idle.TryTake(out var other))
            {
                Drop(other);
            }

            throw new StoreUnavailableException("The database could not be read.", fault);
        }
    }

    /// <summary>One that still answers: the server may have been restarted while it was idle.</summary>
    private PostgresReadSession? TakeIdle()
    {
        while (_idle.TryTake(out var session))
        {
            if (session.Answers())
            {
                return session;
            }

            Drop(session);
        }

        return null;
    }

    public StoreFacts Facts()
    {
        long size;
        try
        {
            size = Read(read => read.Scalar<long>("SELECT pg_database_size(current_database())"));
        }
        catch (StoreUnavailableException)
        {
            size = 0;
        }

        return new StoreFacts(
            $"PostgreSQL {_version}", size, 0, new DriveInfo(_folder.Path).AvailableFreeSpace, _lane.Waiting, false);
    }

    public void Dispose()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        _notices.Dispose();
        _lane.Dispose();
        while (_idle.TryTake(out var session))
        {
            Drop(session);
        }

        _forReading.Dispose();
        _forWriting.Dispose();
        _readers.Dispose();
    }

    private static void Drop(PostgresReadSession? session)
    {
        try
        {
            session?.Dispose();
        }
        catch (Exception fault) when (PostgresFaults.IsPassing(fault))
        {
            // It was broken before.
        }
    }

    private static NpgsqlDataSource SourceFor(string connection, string options, int timeout)
    {
        var parts = new NpgsqlConnectionStringBuilder(connection)
        {
            Pooling = false, MaxAutoPrepare = 256, AutoPrepareMinUsages = 2, CommandTimeout = timeout, KeepAlive = 0, TcpKeepAlive = true,
            Enlist = false, IncludeErrorDetail = false,
        };
        if (parts.Timeout > 5)
        {
            parts.Timeout = 5;
        }

        parts.ApplicationName ??= "cdp";

        // Every question has its index. A table that has grown faster than the server's statistics of it would be read
        // whole; what must be read whole is short, and not worth compiling.
        parts.Options = $"{parts.Options} -c enable_seqscan=off -c jit=off {options}".Trim();
        return NpgsqlDataSource.Create(parts);
    }

    /// <summary>Waits for a server that is starting, then brings the database up to date; one process after the other.</summary>
    private Version Migrate(Migrations migrations)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                using var connection = _forWriting.OpenConnection();
                if (connection.PostgreSqlVersion < OldestTaken)
                {
                    throw new InvalidOperationException($"PostgreSQL {connection.PostgreSqlVersion} is too old; {OldestTaken} or newer is needed.");
                }

                using var transaction = connection.BeginTransaction();
                using var hold = new NpgsqlCommand("SELECT pg_advisory_xact_lock($1)", connection) { Parameters = { new() { Value = PostgresWriteSession.LaneLock } } };
                hold.ExecuteNonQuery();
                migrations.ApplyToPostgres(connection, transaction);
                transaction.Commit();
                return connection.PostgreSqlVersion;
            }
            catch (Exception fault) when (PostgresFaults.IsPassing(fault) && TimeProvider.System.GetElapsedTime(began) < WaitsForServer)
            {
                LogWaits(_logger, fault);
                using var never = new ManualResetEventSlim();
                never.Wait(Pause);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Store open on PostgreSQL {Version}")]
    private static partial void LogOpened(ILogger logger, string version);

    [LoggerMessage(Level = LogLevel.Warning, Message = "PostgreSQL does not answer yet; it is tried again")]
    private static partial void LogWaits(ILogger logger, Exception fault);
}
