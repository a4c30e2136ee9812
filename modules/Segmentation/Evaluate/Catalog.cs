using CdpMonolith.Platform.Store;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Rules;
using CdpMonolith.Segmentation.Storage;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>A segment with its rule read.</summary>
/// <param name="Inputs">What its answer depends on, by way of other segments too.</param>
internal sealed record LiveSegment(Segment Segment, RuleTree Rule, RuleInputs Inputs)
{
    public long Id => Segment.Id;
}

/// <summary>The segments as they are saved, read once and again after each change.</summary>
internal sealed class Catalog
{
    private readonly SegmentStore _store;
    private readonly Lock _reading = new();
    private Dictionary<long, LiveSegment>? _segments;

    public Catalog(SegmentStore segments, IStore store)
    {
        _store = segments;
        if (store.IsShared)
        {
            // Another process may have changed them.
            store.LogsGrew += logs =>
            {
                if (logs.Contains(SegmentStore.Changes))
                {
                    Changed();
                }
            };
        }
    }

    public IReadOnlyDictionary<long, LiveSegment> Segments
    {
        get
        {
            lock (_reading)
            {
                return _segments ??= Read();
            }
        }
    }

    /// <summary>A segment was saved or deleted.</summary>
    public void Changed()
    {
        lock (_reading)
        {
            _segments = null;
        }
    }

    /// <summary>The segments that ask for one of these, directly or by way of others, and these themselves.</summary>
    public IReadOnlySet<long> WithThoseThatAskFor(IEnumerable<long> ids)
    {
        var all = ids.ToHashSet();
        while (Segments.Values.Where(segment => segment.Inputs.Segments.Overlaps(all)).Count(segment => all.Add(segment.Id)) > 0)
        {
        }

        return all;
    }

    private Dictionary<long, LiveSegment> Read()
    {
        var read = _store.ReadAll()
            .Select(segment => (Segment: segment, RuleParser.Parse(segment.Rule).Rule))
            .Where(segment => segment.Rule is not null)
            .ToDictionary(segment => segment.Segment.Id, segment => (segment.Segment, Rule: segment.Rule!, Inputs: RuleInputs.Of(segment.Rule!)));
        return read.Values.ToDictionary(
            segment => segment.Segment.Id,
            segment => new LiveSegment(segment.Segment, segment.Rule, segment.Inputs.With(Below(segment.Inputs))));

        IEnumerable<RuleInputs> Below(RuleInputs inputs)
        {
            var seen = new HashSet<long>();
            var open = new Stack<long>(inputs.Segments);
            while (open.TryPop(out var id))
            {
                if (seen.Add(id) && read.TryGetValue(id, out var segment))
                {
                    yield return segment.Inputs;
                    foreach (var next in segment.Inputs.Segments)
                    {
                        open.Push(next);
                    }
                }
            }
        }
    }
}
