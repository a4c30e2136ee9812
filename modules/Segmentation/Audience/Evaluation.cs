using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>
/// Answers rules over the columns as of one moment. Traits, and who is one person, are as they are now; events and consent
/// decisions after the moment are not seen.
/// </summary>
/// <param name="columns">Sorted, and not written to meanwhile.</param>
/// <param name="asOf">Unix ms.</param>
/// <param name="segments">The rule of another segment; null: there is none, then nobody is in it.</param>
internal sealed class Evaluation(Columns columns, long asOf, Func<long, RuleTree?> segments)
{
    private readonly Dictionary<long, Bitmap> _segments = [];

    private int Rows => columns.People.LastId + 1;

    /// <summary>The people for whom the rule holds, by canonical profile. The caller may change the answer.</summary>
    public Bitmap Of(RuleTree rule) => Of(rule.Match);

    /// <summary>The people in a segment by its rule.</summary>
    public Bitmap OfSegment(long id)
    {
        if (!_segments.TryGetValue(id, out var people))
        {
            // Should a circle have come about nevertheless: nobody, rather than no end.
            _segments[id] = new Bitmap(Rows);
            _segments[id] = people = segments(id) is { } rule ? Of(rule.Match) : new Bitmap(Rows);
        }

        return people;
    }

    private Bitmap Of(Node node) => node switch
    {
        Group group => OfGroup(group),
        TraitNode trait => OfTrait(trait),
        EventNode happened => new EventPass(columns, happened, asOf).People(),
        SegmentNode segment => OfSegment(segment.SegmentId).Clone(),
        ConsentNode consent => OfConsent(consent),
        _ => throw new InvalidOperationException("Unknown part of a rule."),
    };

    private Bitmap OfGroup(Group group)
    {
        switch (group.Kind)
        {
            case GroupKind.All:
                Bitmap? all = null;
                foreach (var part in group.Of.OrderBy(Cost))
                {
                    all = all is null ? Of(part) : all.And(Of(part));
                    if (all.IsEmpty)
                    {
                        break;
                    }
                }

                return all ?? columns.People.Everybody.Clone();
            case GroupKind.Any:
                return AnyOf(group);
            default:
                return columns.People.Everybody.Clone().Without(AnyOf(group));
        }
    }

    private Bitmap AnyOf(Group group)
    {
        var any = new Bitmap(Rows);
        foreach (var part in group.Of)
        {
            any.Or(Of(part));
        }

        return any;
    }

    private Bitmap OfTrait(TraitNode node)
    {
        var test = new ColumnTest(columns.Traits.GetValueOrDefault(node.Trait), node.Condition, asOf);
        var rows = new Bitmap(columns.TraitRows.Count);
        test.Mark(rows.Words, columns.TraitRows.Count);

        // Of who is not in the rows nothing is known.
        var people = test.HoldsForNothing ? columns.People.Everybody.Clone() : new Bitmap(Rows);
        columns.TraitRows.Put(rows, people, test.HoldsForNothing);
        return people.And(columns.People.Everybody);
    }

    private Bitmap OfConsent(ConsentNode node)
    {
        using var statuses = Rented<byte>.Zeros(Rows);
        columns.Consents.Latest(node.Purpose, node.Channel, asOf, columns.People.Canonical[..Rows], statuses.Span);
        var wanted = node.Status == ConsentWanted.NeverAsked ? (byte)0 : (byte)node.Status;
        var people = new Bitmap(Rows);
        var words = people.Words;
        for (var id = 0; id < Rows; id++)
        {
            words[id >> 6] |= (statuses.Span[id] == wanted ? 1UL : 0UL) << id;
        }

        return people.And(columns.People.Everybody);
    }

    /// <summary>Rows to look at, roughly: what is cheap is asked first, for it may spare the rest.</summary>
    private long Cost(Node node) => node switch
    {
        Group group => group.Of.Sum(Cost),
        SegmentNode segment => _segments.ContainsKey(segment.SegmentId) ? 0 : segments(segment.SegmentId) is { } rule ? Cost(rule.Match) : 0,
        EventNode happened => EventPass.RowsOf(columns, happened, asOf) * (1 + happened.Where.Count) + Rows,
        ConsentNode => 4L * Rows,
        _ => Rows,
    };
}
