namespace CdpMonolith.Platform.Store;

/// <summary>
/// Many values in one question, <c>column IN (…)</c>: on PostgreSQL each question is a round trip. The text of the question is the same
/// however many values there are, so that it is prepared once; the last value fills the places that are left.
/// </summary>
public static class Lists
{
    /// <summary>Values in one question.</summary>
    public const int AtOnce = 100;

    /// <summary>The places of the values: <c>$1, $2, …</c>.</summary>
    public static readonly string Places = string.Join(", ", Enumerable.Range(1, AtOnce).Select(n => $"${n}"));

    /// <param name="values">1 to <see cref="AtOnce"/>.</param>
    public static Statement SetList(this Statement statement, IReadOnlyList<long> values)
    {
        for (var n = 0; n < AtOnce; n++)
        {
            statement.Set(n + 1, values[Math.Min(n, values.Count - 1)]);
        }

        return statement;
    }

    /// <inheritdoc cref="SetList(Statement, IReadOnlyList{long})"/>
    public static Statement SetList(this Statement statement, IReadOnlyList<string> values)
    {
        for (var n = 0; n < AtOnce; n++)
        {
            statement.Set(n + 1, values[Math.Min(n, values.Count - 1)]);
        }

        return statement;
    }
}
