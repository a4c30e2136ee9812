using System.Globalization;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>What the values of a trait or property mostly are.</summary>
internal enum ValueKind
{
    Text,
    Number,
    Truth,
    Time,
}

/// <summary>An event name that came, and how often.</summary>
internal sealed record KnownEvent(string Name, int Count);

/// <summary>The words that rules can use: what came in so far. From the columns, so it costs no query.</summary>
internal sealed class Vocabulary(AudienceColumns columns) : ITraitValues
{
    private const int RowsLookedAt = 20_000;
    private const int TextsLookedAt = 100;

    public bool IsReady => columns.Loaded;

    public IReadOnlyList<string> Traits() => columns.Peek<IReadOnlyList<string>>(all => [.. all.Traits.Keys.Order(StringComparer.OrdinalIgnoreCase)]);

    /// <summary>Most frequent first.</summary>
    public IReadOnlyList<KnownEvent> Events() => columns.Peek<IReadOnlyList<KnownEvent>>(all =>
        [.. all.Events.Values.OrderByDescending(table => table.Count).Select(table => new KnownEvent(table.Name, table.Count))]);

    /// <summary>Properties of an event; null: of any.</summary>
    public IReadOnlyList<string> Properties(string? name) => columns.Peek<IReadOnlyList<string>>(all =>
        [.. Tables(all, name).SelectMany(table => table.Properties.Keys).Distinct().Order(StringComparer.OrdinalIgnoreCase)]);

    public ValueKind KindOfTrait(string trait) => columns.Peek(all => KindOf(all.Traits.GetValueOrDefault(trait)));

    public ValueKind KindOfProperty(string? name, string property) => columns.Peek(all =>
        KindOf(Tables(all, name).Select(table => table.Properties.GetValueOrDefault(property)).FirstOrDefault(column => column is not null)));

    public IReadOnlyList<TraitValue> Of(string trait) => columns.Peek<IReadOnlyList<TraitValue>>(all =>
    {
        if (!all.Traits.TryGetValue(trait, out var column))
        {
            return [];
        }

        var codes = new int[column.CodeCount];
        foreach (var code in column.Codes)
        {
            codes[code]++;
        }

        var numbers = new Dictionary<double, int>();
        foreach (var number in column.Numbers)
        {
            if (!double.IsNaN(number))
            {
                numbers[number] = numbers.GetValueOrDefault(number) + 1;
            }
        }

        return
        [
            .. codes.Select((people, code) => (People: people, Fact: column.FactOf(code))).Skip(Column.NoCode + 1).Where(one => one.People > 0)
                .Select(one => new TraitValue(one.Fact.AsText()!, one.People))
                .Concat(numbers.Select(one => new TraitValue(one.Key.ToString(CultureInfo.InvariantCulture), one.Value)))
                .OrderByDescending(value => value.People).ThenBy(value => value.Value, StringComparer.Ordinal),
        ];
    });

    /// <summary>Values of a trait that people have, most frequent first.</summary>
    public IReadOnlyList<string> ValuesOfTrait(string trait, int limit) => columns.Peek(all =>
        all.Traits.TryGetValue(trait, out var column) ? Frequent([(column, all.TraitRows.Count)], limit) : []);

    /// <summary>Values of a property that came with an event (null: any), most frequent first.</summary>
    public IReadOnlyList<string> ValuesOfProperty(string? name, string property, int limit) => columns.Peek(all => Frequent(
        [.. from table in Tables(all, name)
            where table.Properties.ContainsKey(property)
            select (table.Properties[property], table.Count)], limit));

    private static IEnumerable<EventTable> Tables(Columns all, string? name) =>
        name is null ? all.Events.Values : all.Events.TryGetValue(name, out var table) ? [table] : [];

    private static IReadOnlyList<string> Frequent(IReadOnlyList<(Column Column, int Rows)> columns, int limit)
    {
        var counts = new Dictionary<string, int>();
        foreach (var (column, rows) in columns)
        {
            var byCode = new Dictionary<int, int>();
            for (var row = Math.Max(0, rows - RowsLookedAt); row < rows; row++)
            {
                if (row < column.Codes.Length && column.Codes[row] is var code and not Column.NoCode)
                {
                    byCode[code] = byCode.GetValueOrDefault(code) + 1;
                }
            }

            foreach (var (code, count) in byCode.OrderByDescending(entry => entry.Value).Take(limit))
            {
                var text = column.FactOf(code).AsText()!;
                counts[text] = counts.GetValueOrDefault(text) + count;
            }
        }

        return [.. counts.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key, StringComparer.Ordinal).Take(limit).Select(entry => entry.Key)];
    }

    private static ValueKind KindOf(Column? column)
    {
        if (column is null)
        {
            return ValueKind.Text;
        }

        var texts = Math.Min(TextsLookedAt, column.Texts.Count);
        if (texts == 0)
        {
            return column.Numbers.IsEmpty ? (column.Codes.IsEmpty ? ValueKind.Text : ValueKind.Truth) : ValueKind.Number;
        }

        var facts = Enumerable.Range(0, texts).Select(text => Fact.Of(column.Texts.Text(text))).ToList();
        return facts.TrueForAll(fact => fact.AsTime() != IsoTime.None) ? ValueKind.Time
            : facts.TrueForAll(fact => !double.IsNaN(fact.AsNumber())) ? ValueKind.Number
            : facts.TrueForAll(fact => fact.AsTruth() is not null) ? ValueKind.Truth
            : ValueKind.Text;
    }
}
