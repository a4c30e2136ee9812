using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Profiles.Unify;

/// <summary>A person as it is, or would be, after somebody decided about links.</summary>
/// <param name="ProfileId">The canonical profile.</param>
/// <param name="Identifiers">Strongest first.</param>
internal sealed record PersonAfter(long ProfileId, IReadOnlyList<Identifier> Identifiers);

/// <summary>
/// A person's word about who is one person: splits identifiers off, cuts a link, takes a cut back, joins what a guard refused.
/// Cut stays cut, whatever evidence for the same two identifiers comes later.
/// </summary>
internal sealed class Unmerging(IStore store, IAudit audit, IOptions<ProfilesOptions> options, TimeProvider clock)
{
    /// <summary>Rule of a link for which there is no evidence but a person's word.</summary>
    private const string ByWord = "person";

    private static readonly Problem NoSuchLink = new("link.not_found", "These two identifiers have never been seen together.");
    private static readonly Problem NoSuchPerson = new("profile.not_found", "There is no such person.");

    /// <summary>What <see cref="SplitAsync"/> would make of the person.</summary>
    public Task<Outcome<PersonAfter[]>> PreviewSplitAsync(
        long profileId, IReadOnlyCollection<long> profiles, CancellationToken ct) => store.ReadAsync(
        read => Split(read, profileId, profiles).Match<Outcome<PersonAfter[]>>(
            work => After(work.Graph, work.Before), problem => problem), ct);

    /// <summary>
    /// Makes some of a person's profiles another person, by cutting every link between them and the others; where only the others
    /// held them together, they are joined on this word.
    /// </summary>
    public Task<Outcome<PersonAfter[]>> SplitAsync(
        long profileId, IReadOnlyCollection<long> profiles, Actor actor, CancellationToken ct) => WriteAsync(
        read => Split(read, profileId, profiles), "profile.split", $"profile:{profileId}", actor, ct);

    /// <summary>What deciding about one link would make of the people on both sides.</summary>
    public Task<Outcome<PersonAfter[]>> PreviewAsync(long a, long b, LinkDecision decision, CancellationToken ct) =>
        store.ReadAsync(
            read => Decide(read, a, b, decision).Match<Outcome<PersonAfter[]>>(
                work => After(work.Graph, work.Before), problem => problem), ct);

    /// <summary>
    /// Decides about one link: <see cref="LinkDecision.Cut"/>, <see cref="LinkDecision.Join"/> in spite of the guards, or
    /// <see cref="LinkDecision.None"/> to leave it to the guards again.
    /// </summary>
    public Task<Outcome<PersonAfter[]>> DecideAsync(
        long a, long b, LinkDecision decision, Actor actor, CancellationToken ct) => WriteAsync(
        read => Decide(read, a, b, decision),
        decision switch { LinkDecision.Cut => "link.cut", LinkDecision.Join => "link.joined", _ => "link.released" },
        $"profile:{Math.Min(a, b)}-{Math.Max(a, b)}", actor, ct);

    private Task<Outcome<PersonAfter[]>> WriteAsync(
        Func<ReadSession, Outcome<Work>> decide, string action, string subject, Actor actor, CancellationToken ct) =>
        store.WriteAsync<Outcome<PersonAfter[]>>(
            write =>
            {
                var outcome = decide(write);
                if (!outcome.Met(out var work))
                {
                    return outcome.Problem!;
                }

                var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
                work.Decision.Write(write, now);
                foreach (var (low, high, decision) in work.Words)
                {
                    GraphStore.Decide(write, low, high, decision, actor.Name, now);
                }

                GraphStore.NextVersion(write);
                var after = After(work.Graph, work.Before);
                audit.Record(write, actor, action, subject, new
                {
                    links = work.Words.Select(word => new { word.Low, word.High }), people = after.Select(person => person.ProfileId),
                });
                return after;
            }, ct);

    private Outcome<Work> Decide(ReadSession read, long a, long b, LinkDecision decision)
    {
        var (low, high) = (Math.Min(a, b), Math.Max(a, b));
        if (GraphStore.FindBetween(read, low, high) is not { } link)
        {
            return NoSuchLink;
        }

        // A word taken back leaves nothing when there was no other evidence.
        var meant = decision == LinkDecision.None && link.Rule == ByWord ? LinkDecision.Cut : decision;
        var people = new[] { low, high }.Select(id => GraphStore.Find(read, id)!.CanonicalId).ToHashSet();
        return Apply(read, [(low, high, meant)], people);
    }

