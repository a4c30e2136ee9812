using CdpMonolith.Activation.Contracts;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Insights.Contracts;

/// <summary>All that the home page shows, read at one moment.</summary>
/// <param name="AsOf">When it was read, Unix ms.</param>
/// <param name="From">Start of the first hour of the charts, Unix ms.</param>
/// <param name="Hours">How many hours the charts span, the running one included.</param>
/// <param name="Quarantined">Calls and log entries put aside now.</param>
/// <param name="Stages">How far each stage is, in the order in which data visits them.</param>
/// <param name="Quiet">Sources that are silent for much longer than usual.</param>
/// <param name="NotCounted">Accepted events that <paramref name="Events"/> lacks yet.</param>
public sealed record OverviewFigures(
    long AsOf, long From, int Hours, FirstSteps Steps, IngestionFacts Ingestion, long Quarantined,
    IReadOnlyList<SourceHours> Events, ProfileFacts People, IReadOnlyList<PeopleSample> PeopleOverTime,
    IReadOnlyList<PurposeCoverage> Consent, IReadOnlyList<SegmentHistory> Segments, DeliveryFacts Deliveries,
    IReadOnlyList<DeliveriesOfHour> DeliveriesPerHour, IReadOnlyList<StageState> Stages, SystemFigures System, long NotCounted,
    IReadOnlyList<Source> Quiet);

/// <summary>Which steps of the staircase have been taken once.</summary>
public sealed record FirstSteps(bool Source, bool Data, bool Segment, bool Destination)
{
    public bool All => Source && Data && Segment && Destination;

    /// <summary>The product is as it came out of the box.</summary>
    public bool None => !(Source || Data || Segment || Destination);
}

/// <summary>Events of one source in each hour.</summary>
/// <param name="Live">As they happened, one number per hour from the oldest on.</param>
/// <param name="Imported">Brought by files, likewise.</param>
public sealed record SourceHours(long SourceId, string Name, IReadOnlyList<long> Live, IReadOnlyList<long> Imported);

/// <summary>How many people there were.</summary>
/// <param name="At">Unix ms.</param>
/// <param name="Merges">Links that joined profiles of one person.</param>
public sealed record PeopleSample(long At, long Known, long Anonymous, long Merges);

/// <summary>What people said to one purpose.</summary>
/// <param name="Name">What the purpose is called.</param>
/// <param name="Channel">The channel on which most have answered.</param>
/// <param name="NotAsked">Known people without an answer.</param>
public sealed record PurposeCoverage(string Purpose, string Name, string Channel, long Granted, long Denied, long Withdrawn, long NotAsked);

/// <summary>A segment and how its size went.</summary>
/// <param name="Size">Now; null before the first evaluation.</param>
/// <param name="EvaluatedAt">Unix ms.</param>
/// <param name="Change">People more than at the start of the span; null when it is younger than that.</param>
/// <param name="Sizes">At moments, in order of time.</param>
public sealed record SegmentHistory(long SegmentId, string Name, long? Size, long? EvaluatedAt, long? Change, IReadOnlyList<SizeAt> Sizes);

/// <summary>A size at a moment.</summary>
/// <param name="At">Unix ms.</param>
public sealed record SizeAt(long At, long Size);

/// <summary>What the machine gives and the program takes, in bytes.</summary>
/// <param name="MemoryBytes">Physical memory that the process holds.</param>
/// <param name="LimitBytes">Memory that the process may use at most.</param>
public sealed record SystemFigures(long DatabaseBytes, long FreeBytes, long MemoryBytes, long LimitBytes, int WaitingWrites);
