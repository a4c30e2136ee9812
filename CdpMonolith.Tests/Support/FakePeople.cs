using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Tests.Support;

/// <summary>
/// People and their events as a test wants them, in the place of Ingestion and Profiles: for tests of upper modules that care
/// for who belongs to whom and not for how that was found out.
/// </summary>
internal sealed class FakePeople : IProfiles, IEventLog
{
    private readonly Dictionary<long, long> _canonical = [];
    private readonly Dictionary<long, Person> _people = [];
    private readonly List<Event> _events = [];
    private readonly List<ProfileChange> _changes = [];

    /// <summary>Makes the person known; traits may be null.</summary>
    public void Add(long profileId, string? email = null, object? traits = null, string? phone = null)
    {
        _canonical.TryAdd(profileId, profileId);
        var identifiers = new List<Identifier>();
        if (email is not null)
        {
            identifiers.Add(new Identifier(IdentifierTypes.Email, email));
        }

        if (phone is not null)
        {
            identifiers.Add(new Identifier(IdentifierTypes.Phone, phone));
        }

        _people[profileId] = new Person(
            profileId, 0, identifiers, new GoldenRecord(profileId, JsonSerializer.SerializeToUtf8Bytes(traits ?? new { })));
    }

    /// <summary>From now on the two are one person.</summary>
    public void Merge(long profileId, long intoCanonicalId)
    {
        _canonical[profileId] = intoCanonicalId;
        _changes.Add(new ProfileChange(_changes.Count + 1, ProfileChangeKind.CanonicalChanged, profileId, 0, null, EventFlags.None, intoCanonicalId));
    }

    /// <summary>An event of the profile, as Profiles has resolved it.</summary>
    public void Call(
        long profileId, object body, DateTimeOffset at, CallType type = CallType.Page, string? name = null, string? anonymousId = null,
        long sourceId = 1, long? importId = null, DateTimeOffset? receivedAt = null)
    {
        _canonical.TryAdd(profileId, profileId);
        var seq = _events.Count + 1;
        var moment = at.ToUnixTimeMilliseconds();
        _events.Add(new Event(
            seq, sourceId, type, $"m{seq}", null, anonymousId, name, moment, null, (receivedAt ?? at).ToUnixTimeMilliseconds(),
            EventFlags.HasConsent, importId, JsonSerializer.SerializeToUtf8Bytes(body)));
        _changes.Add(new ProfileChange(
            _changes.Count + 1, ProfileChangeKind.EventResolved, profileId, moment, seq, EventFlags.HasConsent, null));
    }

    public IReadOnlyList<Event> Read(long after, int limit) => [.. _events.Where(e => e.Seq > after).Take(limit)];

    public IReadOnlyList<Event> Read(IReadOnlyList<long> seqs) => [.. _events.Where(e => seqs.Contains(e.Seq))];

    public IReadOnlyList<ProfileChange> ReadChanges(long after, int limit) => [.. _changes.Where(c => c.Seq > after).Take(limit)];

    public IReadOnlyList<ProfileChange> ReadEvents(long after, EventFlagsFilter filter, int limit) =>
        [.. _changes.Where(c => c.Seq > after && c.Kind == ProfileChangeKind.EventResolved).Take(limit)];

    public IReadOnlyList<GoldenRecord> GoldenRecords(IReadOnlyCollection<long> profileIds) =>
        [.. profileIds.Where(_people.ContainsKey).Select(id => _people[id].Golden)];

    public IReadOnlyList<GoldenRecord> GoldenRecordsAfter(long profileId, int limit) =>
        [.. _people.Keys.Order().Where(id => id > profileId).Take(limit).Select(id => _people[id].Golden)];

    public IReadOnlyList<ProfilePointer> PointersAfter(long profileId, int limit) =>
        [.. _canonical.OrderBy(p => p.Key).Where(p => p.Key > profileId).Take(limit).Select(p => new ProfilePointer(p.Key, p.Value))];

    public long LastSeq() => _changes.Count;

    public long? CanonicalOf(long profileId) => _canonical.TryGetValue(profileId, out var canonical) ? canonical : null;

    public IReadOnlyList<long> MembersOf(long profileId) =>
        CanonicalOf(profileId) is { } canonical ? [.. _canonical.Where(p => p.Value == canonical).Select(p => p.Key)] : [];

    public ILookup<long, long> MembersOf(IReadOnlyCollection<long> canonicalIds) =>
        _canonical.Where(p => canonicalIds.Contains(p.Value)).ToLookup(p => p.Value, p => p.Key);

    public Task<Person?> FindAsync(long profileId, CancellationToken ct) =>
        Task.FromResult(CanonicalOf(profileId) is { } id ? _people.GetValueOrDefault(id) : null);

    public Task<IReadOnlyList<Person>> FindAsync(IReadOnlyCollection<long> canonicalIds, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<Person>>([.. canonicalIds.Where(_people.ContainsKey).Select(id => _people[id])]);

    public Task<Person?> FindAsync(Identifier identifier, CancellationToken ct) =>
        Task.FromResult(_people.Values.FirstOrDefault(person => person.Identifiers.Contains(identifier)));

    public Task<ProfileFacts> FactsAsync(CancellationToken ct) => Task.FromResult(new ProfileFacts(_people.Count, 0, 0, 0));
}
