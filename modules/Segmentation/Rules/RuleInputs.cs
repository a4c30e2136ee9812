namespace CdpMonolith.Segmentation.Rules;

/// <summary>What the answer of a rule depends on, besides who exists.</summary>
/// <param name="AnyEvent">Some part asks for any event, whatever its name.</param>
/// <param name="Relative">Time alone can change the answer.</param>
internal sealed record RuleInputs(
    IReadOnlySet<string> Events, IReadOnlySet<string> Traits, IReadOnlySet<long> Segments, bool AnyEvent, bool Consents, bool Relative)
{
    public static RuleInputs Of(RuleTree rule)
    {
        var nodes = Nodes(rule.Match).ToList();
        var events = nodes.OfType<EventNode>().ToList();
        return new RuleInputs(
            events.Select(node => node.Event).OfType<string>().ToHashSet(),
            nodes.OfType<TraitNode>().Select(node => node.Trait).ToHashSet(),
            nodes.OfType<SegmentNode>().Select(node => node.SegmentId).ToHashSet(),
            events.Any(node => node.Event is null),
            nodes.OfType<ConsentNode>().Any(),
            events.Any(node => node.Window.Relative || node.Time.Relative || node.Where.Any(filter => filter.Condition.Relative))
            || nodes.OfType<TraitNode>().Any(node => node.Condition.Relative));
    }

    /// <summary>Together with what other segments, that the rule asks for, depend on.</summary>
    public RuleInputs With(IEnumerable<RuleInputs> others)
    {
        var all = others.Prepend(this).ToList();
        return new RuleInputs(
            all.SelectMany(inputs => inputs.Events).ToHashSet(),
            all.SelectMany(inputs => inputs.Traits).ToHashSet(),
            all.SelectMany(inputs => inputs.Segments).ToHashSet(),
            all.Any(inputs => inputs.AnyEvent),
            all.Any(inputs => inputs.Consents),
            all.Any(inputs => inputs.Relative));
    }

    /// <summary>A part and all parts in it.</summary>
    public static IEnumerable<Node> Nodes(Node node) =>
        node is Group group ? group.Of.SelectMany(Nodes).Prepend(node) : [node];
}

/// <summary>Segments that ask for each other in a circle have no answer.</summary>
internal static class SegmentLoops
{
    /// <summary>
    /// The way from a segment back to itself, first and last being the same; null when there is none.
    /// </summary>
    /// <param name="asksFor">The segments that a segment's rule asks for.</param>
    public static IReadOnlyList<long>? Find(long start, Func<long, IEnumerable<long>> asksFor)
    {
        var seen = new HashSet<long>();
        var way = new List<long> { start };
        return Search(start) ? way : null;

        bool Search(long segment)
        {
            foreach (var next in asksFor(segment).Order())
            {
                way.Add(next);
                if (next == start || (seen.Add(next) && Search(next)))
                {
                    return true;
                }

                way.RemoveAt(way.Count - 1);
            }

            return false;
        }
    }
}
