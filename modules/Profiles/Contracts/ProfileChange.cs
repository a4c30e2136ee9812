using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;

namespace CdpMonolith.Profiles.Contracts;

/// <summary>Kinds of entry in the profile-change log. Stored as these numbers.</summary>
public enum ProfileChangeKind
{
    /// <summary>
    /// An event was given to the profile that it names most strongly; it stays there for good. When the golden record of a person changed
    /// with it, <see cref="ProfileChange.CanonicalId"/> is that person.
    /// </summary>
    EventResolved = 1,

    /// <summary>The golden record of a canonical profile was computed anew: read it by its id.</summary>
    TraitsChanged = 2,

    /// <summary>A profile that was there belongs to another person now: <see cref="ProfileChange.CanonicalId"/> is new.</summary>
    CanonicalChanged = 3,

    /// <summary>
    /// An import is being undone: events are gone from their profiles, and profiles that only it named are no more. What follows may
    /// lack entries; read anew once <see cref="IUndos.IsTakingBack"/> is over.
    /// </summary>
    TakenBack = 4,
}

/// <summary>
/// An entry of the profile-change log. A profile's id is a small dense number from 1 on and fits an <see cref="int"/>. Profiles are born by
/// events, and no entry tells of a birth by itself: whenever entries come, look with <see cref="IProfiles.PointersAfter"/> behind the last
/// profile that you know, before you take them.
/// </summary>
/// <param name="ProfileId">EventResolved: where the event stays, not the canonical one. TakenBack: 0. Else the profile that changed.</param>
/// <param name="OccurredAt">EventResolved: the event's time; else when it changed. Unix ms.</param>
/// <param name="EventSeq">EventResolved only.</param>
/// <param name="Flags">EventResolved only: the event's flags.</param>
/// <param name="CanonicalId">CanonicalChanged: the person now. EventResolved: whose golden record changed with it, or null. Else null.</param>
public sealed record ProfileChange(
    long Seq, ProfileChangeKind Kind, long ProfileId, long OccurredAt, long? EventSeq, EventFlags Flags, long? CanonicalId)
    : ILogEntry
{
    /// <summary>Whose golden record has changed; null: nobody's.</summary>
    public long? TraitsChangedOf => Kind switch
    {
        ProfileChangeKind.TraitsChanged => ProfileId, ProfileChangeKind.EventResolved => CanonicalId, _ => null,
    };
}
