namespace CdpMonolith.Ingestion.Rules;

/// <summary>How well a mapping that was made for one table suits another.</summary>
internal static class MappingFit
{
    /// <summary>From this likeness on a saved mapping is offered.</summary>
    public const double Nearly = 0.6;

    /// <summary>Columns that both tables have among all of either; letter case and spaces around names do not matter.</summary>
    /// <value>0 to 1.</value>
    public static double Likeness(IEnumerable<string> one, IEnumerable<string> other)
    {
        var (left, right) = (KeysOf(one), KeysOf(other));
        var shared = left.Count(right.Contains);
        var all = left.Count + right.Count - shared;
        return all == 0 ? 0 : (double)shared / all;
    }

    /// <summary>Columns of the first table that the second has not.</summary>
    public static IReadOnlyList<string> Without(IEnumerable<string> of, IEnumerable<string> than)
    {
        var known = KeysOf(than);
        return [.. of.Where(name => !known.Contains(KeyOf(name)))];
    }

    /// <summary>The mapping under the names that the table has; columns that it does not know are left out.</summary>
    public static ImportMapping For(ImportMapping mapping, IEnumerable<string> header)
    {
        var known = new Dictionary<string, ColumnMapping>(StringComparer.Ordinal);
        foreach (var (name, column) in mapping.Columns)
        {
            known.TryAdd(KeyOf(name), column);
        }

        return mapping with
        {
            Columns = header.Distinct().Where(name => known.ContainsKey(KeyOf(name))).ToDictionary(name => name, name => mapping.Columns.GetValueOrDefault(name) ?? known[KeyOf(name)]),
        };
    }

    private static HashSet<string> KeysOf(IEnumerable<string> names) => [.. names.Select(KeyOf)];

    private static string KeyOf(string name) => name.Trim().ToUpperInvariant();
}
