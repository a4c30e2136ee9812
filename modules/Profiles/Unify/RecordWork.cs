using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;

namespace CdpMonolith.Profiles.Unify;

/// <summary>What sources say of the profiles in one decision, and the golden records that follow.</summary>
internal sealed class RecordWork(ReadSession read, Standards standards)
{
    private static readonly List<SourceRecord> NoRecords = [];

    private readonly Dictionary<long, Said> _said = [];

    /// <summary>Records that are new, as they are stored, and those that are there and have changed.</summary>
    public List<(SourceRecord Record, byte[] Traits)> Added { get; } = [];

    public List<SourceRecord> Changed { get; } = [];

    /// <summary>Records that are there and of which nothing is left.</summary>
    public List<SourceRecord> Removed { get; } = [];

    public List<Word> WordsAdded { get; } = [];

    public List<Word> WordsDropped { get; } = [];

    public List<(long CanonicalId, byte[] Traits)> GoldenAdded { get; } = [];

    public List<(long CanonicalId, byte[] Traits)> GoldenChanged { get; } = [];

    public List<long> GoldenDropped { get; } = [];

    /// <summary>Canonical profiles whose golden record is not what it was.</summary>
    public List<long> TraitsChanged { get; } = [];

    /// <summary>Profiles that something new was said of.</summary>
    public IReadOnlyCollection<long> Profiles => _said.Keys;

    public bool IsSaid(long profileId) => _said.ContainsKey(profileId);

    public void Say(long profileId, bool isNew, long sourceId, Trait[] traits)
    {
        if (!_said.TryGetValue(profileId, out var said))
        {
            _said.Add(profileId, said = new Said(isNew ? NoRecords : RecordStore.Of(read, profileId)));
        }

        said.Say(profileId, sourceId, traits);
    }

    /// <summary>Only this is said of a profile now, whatever is stored.</summary>
    public void SayInstead(long profileId, IReadOnlyList<SourceRecord> records)
    {
        var said = new Said(RecordStore.Of(read, profileId));
        said.Now.Clear();
        said.Now.AddRange(records);
        _said[profileId] = said;
    }

    /// <summary>Compares what is said now with what is stored.</summary>
    public void Settle()
    {
        var (now, before) = (new List<string>(), new List<string>());
        foreach (var (profile, said) in _said)
        {
            now.Clear();
            before.Clear();
            foreach (var record in said.Now)
            {
                NameWords.Add(record.Traits, now);
                var stored = said.Stored.FindIndex(old => old.SourceId == record.SourceId);
                if (stored < 0)
                {
                    Added.Add((record, Traits.Write(record.Traits).ToArray()));
                }
                else if (!Same(said.Stored[stored].Traits, record.Traits))
                {
                    Changed.Add(record);
                }
            }

            foreach (var record in said.Stored)
            {
                NameWords.Add(record.Traits, before);
                if (said.Now.FindIndex(left => left.SourceId == record.SourceId) < 0)
                {
                    Removed.Add(record);
                }
            }

            Compare(profile, before, now);
        }
    }

    private void Compare(long profile, List<string> before, List<string> now)
    {
        foreach (var word in now)
        {
            if (!before.Contains(word))
            {
                WordsAdded.Add(new Word(word, profile));
            }
        }

        foreach (var word in before)
        {
            if (!now.Contains(word))
            {
                WordsDropped.Add(new Word(word, profile));
            }
        }
    }

    /// <summary>Computes the golden record of a person anew.</summary>
    /// <param name="wasCanonical">Whether it had one to compare with.</param>
    public void Believe(long canonicalId, bool wasCanonical, ReadOnlySpan<Node> members)
    {
        var merged = Traits.None;
        foreach (var member in members)
        {
            foreach (var record in RecordsOf(member))
            {
                merged = Traits.Merge(merged, record.Traits);
            }
        }

        var golden = Traits.Golden(merged, standards);
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

    /// <summary>Puts what is new in the order in which it is written. Call it off the write lane.</summary>
    public void Prepare()
    {
        Added.Sort(static (a, b) =>
            a.Record.ProfileId != b.Record.ProfileId ? a.Record.ProfileId.CompareTo(b.Record.ProfileId) : a.Record.SourceId.CompareTo(b.Record.SourceId));
        GoldenAdded.Sort(static (a, b) => a.CanonicalId.CompareTo(b.CanonicalId));
    }

    /// <summary>Writes the golden records that are not what they were.</summary>
    public void WriteGolden(WriteSession write)
    {
        foreach (var id in GoldenDropped)
        {
            RecordStore.DropGoldenOf(write, id);
        }

        foreach (var (id, traits) in GoldenChanged)
        {
            RecordStore.UpdateGoldenOf(write, id, traits);
        }

        RecordStore.InsertGolden(write, GoldenAdded);
    }

    private List<SourceRecord> RecordsOf(Node member) =>
        _said.TryGetValue(member.Id, out var said) ? said.Now : member.IsNew ? NoRecords : RecordStore.Of(read, member.Id);

    private static bool Same(Trait[] a, Trait[] b)
    {
        for (var i = 0; i < a.Length && a.Length == b.Length; i++)
        {
            if (a[i].At != b[i].At || a[i].Name != b[i].Name || !a[i].Value.AsSpan().SequenceEqual(b[i].Value))
            {
                return false;
            }
        }

        return a.Length == b.Length;
    }

    private sealed class Said(List<SourceRecord> stored)
    {
        public List<SourceRecord> Stored { get; } = stored;

        public List<SourceRecord> Now { get; } = [.. stored];

        public void Say(long profileId, long sourceId, Trait[] traits)
        {
            var place = Now.FindIndex(record => record.SourceId == sourceId);
            if (place < 0)
            {
                Now.Add(new SourceRecord(profileId, sourceId, traits));
            }
            else
            {
                Now[place] = Now[place] with { Traits = Traits.Merge(Now[place].Traits, traits) };
            }
        }
    }
}
