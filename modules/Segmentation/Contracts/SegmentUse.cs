namespace CdpMonolith.Segmentation.Contracts;

/// <summary>Something that stands on a segment, so that the segment cannot be deleted.</summary>
/// <param name="Kind">What it is, in the reader's language, such as <c>Sync</c>.</param>
/// <param name="Href">Its page.</param>
public sealed record SegmentUse(string Kind, string Name, string Href);

/// <summary>Tells what stands on segments; implemented by modules above.</summary>
public interface ISegmentUses
{
    /// <summary>Uses by segment; a segment that is not used is not in it.</summary>
    Task<ILookup<long, SegmentUse>> UsesAsync(CancellationToken ct);
}
