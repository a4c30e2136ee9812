using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;

namespace CdpMonolith.Profiles.Unify;

/// <summary>What is to be written for a batch of calls or for a person's word about a link, ready for the write lane.</summary>
internal sealed class Decision
{
    private readonly GraphWork _graph;
    private readonly RecordWork _records;
    private readonly List<Node> _moved;
    private readonly List<Node> _born;
    private readonly List<(Link Link, Evidence Evidence)> _linked;

    /// <param name="evidence">Of the new links; null: there are none.</param>
    public Decision(GraphWork graph, RecordWork records, ReadSession read, IReadOnlyDictionary<(long Low, long High), Evidence>? evidence = null)
    {
        (_graph, _records) = (graph, records);
        graph.Decide();
        records.Settle();
        _moved = [.. graph.Neighbourhood.Where(node => node.CanonicalId != node.StoredCanonicalId)];
        Believe(read);
        records.Prepare();
        _born = [.. graph.Nodes.Where(node => node.IsNew)];
        _born.Sort(static (a, b) => a.Id.CompareTo(b.Id));
        _linked = [.. graph.Links.Where(link => link.StoredState is null).Select(link => (link, evidence![(link.Low.Id, link.High.Id)]))];
        _linked.Sort(static (a, b) =>
            a.Link.Low.Id != b.Link.Low.Id ? a.Link.Low.Id.CompareTo(b.Link.Low.Id) : a.Link.High.Id.CompareTo(b.Link.High.Id));
    }

    /// <summary>Events with the profile that each is given to.</summary>
    public List<(long ProfileId, Event Event)> Resolved { get; } = [];

    /// <summary>Links that are there whose evidence turned out to be older.</summary>
    public List<(long Low, long High, Evidence Evidence)> Earlier { get; init; } = [];

    /// <summary>Nodes that are there and changed otherwise than by this decision: seen earlier.</summary>
    public HashSet<long> Touched { get; init; } = [];

    public IReadOnlyList<long> TraitsChanged => _records.TraitsChanged;

    /// <summary>Whether words of names change with it.</summary>
    public bool BringsWords => _records.WordsAdded.Count + _records.WordsDropped.Count > 0;

    public IReadOnlyList<Node> Moved => _moved;

    public void Write(WriteSession write, long now)
    {
        GraphStore.Insert(write, _born);
        write.Advance(GraphStore.IdCounter, _born.Count);
        WriteNodes(write);
        WriteLinks(write);
        WriteRecords(write);
        GraphStore.Add(write, _graph.FiguresOfChange());
        ChangeLog.Append(
            write, Resolved, _moved.Where(node => !node.IsNew).Select(node => (node.Id, node.CanonicalId)), _records.TraitsChanged, _graph.CanonicalOf, now);
    }

    private void WriteNodes(WriteSession write)
    {
        var changed = new SortedSet<long>(Touched);
        foreach (var node in _moved)
        {
            Add(node);
        }

        foreach (var link in _graph.Links)
        {
            if (link.StoredState is null)
            {
                Add(link.Low);
                Add(link.High);
            }
        }

        foreach (var id in changed)
        {
            GraphStore.Update(write, _graph.Load(id));
        }

        void Add(Node node)
        {
            if (!node.IsNew)
            {
                changed.Add(node.Id);
            }
        }
    }

    private void WriteLinks(WriteSession write)
    {
        GraphStore.Insert(write, _linked);
        foreach (var link in _graph.Links)
        {
            if (link.StoredState is { } stored && (stored != link.State || link.StoredReason != link.Reason))
            {
                GraphStore.UpdateStateOf(write, link);
            }
        }

        foreach (var (low, high, evidence) in Earlier)
        {
            GraphStore.UpdateEvidenceOf(write, low, high, evidence);
        }
    }

    private void WriteRecords(WriteSession write)
    {
        RecordStore.Insert(write, _records.Added);
        foreach (var record in _records.Changed)
        {
            RecordStore.Update(write, record);
        }

        foreach (var record in _records.Removed)
        {
            RetractStore.Drop(write, record);
        }

        _records.WriteGolden(write);
        WordStore.Append(write, _records.WordsAdded, _records.WordsDropped);
    }

    /// <summary>Golden records of the people who are not who they were, and of those something new was said of.</summary>
    private void Believe(ReadSession read)
    {
        var sizes = new Dictionary<long, int>();
        foreach (var node in _graph.Neighbourhood)
        {
            if (!node.IsNew)
            {
                sizes[node.StoredCanonicalId] = sizes.GetValueOrDefault(node.StoredCanonicalId) + 1;
            }
        }

        var people = _graph.Neighbourhood.ToArray();
        Array.Sort(people, static (a, b) => a.CanonicalId != b.CanonicalId ? a.CanonicalId.CompareTo(b.CanonicalId) : a.Id.CompareTo(b.Id));
        for (int start = 0, end; start < people.Length; start = end)
        {
            var canonical = people[start].CanonicalId;
            for (end = start + 1; end < people.Length && people[end].CanonicalId == canonical; end++)
            {
            }

            var person = people.AsSpan(start, end - start);
            if (IsToldOf(person) || IsAnother(person, sizes))
            {
                var survivor = _graph.Load(canonical);
                _records.Believe(canonical, !survivor.IsNew && survivor.StoredCanonicalId == canonical, person);
            }
        }

        foreach (var canonical in _records.Profiles.Where(id => !_graph.IsDecided(id)).Select(id => _graph.Load(id).CanonicalId).Distinct().ToList())
        {
            _records.Believe(canonical, wasCanonical: true, GraphStore.Members(read, canonical).ToArray());
        }

        _records.GoldenDropped.AddRange(_moved.Where(node => !node.IsNew && node.StoredCanonicalId == node.Id).Select(node => node.Id));
    }

    private bool IsToldOf(ReadOnlySpan<Node> person)
    {
        foreach (var node in person)
        {
            if (_records.IsSaid(node.Id))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the profiles that were there make a person that was not: somebody joined, left, or another survives.</summary>
    private static bool IsAnother(ReadOnlySpan<Node> person, Dictionary<long, int> sizes)
    {
        var before = 0;
        foreach (var node in person)
        {
            if (!node.IsNew)
            {
                before++;
                if (node.StoredCanonicalId != node.CanonicalId)
                {
                    return true;
                }
            }
        }

        return before > 0 && sizes[person[0].CanonicalId] != before;
    }
}
