using CdpMonolith.Profiles.Rules;

namespace CdpMonolith.Profiles.Pages;

/// <summary>A table of values while it is being made; fields are never null, so that inputs can be bound to them.</summary>
internal sealed class ValueTableDraft
{
    public string Trait { get; set; } = "";

    public List<Entry> Entries { get; } = [];

    public static ValueTableDraft Of(ValueTable table)
    {
        var draft = new ValueTableDraft { Trait = table.Trait };
        draft.Take(table.Values);
        return draft;
    }

    /// <summary>Puts these values in place of what there is.</summary>
    public void Take(IReadOnlyList<StandardValue> values)
    {
        Entries.Clear();
        foreach (var value in values)
        {
            var entry = new Entry { Value = value.Value };
            entry.Written.AddRange(value.Written);
            Entries.Add(entry);
        }
    }

    public ValueTable ToTable() => new(
        Trait, [.. Entries.Where(entry => entry.Value.Trim().Length > 0 || entry.Written.Count > 0).Select(entry => new StandardValue(entry.Value, [.. entry.Written]))]);

    /// <summary>One value as it should be.</summary>
    internal sealed class Entry
    {
        public string Value { get; set; } = "";

        public List<string> Written { get; } = [];

        /// <summary>What stands in the field for another way of writing.</summary>
        public string More { get; set; } = "";

        public void Add()
        {
            if (More.Trim() is { Length: > 0 } text && !Written.Contains(text))
            {
                Written.Add(text);
            }

            More = "";
        }
    }
}
