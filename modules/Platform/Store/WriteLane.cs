using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Platform.Store;

/// <summary>
/// The one thread and the one connection that write. It takes what waits, runs each piece of work under its own savepoint,
/// commits all of them with one fsync, and only then tells the callers.
/// </summary>
internal sealed partial class WriteLane : IDisposable
{
    /// <summary>A transaction is closed after this long even when more is waiting, so that the first caller is not kept.</summary>
    private static readonly TimeSpan GroupFor = TimeSpan.FromMilliseconds(15);
    private const int GroupAtMost = 1024;
    private const int WaitingAtMost = 20_000;

    private readonly SqliteConnection _connection;
    private readonly SqliteWriteSession _session;
    private readonly BlockingCollection<Work> _waiting = new(new ConcurrentQueue<Work>());
    private readonly Action<IReadOnlyCollection<string>> _logsGrew;
    private readonly ILogger _logger;
    private readonly string _walPath;
    private readonly long _checkpointBytes;
    private readonly Thread _thread;
    private Exception? _broken;

    public WriteLane(
        SqliteConnection connection, string walPath, long checkpointBytes,
        Action<IReadOnlyCollection<string>> logsGrew, ILogger logger)
    {
        (_connection, _walPath, _checkpointBytes) = (connection, walPath, checkpointBytes);
        (_logsGrew, _logger) = (logsGrew, logger);
        _session = new SqliteWriteSession(connection);
        _thread = new Thread(Run) { Name = "write lane", IsBackground = true };
        _thread.Start();
    }

    public int Waiting => _waiting.Count;

    public Task<T> EnqueueAsync<T>(Func<WriteSession, T> work, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        if (_broken is { } broken)
        {
            throw new StoreUnavailableException("The database failed and must be opened again.", broken);
        }

        if (_waiting.Count >= WaitingAtMost)
        {
            throw new StoreUnavailableException("Too many writes are waiting.");
        }

        var item = new Work<T>(work, ct);
        try
        {
            _waiting.Add(item, CancellationToken.None);
        }
        catch (InvalidOperationException)
        {
            throw new StoreUnavailableException("The store is closing.");
        }

        return item.Task;
    }

    public void Dispose()
    {
        _waiting.CompleteAdding();
        _thread.Join();
        _session.Dispose();
        _waiting.Dispose();
    }

    private void Run()
    {
        var group = new List<Work>(GroupAtMost);
        var sinceTruncate = 0;
        while (true)
        {
            Work? first;
            if (!_waiting.TryTake(out first, sinceTruncate > 0 ? 2_000 : Timeout.Infinite))
            {
                if (_waiting.IsCompleted)
                {
                    return;
                }

                // Nothing to do for a while: give the log's space back.
                TryCheckpoint("TRUNCATE");
                sinceTruncate = 0;
                continue;
            }

            sinceTruncate++;
            RunGroup(first, group);
            group.Clear();
            if (WalBytes() > _checkpointBytes)
            {
                TryCheckpoint("PASSIVE");
            }
        }
    }

    private void RunGroup(Work first, List<Work> group)
    {
        var grown = new HashSet<string>();
        var started = Stopwatch.GetTimestamp();
        var work = first;
        try
        {
            _session.Prepare("BEGIN IMMEDIATE").Run();
            do
            {
                RunOne(work, group, grown);
            }
            while (group.Count < GroupAtMost && Stopwatch.GetElapsedTime(started) < GroupFor && _waiting.TryTake(out work!));

            _session.WriteSeqs(grown);
            _session.Prepare("COMMIT").Run();
        }
        catch (Exception fault)
        {
            Undo(work, group, fault);
            return;
        }

        var after = _session.TakeAfterCommit();
        foreach (var action in after)
        {
            action();
        }

        foreach (var done in group)
        {
            done.Complete();
        }

        if (grown.Count > 0)
        {
            _logsGrew(grown);
        }
    }

    private void RunOne(Work work, List<Work> group, HashSet<string> grown)
    {
        if (work.IsCancelled)
        {
            work.Cancel();
            return;
        }

        _session.Prepare("SAVEPOINT work").Run();
        _session.BeginWork();
        try
        {
            work.Run(_session);
        }
        catch (Exception fault)
        {
            _session.DropWork();
            if (IsUndone())
            {
                // A full disk or an I/O error has already undone the whole transaction.
                throw;
            }

            _session.Prepare("ROLLBACK TO work").Run();
            _session.Prepare("RELEASE work").Run();
            work.Fail(fault);
            return;
        }

        _session.Prepare("RELEASE work").Run();
        _session.KeepWork(grown);
        group.Add(work);
    }

    private bool IsUndone() => SQLitePCL.raw.sqlite3_get_autocommit(_connection.Handle!) != 0;

    /// <summary>The transaction as a whole failed: nobody was told yes, so everybody is told to try again.</summary>
    private void Undo(Work current, List<Work> group, Exception fault)
    {
        try
        {
            _session.Forget();
            if (!IsUndone())
            {
                _session.Prepare("ROLLBACK").Run();
            }
        }
        catch (SqliteException second)
        {
            _broken = second;
        }

        var code = (fault as SqliteException)?.SqliteErrorCode ?? 0;
        if (code == SQLitePCL.raw.SQLITE_IOERR || code == SQLitePCL.raw.SQLITE_CORRUPT)
        {
            // After a failed sync the kernel may have dropped the pages: only a new process may trust the file again.
            _broken = fault;
        }

        LogUndone(code, group.Count, fault);
        var told = new StoreUnavailableException(
            code == SQLitePCL.raw.SQLITE_FULL ? "The disk is full." : "The database could not commit.", fault);
        current.Fail(told);
        foreach (var work in group)
        {
            work.Fail(told);
        }
    }

    private long WalBytes()
    {
        var info = new FileInfo(_walPath);
        return info.Exists ? info.Length : 0;
    }

    private void TryCheckpoint(string mode)
    {
        try
        {
            _session.Prepare($"PRAGMA wal_checkpoint({mode})").Run();
        }
        catch (SqliteException fault)
        {
            LogCheckpointFailed(fault.SqliteErrorCode);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A transaction failed with code {Code}; {Count} writes were refused")]
    private partial void LogUndone(int code, int count, Exception fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The write-ahead log could not be copied back, code {Code}")]
    private partial void LogCheckpointFailed(int code);

    private abstract class Work
    {
        public abstract bool IsCancelled { get; }

        public abstract void Run(WriteSession session);

        public abstract void Complete();

        public abstract void Fail(Exception fault);

        public abstract void Cancel();
    }

    private sealed class Work<T>(Func<WriteSession, T> work, CancellationToken ct) : Work
    {
        private readonly TaskCompletionSource<T> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _result;

        public Task<T> Task => _answer.Task;

        public override bool IsCancelled => ct.IsCancellationRequested;

        public override void Run(WriteSession session) => _result = work(session);

        public override void Complete() => _answer.TrySetResult(_result!);

        public override void Fail(Exception fault) => _answer.TrySetException(fault);

        public override void Cancel() => _answer.TrySetCanceled(ct);
    }
}
