using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;

namespace CdpMonolith.Profiles.Unify;

/// <summary>
/// The part of the identity graph that one decision touches: whole neighbourhoods, because a link that a guard refused there
/// may hold once another is gone. Reads what it needs, decides in memory, writes nothing.
/// </summary>
internal sealed class GraphWork(ReadSession read, ProfilesOptions limits)
{
    private readonly Dictionary<long, Node> _nodes = [];
    private readonly HashSet<long> _expanded = [];
    private readonly List<Node> _neighbourhood = [];
    private readonly Dictionary<(long Low, long High), Link> _links = [];
    private readonly Dictionary<(long Low, long High), long> _earlier = [];
    private readonly Dictionary<(long Low, long High), LinkDecision> _decisions = [];
    private readonly Queue<Node> _due = [];

    /// <summary>Every node whose person was looked at, with what was decided.</summary>
    public IReadOnlyList<Node> Neighbourhood => _neighbourhood;

    /// <summary>Links that are new, or whose state may have changed.</summary>
    public IReadOnlyCollection<Link> Links => _links.Values;

    /// <summary>Nodes that were read or made, whether or not their person was looked at.</summary>
    public IReadOnlyCollection<Node> Nodes => _nodes.Values;

    /// <exception cref="InvalidOperationException">There is no such profile.</exception>
    public Node Load(long id) => _nodes.TryGetValue(id, out var node)
        ? node
        : _nodes[id] = GraphStore.Find(read, id) ?? throw new InvalidOperationException($"Profile {id} is not there.");

    /// <summary>Whether the person of a profile was looked at.</summary>
    public bool IsDecided(long id) => _expanded.Contains(id);

    /// <summary>The person of a profile that was read or made; null: it was not.</summary>
    public long? CanonicalOf(long id) => _nodes.TryGetValue(id, out var node) ? node.CanonicalId : null;

    public Node Add(Node born)
    {
        _nodes.Add(born.Id, born);
        _expanded.Add(born.Id);
        _neighbourhood.Add(born);
        return born;
    }

    /// <summary>A link that was not there before.</summary>
    public void Add(long low, long high, long evidenceAt, LinkDecision decision = LinkDecision.None)
    {
        var link = new Link { Low = Load(low), High = Load(high), State = LinkState.Refused, EvidenceAt = evidenceAt, Decision = decision };
        link.Low.CountLinkTo(link.High);
        link.High.CountLinkTo(link.Low);
        _links.Add((low, high), link);
    }

    /// <summary>A link that is there turns out to be older.</summary>
    public void MoveBack(long low, long high, long evidenceAt)
    {
        _earlier[(low, high)] = evidenceAt;
        LookAt(Load(low));
        LookAt(Load(high));
    }

    /// <summary>A person decided about a link that is there.</summary>
    public void Decide(long low, long high, LinkDecision decision)
    {
        _decisions[(low, high)] = decision;
        LookAt(Load(low));
        LookAt(Load(high));
    }

    /// <summary>The person of this node is to be decided anew.</summary>
    public void LookAt(Node node)
    {
        if (_expanded.Add(node.Id))
        {
            _due.Enqueue(node);
        }
    }

    /// <summary>Reads the neighbourhoods and decides who is one person.</summary>
    public void Decide()
    {
        foreach (var link in _links.Values)
        {
            if (!link.IsTooWide(limits))
            {
                LookAt(link.Low);
                LookAt(link.High);
            }
            else
            {
                LookAtIfFallen(link.Low, link.High);
                LookAtIfFallen(link.High, link.Low);
            }
        }

        while (_due.TryDequeue(out var node))
        {
            Expand(node);
        }

        var decided = new List<Link>(_links.Count);
        foreach (var link in _links.Values)
        {
            if (link.State == LinkState.Cut)
            {
                continue;
            }

            if (link.IsTooWide(limits))
            {
                (link.State, link.Reason) = (LinkState.Refused, Partition.SharedTooWidely);
            }
            else
            {
                decided.Add(link);
            }
        }

        Partition.Decide(_neighbourhood, decided, limits);
    }

    /// <summary>Who was one person and who is: figures of the change.</summary>
    public GraphFigures FiguresOfChange()
    {
        var (before, after) = (new Dictionary<long, bool>(), new Dictionary<long, bool>());
        foreach (var node in _neighbourhood)
        {
            after[node.CanonicalId] = !node.IsAnonymous || after.GetValueOrDefault(node.CanonicalId);
            if (!node.IsNew)
            {
                before[node.StoredCanonicalId] = !node.IsAnonymous || before.GetValueOrDefault(node.StoredCanonicalId);
            }
        }

        var known = after.Values.Count(isKnown => isKnown) - before.Values.Count(isKnown => isKnown);
        return new GraphFigures(
            known, after.Count - before.Count - known,
            Change(LinkState.Active), Change(LinkState.Refused));
    }

    private long Change(LinkState state)
    {
        long change = 0;
        foreach (var link in _links.Values)
        {
            change += (link.State == state ? 1 : 0) - (link.StoredState == state ? 1 : 0);
        }

        return change;
    }

    private void LookAtIfFallen(Node node, Node other)
    {
        if (node.HasBecomeTooWideFor(other, limits))
        {
            LookAt(node);
        }
    }

    private void Expand(Node node)
    {
        _neighbourhood.Add(node);
        foreach (var (found, stored) in GraphStore.Neighbours(read, node.Id))
        {
            var key = (stored.Low, stored.High);
            if (_links.ContainsKey(key))
            {
                continue;
            }

            if (!_nodes.TryGetValue(found.Id, out var other))
            {
                _nodes.Add(found.Id, other = found);
            }

            var decision = _decisions.TryGetValue(key, out var decided) ? decided : stored.Decision;
            var link = new Link
            {
                Low = node.Id == stored.Low ? node : other,
                High = node.Id == stored.Low ? other : node,
                StoredState = stored.State,
                StoredReason = stored.Reason,
                State = decision == LinkDecision.Cut ? LinkState.Cut : stored.State == LinkState.Cut ? LinkState.Refused : stored.State,
                Decision = decision,
                EvidenceAt = _earlier.TryGetValue(key, out var earlier) ? earlier : stored.EvidenceAt,
                Reason = decision == LinkDecision.Cut ? null : stored.Reason,
            };

            // A link that leads nowhere and led nowhere before is no way to go on.
            if (stored.State != LinkState.Active && (link.State == LinkState.Cut || link.IsTooWide(limits)) && !_decisions.ContainsKey(key))
            {
                continue;
            }

            _links.Add(key, link);
            LookAt(other);
        }
    }
}
