using System.Runtime.InteropServices;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;

namespace CdpMonolith.Profiles.Unify;

/// <summary>A batch of calls on its way to a decision: whom they name, what links them, what they say.</summary>
internal sealed class Batch
{
    private readonly ReadSession _read;
    private readonly IdentityCache? _cache;
    private readonly Dictionary<Identifier, Named> _named;
    private readonly Dictionary<(long Low, long High), Evidence> _evidence;
    private readonly List<((long Low, long High) Link, long At)> _learntLinks = [];
    private readonly HashSet<Identifier> _asked = [];
    private Dictionary<Identifier, (long Id, long FirstSeenAt)> _stored = [];

    private Batch(ReadSession read, IdentityCache? cache, long nextId, int calls)
    {
        _named = new Dictionary<Identifier, Named>(calls * 2);
        _evidence = new Dictionary<(long Low, long High), Evidence>(calls);
        (_read, _cache, FirstNewId) = (read, cache, nextId);
        NextNewId = nextId;
    }

    /// <summary>Version of the graph this was decided on.</summary>
    public long Version { get; private init; }

    /// <summary>The id that the first new profile was given, in the hope that it is free.</summary>
    public long FirstNewId { get; }

    private long NextNewId { get; set; }

    private Decision Decision { get; set; } = null!;

    /// <param name="cache">Null: believe only the store.</param>
    /// <param name="nextId">The next free profile id; null: the likely one.</param>
    public static Batch Of(
        IReadOnlyList<Call> calls, ReadSession read, IdentityCache? cache, ProfilesOptions limits, long? nextId, KnownStandards standards)
    {
        var version = GraphStore.Version(read);
        if (cache is not null && cache.Version != version)
        {
            cache.Clear(version);
        }

        var batch = new Batch(read, cache, nextId ?? GraphStore.LikelyNextId(read), calls.Count) { Version = version };
        batch.Decide(calls, limits, standards.At(read, version));
        return batch;
    }

    /// <summary>Whether nothing has changed since that would make another decision.</summary>
    public bool HoldsFor(WriteSession write) =>
        GraphStore.Version(write) == Version && write.NextSeq(GraphStore.IdCounter) == FirstNewId;

    public void Write(WriteSession write, long now) => Decision.Write(write, now);

    /// <summary>What was learnt is on disk now.</summary>
    public void KeepIn(IdentityCache cache)
    {
        foreach (var (identifier, named) in _named)
        {
            if (named.IsLearnt)
            {
                cache.Keep(identifier, new KnownProfile(named.Id, named.FirstSeenAt));
            }
        }

        foreach (var (link, at) in _learntLinks)
        {
            cache.Keep(link, at);
        }
    }

    private void Decide(IReadOnlyList<Call> calls, ProfilesOptions limits, Standards standards)
    {
        AskFor(calls);
        foreach (var call in calls)
        {
            foreach (var identifier in call.Identifiers)
            {
                Name(identifier, call.Event);
            }

            CollectEvidence(call);
        }

        var graph = new GraphWork(_read, limits);
        var touched = AddNodes(graph);
        var (added, earlier) = AddLinks(graph);
        var records = new RecordWork(_read, standards);
        foreach (var call in calls)
        {
            if (call.Traits.Length > 0 && call.Identifiers.Length > 0)
            {
                var named = _named[call.Identifiers[0]];
                records.Say(named.Id, named.IsNew, call.Event.SourceId, call.Traits);
            }
        }

        Decision = new Decision(graph, records, _read) { Evidence = added, Earlier = earlier, Touched = touched };
        foreach (var call in calls)
        {
            if (call.Identifiers.Length > 0)
            {
                Decision.Resolved.Add((_named[call.Identifiers[0]].Id, call.Event));
            }
        }
    }

    /// <summary>Asks the store at once for all whom the cache does not know.</summary>
    private void AskFor(IReadOnlyList<Call> calls)
    {
        foreach (var call in calls)
        {
            foreach (var identifier in call.Identifiers)
            {
                if (_cache is null || !_cache.TryGet(identifier, out _))
                {
                    _asked.Add(identifier);
                }
            }
        }

        _stored = GraphStore.Find(_read, _asked);
    }

