using System.Globalization;
using CdpMonolith.Platform.Store;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Tests.Segmentation;

/// <summary>
/// The second opinion: a rule as one SQL statement over what the modules have stored, JSON and all. It shares the rule's tree
/// with the columns, and nothing of how they answer.
/// </summary>
/// <param name="segments">The rule of another segment.</param>
internal sealed class SqlReference(long asOf, Func<long, RuleTree> segments)
{
    /// <summary>What rules ask about, taken together once from the tables of the modules.</summary>
    public const string Tables = """
        CREATE TABLE test_person AS SELECT id FROM profiles_profile WHERE id = canonical_id;
        CREATE TABLE test_trait AS
            SELECT p.id AS person, COALESCE(g.traits, '{}') AS doc
            FROM   test_person p LEFT JOIN profiles_golden g ON g.profile_id = p.id;
        CREATE TABLE test_event AS
            SELECT p.canonical_id AS person, c.occurred_at AS at,
                   CASE e.type WHEN 2 THEN e.name WHEN 3 THEN 'Page Viewed' WHEN 4 THEN 'Screen Viewed' WHEN 5 THEN 'Group Joined' END AS name,
                   CASE e.type WHEN 5 THEN json_set(COALESCE(e.body -> '$.traits', '{}'), '$.groupId', e.name)
                        ELSE COALESCE(e.body -> '$.properties', '{}') END AS doc
            FROM   profiles_change c
            JOIN   ingestion_event e ON e.seq = c.event_seq
            JOIN   profiles_profile p ON p.id = c.profile_id
            WHERE  c.kind = 1 AND e.type IN (2, 3, 4, 5);
        CREATE TABLE test_consent AS
            SELECT p.canonical_id AS person, l.purpose, l.channel, l.status, l.occurred_at AS at, l.seq
            FROM   consent_ledger l JOIN profiles_profile p ON p.id = l.profile_id;
        """;

    public IReadOnlyList<long> People(ReadSession read, RuleTree rule) =>
        [.. read.Query<long>($"SELECT p.id FROM test_person p WHERE {Of(rule.Match)} ORDER BY p.id")];

    private string Of(Node node) => node switch
    {
        Group { Kind: GroupKind.All } group => Join(group, " AND ", "1 = 1"),
        Group { Kind: GroupKind.Any } group => Join(group, " OR ", "1 = 0"),
        Group group => $"NOT {Join(group, " OR ", "1 = 0")}",
        TraitNode trait => $"p.id IN (SELECT person FROM test_trait WHERE {Of(trait.Condition, trait.Trait)})",
        SegmentNode segment => Of(segments(segment.SegmentId).Match),
        ConsentNode consent => Of(consent),
        EventNode happened => Of(happened),
        _ => throw new ArgumentOutOfRangeException(nameof(node)),
    };

    private string Join(Group group, string word, string empty) =>
        group.Of.Count == 0 ? $"({empty})" : $"({string.Join(word, group.Of.Select(Of))})";

    private string Of(ConsentNode node)
    {
        var latest = $"""
            SELECT person, status, ROW_NUMBER() OVER (PARTITION BY person ORDER BY at DESC, status DESC, seq DESC) AS place
            FROM   test_consent
            WHERE  purpose = {Text(node.Purpose)} AND channel IN ({Text(node.Channel)}, 'any') AND at <= {asOf}
            """;
        return node.Status == ConsentWanted.NeverAsked
            ? $"p.id NOT IN (SELECT person FROM ({latest}) l)"
            : $"p.id IN (SELECT person FROM ({latest}) l WHERE place = 1 AND status = {(int)node.Status})";
    }

    private string Of(EventNode node)
    {
        var (from, to) = node.Window.At(asOf);
        var where = string.Concat(
            $"at <= {asOf} AND at >= {from} AND at < {to}",
            node.Event is null ? "" : $" AND name = {Text(node.Event)}",
            string.Concat(node.Where.Select(filter => $" AND {Of(filter.Condition, filter.Property)}")));
        var value = node.Property is null ? "" : Number(node.Property);
        var measure = node.Measure switch
        {
            Measure.Count => "COUNT(*)",
            Measure.Sum => $"COALESCE(SUM({value}), 0)",
            Measure.Average => $"AVG({value})",
            Measure.Min => $"MIN({value})",
            Measure.Max => $"MAX({value})",
            Measure.First => "MIN(at)",
            _ => "MAX(at)",
        };
        var test = node.Measure is Measure.First or Measure.Last
            ? Within(node.Time, measure)
            : Compare(node.Op, node.Number, measure);
        var some = $"p.id IN (SELECT person FROM test_event WHERE {where} GROUP BY person HAVING {test})";
        return node.Measure is Measure.Count or Measure.Sum
            ? $"({some} OR ({Compare(node.Op, node.Number, "0")} AND p.id NOT IN (SELECT person FROM test_event WHERE {where})))"
            : some;
    }

