using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;

namespace CdpMonolith.Ingestion.Catalogue;

/// <summary>A name while events are counted: what was known of it, and on top what came since the last commit.</summary>
internal sealed class NameTally(NameKey key, long firstSeen)
{
    private const int SourcesAtMost = 50;
    private const int ChoiceAtLeast = 10;
    private const int ChoiceTimes = 5;

    private readonly List<long> _sources = [];
    private DistinctSketch? _sketch;
    private string? _keptSketch;
    private bool _isSketchNew;
    private long _different;
    private long _before;
    private string? _sample;
    private long _lastSource = -1;

    public static NameTally Of(CatalogueName name, string? sketch)
    {
        var tally = new NameTally(name.Key, name.FirstSeen)
        {
            LastSeen = name.LastSeen, _before = name.Seen, Types = name.Types, _sample = name.Sample, _keptSketch = sketch, _different = name.Different, IsKnown = true,
        };
        tally._sources.AddRange(name.SourceIds);
        return tally;
    }

    public NameKey Key => key;

    /// <summary>It is in the store.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>It has something to be written.</summary>
    public bool IsChanged { get; set; }

    public long Seen { get; set; }

    public long LeftOut { get; set; }

    public long LastSeen { get; set; }

    public SeenTypes Types { get; set; }

    /// <summary>Names below it.</summary>
    public Dictionary<string, NameTally>? Members { get; set; }

    /// <summary>Events by day since the last commit.</summary>
    public Dictionary<long, long>? Days { get; set; }

    /// <summary>Where the newest value stands, until the batch ends: the entry's place in it, and the bytes.</summary>
    public (int Entry, int Start, int Length)? Newest { get; set; }

    public void CameFrom(long sourceId, long at)
    {
        LastSeen = Math.Max(LastSeen, at);
        if (sourceId != _lastSource)
        {
            _lastSource = sourceId;
            if (_sources.Count < SourcesAtMost && !_sources.Contains(sourceId))
            {
                _sources.Add(sourceId);
            }
        }
    }

    public void AddValue(ReadOnlySpan<byte> value)
    {
        _sketch ??= _keptSketch is null ? new DistinctSketch() : DistinctSketch.Of(_keptSketch);
        _isSketchNew |= _sketch.Add(value);
    }

    /// <summary>
    /// Its values come again and again, five times each on average: a choice, such as a size or a colour, and no text of one person.
    /// </summary>
    public bool IsChoice => _before + Seen >= ChoiceAtLeast && _before + Seen >= ChoiceTimes * Different();

    public void Show(string sample) => _sample = sample;

    /// <summary>What is to be written of it, and its sketch when that changed.</summary>
    public (CatalogueName Name, string? Sketch) Change()
    {
        return (new CatalogueName(key, firstSeen, LastSeen, Seen, Types, _sample, [.. _sources], Different(), LeftOut), _isSketchNew ? _sketch!.Text : null);
    }

    /// <summary>It is on disk.</summary>
    public void Settle()
    {
        _before += Seen;
        (Seen, LeftOut, IsChanged, IsKnown, _isSketchNew) = (0, 0, false, true, false);
        Days?.Clear();
    }

    private long Different() => _different = _isSketchNew ? _sketch!.Estimate() : _different;
}
