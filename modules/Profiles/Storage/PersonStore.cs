using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;

namespace CdpMonolith.Profiles.Storage;

/// <summary>One identifier of a person.</summary>
internal sealed record PersonIdentifier(long ProfileId, Identifier Identifier, long FirstSeenAt, long SourceId);

/// <summary>A link with the identifiers at both ends.</summary>
internal sealed record PersonLink(StoredLink Link, Identifier Low, Identifier High, long LowPerson, long HighPerson);

/// <summary>What one source said of a trait.</summary>
/// <param name="Value">JSON; null means that the source took it back.</param>
internal sealed record SaidTrait(string Value, long SourceId, long At);

/// <summary>A trait of the golden record with where it comes from.</summary>
/// <param name="Holds">What won.</param>
/// <param name="Standard">What that stands for by the trait's table of values, as JSON; null: it stands for itself.</param>
/// <param name="Others">What else was said, latest first.</param>
internal sealed record PersonTrait(string Name, SaidTrait Holds, string? Standard, IReadOnlyList<SaidTrait> Others);

/// <summary>All that a person's page shows but the timeline.</summary>
internal sealed record PersonView(
    PersonRow Row, IReadOnlyList<PersonIdentifier> Identifiers, IReadOnlyList<PersonLink> Links, IReadOnlyList<PersonTrait> Traits);

/// <summary>An entry of a person's timeline.</summary>
internal sealed record TimelineEntry(long ProfileId, Event Event);

/// <summary>A place in a timeline: entries before it are older.</summary>
internal readonly record struct TimelinePlace(long OccurredAt, long EventSeq)
{
    public static TimelinePlace Now { get; } = new(long.MaxValue, long.MaxValue);
}

/// <summary>One person with everything known.</summary>
internal sealed class PersonStore(IStore store, IEventLog events)
{
    /// <summary>With a filter, so many entries are looked at in one go and no more.</summary>
    private const int LookedAt = 5000;
    private const int LinksShown = 500;

    private const string LinkColumns = """
        l.low, l.high, l.state, l.reason, l.rule, l.evidence_seq, l.evidence_at, l.source_id, l.decision, l.actor, l.decided_at,
        a.type, a.value, a.canonical_id, b.type, b.value, b.canonical_id
        """;

    private const string FindLinksOfLow = $"""
        SELECT {LinkColumns}
        FROM   profiles_link AS l
        JOIN   profiles_profile AS a ON a.id = l.low
        JOIN   profiles_profile AS b ON b.id = l.high
        WHERE  l.low = $1
        LIMIT  $2
        """;

    private const string FindLinksOfHigh = $"""
        SELECT {LinkColumns}
        FROM   profiles_link AS l
        JOIN   profiles_profile AS a ON a.id = l.low
        JOIN   profiles_profile AS b ON b.id = l.high
        WHERE  l.high = $1
        LIMIT  $2
        """;

    private const string FindRefused = $"""
        SELECT {LinkColumns}
        FROM   profiles_link AS l
        JOIN   profiles_profile AS a ON a.id = l.low
        JOIN   profiles_profile AS b ON b.id = l.high
        WHERE  l.state = 2 AND (l.evidence_seq < $1 OR (l.evidence_seq = $1 AND l.high < $2))
        ORDER  BY l.evidence_seq DESC, l.high DESC, l.low DESC
        LIMIT  $3
        """;

    private const string FindEvents = """
        SELECT occurred_at, event_seq
        FROM   profiles_change
        WHERE  kind = 1 AND profile_id = $1 AND (occurred_at, event_seq) < ($2, $3)
        ORDER  BY occurred_at DESC, event_seq DESC
        LIMIT  $4
        """;

    /// <summary>The person of a profile; null when there is no such profile.</summary>
    public Task<PersonView?> FindAsync(long profileId, CancellationToken ct) => store.ReadAsync(
        read => ProfileReader.CanonicalOf(read, profileId) is { } canonical && PeopleStore.RowOf(read, canonical) is { } row
            ? View(read, row)
            : null, ct);

