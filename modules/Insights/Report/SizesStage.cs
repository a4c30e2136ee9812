using CdpMonolith.Insights.Contracts;
using CdpMonolith.Insights.Rules;
using CdpMonolith.Insights.Storage;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Segmentation.Contracts;

namespace CdpMonolith.Insights.Report;

/// <summary>Keeps how large each segment was, minute by minute, from who entered and left it.</summary>
internal sealed class SizesStage(ISegments segments) : Stage<MembershipChanged>
{
    public override string Name => "insights.segment_sizes";

    public override string Follows => ISegments.Log;

    public override int BatchSize => 5000;

    public override Action<WriteSession> Clear => InsightsStore.ForgetSizes;

    protected override IReadOnlyList<MembershipChanged> Read(long after, int limit) => segments.ReadChanges(after, limit);

    protected override Action<WriteSession> Decide(IReadOnlyList<MembershipChanged> entries)
    {
        var moves = entries
            .GroupBy(change => (change.SegmentId, Minute: Spans.StartOf(change.At, Spans.Minute)))
            .Select(group => (group.Key.SegmentId, group.Key.Minute, More: group.Sum(change => change.Entered ? 1L : -1L)))
            .ToList();
        return write =>
        {
            foreach (var (segmentId, minute, more) in moves)
            {
                // A clock that was set back does not undo what came after: such a change counts for the newest minute.
                var last = InsightsStore.LastSizeOf(write, segmentId) ?? new SizeAt(minute, 0);
                InsightsStore.PutSize(write, segmentId, new SizeAt(Math.Max(minute, last.At), last.Size + more));
            }
        };
    }
}
