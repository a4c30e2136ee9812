using System.Text.RegularExpressions;

namespace CdpMonolith.Platform;

/// <summary>A cell of a table that leaves us. It keeps a spreadsheet from running what a person typed into a form.</summary>
/// <remarks>After OWASP, CSV Injection; full-width signs are taken for formulas by some spreadsheets too.</remarks>
public static partial class Cell
{
    /// <summary>
    /// The value with an apostrophe before it when a spreadsheet would take it for a formula; a number and a phone number are
    /// none and stay as they are.
    /// </summary>
    public static string Defused(string value) =>
        value.Length > 0 && value[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n' or '＝' or '＋' or '－' or '＠' && !Harmless().IsMatch(value)
            ? $"'{value}"
            : value;

    /// <summary>The defused value as a cell of a CSV file with commas (RFC 4180), quoted where it must be; empty for null.</summary>
    public static string Csv(string? value)
    {
        var safe = Defused(value ?? "");
        return safe.AsSpan().ContainsAny(",\"\r\n") ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }

    /// <summary>A signed number, or a phone number in digits and the marks between them; without operators between digits.</summary>
    [GeneratedRegex(@"\A([+-]?[0-9]+([.,][0-9]+)?|\+[0-9]+( ?\(?[0-9]+\)?)*)\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Harmless();
}
