using CdpMonolith.Insights.Contracts;

namespace CdpMonolith.Insights.Rules;

/// <summary>Buckets of time. Moments are Unix ms; hours and minutes are those of UTC.</summary>
internal static class Spans
{
    public const long Minute = 60_000;
    public const long Hour = 60 * Minute;

    /// <summary>Start of the bucket that holds a moment; a moment on the edge starts its own.</summary>
    public static long StartOf(long at, long bucket) => at - (((at % bucket) + bucket) % bucket);

    /// <summary>Start of the first of so many hours, the running one being the last.</summary>
    public static long FirstHour(long now, int hours) => StartOf(now, Hour) - ((hours - 1) * Hour);
}

/// <summary>A value that holds until the next one.</summary>
internal static class Staircase
{
    /// <summary>
    /// The values at evenly spaced moments, for a line: from the first known one or the start of the span, whichever is later,
    /// to its end.
    /// </summary>
    /// <param name="known">In order of time; the last one before the span may be among them.</param>
    /// <param name="points">How many at most, at least 2.</param>
    public static List<SizeAt> Sample(IReadOnlyList<SizeAt> known, long from, long to, int points)
    {
        if (known.Count == 0 || known[0].At > to)
        {
            return [];
        }

        var start = Math.Max(from, known[0].At);
        var sampled = new List<SizeAt>(points);
        for (int n = 0, at = 0; n < points; n++)
        {
            var moment = start + ((to - start) * n / (points - 1));
            while (at + 1 < known.Count && known[at + 1].At <= moment)
            {
                at++;
            }

            if (sampled.Count == 0 || sampled[^1].At < moment)
            {
                sampled.Add(new SizeAt(moment, known[at].Size));
            }
        }

        return sampled;
    }

    /// <summary>The value at a moment; null when nothing was known yet.</summary>
    public static long? At(IReadOnlyList<SizeAt> known, long moment)
    {
        long? value = null;
        foreach (var (at, size) in known)
        {
            if (at > moment)
            {
                break;
            }

            value = size;
        }

        return value;
    }
}
