namespace CdpMonolith.Segmentation.Contracts;

/// <summary>One measured rule.</summary>
/// <param name="People">How many met it.</param>
/// <param name="MedianMs">Evaluated from scratch, on one thread.</param>
public sealed record SegmentTiming(string Name, int People, double MedianMs);

/// <summary>What measuring segments found; see <c>cdp bench segments</c>.</summary>
/// <param name="BytesPerEvent">Memory of all audience columns by the number of events.</param>
public sealed record SegmentBenchResult(int People, long Events, double BytesPerEvent, IReadOnlyList<SegmentTiming> Timings);
