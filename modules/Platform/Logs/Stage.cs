using CdpMonolith.Platform.Store;

namespace CdpMonolith.Platform.Logs;

/// <summary>An entry of a log. <see cref="Seq"/> is dense and increasing within its log, from 1.</summary>
public interface ILogEntry
{
    long Seq { get; }
}

/// <summary>
/// A follower of one log. It reads entries after its cursor, decides, and hands back what is to be written; the runner
/// commits that together with the moved cursor, so every entry takes effect exactly once, whatever crashes.
/// One instance, one caller at a time.
/// </summary>
/// <typeparam name="TEntry">What the followed log holds.</typeparam>
public abstract class Stage<TEntry> : IStage where TEntry : ILogEntry
{
    /// <summary>Lower-case words with dots, such as <c>profiles.unify</c>; also the key of its cursor.</summary>
    public abstract string Name { get; }

    /// <summary>The log that it follows.</summary>
    public abstract string Follows { get; }

    /// <summary>How many entries it takes at once.</summary>
    public virtual int BatchSize => 1000;

    /// <summary>How often it is also run without new entries, for what time alone changes; null: never.</summary>
    public virtual TimeSpan? WakesEvery => null;

    /// <summary>Entries after a seq, in order, at most <paramref name="limit"/>.</summary>
    protected abstract IReadOnlyList<TEntry> Read(long after, int limit);

    /// <summary>
    /// Decides what a batch changes; runs off the write lane. The returned action writes it and must do nothing else.
    /// An exception from either puts the offending entry into quarantine after three tries; see <see cref="Forget"/>.
    /// </summary>
    /// <param name="entries">In order; empty when only time has passed.</param>
    /// <returns>Null when nothing is to be written.</returns>
    protected abstract Action<WriteSession>? Decide(IReadOnlyList<TEntry> entries);

    /// <summary>Drops everything remembered in memory about uncommitted work: the last <see cref="Decide"/> did not take effect.</summary>
    public virtual void Forget()
    {
    }

    /// <summary>
    /// Drops everything remembered: another process did this stage's work before. Also what committed entries have left in memory.
    /// </summary>
    public virtual void StartOver() => Forget();

    /// <summary>Called once the last decision is on disk.</summary>
    public virtual void Committed()
    {
    }

    /// <summary>Deletes all that the stage has written, so that it can run again from the start; null: cannot be rebuilt.</summary>
    public virtual Action<WriteSession>? Clear => null;

    /// <summary>
    /// For a stage that reads only some of the log's entries: the seq of its last one on disk, asked before <see cref="Read"/>, so
    /// that the cursor can pass over a rest that holds nothing for it. 0: it reads them all.
    /// </summary>
    protected virtual long EndOfLog() => 0;

    StageBatch? IStage.Next(long after, int limit)
    {
        var end = EndOfLog();
        var entries = Read(after, limit);
        return entries.Count > 0 ? new StageBatch(entries[^1].Seq, entries.Count, () => Decide(entries))
            : end > after ? new StageBatch(end, 0, () => null)
            : null;
    }

    Action<WriteSession>? IStage.DecideOnTime() => Decide([]);
}

/// <summary>What the runner needs of a stage; made by <see cref="Stage{TEntry}"/>.</summary>
public interface IStage
{
    string Name { get; }

    string Follows { get; }

    int BatchSize { get; }

    TimeSpan? WakesEvery { get; }

    Action<WriteSession>? Clear { get; }

    void Forget();

    void StartOver();

    void Committed();

    internal StageBatch? Next(long after, int limit);

    internal Action<WriteSession>? DecideOnTime();
}

internal sealed record StageBatch(long LastSeq, int Count, Func<Action<WriteSession>?> Decide);