    private void Name(Identifier identifier, Event call)
    {
        ref var named = ref CollectionsMarshal.GetValueRefOrAddDefault(_named, identifier, out var seen);
        if (!seen)
        {
            named = Find(identifier) ?? new Named
            {
                Id = NextNewId++, FirstSeenAt = call.OccurredAt, SourceId = call.SourceId, IsNew = true, IsLearnt = true,
            };
        }

        if (call.OccurredAt < named!.FirstSeenAt)
        {
            (named.FirstSeenAt, named.SourceId, named.IsEarlier, named.IsLearnt) = (call.OccurredAt, call.SourceId, !named.IsNew, true);
        }
    }

    private Named? Find(Identifier identifier)
    {
        if (_cache is not null && _cache.TryGet(identifier, out var cached))
        {
            return new Named { Id = cached.Id, FirstSeenAt = cached.FirstSeenAt };
        }

        return (_stored.TryGetValue(identifier, out var found) ? ((long Id, long FirstSeenAt)?)found : _asked.Contains(identifier) ? null : GraphStore.Find(_read, identifier)) is { } known
            ? new Named { Id = known.Id, FirstSeenAt = known.FirstSeenAt, IsLearnt = true }
            : null;
    }

    private void CollectEvidence(Call call)
    {
        for (var i = 1; i < call.Identifiers.Length; i++)
        {
            var (a, b) = (_named[call.Identifiers[0]].Id, _named[call.Identifiers[i]].Id);
            ref var evidence = ref CollectionsMarshal.GetValueRefOrAddDefault(_evidence, (Math.Min(a, b), Math.Max(a, b)), out var seen);
            if (!seen || call.Event.OccurredAt < evidence.At)
            {
                evidence = new Evidence(call.Event.Seq, call.Event.OccurredAt, call.Event.SourceId, RuleOf(call.Event.Type));
            }
        }
    }

    public static string RuleOf(CallType type) => type switch
    {
        CallType.Identify => "identify",
        CallType.Track => "track",
        CallType.Page => "page",
        CallType.Screen => "screen",
        CallType.Group => "group",
        CallType.Alias => "alias",
        _ => "call",
    };

    /// <summary>Returns the profiles that are there and were seen earlier than was known.</summary>
    private HashSet<long> AddNodes(GraphWork graph)
    {
        var touched = new HashSet<long>();
        foreach (var (identifier, named) in _named)
        {
            if (named.IsNew)
            {
                graph.Add(new Node
                {
                    Id = named.Id, Identifier = identifier, FirstSeenAt = named.FirstSeenAt, SourceId = named.SourceId,
                    CanonicalId = named.Id, StoredCanonicalId = named.Id, IsNew = true,
                });
            }
            else if (named.IsEarlier)
            {
                var node = graph.Load(named.Id);
                (node.FirstSeenAt, node.SourceId) = (named.FirstSeenAt, named.SourceId);
                touched.Add(named.Id);
                if (node.CanonicalId != node.Id)
                {
                    // It may be the survivor now.
                    graph.LookAt(node);
                }
            }
        }

        return touched;
    }

    private (Dictionary<(long Low, long High), Evidence> Added, List<(long Low, long High, Evidence Evidence)> Earlier) AddLinks(GraphWork graph)
    {
        var added = new Dictionary<(long Low, long High), Evidence>();
        var earlier = new List<(long, long, Evidence)>();
        foreach (var (link, evidence) in _evidence)
        {
            if (StoredEvidenceAt(link) is not { } at)
            {
                graph.Add(link.Low, link.High, evidence.At);
                added.Add(link, evidence);
                _learntLinks.Add((link, evidence.At));
            }
            else if (evidence.At < at)
            {
                graph.MoveBack(link.Low, link.High, evidence.At);
                earlier.Add((link.Low, link.High, evidence));
                _learntLinks.Add((link, evidence.At));
            }
        }

        return (added, earlier);
    }

    private long? StoredEvidenceAt((long Low, long High) link)
    {
        if (link.High >= FirstNewId)
        {
            return null;
        }

        if (_cache is not null && _cache.TryGet(link, out var cached))
        {
            return cached;
        }

        var stored = GraphStore.EvidenceAt(_read, link.Low, link.High);
        if (stored is { } at)
        {
            _learntLinks.Add((link, at));
        }

        return stored;
    }

    private sealed class Named
    {
        public required long Id { get; init; }

        public required long FirstSeenAt { get; set; }

        /// <summary>Source of the call that it was first seen in; known only for one that is new or seen earlier.</summary>
        public long SourceId { get; set; }

        public bool IsNew { get; init; }

        /// <summary>It was there, and was seen earlier than was known.</summary>
        public bool IsEarlier { get; set; }

        /// <summary>The cache does not know this yet.</summary>
        public bool IsLearnt { get; set; }
    }
}
