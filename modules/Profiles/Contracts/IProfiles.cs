using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Profiles.Contracts;

/// <summary>What we believe of a person: the trait values that won.</summary>
/// <param name="ProfileId">The canonical profile.</param>
/// <param name="Traits">A JSON object in UTF-8: trait name to value. Empty object when nothing is known.</param>
public sealed record GoldenRecord(long ProfileId, byte[] Traits)
{
    /// <summary>The text of a trait; null when it is not there.</summary>
    public string? Text(string trait)
    {
        using var document = JsonDocument.Parse(Traits);
        return document.RootElement.TryGetProperty(trait, out var value)
            ? value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText()
            : null;
    }
}

/// <summary>A person as lists and deliveries show one.</summary>
/// <param name="ProfileId">The canonical profile.</param>
/// <param name="FirstSeenAt">Unix ms.</param>
/// <param name="Identifiers">Of all profiles of the person, strongest type first.</param>
public sealed record Person(long ProfileId, long FirstSeenAt, IReadOnlyList<Identifier> Identifiers, GoldenRecord Golden)
{
    /// <summary>What to call them: the name, else the strongest readable identifier.</summary>
    public string DisplayName =>
        Golden.Text("name")
        ?? (string.Join(' ', new[] { Golden.Text("firstName"), Golden.Text("lastName") }.OfType<string>()) is { Length: > 0 } full ? full : null)
        ?? Identifiers.FirstOrDefault(i => i.Type is IdentifierTypes.Email or IdentifierTypes.UserId or IdentifierTypes.Phone).Value
        ?? Identifiers.FirstOrDefault().Value
        ?? FormattableString.Invariant($"#{ProfileId}");

    /// <summary>Only devices are known of them: show a number instead of <see cref="DisplayName"/>.</summary>
    public bool IsAnonymous => Identifiers.All(identifier => identifier.Type == IdentifierTypes.AnonymousId);

    public string? Email => Golden.Text("email") ?? Identifiers.FirstOrDefault(i => i.Type == IdentifierTypes.Email).Value;
}

/// <summary>Which person a profile belongs to.</summary>
public readonly record struct ProfilePointer(long ProfileId, long CanonicalId);

/// <summary>Figures of unification.</summary>
/// <param name="Known">People with an identifier other than an anonymous id.</param>
/// <param name="Merges">Links that join profiles of one person.</param>
/// <param name="Refused">Links that a guard refused.</param>
public sealed record ProfileFacts(long Known, long Anonymous, long Merges, long Refused);

/// <summary>People, for the modules above.</summary>
public interface IProfiles
{
    /// <summary>Name of the profile-change log.</summary>
    const string Log = "profiles.change";

    /// <summary>Changes after a seq, in order.</summary>
    IReadOnlyList<ProfileChange> ReadChanges(long after, int limit);

    /// <summary>Changes after a seq whose event carries one of the flags, in order. Cheap: other entries are not read.</summary>
    IReadOnlyList<ProfileChange> ReadEvents(long after, EventFlagsFilter filter, int limit);

    /// <summary>The golden records of these canonical profiles, those that are there.</summary>
    IReadOnlyList<GoldenRecord> GoldenRecords(IReadOnlyCollection<long> profileIds);

    /// <summary>Golden records by ascending profile id, after one of them: to read all of them in pieces.</summary>
    IReadOnlyList<GoldenRecord> GoldenRecordsAfter(long profileId, int limit);

    /// <summary>
    /// Profiles with their canonical one by ascending profile id, after one of them: to read all of them in pieces. One that
    /// stands alone is its own.
    /// </summary>
    IReadOnlyList<ProfilePointer> PointersAfter(long profileId, int limit);

    /// <summary>
    /// Seq of the last change that is on disk; 0 when there is none. Take it before reading in pieces, then follow from it:
    /// what was read may already hold later changes, and taking those again changes nothing.
    /// </summary>
    long LastSeq();

    /// <summary>The canonical profile of one; itself when it stands alone. Null when there is no such profile.</summary>
    long? CanonicalOf(long profileId);

    /// <summary>All profiles of the person, the canonical one included.</summary>
    IReadOnlyList<long> MembersOf(long profileId);

    /// <summary>Members of many people at once, by canonical profile.</summary>
    ILookup<long, long> MembersOf(IReadOnlyCollection<long> canonicalIds);

    Task<Person?> FindAsync(long profileId, CancellationToken ct);

    Task<IReadOnlyList<Person>> FindAsync(IReadOnlyCollection<long> canonicalIds, CancellationToken ct);

    /// <summary>The person that an identifier points to. The value need not be normalised.</summary>
    Task<Person?> FindAsync(Identifier identifier, CancellationToken ct);

    /// <summary>Which profile each of some events was given to, by the event's seq; as the reader sees it.</summary>
    IReadOnlyDictionary<long, long> ProfilesOf(ReadSession read, IReadOnlyList<Event> events) => new Dictionary<long, long>();

    /// <summary>Seqs of the events of one flag that were given to a profile, in order.</summary>
    IReadOnlyList<long> EventsOf(ReadSession read, long profileId, EventFlagsFilter filter) => [];

    Task<ProfileFacts> FactsAsync(CancellationToken ct);
}

/// <summary>Which events a follower of the profile-change log wants to see.</summary>
public enum EventFlagsFilter
{
    /// <summary>Those with <see cref="Ingestion.Contracts.EventFlags.HasConsent"/>.</summary>
    HasConsent,
}
