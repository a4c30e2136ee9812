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

    public Decision(GraphWork graph, RecordWork records, ReadSession read)
    {
        (_graph, _records) = (graph, records);
        graph.Decide();
        records.Settle();
        _moved = [.. graph.Neighbourhood.Where(node => node.CanonicalId != node.StoredCanonicalId)];
        Believe(read);
    }

    /// <summary>Events with the profile that each is given to.</summary>
    public List<(long ProfileId, Event Event)> Resolved { get; } = [];

    /// <summary>Evidence of the new links.</summary>
    public Dictionary<(long Low, long High), Evidence> Evidence { get; init; } = [];

    /// <summary>Links that are there whose evidence turned out to be older.</summary>
    public List<(long Low, long High, Evidence Evidence)> Earlier { get; init; } = [];

    /// <summary>Nodes that are there and changed otherwise than by this decision: seen earlier.</summary>
    public HashSet<long> Touched { get; init; } = [];

    public IReadOnlyList<long> TraitsChanged => _records.TraitsChanged;

    public IReadOnlyList<Node> Moved => _moved;

    public void Write(WriteSession write, long now)
    {
        var born = _graph.Nodes.Where(node => node.IsNew).OrderBy(node => node.Id).ToList();
        GraphStore.Insert(write, born);
        write.Advance(GraphStore.IdCounter, born.Count);
        WriteNodes(write);
        WriteLinks(write);
        WriteRecords(write);
        GraphStore.Add(write, _graph.FiguresOfChange());
        ChangeLog.Append(write, Resolved, News(), _records.TraitsChanged, now);
    }

    /// <summary>Profiles that moved, and those born alone that no event announces.</summary>
    private IEnumerable<(long ProfileId, long CanonicalId)> News()
    {
        var announced = Resolved.Select(entry => entry.ProfileId).ToHashSet();
        return _graph.Neighbourhood
            .Where(node => node.CanonicalId != node.StoredCanonicalId || (node.IsNew && !announced.Contains(node.Id)))
            .Select(node => (node.Id, node.CanonicalId));
    }

    private void WriteNodes(WriteSession write)
    {
        var linked = _graph.Links.Where(link => link.StoredState is null).SelectMany(link => new[] { link.Low.Id, link.High.Id });
        var changed = _moved.Select(node => node.Id).Concat(linked).Concat(Touched).Distinct().Order();
        foreach (var node in changed.Select(_graph.Load).Where(node => !node.IsNew))
        {
            GraphStore.Update(write, node);
        }
    }

    private void WriteLinks(WriteSession write)
    {
        GraphStore.Insert(write, _graph.Links
            .Where(link => link.StoredState is null)
            .OrderBy(link => (link.Low.Id, link.High.Id))
            .Select(link => (link, Evidence[(link.Low.Id, link.High.Id)])));
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
        RecordStore.Insert(write, _records.Added.OrderBy(record => (record.ProfileId, record.SourceId)));
        foreach (var record in _records.Changed)
        {
            RecordStore.Update(write, record);
        }

        foreach (var id in _records.GoldenDropped)
        {
            RecordStore.DropGoldenOf(write, id);
        }

        foreach (var (id, traits) in _records.GoldenChanged)
        {
            RecordStore.UpdateGoldenOf(write, id, traits);
        }

        RecordStore.InsertGolden(write, _records.GoldenAdded.OrderBy(golden => golden.CanonicalId));
        foreach (var token in _records.TokensDropped)
        {
            RecordStore.Drop(write, token);
        }

        _records.TokensAdded.Sort(static (a, b) =>
            string.CompareOrdinal(a.Token, b.Token) is var order && order != 0 ? order : a.ProfileId.CompareTo(b.ProfileId));
        RecordStore.InsertTokens(write, _records.TokensAdded);
    }

    /// <summary>Golden records of the people who are not who they were, and of those something new was said of.</summary>
    private void Believe(ReadSession read)
    {
        var sizes = new Dictionary<long, int>();
        var inGraph = new HashSet<long>();
        foreach (var node in _graph.Neighbourhood)
        {
            inGraph.Add(node.Id);
            if (!node.IsNew)
            {
                sizes[node.StoredCanonicalId] = sizes.GetValueOrDefault(node.StoredCanonicalId) + 1;
            }
        }

        var said = _records.Profiles.ToHashSet();
        foreach (var person in _graph.Neighbourhood.GroupBy(node => node.CanonicalId))
        {
            if (person.Any(node => said.Contains(node.Id)) || IsAnother([.. person.Where(node => !node.IsNew)], person.Key, sizes))
            {
                _records.Believe(person.Key, _graph.Load(person.Key) is { IsNew: false } survivor && survivor.StoredCanonicalId == person.Key, person);
            }
        }

        foreach (var canonical in said.Where(id => !inGraph.Contains(id)).Select(id => _graph.Load(id).CanonicalId).Distinct().ToList())
        {
            _records.Believe(canonical, wasCanonical: true, GraphStore.Members(read, canonical));
        }

        _records.GoldenDropped.AddRange(_moved.Where(node => !node.IsNew && node.StoredCanonicalId == node.Id).Select(node => node.Id));
    }

    /// <summary>Whether the profiles that were there make a person that was not: somebody joined, left, or another survives.</summary>
    private static bool IsAnother(List<Node> before, long canonicalId, Dictionary<long, int> sizes) =>
        before.Count > 0
        && (before.Any(node => node.StoredCanonicalId != canonicalId) || sizes[canonicalId] != before.Count);
}
