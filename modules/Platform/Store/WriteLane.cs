using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Platform.Store;

/// <summary>
/// The one thread and the one connection that write. It takes what waits, runs each piece of work under its own savepoint,
/// commits all of them at once and, when they are on disk, tells the callers. Where the session leaves the fsync to the lane, it is
/// done on a thread of its own, one for all groups that wait for it, while the lane writes the next group.
/// </summary>
internal sealed partial class WriteLane : IDisposable
{
    /// <summary>A transaction is closed after this long even when more is waiting, so that the first caller is not kept.</summary>
    private static readonly TimeSpan GroupFor = TimeSpan.FromMilliseconds(15);
    private const int GroupAtMost = 1024;
    private const int WaitingAtMost = 20_000;

    private readonly LaneSession _session;
    private readonly BlockingCollection<Work> _waiting = new(new ConcurrentQueue<Work>());
    private readonly Action<IReadOnlyCollection<string>> _logsGrew;
    private readonly ILogger _logger;
    private readonly BlockingCollection<Group> _unflushed = new(new ConcurrentQueue<Group>());
    private readonly Thread _thread;
    private readonly Thread? _flusher;
    private volatile Exception? _broken;

    public WriteLane(LaneSession session, Action<IReadOnlyCollection<string>> logsGrew, ILogger logger)
    {
        (_session, _logsGrew, _logger) = (session, logsGrew, logger);
        _thread = new Thread(Run) { Name = "write lane", IsBackground = true };
        _thread.Start();
        if (session.Flush is { } flush)
        {
            _flusher = new Thread(() => RunFlusher(flush)) { Name = "log flush", IsBackground = true };
            _flusher.Start();
        }
    }

    public int Waiting => _waiting.Count;

    public Task<T> EnqueueAsync<T>(Func<WriteSession, T> work, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        if (_broken is not null)
        {
            throw Broken();
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
        _unflushed.CompleteAdding();
        _flusher?.Join();
        _session.Dispose();
        _waiting.Dispose();
        _unflushed.Dispose();
    }

    private void Run()
    {
        var sinceRest = 0;
        while (true)
        {
            if (!_waiting.TryTake(out var first, sinceRest > 0 ? 2_000 : Timeout.Infinite))
            {
                if (_waiting.IsCompleted)
                {
                    return;
                }

                if (_broken is null)
                {
                    _session.Rest();
                }

                sinceRest = 0;
                continue;
            }

            if (_broken is not null)
            {
                first.Fail(Broken());
                continue;
            }

            sinceRest++;
            RunGroup(first);
            if (_broken is null)
            {
                _session.Tend();
            }
        }
    }

    private void RunGroup(Work first)
    {
        var group = new Group([], []);
        var started = Stopwatch.GetTimestamp();
        Work? work = first;
        try
        {
            _session.BeginGroup();
            do
            {
                RunOne(work, group);
            }
            while (group.Works.Count < GroupAtMost && Stopwatch.GetElapsedTime(started) < GroupFor && _waiting.TryTake(out work));

            _session.Commit(group.Grown);
        }
        catch (Exception fault)
        {
            Undo(work, group.Works, fault);
            return;
        }

        foreach (var action in _session.TakeAfterCommit())
        {
            action();
        }

        if (_flusher is null)
        {
            Finish(group);
        }
        else
        {
            _unflushed.Add(group);
        }
    }

    /// <summary>Makes durable what was committed: all groups that came since the last time with one fsync.</summary>
    private void RunFlusher(Action flush)
    {
        var groups = new List<Group>();
        while (_unflushed.TryTake(out var first, Timeout.Infinite))
        {
            groups.Add(first);
            while (_unflushed.TryTake(out var further))
            {
                groups.Add(further);
            }

            if (_broken is null)
            {
                try
                {
                    flush();
                }
                catch (Exception fault)
                {
                    Break(fault, groups.Sum(group => group.Works.Count));
                }
            }

            foreach (var group in groups)
            {
                Finish(group);
            }

            groups.Clear();
        }
    }

    /// <summary>Tells the callers how it ended.</summary>
    private void Finish(Group group)
    {
        foreach (var work in group.Works)
        {
            if (_broken is null)
            {
                work.Complete();
            }
            else
            {
                work.Fail(Broken());
            }
        }

        if (group.Grown.Count > 0)
        {
            _logsGrew(group.Grown);
        }
    }

    /// <summary>
    /// A sync failed. The kernel may have dropped the pages and tell the next sync that all is well, so nothing is believed or copied
    /// back from here on: the next process reads from the log what is whole in it.
    /// </summary>
    private void Break(Exception fault, int works)
    {
        _broken = fault;
        _session.Distrust();
        LogUnflushed(works, fault);
    }

    private StoreUnavailableException Broken() =>
        new("The database failed and must be opened again.", _broken) { IsFinal = true };

    private void RunOne(Work work, Group group)
    {
        if (work.IsCancelled)
        {
            work.Cancel();
            return;
        }

        _session.BeginWork();
        try
        {
            work.Run(_session);
            _session.KeepWork(group.Grown);
        }
        catch (Exception fault)
        {
            _session.DropWork();
            if (_session.IsUndone(fault))
            {
                throw;
            }

            _session.UndoWork();
            work.Fail(_session.Told(fault));
            return;
        }

        group.Works.Add(work);
    }

    /// <summary>The transaction as a whole failed: nobody was told yes, so everybody is told to try again.</summary>
    /// <param name="current">The work that ran when it failed; null: it was the commit, and all work is in the group.</param>
    private void Undo(Work? current, List<Work> group, Exception fault)
    {
        var judged = _session.Judge(fault);
        try
        {
            _session.Rollback();
        }
        catch (DbException second)
        {
            _broken = second;
        }

        if (judged.IsFinal)
        {
            _broken = fault;
        }

        LogUndone(judged.Code, group.Count, fault);
        var told = new StoreUnavailableException(judged.Told, fault) { IsFinal = judged.IsFinal };
        current?.Fail(told);
        foreach (var work in group)
        {
            work.Fail(told);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A transaction failed with code {Code}; {Count} writes were refused")]
    private partial void LogUndone(string code, int count, Exception fault);

    [LoggerMessage(Level = LogLevel.Critical, Message = "The write-ahead log could not be synced to the disk; {Count} writes were refused, and nothing more is taken until the program is started again")]
    private partial void LogUnflushed(int count, Exception fault);

    /// <summary>The work of one transaction, and the logs that it wrote to.</summary>
    private sealed record Group(List<Work> Works, HashSet<string> Grown);

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
