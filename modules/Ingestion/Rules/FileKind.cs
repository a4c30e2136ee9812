using System.Text.Json;
using CdpMonolith.Platform;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Recognises files that are no tables by how they begin, so that they are refused with a word on what to do.</summary>
internal static class FileKind
{
    private const string Code = "file.not_table";

    private static readonly (byte[] Mark, string Said)[] Marks =
    [
        ([0x1F, 0x8B], "The file is packed twice. Unpack it once and bring in what is inside."),
        ([(byte)'P', (byte)'K', 3, 4], "The file is packed twice. Unpack it once and bring in what is inside."),
        ([0x89, (byte)'P', (byte)'N', (byte)'G'], Picture),
        ([0xFF, 0xD8, 0xFF], Picture),
        ([(byte)'G', (byte)'I', (byte)'F', (byte)'8'], Picture),
        ([(byte)'%', (byte)'P', (byte)'D', (byte)'F', (byte)'-'], "This is a PDF document. Bring in the table that it was made of, as CSV."),
        ([0xD0, 0xCF, 0x11, 0xE0], "This is an old Excel or Word document. Open it, save the table as CSV, and bring that in."),
        ([(byte)'P', (byte)'A', (byte)'R', (byte)'1'], "This is a Parquet file. Save the table as CSV and bring that in."),
        ([.. "SQLite format 3"u8], "This is a SQLite database. Save the table as CSV and bring that in."),
        ([(byte)'7', (byte)'z', 0xBC, 0xAF], "This is a 7z archive. Unpack it and bring in the table that is inside."),
        ([(byte)'R', (byte)'a', (byte)'r', (byte)'!'], "This is a RAR archive. Unpack it and bring in the table that is inside."),
    ];

    private const string Picture = "This is a picture, not a table. Save the table as CSV and bring that in.";

    /// <summary>Why the file cannot be a table; null: it can.</summary>
    /// <param name="head">Its first bytes, unpacked.</param>
    public static Problem? NoTable(ReadOnlySpan<byte> head)
    {
        foreach (var (mark, said) in Marks)
        {
            if (head.StartsWith(mark))
            {
                return new Problem(Code, said, "file");
            }
        }

        var text = head.StartsWith("\uFEFF"u8) ? head[3..] : head;
        text = text.TrimStart(" \t\r\n"u8);
        return Begins(text, "<!doctype html"u8) || Begins(text, "<html"u8) || Begins(text, "<head"u8)
            ? new Problem(Code, "This is a web page, as it comes when a download needs a sign-in. Download the table itself, as CSV.", "file")
            : Begins(text, "<?xml"u8) ? new Problem(Code, "This is an XML document. Save the table as CSV and bring that in.", "file")
            : IsJson(text) ? new Problem(Code, "This is JSON. Send it to the tracking API, or save the table as CSV and bring that in.", "file")
            : null;
    }

    /// <summary>Why a zip of these parts is no packed table; null: it may be one.</summary>
    public static Problem? OfParts(IReadOnlyCollection<string> names) =>
        names.Contains("xl/workbook.xml") || names.Contains("xl/workbook.bin")
            ? new Problem(Code, "This is an Excel workbook. Save the sheet as CSV (in Excel: Save As, CSV UTF-8) and bring that in.", "file")
        : names.Contains("word/document.xml") ? new Problem(Code, "This is a Word document. Save the table as CSV and bring that in.", "file")
        : names.Contains("content.xml") && names.Contains("mimetype")
            ? new Problem(Code, "This is an OpenDocument file. Save the sheet as CSV and bring that in.", "file")
        : null;

    private static bool Begins(ReadOnlySpan<byte> text, ReadOnlySpan<byte> with) =>
        text.Length >= with.Length && System.Text.Ascii.EqualsIgnoreCase(text[..with.Length], with);

    /// <summary>An object or a list: its first member or item can be read, which no row of a table could.</summary>
    private static bool IsJson(ReadOnlySpan<byte> text)
    {
        if (text is not [(byte)'{' or (byte)'[', ..])
        {
            return false;
        }

        try
        {
            var reader = new Utf8JsonReader(text, isFinalBlock: false, state: default);
            return reader.Read() && reader.Read()
                && (text[0] == '{' ? reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.EndObject && (reader.TokenType == JsonTokenType.EndObject || reader.Read())
                    : reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray or JsonTokenType.EndArray || (reader.Read() && reader.TokenType != JsonTokenType.None));
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
