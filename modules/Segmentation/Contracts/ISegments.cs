using CdpMonolith.Platform.Logs;

namespace CdpMonolith.Segmentation.Contracts;

/// <summary>A saved rule.</summary>
/// <param name="Version">Grows by one with each change of the rule.</param>
/// <param name="Rule">The rule tree as JSON; see docs/segments.md.</param>
/// <param name="Size">People in it when last evaluated; null before the first evaluation.</param>
/// <param name="EvaluatedAt">When that was, Unix ms.</param>
public sealed record Segment(
    long Id, string Name, string Description, int Version, string Rule, long? Size, long? EvaluatedAt, long CreatedAt);

/// <summary>An entry of the membership-change log: somebody entered or left a segment.</summary>
/// <param name="ProfileId">The canonical profile at that moment.</param>
/// <param name="At">Unix ms.</param>
/// <param name="Version">Version of the rule that was evaluated.</param>
public sealed record MembershipChanged(long Seq, long SegmentId, long ProfileId, bool Entered, long At, int Version) : ILogEntry;

/// <summary>Segments and who is in them, for the modules above.</summary>
public interface ISegments
{
    /// <summary>Name of the membership-change log.</summary>
    const string Log = "segmentation.membership";

    IReadOnlyList<MembershipChanged> ReadChanges(long after, int limit);

    Task<IReadOnlyList<Segment>> ListAsync(CancellationToken ct);

    Task<Segment?> FindAsync(long segmentId, CancellationToken ct);

    /// <summary>Canonical profiles in the segment as last evaluated, ascending, after one of them.</summary>
    Task<IReadOnlyList<long>> MembersAsync(long segmentId, long after, int limit, CancellationToken ct);

    /// <summary>Whether a person is in the segment as last evaluated; and since when, Unix ms.</summary>
    Task<IReadOnlyList<(Segment Segment, long Since)>> OfAsync(long canonicalId, CancellationToken ct);
}