    /// <summary>Links that a guard refused, latest evidence first.</summary>
    /// <param name="beforeSeq">Evidence and upper end of the last one of the page before.</param>
    public Task<IReadOnlyList<PersonLink>> RefusedAsync(long beforeSeq, long beforeHigh, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<PersonLink>>(
            read => Links(read.Prepare(FindRefused).Set(1, beforeSeq).Set(2, beforeHigh).Set(3, limit)), ct);

    /// <summary>Events of a person, latest first, older than a place.</summary>
    /// <returns>The entries, and where to go on; null at the end.</returns>
    public Task<(IReadOnlyList<TimelineEntry> Entries, TimelinePlace? Next)> TimelineAsync(
        long canonicalId, TimelinePlace before, CallType? type, long? sourceId, int limit, CancellationToken ct) => store.ReadAsync(
        read =>
        {
            var members = ProfileReader.MembersOf(read, canonicalId);
            var found = new List<TimelineEntry>();
            var looked = 0;
            TimelinePlace? place = before;
            while (found.Count < limit && looked < LookedAt && place is { } from)
            {
                var some = Places(read, members, from, limit + 1);
                place = some.Count > limit ? some[limit - 1].Place : null;
                var entries = some.Take(limit).ToDictionary(entry => entry.Place.EventSeq, entry => entry.Member);
                looked += entries.Count;
                found.AddRange(events.Read([.. entries.Keys.Order()])
                    .Where(call => (type is null || call.Type == type) && (sourceId is null || call.SourceId == sourceId))
                    .OrderByDescending(call => (call.OccurredAt, call.Seq))
                    .Select(call => new TimelineEntry(entries[call.Seq], call)));
                if (found.Count > limit)
                {
                    found.RemoveRange(limit, found.Count - limit);
                    place = new TimelinePlace(found[^1].Event.OccurredAt, found[^1].Event.Seq);
                }
            }

            return ((IReadOnlyList<TimelineEntry>)found, place);
        }, ct);

    private static List<(TimelinePlace Place, long Member)> Places(ReadSession read, List<long> members, TimelinePlace before, int limit)
    {
        var places = new List<(TimelinePlace Place, long Member)>();
        foreach (var member in members)
        {
            var row = read.Prepare(FindEvents).Set(1, member).Set(2, before.OccurredAt).Set(3, before.EventSeq).Set(4, limit);
            while (row.Step())
            {
                places.Add((new TimelinePlace(row.Int64(0), row.Int64(1)), member));
            }
        }

        return [.. places.OrderByDescending(entry => (entry.Place.OccurredAt, entry.Place.EventSeq)).Take(limit)];
    }

    private static PersonView View(ReadSession read, PersonRow row)
    {
        var members = GraphStore.Members(read, row.Person.ProfileId)
            .OrderBy(node => IdentifierRules.RankOf(node.Identifier.Type)).ThenBy(node => node.Identifier.Type, StringComparer.Ordinal)
            .ThenBy(node => node.FirstSeenAt).ThenBy(node => node.Id).ToList();
        var links = members
            .SelectMany(node => Links(read.Prepare(FindLinksOfLow).Set(1, node.Id).Set(2, LinksShown))
                .Concat(Links(read.Prepare(FindLinksOfHigh).Set(1, node.Id).Set(2, LinksShown))))
            .DistinctBy(link => (link.Link.Low, link.Link.High))
            .OrderBy(link => link.Link.State).ThenBy(link => link.Link.EvidenceAt).Take(LinksShown);
        return new PersonView(
            row, [.. members.Select(node => new PersonIdentifier(node.Id, node.Identifier, node.FirstSeenAt, node.SourceId))],
            [.. links], TraitsOf(members.SelectMany(node => RecordStore.Of(read, node.Id)), ValueStore.Standards(read)));
    }

    /// <summary>Lineage of the golden record: of all that was said of a trait the same rule picks what holds.</summary>
    private static List<PersonTrait> TraitsOf(IEnumerable<SourceRecord> records, Standards standards) =>
    [
        .. records.SelectMany(record => record.Traits.Select(trait => (record.SourceId, Trait: trait)))
            .GroupBy(said => said.Trait.Name)
            .OrderBy(said => said.Key, StringComparer.OrdinalIgnoreCase)
            .Select(said =>
            {
                var holds = said.Aggregate((a, b) => Trait.Later(a.Trait, b.Trait) == a.Trait ? a : b);
                var others = said.Where(one => one != holds).OrderByDescending(one => one.Trait.At);
                var standard = standards.Of(said.Key, holds.Trait.Value);
                return new PersonTrait(
                    said.Key, Said(holds), standard.AsSpan().SequenceEqual(holds.Trait.Value) ? null : System.Text.Encoding.UTF8.GetString(standard), [.. others.Select(Said)]);
            }),
    ];

    private static SaidTrait Said((long SourceId, Trait Trait) said) =>
        new(System.Text.Encoding.UTF8.GetString(said.Trait.Value), said.SourceId, said.Trait.At);

    private static List<PersonLink> Links(Statement row)
    {
        var links = new List<PersonLink>();
        while (row.Step())
        {
            links.Add(new PersonLink(
                GraphStore.ReadLink(row), new Identifier(row.Text(11), row.Text(12)), new Identifier(row.Text(14), row.Text(15)),
                row.Int64(13), row.Int64(16)));
        }

        return links;
    }
}
