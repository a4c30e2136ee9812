using System.Runtime.InteropServices;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Insights.Rules;
using CdpMonolith.Insights.Storage;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Insights.Report;

/// <summary>Counts events by the hour in which they were received and their source.</summary>
internal sealed class HoursStage(IEventLog events) : Stage<EventHead>
{
    public const string StageName = "insights.hours";

    public override string Name => StageName;

    public override string Follows => IEventLog.Log;

    public override int BatchSize => 20_000;

    public override Action<WriteSession> Clear => InsightsStore.ForgetHours;

    protected override IReadOnlyList<EventHead> Read(long after, int limit) => events.ReadHeads(after, limit);

    protected override Action<WriteSession> Decide(IReadOnlyList<EventHead> entries)
    {
        var counts = new Dictionary<(long Hour, long SourceId), (long Events, long Imported)>();
        foreach (var head in entries)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(
                counts, (Spans.StartOf(head.ReceivedAt, Spans.Hour), head.SourceId), out _);
            count.Events++;
            count.Imported += (head.Flags & EventFlags.Historical) != 0 ? 1 : 0;
        }

        return write => InsightsStore.Add(
            write, counts.Select(pair => new HourCount(pair.Key.Hour, pair.Key.SourceId, pair.Value.Events, pair.Value.Imported)));
    }
}
