using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Insights.Rules;
using CdpMonolith.Insights.Storage;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Insights.Report;

/// <summary>Events of an import that is undone count no more. How large segments were stays as it was shown.</summary>
internal sealed class HoursTakenBack : ITakesBack
{
    public void TakeBack(WriteSession write, UndoneEvents undone)
    {
        InsightsStore.Add(write, undone.Events
            .GroupBy(one => (Hour: Spans.StartOf(one.ReceivedAt, Spans.Hour), one.SourceId))
            .Select(hour => new HourCount(
                hour.Key.Hour, hour.Key.SourceId, -hour.Count(), -hour.Count(one => (one.Flags & EventFlags.Historical) != 0))));
        InsightsStore.DropEmptyHours(write);
    }
}
