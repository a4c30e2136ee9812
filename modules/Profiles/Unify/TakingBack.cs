using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Profiles.Unify;

/// <summary>
/// Takes events of an import out of who is who: identifiers that only it named go, links that only it gave evidence for go, what it
/// said is said no more; then the neighbourhoods that this touched are decided anew.
/// </summary>
/// <remarks>
/// People and traits depend on the set of calls alone, so it is enough to find, for what the events touched, what the remaining calls
/// say. A call that names a profile was given to it or to a neighbour, and then the link between the two has evidence; so a profile's
/// own events and its links tell all about it. What a person decided about a link stays.
/// </remarks>
internal sealed class TakingBack(
    IEventLog events, IdentifierRules rules, ISourceCountries countries, IOptions<ProfilesOptions> options, TimeProvider clock) : ITakesBack
{
    public void TakeBack(WriteSession write, UndoneEvents undone)
    {
        var work = new Work(write, events, new CallReader(rules, countries), undone.ImportId);
        work.Take(undone.Events);
        if (work.Touched.Count == 0)
        {
            return;
        }

        // Before anything else of this transaction, so that nobody reads on without knowing.
        ChangeLog.AppendTakenBack(write, clock.GetUtcNow().ToUnixTimeMilliseconds());
        work.Cut();
        var figures = work.DropTheGone();
        Decide(write, work);
        GraphStore.Add(write, figures);
        GraphStore.NextVersion(write);
    }

    private void Decide(WriteSession write, Work work)
    {
        var graph = new GraphWork(write, options.Value);
        foreach (var id in work.ToDecide.Order())
        {
            graph.LookAt(graph.Load(id));
        }

        var records = new RecordWork(write, ValueStore.Standards(write));
        foreach (var id in work.ToDecide.Order())
        {
            if (work.RecordsOf(id) is { } said)
            {
                records.SayInstead(id, said);
            }
        }

        new Decision(graph, records, write).Write(write, clock.GetUtcNow().ToUnixTimeMilliseconds());
    }

    private sealed class Work(WriteSession write, IEventLog events, CallReader reader, long importId)
    {
        private readonly Dictionary<long, Node> _nodes = [];
        private readonly Dictionary<long, List<Call>> _remaining = [];
        private readonly Dictionary<long, List<StoredLink>> _links = [];
        private readonly HashSet<(long Profile, long Source)> _unsaid = [];
        private readonly HashSet<long> _gone = [];
        private readonly HashSet<long> _oldPeople = [];
        private GraphFigures _figures;

        /// <summary>Profiles that the events name.</summary>
        public HashSet<long> Touched { get; } = [];

        /// <summary>Profiles that are left, whose person may be another one.</summary>
        public HashSet<long> ToDecide { get; } = [];

        public void Take(IReadOnlyList<Event> undone)
        {
            foreach (var one in undone)
            {
                var call = reader.Read(one);
                foreach (var identifier in call.Identifiers)
                {
                    if (GraphStore.Find(write, identifier) is { } found)
                    {
                        Touched.Add(found.Id);
                        RetractStore.DropEventOf(write, found.Id, one.OccurredAt, one.Seq);
                        if (call.Traits.Length > 0)
                        {
                            _unsaid.Add((found.Id, one.SourceId));
                        }
                    }
                }
            }

            foreach (var id in Touched)
            {
                var node = NodeOf(id);
                _oldPeople.Add(node.CanonicalId);
            }
        }

        /// <summary>Gives links the evidence that remains; those that have none go.</summary>
        public void Cut()
        {
            var links = Touched.SelectMany(LinksOf).DistinctBy(link => (link.Low, link.High)).ToList();
            var fromHere = events.Read([.. links.Select(link => link.EvidenceSeq).Where(seq => seq > 0).Distinct().Order()])
                .Where(one => one.ImportId == importId).Select(one => one.Seq).ToHashSet();
            foreach (var link in links.Where(link => fromHere.Contains(link.EvidenceSeq)))
            {
                // Links that were refused for them may hold now.
                ToDecide.UnionWith([link.Low, link.High]);
                _oldPeople.UnionWith([NodeOf(link.Low).CanonicalId, NodeOf(link.High).CanonicalId]);
                if (EvidenceThatRemains(link) is { } evidence)
                {
                    GraphStore.UpdateEvidenceOf(write, link.Low, link.High, evidence);
                    Replace(link, link with { EvidenceSeq = evidence.Seq, EvidenceAt = evidence.At, SourceId = evidence.SourceId });
                }
                else if (link.Decision != LinkDecision.None && Remains(link.Low, link) && Remains(link.High, link))
                {
                    var word = new Evidence(0, link.DecidedAt ?? link.EvidenceAt, 0, "person");
                    GraphStore.UpdateEvidenceOf(write, link.Low, link.High, word);
                    Replace(link, link with { EvidenceSeq = 0, EvidenceAt = word.At, SourceId = 0 });
                }
                else
                {
                    Drop(link);
                }
            }
        }

        /// <summary>Profiles that no call names any more. Returns how the figures change by that.</summary>
        public GraphFigures DropTheGone()
        {
            var before = _oldPeople.ToDictionary(id => id, id => GraphStore.Members(write, id));
            foreach (var id in Touched)
            {
                if (FirstCall(id) is { } first)
                {
                    if (first.At != NodeOf(id).FirstSeenAt)
                    {
                        RetractStore.FirstSeen(write, id, first.At, first.SourceId);
                    }

                    continue;
                }

                _gone.Add(id);
                foreach (var link in LinksOf(id).ToList())
                {
                    Drop(link);
                    ToDecide.UnionWith([link.Low, link.High]);
                }

                RetractStore.DropProfileOf(write, id);
            }

            foreach (var members in before.Values)
            {
                ToDecide.UnionWith(members.Select(node => node.Id));
                var left = members.Where(node => !_gone.Contains(node.Id)).ToList();
                _figures = Sum(_figures, PeopleChange(left), -1, PeopleChange(members));
            }

            ToDecide.UnionWith(Touched);
            ToDecide.ExceptWith(_gone);
            return _figures;
        }

        /// <summary>What is said of a profile now; null when that is what was said.</summary>
        public List<SourceRecord>? RecordsOf(long id)
        {
            var sources = _unsaid.Where(pair => pair.Profile == id).Select(pair => pair.Source).ToHashSet();
            var lostOne = _gone.Count > 0 || sources.Count > 0;
            if (!lostOne)
            {
                return null;
            }

            var records = RecordStore.Of(write, id);
            if (sources.Count == 0)
            {
                return records;
            }

            records.RemoveAll(record => sources.Contains(record.SourceId));
            foreach (var bySource in CallsOf(id).Where(call => call.Traits.Length > 0 && sources.Contains(call.Event.SourceId)).GroupBy(call => call.Event.SourceId))
            {
                records.Add(new SourceRecord(id, bySource.Key, bySource.Aggregate(Traits.None, (said, call) => Traits.Merge(said, call.Traits))));
            }

            return records;
        }

        private static GraphFigures PeopleChange(List<Node> members) => members.Count == 0
            ? default
            : members.All(node => node.IsAnonymous) ? new GraphFigures(0, 1, 0, 0) : new GraphFigures(1, 0, 0, 0);

        private static GraphFigures Sum(GraphFigures sum, GraphFigures left, int sign, GraphFigures other) => new(
            sum.Known + left.Known + (sign * other.Known), sum.Anonymous + left.Anonymous + (sign * other.Anonymous), sum.ActiveLinks, sum.RefusedLinks);

        private Node NodeOf(long id) => _nodes.TryGetValue(id, out var node) ? node : _nodes[id] = GraphStore.Find(write, id)!;

        private List<StoredLink> LinksOf(long id) =>
            _links.TryGetValue(id, out var links) ? links : _links[id] = RetractStore.LinksOf(write, id);

        /// <summary>Calls that were given to a profile and are not of the import.</summary>
        private List<Call> CallsOf(long id) => _remaining.TryGetValue(id, out var calls)
            ? calls
            : _remaining[id] =
            [
                .. events.Read(RetractStore.EventsOf(write, id, null)).Where(one => one.ImportId != importId).Select(reader.Read),
            ];

        private Evidence? EvidenceThatRemains(StoredLink link)
        {
            var both = new[] { NodeOf(link.Low).Identifier, NodeOf(link.High).Identifier };
            var first = CallsOf(link.Low).Concat(CallsOf(link.High))
                .Where(call => call.Identifiers.Length > 0 && both.Contains(call.Identifiers[0]) && both.All(call.Identifiers.Contains))
                .Select(call => call.Event)
                .MinBy(one => (one.OccurredAt, one.Seq));
            return first is { } one ? new Evidence(one.Seq, one.OccurredAt, one.SourceId, Batch.RuleOf(one.Type)) : null;
        }

        /// <summary>Whether calls name a profile otherwise than by this link.</summary>
        private bool Remains(long id, StoredLink but) =>
            CallsOf(id).Count > 0 || LinksOf(id).Any(link => link != but && link.EvidenceSeq > 0 && !IsOfImport(link));

        private bool IsOfImport(StoredLink link) => events.Read([link.EvidenceSeq]) is [{ } one] && one.ImportId == importId;

        /// <summary>The first call that names a profile; null: none does.</summary>
        private (long At, long SourceId)? FirstCall(long id)
        {
            var own = CallsOf(id).Select(call => (call.Event.OccurredAt, call.Event.Seq, call.Event.SourceId));
            var linked = LinksOf(id).Where(link => link.EvidenceSeq > 0).Select(link => (link.EvidenceAt, link.EvidenceSeq, link.SourceId));
            var all = own.Concat(linked).ToList();
            return all.Count == 0 ? null : all.Min() is var (at, _, source) ? (at, source) : null;
        }

        private void Replace(StoredLink link, StoredLink with)
        {
            foreach (var id in new[] { link.Low, link.High })
            {
                var links = LinksOf(id);
                links[links.IndexOf(link)] = with;
            }
        }

        private void Drop(StoredLink link)
        {
            RetractStore.Drop(write, link);
            LinksOf(link.Low).Remove(link);
            LinksOf(link.High).Remove(link);
            Uncount(link.Low, NodeOf(link.High));
            Uncount(link.High, NodeOf(link.Low));
            _figures = _figures with
            {
                ActiveLinks = _figures.ActiveLinks - (link.State == LinkState.Active ? 1 : 0),
                RefusedLinks = _figures.RefusedLinks - (link.State == LinkState.Refused ? 1 : 0),
            };
        }

        private void Uncount(long id, Node other) =>
            RetractStore.Count(write, id, other.IsAnonymous ? 0 : -1, other.IsAnonymous ? -1 : 0);
    }
}
