using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Storage;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>
/// Feeds the columns from the profile-change log, asks the segments that this concerns, and writes who entered and left. Also
/// woken by time alone.
/// </summary>
/// <remarks>
/// One entry is answered at once. Under load it gathers: evaluation takes at most a fifth of the time, a backlog is read before
/// it is evaluated. A cursor that moved on without an evaluation loses nothing, for after a start every segment is asked.
/// </remarks>
internal sealed class EvaluateStage(
    IProfiles profiles, IUndos undos, AudienceColumns columns, Evaluator evaluator, TimeProvider clock) : Stage<ProfileChange>
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestBacklog = TimeSpan.FromSeconds(1);

    private bool _more;

    public override string Name => "segmentation.evaluate";

    public override string Follows => IProfiles.Log;

    public override int BatchSize => 4000;

    public override TimeSpan? WakesEvery => TimeSpan.FromSeconds(1);

    /// <summary>
    /// The log of entries and exits stays true: columns are read anew and every segment is asked, and only what differs from
    /// the members that are stored is written.
    /// </summary>
    public override Action<WriteSession> Clear => write =>
    {
        SegmentStore.ForgetEvaluations(write);
        write.OnCommitted(evaluator.StartOver);
    };

    public override void Forget() => evaluator.NoteAll();

    public override void StartOver() => evaluator.StartOver();

    protected override IReadOnlyList<ProfileChange> Read(long after, int limit)
    {
        if (!columns.Load())
        {
            return [];
        }

        var changes = profiles.ReadChanges(after, limit + 1);
        if (changes.Count > 0 && changes.Count <= limit && Pause() is { } pause && pause > TimeSpan.Zero)
        {
            columns.Closing.WaitHandle.WaitOne(pause);
            changes = profiles.ReadChanges(after, limit + 1);
        }

        if (columns.HoldsWhatWasTakenBack(changes))
        {
            // Segments stand still until an undo has ended; then they go by what is left.
            if (undos.IsTakingBack())
            {
                return [];
            }

            evaluator.StartOver();
            if (!columns.Load())
            {
                return [];
            }
        }

        _more = changes.Count > limit;
        return _more ? [.. changes.Take(limit)] : changes;
    }

    protected override Action<WriteSession>? Decide(IReadOnlyList<ProfileChange> entries)
    {
        // Woken by time, perhaps while the columns are still being read by the other stage.
        if (!columns.Loaded)
        {
            return null;
        }

        evaluator.Note(columns.Take(entries));
        return entries.Count > 0 && _more && SinceLast() < LongestBacklog ? null : evaluator.Evaluate();
    }

    private TimeSpan Pause()
    {
        var spread = evaluator.Took * 4;
        return (spread < LongestPause ? spread : LongestPause) - SinceLast();
    }

    private TimeSpan SinceLast() => evaluator.EndedAt is { } ended ? clock.GetElapsedTime(ended) : TimeSpan.MaxValue;
}
