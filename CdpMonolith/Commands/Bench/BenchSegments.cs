using System.Globalization;
using CdpMonolith.Segmentation;

namespace CdpMonolith.Commands.Bench;

/// <summary>Evaluation of segments alone: whole rules over the columns in memory, without a server or a store.</summary>
internal static class BenchSegments
{
    private const int People = 200_000;
    private const int Events = 2_000_000;

    public static void Run(BenchReport report, bool quick)
    {
        var share = quick ? 10 : 1;
        var result = SegmentationModule.Measure(People / share, Events / share);
        report.Line(string.Create(CultureInfo.InvariantCulture, $"  {result.People:#,0} people, {result.Events:#,0} events"));
        foreach (var timing in result.Timings)
        {
            report.Figure(timing.Name, timing.MedianMs, "ms", string.Create(CultureInfo.InvariantCulture, $"{timing.People:#,0} people"));
        }

        report.Figure("memory of the columns", result.BytesPerEvent, "B/event");
    }
}
