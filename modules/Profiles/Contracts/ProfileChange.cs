using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;

namespace CdpMonolith.Profiles.Contracts;

/// <summary>Kinds of entry in the profile-change log. Stored as these numbers.</summary>
public enum ProfileChangeKind
{
    /// <summary>An event was given to the profile that it names most strongly; it stays there for good.</summary>
    EventResolved = 1,

    /// <summary>The golden record of a canonical profile was computed anew: read it by its id.</summary>
    TraitsChanged = 2,

    /// <summary>The profile belongs to another person now: <see cref="ProfileChange.CanonicalId"/> is new.</summary>
    CanonicalChanged = 3,

    /// <summary>
    /// An import is being undone: events are gone from their profiles, and profiles that only it named are no more. What follows may
    /// lack entries; read anew once <see cref="IUndos.IsTakingBack"/> is over.
    /// </summary>
    TakenBack = 4,
}

/// <summary>
/// An entry of the profile-change log. A profile's id is a small dense number from 1 on and fits an <see cref="int"/>;
/// a profile that was just born is its own canonical profile: the first entry that names it announces it, an
/// <see cref="ProfileChangeKind.EventResolved"/> or, when it was born without an event of its own, a
/// <see cref="ProfileChangeKind.CanonicalChanged"/>.
/// </summary>
/// <param name="ProfileId">EventResolved: where the event stays, not the canonical one. TakenBack: 0. Else the profile that changed.</param>
/// <param name="OccurredAt">EventResolved: the event's time; else when it changed. Unix ms.</param>
/// <param name="EventSeq">EventResolved only.</param>
/// <param name="Flags">EventResolved only: the event's flags.</param>
/// <param name="CanonicalId">CanonicalChanged only.</param>
public sealed record ProfileChange(
    long Seq, ProfileChangeKind Kind, long ProfileId, long OccurredAt, long? EventSeq, EventFlags Flags, long? CanonicalId)
    : ILogEntry;