    private Outcome<Work> Split(ReadSession read, long profileId, IReadOnlyCollection<long> profiles)
    {
        if (GraphStore.Find(read, profileId) is not { } named)
        {
            return NoSuchPerson;
        }

        var members = GraphStore.Members(read, named.CanonicalId).Select(node => node.Id).ToHashSet();
        var off = profiles.ToHashSet();
        if (off.Count == 0 || !off.IsSubsetOf(members))
        {
            return new Problem("unmerge.not_of_person", "Choose identifiers of this person.", "identifiers");
        }

        if (off.Count == members.Count)
        {
            return new Problem("unmerge.nothing_left", "Leave at least one identifier with this person.", "identifiers");
        }

        var words = new HashSet<(long Low, long High, LinkDecision)>();
        foreach (var id in off)
        {
            foreach (var (other, link) in GraphStore.Neighbours(read, id))
            {
                if (members.Contains(other.Id) && !off.Contains(other.Id) && link.State != LinkState.Cut)
                {
                    words.Add((link.Low, link.High, LinkDecision.Cut));
                }
            }
        }

        while (true)
        {
            var work = Apply(read, [.. words], [named.CanonicalId]);
            var more = StillJoined(work.Graph, members, off);
            more.AddRange(more.Count > 0 ? [] : StillApart(work.Graph, off));
            if (more.Count == 0)
            {
                return work;
            }

            words.UnionWith(more);
        }
    }

    /// <summary>Joins that make one person of the profiles that were split off.</summary>
    private static IEnumerable<(long Low, long High, LinkDecision)> StillApart(GraphWork graph, HashSet<long> off)
    {
        var parts = off.Order().Select(graph.Load).DistinctBy(node => node.CanonicalId).Select(node => node.Id).ToList();
        return parts.Skip(1).Select(id => (Math.Min(parts[0], id), Math.Max(parts[0], id), LinkDecision.Join));
    }

    /// <summary>Links over which the two sides are one person all the same, by way of others.</summary>
    private static List<(long Low, long High, LinkDecision)> StillJoined(GraphWork graph, HashSet<long> members, HashSet<long> off)
    {
        var stayed = members.Where(id => !off.Contains(id)).Select(id => graph.Load(id).CanonicalId).ToHashSet();
        return
        [
            .. graph.Links
                .Where(link => link.State == LinkState.Active && stayed.Contains(link.Low.CanonicalId)
                    && off.Contains(link.Low.Id) != off.Contains(link.High.Id))
                .Select(link => (link.Low.Id, link.High.Id, LinkDecision.Cut)),
        ];
    }

    private Work Apply(ReadSession read, IReadOnlyList<(long Low, long High, LinkDecision Decision)> words, HashSet<long> people)
    {
        var graph = new GraphWork(read, options.Value);
        var added = new Dictionary<(long Low, long High), Evidence>();
        foreach (var (low, high, decision) in words)
        {
            if (GraphStore.EvidenceAt(read, low, high) is null)
            {
                var evidence = new Evidence(0, clock.GetUtcNow().ToUnixTimeMilliseconds(), 0, ByWord);
                graph.Add(low, high, evidence.At, decision);
                added.Add((low, high), evidence);
            }
            else
            {
                graph.Decide(low, high, decision);
            }
        }

        var decided = new Decision(graph, new RecordWork(read, ValueStore.Standards(read)), read, added);
        return new Work(graph, decided, words, people);
    }

    /// <summary>The people that those who were there before are now, those with most identifiers first.</summary>
    private static PersonAfter[] After(GraphWork graph, HashSet<long> before) =>
    [
        .. graph.Neighbourhood
            .GroupBy(node => node.CanonicalId)
            .Where(person => person.Any(node => before.Contains(node.StoredCanonicalId)))
            .OrderByDescending(person => person.Count()).ThenBy(person => person.Key)
            .Select(person => new PersonAfter(
                person.Key,
                [
                    .. person.OrderBy(node => IdentifierRules.RankOf(node.Identifier.Type)).ThenBy(node => node.Id)
                        .Select(node => node.Identifier),
                ])),
    ];

    /// <param name="Words">What the person said, link by link.</param>
    /// <param name="Before">Canonical profiles of the people it is about, as they were.</param>
    private sealed record Work(
        GraphWork Graph, Decision Decision, IReadOnlyList<(long Low, long High, LinkDecision Decision)> Words, HashSet<long> Before);
}
