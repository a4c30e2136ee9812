using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>Why a part of a rule holds for one person or does not.</summary>
/// <param name="Value">Trait: its value. Event: what was measured (a number). Else absent.</param>
/// <param name="At">Event: the time of the last one that counts; measures first and last: the time found. Unix ms.</param>
/// <param name="Events">Event: how many count.</param>
/// <param name="Status">Consent: what holds; null: never asked.</param>
/// <param name="Of">Group: its parts. Segment: its rule.</param>
internal sealed record Verdict(
    Node Node, bool Holds, Fact Value, long? At, int Events, ConsentWanted? Status, IReadOnlyList<Verdict> Of);

/// <summary>Evaluates a rule for one person, and keeps what each part found.</summary>
/// <param name="person">The canonical profile.</param>
/// <param name="asOf">Unix ms.</param>
internal sealed class Explanation(Columns columns, int person, long asOf, Func<long, RuleTree?> segments)
{
    private readonly HashSet<long> _open = [];

    public Verdict Of(RuleTree rule) => Of(rule.Match);

    private Verdict Of(Node node) => node switch
    {
        Group group => OfGroup(group),
        TraitNode trait => OfTrait(trait),
        EventNode happened => OfEvent(happened),
        SegmentNode segment => OfSegment(segment),
        ConsentNode consent => OfConsent(consent),
        _ => throw new InvalidOperationException("Unknown part of a rule."),
    };

    private static Verdict Plain(Node node, bool holds, params IReadOnlyList<Verdict> of) =>
        new(node, holds, Fact.Absent, null, 0, null, of);

    private Verdict OfGroup(Group group)
    {
        var parts = group.Of.Select(Of).ToList();
        return Plain(
            group,
            group.Kind switch
            {
                GroupKind.All => parts.TrueForAll(part => part.Holds),
                GroupKind.Any => parts.Exists(part => part.Holds),
                _ => !parts.Exists(part => part.Holds),
            },
            parts);
    }

    private Verdict OfTrait(TraitNode node)
    {
        var value = columns.TraitOf(person, node.Trait);
        return Plain(node, node.Condition.Holds(value, asOf)) with { Value = value };
    }

    private Verdict OfSegment(SegmentNode node)
    {
        if (segments(node.SegmentId) is not { } rule || !_open.Add(node.SegmentId))
        {
            return Plain(node, false);
        }

        var verdict = Of(rule.Match);
        _open.Remove(node.SegmentId);
        return Plain(node, verdict.Holds, verdict);
    }

    private Verdict OfConsent(ConsentNode node)
    {
        var rows = columns.People.LastId + 1;
        using var latest = Rented<byte>.Zeros(rows);
        columns.Consents.Latest(node.Purpose, node.Channel, asOf, columns.People.Canonical[..rows], latest.Span);
        var held = latest.Span[person];
        var status = held == 0 ? ConsentWanted.NeverAsked : (ConsentWanted)held;
        return Plain(node, status == node.Status) with { Status = held == 0 ? null : status };
    }

    private Verdict OfEvent(EventNode node)
    {
        var times = new List<long>();
        var values = new List<double>();
        var (from, to) = EventPass.Window(node, asOf);
        foreach (var table in EventPass.Tables(columns, node))
        {
            Collect(table, node, from, to, times, values);
        }

        if (node.Measure is Measure.First or Measure.Last)
        {
            long? at = times.Count == 0 ? null : node.Measure == Measure.First ? times.Min() : times.Max();
            var (after, before) = node.Time.At(asOf);
            return Plain(node, at >= after && at < before) with { At = at, Events = times.Count };
        }

        var number = node.Measure switch
        {
            Measure.Count => times.Count,
            Measure.Sum => values.Sum(),
            _ when values.Count == 0 => double.NaN,
            Measure.Average => values.Average(),
            Measure.Min => values.Min(),
            _ => values.Max(),
        };
        return Plain(node, node.Number.Holds(number)) with
        {
            Value = double.IsNaN(number) ? Fact.Absent : Fact.Of(number), At = times.Count == 0 ? null : times.Max(), Events = times.Count,
        };
    }

    private void Collect(EventTable table, EventNode node, long from, long to, List<long> times, List<double> values)
    {
        var (first, end) = table.Rows(from, to);
        var profiles = table.Profiles;
        var canonical = columns.People.Canonical;
        for (var row = first; row < end; row++)
        {
            if (canonical[profiles[row]] != person || !Passes(table, node, row))
            {
                continue;
            }

            times.Add(table.Times[row]);
            if (node.Property is { } property && table.Properties.GetValueOrDefault(property)?.FactAt(row).AsNumber() is { } number
                && !double.IsNaN(number))
            {
                values.Add(number);
            }
        }
    }

    private bool Passes(EventTable table, EventNode node, int row) => node.Where.All(filter =>
        filter.Condition.Holds(table.Properties.GetValueOrDefault(filter.Property)?.FactAt(row) ?? Fact.Absent, asOf));
}
