using CdpMonolith.Segmentation.Rules;
using CdpMonolith.Segmentation.Storage;

namespace CdpMonolith.Segmentation.Pages;

/// <summary>Sizes of a segment by day, counted back from what it is now by who entered and left.</summary>
internal sealed record SizeHistory(IReadOnlyList<long> Days, IReadOnlyList<long> Sizes, long Entered, long Left)
{
    /// <param name="size">Now.</param>
    /// <param name="changes">Of this segment, oldest first.</param>
    /// <param name="today">Start of the present UTC day, Unix ms.</param>
    /// <param name="days">How many days, the present one included.</param>
    public static SizeHistory Of(long size, IEnumerable<DayOfSegment> changes, long today, int days)
    {
        var byDay = changes.ToDictionary(change => change.Day);
        var sizes = new long[days];
        var starts = new long[days];
        for (var i = days - 1; i >= 0; i--)
        {
            starts[i] = today - ((days - 1 - i) * IsoTime.Day);
            sizes[i] = Math.Max(0, size);
            if (byDay.TryGetValue(starts[i], out var change))
            {
                size -= change.Entered - change.Left;
            }
        }

        var week = byDay.Values.Where(change => change.Day > today - (7 * IsoTime.Day)).ToList();
        return new SizeHistory(starts, sizes, week.Sum(change => change.Entered), week.Sum(change => change.Left));
    }
}
