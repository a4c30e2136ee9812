using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Profiles.Rules;

/// <summary>
/// Which profiles are one person. Links are taken one by one in an order that depends on what they say and not on when we heard
/// of it: what a person joined, then the strongest identifiers, then the oldest evidence. A link is refused when the person it
/// would make had more identifiers of a type than one may have.
/// </summary>
internal static class Partition
{
    public const string SharedTooWidely = "shared";
    public const string OverLimit = "limit:";

    /// <summary>Decides <see cref="Link.State"/>, <see cref="Link.Reason"/> and <see cref="Node.CanonicalId"/>.</summary>
    /// <param name="nodes">Whole neighbourhoods: every node that links not cut lead to.</param>
    /// <param name="links">All links between them that are not cut.</param>
    public static void Decide(IReadOnlyList<Node> nodes, List<Link> links, ProfilesOptions limits)
    {
        var people = new Union(nodes, limits);
        links.Sort(ByStrength);
        foreach (var link in links)
        {
            if (link.IsTooWide(limits))
            {
                (link.State, link.Reason) = (LinkState.Refused, SharedTooWidely);
            }
            else if (people.Join(link) is { } type)
            {
                (link.State, link.Reason) = (LinkState.Refused, OverLimit + type);
            }
            else
            {
                (link.State, link.Reason) = (LinkState.Active, null);
            }
        }

        people.NameSurvivors();
    }

    private static int ByStrength(Link a, Link b)
    {
        var order = (b.Decision == LinkDecision.Join).CompareTo(a.Decision == LinkDecision.Join);
        order = order != 0 ? order : RankOf(a).CompareTo(RankOf(b));
        order = order != 0 ? order : a.EvidenceAt.CompareTo(b.EvidenceAt);
        return order != 0 || ReferenceEquals(a, b) ? order : ByText(a, b);
    }

    private static int RankOf(Link link)
    {
        var (low, high) = (link.Low.Rank, link.High.Rank);
        return (Math.Min(low, high) * 8) + Math.Max(low, high);
    }

    private static int ByText(Link a, Link b)
    {
        var (a1, a2) = Ordered(a);
        var (b1, b2) = Ordered(b);
        var order = ByText(a1, b1);
        return order != 0 ? order : ByText(a2, b2);
    }

    private static (Identifier First, Identifier Second) Ordered(Link link) =>
        ByText(link.Low.Identifier, link.High.Identifier) <= 0
            ? (link.Low.Identifier, link.High.Identifier)
            : (link.High.Identifier, link.Low.Identifier);

    private static int ByText(Identifier a, Identifier b)
    {
        var order = string.CompareOrdinal(a.Type, b.Type);
        return order != 0 ? order : string.CompareOrdinal(a.Value, b.Value);
    }

    /// <summary>Union-find that knows how many identifiers of each type a set has; a set of one has no list.</summary>
    private sealed class Union
    {
        private readonly IReadOnlyList<Node> _nodes;
        private readonly ProfilesOptions _limits;
        private readonly int[] _parent;
        private readonly int[] _size;
        private readonly List<(string Type, int Count)>?[] _counts;

        public Union(IReadOnlyList<Node> nodes, ProfilesOptions limits)
        {
            (_nodes, _limits) = (nodes, limits);
            _parent = new int[nodes.Count];
            _size = new int[nodes.Count];
            _counts = new List<(string, int)>?[nodes.Count];
            for (var i = 0; i < nodes.Count; i++)
            {
                nodes[i].Index = _parent[i] = i;
                _size[i] = 1;
            }
        }

        /// <summary>Null when the two are one now, or the type of which there would be too many.</summary>
        public string? Join(Link link)
        {
            var (a, b) = (Root(link.Low.Index), Root(link.High.Index));
            if (a == b)
            {
                return null;
            }

            (a, b) = _size[a] >= _size[b] ? (a, b) : (b, a);
            if (link.Decision != LinkDecision.Join && TooMany(a, b) is { } type)
            {
                return type;
            }

            var into = _counts[a] ??= [(_nodes[a].Identifier.Type, 1)];
            if (_counts[b] is { } from)
            {
                from.ForEach(entry => Count(into, entry.Type, entry.Count));
            }
            else
            {
                Count(into, _nodes[b].Identifier.Type, 1);
            }

            _parent[b] = a;
            _size[a] += _size[b];
            _counts[b] = null;
            return null;
        }

        /// <summary>Of profiles that are one person, the one that keeps its id: first seen, then smallest id.</summary>
        public void NameSurvivors()
        {
            var survivors = new Node?[_nodes.Count];
            foreach (var node in _nodes)
            {
                ref var survivor = ref survivors[Root(node.Index)];
                if (survivor is null || (node.FirstSeenAt, node.Id).CompareTo((survivor.FirstSeenAt, survivor.Id)) < 0)
                {
                    survivor = node;
                }
            }

            foreach (var node in _nodes)
            {
                node.CanonicalId = survivors[Root(node.Index)]!.Id;
            }
        }

        private static void Count(List<(string Type, int Count)> into, string type, int count)
        {
            for (var i = 0; i < into.Count; i++)
            {
                if (into[i].Type == type)
                {
                    into[i] = (type, into[i].Count + count);
                    return;
                }
            }

            into.Add((type, count));
        }

        private string? TooMany(int a, int b)
        {
            if (_counts[b] is not { } from)
            {
                return TooMany(a, _nodes[b].Identifier.Type, 1);
            }

            foreach (var (type, count) in from)
            {
                if (TooMany(a, type, count) is not null)
                {
                    return type;
                }
            }

            return null;
        }

        /// <summary>The type, when that many more of it would be too many; one that the set does not have yet never is.</summary>
        private string? TooMany(int root, string type, int more)
        {
            var already = 0;
            if (_counts[root] is not { } counts)
            {
                already = _nodes[root].Identifier.Type == type ? 1 : 0;
            }
            else
            {
                foreach (var (present, count) in counts)
                {
                    already += present == type ? count : 0;
                }
            }

            return already > 0 && already + more > _limits.LimitOf(type) ? type : null;
        }

        private int Root(int index)
        {
            while (_parent[index] != index)
            {
                index = _parent[index] = _parent[_parent[index]];
            }

            return index;
        }
    }
}
