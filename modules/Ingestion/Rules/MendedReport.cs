namespace CdpMonolith.Ingestion.Rules;

/// <summary>The report of rejected rows: a table that can be mended and brought in again as it is.</summary>
internal static class MendedReport
{
    /// <summary>What stands before the columns of the file itself.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["rejected_row", "rejected_reason", "rejected_column", "rejected_message"];

    /// <summary>How many columns at the beginning are the report's own: four or none.</summary>
    public static int OwnColumns(IReadOnlyList<string> header) => header.Take(Columns.Count).SequenceEqual(Columns) ? Columns.Count : 0;

    /// <summary>A cell of the report as it was in the file: without the apostrophe that kept a spreadsheet from running it.</summary>
    public static string Cell(string text) =>
        text.Length > 1 && text[0] == '\'' && Platform.Cell.Defused(text[1..]) == text ? text[1..] : text;
}
