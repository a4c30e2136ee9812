using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;

namespace CdpMonolith.Profiles.Storage;

/// <summary>People, read from the store.</summary>
internal sealed class ProfileReader(IStore store, IdentifierRules rules, ISourceCountries countries) : IProfiles
{
    private static readonly string FindGolden = $"""
        SELECT   p.id, g.traits
        FROM     profiles_profile AS p
        LEFT     JOIN profiles_golden AS g ON g.profile_id = p.id
        WHERE    p.id IN ({Lists.Places}) AND p.canonical_id = p.id
        ORDER BY p.id
        """;

    private const string GoldenAfter = "SELECT profile_id, traits FROM profiles_golden WHERE profile_id > $1 ORDER BY profile_id LIMIT $2";
    private const string ReadPointersAfter = "SELECT id, canonical_id FROM profiles_profile WHERE id > $1 ORDER BY id LIMIT $2";
    private const string FindCanonical = "SELECT canonical_id FROM profiles_profile WHERE id = $1";
    private const string FindMembers = """
        SELECT id FROM profiles_profile WHERE id = $1 AND canonical_id = id
        UNION ALL
        SELECT id FROM profiles_profile WHERE canonical_id = $1 AND canonical_id <> id
        """;

    private const string FindByIdentifier = "SELECT canonical_id FROM profiles_profile WHERE value = $1 AND type = $2";

    private static readonly byte[] NoTraits = "{}"u8.ToArray();

    public IReadOnlyList<ProfileChange> ReadChanges(long after, int limit) =>
        store.Read(read => ChangeLog.Read(read, after, limit));

    public IReadOnlyList<ProfileChange> ReadEvents(long after, EventFlagsFilter filter, int limit) => filter switch
    {
        EventFlagsFilter.HasConsent => store.Read(read => ChangeLog.ReadConsent(read, after, limit)),
        _ => throw new ArgumentOutOfRangeException(nameof(filter)),
    };

    public long LastSeq() => store.Read(ChangeLog.LastSeq);

    public IReadOnlyList<GoldenRecord> GoldenRecords(IReadOnlyCollection<long> profileIds) => store.Read(read =>
    {
        var records = new List<GoldenRecord>(profileIds.Count);
        foreach (var ids in profileIds.Order().Chunk(Lists.AtOnce))
        {
            var row = read.Prepare(FindGolden).SetList(ids);
            while (row.Step())
            {
                records.Add(new GoldenRecord(row.Int64(0), row.IsNull(1) ? NoTraits : row.Utf8(1).ToArray()));
            }
        }

        return records;
    });

    public IReadOnlyList<GoldenRecord> GoldenRecordsAfter(long profileId, int limit) => store.Read(read =>
    {
        var records = new List<GoldenRecord>();
        var row = read.Prepare(GoldenAfter).Set(1, profileId).Set(2, limit);
        while (row.Step())
        {
            records.Add(new GoldenRecord(row.Int64(0), row.Utf8(1).ToArray()));
        }

        return records;
    });

    public IReadOnlyList<ProfilePointer> PointersAfter(long profileId, int limit) => store.Read(read =>
    {
        var pointers = new List<ProfilePointer>();
        var row = read.Prepare(ReadPointersAfter).Set(1, profileId).Set(2, limit);
        while (row.Step())
        {
            pointers.Add(new ProfilePointer(row.Int64(0), row.Int64(1)));
        }

        return pointers;
    });

    public long? CanonicalOf(long profileId) => store.Read(read => CanonicalOf(read, profileId));

    public IReadOnlyList<long> MembersOf(long profileId) => store.Read<IReadOnlyList<long>>(read =>
        CanonicalOf(read, profileId) is { } canonical ? MembersOf(read, canonical) : []);

    public ILookup<long, long> MembersOf(IReadOnlyCollection<long> canonicalIds) => store.Read(read => canonicalIds
        .Distinct().Order()
        .SelectMany(canonical => MembersOf(read, canonical).Select(member => (canonical, member)))
        .ToLookup(pair => pair.canonical, pair => pair.member));

    public Task<Person?> FindAsync(long profileId, CancellationToken ct) => store.ReadAsync(
        read => CanonicalOf(read, profileId) is { } canonical ? Find(read, canonical) : null, ct);

    public Task<IReadOnlyList<Person>> FindAsync(IReadOnlyCollection<long> canonicalIds, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<Person>>(
            read => [.. canonicalIds.Select(id => Find(read, id)).OfType<Person>()], ct);

    public async Task<Person?> FindAsync(Identifier identifier, CancellationToken ct) =>
        rules.Normalise(identifier.Type, identifier.Value) is { } normalised
            ? await store.ReadAsync(
                read => (CanonicalOf(read, normalised) ?? (rules.WithoutCountry(identifier.Type, identifier.Value) is { } before
                    ? CanonicalOf(read, before)
                    : null)) is { } id ? Find(read, id) : null, ct)
            : null;

    private static long? CanonicalOf(ReadSession read, Identifier identifier)
    {
        var row = read.Prepare(FindByIdentifier).Set(1, identifier.Value).Set(2, identifier.Type);
        long? canonical = row.Step() ? row.Int64(0) : null;
        row.Reset();
        return canonical;
    }

    public IReadOnlyDictionary<long, long> ProfilesOf(ReadSession read, IReadOnlyList<Event> events)
    {
        var reader = new CallReader(rules, countries);
        var found = new Dictionary<long, long>();
        foreach (var call in events)
        {
            foreach (var identifier in reader.Read(call).Identifiers)
            {
                if (GraphStore.Find(read, identifier) is { } profile && RetractStore.Has(read, profile.Id, call.OccurredAt, call.Seq))
                {
                    found[call.Seq] = profile.Id;
                    break;
                }
            }
        }

        return found;
    }

    public IReadOnlyList<long> EventsOf(ReadSession read, long profileId, EventFlagsFilter filter) =>
        RetractStore.EventsOf(read, profileId, filter);

    public Task<ProfileFacts> FactsAsync(CancellationToken ct) => store.ReadAsync(
        read =>
        {
            var figures = GraphStore.Figures(read);
            return new ProfileFacts(figures.Known, figures.Anonymous, figures.ActiveLinks, figures.RefusedLinks);
        }, ct);

    public static long? CanonicalOf(ReadSession read, long profileId)
    {
        var row = read.Prepare(FindCanonical).Set(1, profileId);
        long? canonical = row.Step() ? row.Int64(0) : null;
        row.Reset();
        return canonical;
    }

    public static List<long> MembersOf(ReadSession read, long canonical)
    {
        var members = new List<long>();
        var row = read.Prepare(FindMembers).Set(1, canonical);
        while (row.Step())
        {
            members.Add(row.Int64(0));
        }

        members.Sort();
        return members;
    }

    /// <summary>Null when the profile is not a canonical one.</summary>
    public static Person? Find(ReadSession read, long canonical)
    {
        var members = GraphStore.Members(read, canonical);
        return members.Find(node => node.Id == canonical) is { } survivor
            ? new Person(
                canonical, survivor.FirstSeenAt,
                [
                    .. members.OrderBy(node => IdentifierRules.RankOf(node.Identifier.Type))
                        .ThenBy(node => node.Identifier.Type, StringComparer.Ordinal).ThenBy(node => node.FirstSeenAt).ThenBy(node => node.Id)
                        .Select(node => node.Identifier),
                ],
                new GoldenRecord(canonical, RecordStore.GoldenOf(read, canonical) ?? NoTraits))
            : null;
    }
}
