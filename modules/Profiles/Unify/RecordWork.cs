using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;

namespace CdpMonolith.Profiles.Unify;

/// <summary>What sources say of the profiles in one decision, and the golden records that follow. Writes nothing.</summary>
internal sealed class RecordWork(ReadSession read)
{
    private readonly Dictionary<long, Said> _said = [];

    /// <summary>Records that are new, and those that are there and have changed.</summary>
    public List<SourceRecord> Added { get; } = [];

    public List<SourceRecord> Changed { get; } = [];

    public List<(string Token, long ProfileId)> TokensAdded { get; } = [];

    public List<(string Token, long ProfileId)> TokensDropped { get; } = [];

    public List<(long CanonicalId, byte[] Traits)> GoldenAdded { get; } = [];

    public List<(long CanonicalId, byte[] Traits)> GoldenChanged { get; } = [];

    public List<long> GoldenDropped { get; } = [];

    /// <summary>Canonical profiles whose golden record is not what it was.</summary>
    public List<long> TraitsChanged { get; } = [];

    /// <summary>Profiles that something new was said of.</summary>
    public IReadOnlyCollection<long> Profiles => _said.Keys;

    public void Say(long profileId, bool isNew, long sourceId, Trait[] traits)
    {
        if (!_said.TryGetValue(profileId, out var said))
        {
            _said.Add(profileId, said = new Said(isNew ? [] : RecordStore.Of(read, profileId)));
        }

        said.Now[sourceId] = said.Now.TryGetValue(sourceId, out var already) ? Traits.Merge(already, traits) : traits;
    }

    /// <summary>Compares what is said now with what is stored.</summary>
    public void Settle()
    {
        foreach (var (profile, said) in _said)
        {
            foreach (var (source, traits) in said.Now)
            {
                var record = new SourceRecord(profile, source, traits);
                var stored = said.Stored.FindIndex(old => old.SourceId == source);
                if (stored < 0)
                {
                    Added.Add(record);
                }
                else if (!Same(said.Stored[stored].Traits, traits))
                {
                    Changed.Add(record);
                }
            }

            var now = said.Now.Values.SelectMany(NameWords.In).ToHashSet(StringComparer.Ordinal);
            if (said.Stored.Count > 0)
            {
                var before = said.Stored.SelectMany(record => NameWords.In(record.Traits)).ToHashSet(StringComparer.Ordinal);
                TokensDropped.AddRange(before.Except(now).Select(token => (token, profile)));
                now.ExceptWith(before);
            }

            TokensAdded.AddRange(now.Select(token => (token, profile)));
        }
    }

    /// <summary>Computes the golden record of a person anew.</summary>
    /// <param name="wasCanonical">Whether it had one to compare with.</param>
    public void Believe(long canonicalId, bool wasCanonical, IEnumerable<Node> members)
    {
        var merged = Traits.None;
        foreach (var member in members)
        {
            foreach (var traits in TraitsOf(member))
            {
                merged = Traits.Merge(merged, traits);
            }
        }

        var golden = Traits.Golden(merged);
        var stored = wasCanonical ? RecordStore.GoldenOf(read, canonicalId) : null;
        if (golden.AsSpan().SequenceEqual(stored))
        {
            return;
        }

        TraitsChanged.Add(canonicalId);
        if (golden.Length == 0)
        {
            GoldenDropped.Add(canonicalId);
        }
        else if (stored is null)
        {
            GoldenAdded.Add((canonicalId, golden));
        }
        else
        {
            GoldenChanged.Add((canonicalId, golden));
        }
    }

    private IEnumerable<Trait[]> TraitsOf(Node member) =>
        _said.TryGetValue(member.Id, out var said) ? said.Now.Values
        : member.IsNew ? []
        : RecordStore.Of(read, member.Id).Select(record => record.Traits);

    private static bool Same(Trait[] a, Trait[] b) =>
        a.Length == b.Length && !a.Where((trait, i) =>
            trait.At != b[i].At || trait.Name != b[i].Name || !trait.Value.AsSpan().SequenceEqual(b[i].Value)).Any();

    private sealed class Said(List<SourceRecord> stored)
    {
        public List<SourceRecord> Stored { get; } = stored;

        public Dictionary<long, Trait[]> Now { get; } = stored.ToDictionary(record => record.SourceId, record => record.Traits);
    }
}
