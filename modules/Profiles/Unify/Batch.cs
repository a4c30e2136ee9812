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

    private Batch(ReadSession read, IdentityCache? cache, long nextId, int calls)
    {
        _named = new Dictionary<Identifier, Named>(calls * 2);
        _evidence = new Dictionary<(long Low, long High), Evidence>(calls * 2);
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

    /// <inheritdoc cref="Decision.BringsWords"/>
    public bool BringsWords => Decision.BringsWords;

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
        var whom = Find(calls);
        for (var i = 0; i < calls.Count; i++)
        {
            foreach (var named in whom[i])
            {
                Name(named, calls[i].Event);
            }

            CollectEvidence(calls[i].Event, whom[i]);
        }

        var graph = new GraphWork(_read, limits);
        var touched = AddNodes(graph);
        var (added, earlier) = AddLinks(graph);
        var records = new RecordWork(_read, standards);
        for (var i = 0; i < calls.Count; i++)
        {
            if (calls[i].Traits.Length > 0 && whom[i] is [var named, ..])
            {
                records.Say(named.Id, named.IsNew, calls[i].Event.SourceId, calls[i].Traits);
            }
        }

        Decision = new Decision(graph, records, _read, added) { Earlier = earlier, Touched = touched };
        for (var i = 0; i < calls.Count; i++)
        {
            if (whom[i] is [var named, ..])
            {
                Decision.Resolved.Add((named.Id, calls[i].Event));
            }
        }
    }

    /// <summary>Whom each call names, one for each of its identifiers. The store is asked at once for all whom the cache does not know.</summary>
    private Named[][] Find(IReadOnlyList<Call> calls)
    {
        var whom = new Named[calls.Count][];
        var asked = new List<Identifier>();
        for (var i = 0; i < whom.Length; i++)
        {
            var identifiers = calls[i].Identifiers;
            whom[i] = identifiers.Length == 0 ? [] : new Named[identifiers.Length];
            for (var n = 0; n < identifiers.Length; n++)
            {
                ref var named = ref CollectionsMarshal.GetValueRefOrAddDefault(_named, identifiers[n], out var seen);
                if (!seen)
                {
                    named = new Named();
                    if (_cache is not null && _cache.TryGet(identifiers[n], out var cached))
                    {
                        (named.Id, named.FirstSeenAt) = (cached.Id, cached.FirstSeenAt);
                    }
                    else
                    {
                        asked.Add(identifiers[n]);
                    }
                }

                whom[i][n] = named!;
            }
        }

        foreach (var (identifier, (id, firstSeenAt)) in GraphStore.Find(_read, asked))
        {
            if (_named.TryGetValue(identifier, out var named))
            {
                (named.Id, named.FirstSeenAt, named.IsLearnt) = (id, firstSeenAt, true);
            }
        }

        return whom;
    }

    private void Name(Named named, Event call)
    {
        if (named.Id == 0)
        {
            (named.Id, named.FirstSeenAt, named.SourceId, named.IsNew, named.IsLearnt) = (NextNewId++, call.OccurredAt, call.SourceId, true, true);
        }
        else if (call.OccurredAt < named.FirstSeenAt)
        {
            (named.FirstSeenAt, named.SourceId, named.IsEarlier, named.IsLearnt) = (call.OccurredAt, call.SourceId, !named.IsNew, true);
        }
    }

    private void CollectEvidence(Event call, Named[] whom)
    {
        for (var i = 1; i < whom.Length; i++)
        {
            var (a, b) = (whom[0].Id, whom[i].Id);
            ref var evidence = ref CollectionsMarshal.GetValueRefOrAddDefault(_evidence, (Math.Min(a, b), Math.Max(a, b)), out var seen);
            if (!seen || call.OccurredAt < evidence.At)
            {
                evidence = new Evidence(call.Seq, call.OccurredAt, call.SourceId, RuleOf(call.Type));
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
        /// <summary>0: nobody knows it yet.</summary>
        public long Id { get; set; }

        public long FirstSeenAt { get; set; }

        /// <summary>Source of the call that it was first seen in; known only for one that is new or seen earlier.</summary>
        public long SourceId { get; set; }

        public bool IsNew { get; set; }

        /// <summary>It was there, and was seen earlier than was known.</summary>
        public bool IsEarlier { get; set; }

        /// <summary>The cache does not know this yet.</summary>
        public bool IsLearnt { get; set; }
    }
}
