using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
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

    private readonly LaneSession _session;
    private readonly BlockingCollection<Work> _waiting = new(new ConcurrentQueue<Work>());
    private readonly Action<IReadOnlyCollection<string>> _logsGrew;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private volatile Exception? _broken;

    public WriteLane(LaneSession session, Action<IReadOnlyCollection<string>> logsGrew, ILogger logger)
    {
        (_session, _logsGrew, _logger) = (session, logsGrew, logger);
        _thread = new Thread(Run) { Name = "write lane", IsBackground = true };
        _thread.Start();
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
        _session.Dispose();
        _waiting.Dispose();
    }

    private void Run()
    {
        var group = new List<Work>(GroupAtMost);
        var sinceRest = 0;
        while (true)
        {
            Work? first;
            if (!_waiting.TryTake(out first, sinceRest > 0 ? 2_000 : Timeout.Infinite))
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
            RunGroup(first, group);
            group.Clear();
            if (_broken is null)
            {
                _session.Tend();
            }
        }
    }

    private StoreUnavailableException Broken() => new("The database failed and must be opened again.", _broken) { IsFinal = true };

    private void RunGroup(Work first, List<Work> group)
    {
        var grown = new HashSet<string>();
        var started = Stopwatch.GetTimestamp();
        Work? work = first;
        try
        {
            _session.BeginGroup();
            do
            {
                RunOne(work, group, grown);
            }
            while (group.Count < GroupAtMost && Stopwatch.GetElapsedTime(started) < GroupFor && _waiting.TryTake(out work));

            _session.Commit(grown);
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

        _session.BeginWork();
        try
        {
            work.Run(_session);
            _session.KeepWork(grown);
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

        group.Add(work);
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
