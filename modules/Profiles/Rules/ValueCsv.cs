using System.Text;
using CdpMonolith.Platform;
using CsvHelper;

namespace CdpMonolith.Profiles.Rules;

/// <summary>What is wrong with a row of a table of values.</summary>
/// <param name="Row">The first row below the heading is 1; 0: the heading, or the file as a whole.</param>
internal sealed record ValueCsvFault(int Row, string Code, string Message);

/// <summary>
/// A table of values as a CSV file that a spreadsheet opens: a line for each way of writing, with the columns <c>value</c> and
/// <c>written</c>. A value that is written in no other way has one line with an empty second cell.
/// </summary>
internal static class ValueCsv
{
    public const int BytesAtMost = 4 * 1024 * 1024;

    private const int FaultsAtMost = 100;
    private const int TextAtMost = 200;
    private const int Heading = 0;

    public static string Write(ValueTable table)
    {
        var text = new StringBuilder("value,written\r\n");
        foreach (var value in table.Values)
        {
            foreach (var written in value.Written.DefaultIfEmpty(""))
            {
                text.Append(Cell.Csv(value.Value)).Append(',').Append(Cell.Csv(written)).Append("\r\n");
            }
        }

        return text.ToString();
    }

    /// <summary>The values of a file, in the order in which they come; or all that is wrong with it, by row.</summary>
    /// <remarks>Commas, semicolons or tabs; UTF-8, or UTF-16 with its mark. Columns of other names are left out.</remarks>
    public static (IReadOnlyList<StandardValue> Values, IReadOnlyList<ValueCsvFault> Faults) Read(byte[] bytes)
    {
        if (TextOf(bytes) is not { } text)
        {
            return ([], [new ValueCsvFault(Heading, "values.not_text", "The file is not text in UTF-8. Save the table as “CSV UTF-8” and load that.")]);
        }

        var faults = new List<ValueCsvFault>();
        var values = new List<StandardValue>();
        var writtenOf = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var taken = new Dictionary<string, (string Value, int Row)>();
        var (valueAt, writtenAt, width, row) = (-1, -1, 0, -1);
        foreach (var (cells, isOpen) in Rows(text))
        {
            row++;
            if (isOpen)
            {
                faults.Add(new ValueCsvFault(row, "values.quote_open", "A quotation mark is opened and not closed."));
                break;
            }

            if (row == Heading)
            {
                width = cells.Count;
                (valueAt, writtenAt) = (PlaceOf(cells, "value"), PlaceOf(cells, "written"));
                if (valueAt < 0 || writtenAt < 0)
                {
                    return ([], [new ValueCsvFault(Heading, "values.columns_missing", "The first line must name the columns: value and written.")]);
                }

                continue;
            }

            var (value, written) = (CellOf(cells, valueAt), CellOf(cells, writtenAt));
            if (FaultOf(cells, width, value, written) is { } fault)
            {
                faults.Add(fault with { Row = row });
            }
            else if (value.Length > 0)
            {
                if (!writtenOf.TryGetValue(value, out var others))
                {
                    values.Add(new StandardValue(value, others = writtenOf[value] = []));
                    IsNew(value);
                }

                if (written.Length > 0 && IsNew(written))
                {
                    others.Add(written);
                }
            }

            if (faults.Count >= FaultsAtMost)
            {
                break;
            }

            bool IsNew(string what)
            {
                if (taken.TryAdd(Standards.KeyOf(what), (value, row)))
                {
                    return true;
                }

                var (other, at) = taken[Standards.KeyOf(what)];
                if (other != value)
                {
                    faults.Add(new ValueCsvFault(row, "values.written_twice", $"'{what}' cannot stand for '{value}': it stands for '{other}' since row {at}."));
                }

                return false;
            }
        }

        if (row < Heading)
        {
            faults.Add(new ValueCsvFault(Heading, "values.columns_missing", "The first line must name the columns: value and written."));
        }
        else if (faults.Count == 0 && values.Count == 0)
        {
            faults.Add(new ValueCsvFault(Heading, "values.empty", "Below the heading the file has no values."));
        }

        return (values, faults);
    }

    private static ValueCsvFault? FaultOf(IReadOnlyList<string> cells, int width, string value, string written) =>
        cells.Count > width ? new ValueCsvFault(0, "values.too_many_cells", "It has more cells than the heading. A comma within a text needs quotation marks around the text.")
        : value.Length == 0 && written.Length > 0 ? new ValueCsvFault(0, "values.value_missing", $"It does not say what '{Short(written)}' stands for.")
        : value.Length > TextAtMost || written.Length > TextAtMost ? new ValueCsvFault(0, "values.too_long", $"A value has at most {TextAtMost} characters.")
        : null;

    private static string Short(string text) => text.Length > 50 ? text[..50] + "…" : text;

    private static int PlaceOf(IReadOnlyList<string> heading, string name) => heading.ToList().FindIndex(cell => cell.Trim().Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Without white space around, and without the apostrophe that was put before what looks like a formula.</summary>
    private static string CellOf(IReadOnlyList<string> cells, int at)
    {
        var text = at < cells.Count ? cells[at].Trim() : "";
        return text is ['\'', ..] && Cell.Defused(text[1..]) == text ? text[1..].Trim() : text;
    }

    private static string? TextOf(byte[] bytes)
    {
        Encoding encoding = bytes is [0xFF, 0xFE, ..] ? new UnicodeEncoding(false, true, true) : bytes is [0xFE, 0xFF, ..] ? new UnicodeEncoding(true, true, true)
            : new UTF8Encoding(false, true);
        try
        {
            var text = encoding.GetString(bytes).TrimStart('\uFEFF');
            return text.Contains('\0', StringComparison.Ordinal) ? null : text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>The rows; the sign between cells is the one of comma, semicolon and tab that comes first.</summary>
    private static IEnumerable<(IReadOnlyList<string> Cells, bool IsOpen)> Rows(string text)
    {
        var isOpen = false;
        using var rows = CsvReader.Create(
            new StringReader(text),
            CsvReaderOptions.Default with
            {
                Separator = text.AsSpan().IndexOfAny(",;\t\n") is var first and >= 0 && text[first] != '\n' ? text[first] : ',',
                HasHeader = false,
                OnMalformedRecord = record => isOpen |= record.Reason is CsvMalformedReason.UnterminatedQuote,
            });
        while (rows.Read())
        {
            yield return (rows.Current.ToArray(), isOpen);
        }
    }
}
