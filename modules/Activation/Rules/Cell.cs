using System.Text.RegularExpressions;

namespace CdpMonolith.Activation.Rules;

/// <summary>Keeps a spreadsheet from running what a person typed into a form.</summary>
internal static partial class Cell
{
    /// <summary>
    /// The value with an apostrophe before it when a spreadsheet would take it for a formula; a number and a phone number are
    /// none and stay as they are.
    /// </summary>
    public static string Defused(string value) =>
        value.Length > 0 && value[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n' or '＝' or '＋' or '－' or '＠' && !Harmless().IsMatch(value)
            ? $"'{value}"
            : value;

    /// <summary>A signed number, or a phone number in digits and the marks between them; without operators between digits.</summary>
    [GeneratedRegex(@"\A([+-]?[0-9]+([.,][0-9]+)?|\+[0-9]+( ?\(?[0-9]+\)?)*)\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Harmless();
}