    private string Of(Condition condition, string name)
    {
        var text = AsText(name);
        return condition switch
        {
            Presence presence => presence.Op == Op.Exists ? $"{text} IS NOT NULL" : $"{text} IS NULL",
            Sameness same => same.Negated ? $"NOT {AnyOf(same, name)}" : AnyOf(same, name),
            TextPart { Op: Op.Contains } part => $"COALESCE(instr(lower({text}), lower({Text(part.Part)})) > 0, 0)",
            TextPart { Op: Op.NotContains } part => $"NOT COALESCE(instr(lower({text}), lower({Text(part.Part)})) > 0, 0)",
            TextPart { Op: Op.StartsWith } part => $"COALESCE(substr(lower({text}), 1, {part.Part.Length}) = lower({Text(part.Part)}), 0)",
            TextPart part => $"COALESCE(substr(lower({text}), -{part.Part.Length}) = lower({Text(part.Part)}), 0)",
            Truth truth => $"COALESCE(lower({text}) = '{(truth.Wanted ? "true" : "false")}', 0)",
            Amount amount => $"COALESCE({Compare(amount.Op, amount.Test, Number(name))}, 0)",
            Moment moment => $"COALESCE({Within(moment.Range, Time(name))}, 0)",
            _ => throw new ArgumentOutOfRangeException(nameof(condition)),
        };
    }

    private static string AnyOf(Sameness same, string name) => "(" + string.Join(" OR ", same.Values.Select(value =>
        double.IsNaN(value.AsNumber())
            ? $"COALESCE({Kind(name)} IN ('text', 'true', 'false') AND lower({AsText(name)}) = lower({Text(value.AsText()!)}), 0)"
            : $"COALESCE({Number(name)} = {Text(value.AsNumber())}, 0)")) + ")";

    private static string Compare(Op op, NumberTest test, string value) => op switch
    {
        Op.Equals => $"{value} = {Text(test.From)}",
        Op.NotEquals => $"{value} <> {Text(test.From)}",
        Op.Lt => $"{value} < {Text(test.To)}",
        Op.Lte => $"{value} <= {Text(test.To)}",
        Op.Gt => $"{value} > {Text(test.From)}",
        Op.Gte => $"{value} >= {Text(test.From)}",
        _ => $"{value} BETWEEN {Text(test.From)} AND {Text(test.To)}",
    };

    private string Within(TimeRange range, string value)
    {
        var (from, to) = range.At(asOf);
        return $"({value} >= {from} AND {value} < {to})";
    }

    private static string Kind(string name) => $"json_type(doc, {Path(name)})";

    private static string Value(string name) => $"(doc ->> {Path(name)})";

    private static string AsText(string name) =>
        $"CASE {Kind(name)} WHEN 'text' THEN {Value(name)} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' " +
        $"WHEN 'integer' THEN CAST({Value(name)} AS TEXT) WHEN 'real' THEN CAST({Value(name)} AS TEXT) END";

    private static string Number(string name)
    {
        var digits = $"(CASE WHEN substr({Value(name)}, 1, 1) = '-' THEN substr({Value(name)}, 2) ELSE {Value(name)} END)";
        return $"CASE WHEN {Kind(name)} IN ('integer', 'real') THEN {Value(name)} WHEN {Kind(name)} = 'text' AND {digits} GLOB '[0-9]*' " +
            $"AND {digits} GLOB '*[0-9]' AND {digits} NOT GLOB '*[^0-9.]*' AND {digits} NOT GLOB '*.*.*' THEN CAST({Value(name)} AS REAL) END";
    }

    private static string Time(string name) =>
        $"CASE WHEN {Kind(name)} = 'text' AND {Value(name)} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' THEN unixepoch({Value(name)}) * 1000 END";

    private static string Path(string name) => Text("$" + string.Concat(name.Split('.').Select(part => $".\"{part}\"")));

    private static string Text(string text) => $"'{text.Replace("'", "''")}'";

    private static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}
