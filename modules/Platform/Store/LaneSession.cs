namespace CdpMonolith.Platform.Store;

/// <summary>
/// The writing connection, as a piece of work sees it, and what differs between the engines when the lane begins, keeps and undoes
/// work on it. Used by the lane's thread alone.
/// </summary>
internal abstract class LaneSession : WriteSession, IDisposable
{
    private const string ReadNextSeq = "SELECT next_seq FROM platform_log WHERE name = $1";

    private readonly Dictionary<string, long> _nextSeq = [];
    private readonly Dictionary<string, long> _nextSeqOfWork = [];
    private readonly List<Action> _afterCommit = [];
    private int _afterCommitBeforeWork;

    public sealed override long NextSeq(string log)
    {
        if (_nextSeqOfWork.TryGetValue(log, out var next) || _nextSeq.TryGetValue(log, out next))
        {
            return next;
        }

        var statement = Prepare(ReadNextSeq).Set(1, log);
        next = statement.Step() ? statement.Int64(0) : 1;
        statement.Reset();
        return _nextSeq[log] = next;
    }

    public sealed override void Advance(string log, int count)
    {
        if (count > 0)
        {
            _nextSeqOfWork[log] = NextSeq(log) + count;
        }
    }

    public sealed override void OnCommitted(Action action) => _afterCommit.Add(action);

    // ---- for the lane ----

    /// <summary>Begins the transaction that a group of work shares.</summary>
    protected abstract void Begin();

    /// <summary>Writes the numbers of the logs that grew and makes all of the group durable.</summary>
    public abstract void Commit(IReadOnlyCollection<string> grown);

    /// <summary>Undoes what is left of the transaction and forgets all that was remembered of it.</summary>
    public abstract void Rollback();

    /// <summary>Whether the engine has undone the whole transaction by itself after this fault.</summary>
    public abstract bool IsUndone(Exception fault);

    /// <summary>What a transaction that failed so means for the callers and for the lane.</summary>
    public abstract LaneFault Judge(Exception fault);

    /// <summary>What the caller of a piece of work that failed by itself is told.</summary>
    public virtual Exception Told(Exception fault) => fault;

    /// <summary>After each group: housekeeping that must not wait for a quiet moment.</summary>
    public virtual void Tend()
    {
    }

    /// <summary>Nothing was to be done for a while.</summary>
    public virtual void Rest()
    {
    }

    public abstract void Dispose();

    public void BeginGroup()
    {
        Transaction++;
        Begin();
    }

    public void BeginWork()
    {
        _afterCommitBeforeWork = _afterCommit.Count;
        Save();
    }

    /// <summary>The work is part of the transaction now; adds the logs it wrote to.</summary>
    public void KeepWork(HashSet<string> grown)
    {
        Keep();
        foreach (var (log, next) in _nextSeqOfWork)
        {
            _nextSeq[log] = next;
            grown.Add(log);
        }

        _nextSeqOfWork.Clear();
    }

    /// <summary>Nothing of the work is remembered; <see cref="UndoWork"/> takes it out of the transaction.</summary>
    public void DropWork()
    {
        _nextSeqOfWork.Clear();
        _afterCommit.RemoveRange(_afterCommitBeforeWork, _afterCommit.Count - _afterCommitBeforeWork);
    }

    public abstract void UndoWork();

    public IReadOnlyList<Action> TakeAfterCommit()
    {
        var actions = _afterCommit.ToArray();
        _afterCommit.Clear();
        return actions;
    }

    /// <summary>Marks where the work begins.</summary>
    protected abstract void Save();

    protected abstract void Keep();

    protected long NextOf(string log) => _nextSeq[log];

    /// <summary>Others may have written since: the numbers are read again.</summary>
    protected void ForgetSeqs() => _nextSeq.Clear();

    protected void ForgetAll()
    {
        _nextSeq.Clear();
        _nextSeqOfWork.Clear();
        _afterCommit.Clear();
    }
}

/// <param name="Told">For the callers whose work was in the transaction.</param>
/// <param name="Code">The engine's, for the log.</param>
/// <param name="IsFinal">Only a new process may trust the database again.</param>
internal readonly record struct LaneFault(string Told, string Code, bool IsFinal);
