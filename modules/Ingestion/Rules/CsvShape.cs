using System.Text;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using CdpMonolith.Platform;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>What stands around a cell that holds a delimiter or a line break. Stored by name.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CsvQuote>))]
internal enum CsvQuote
{
    [JsonStringEnumMemberName("double")] Double,
    [JsonStringEnumMemberName("single")] Single,

    /// <summary>Quotation marks are text.</summary>
    [JsonStringEnumMemberName("none")] None,
}

/// <summary>How a delimited file is written.</summary>
/// <param name="Encoding">Name of the encoding: <c>utf-8</c>, <c>utf-16</c>, <c>utf-16BE</c>, <c>windows-1252</c> or <c>windows-874</c>.</param>
/// <param name="Delimiter">Comma, semicolon, tab or pipe.</param>
/// <param name="HasHeader">The first row names the columns.</param>
/// <param name="Quote">What stands around cells.</param>
/// <param name="SkippedLines">Lines before the first row that are no data, such as Excel's <c>sep=;</c>.</param>
internal sealed partial record CsvShape(string Encoding, char Delimiter, bool HasHeader, int SkippedLines, CsvQuote Quote = CsvQuote.Double)
{
    private const int SampleRows = 50;
    private const int ThaiRun = 3;
    private const int WideSampleBytes = 64 * 1024;
    private static readonly char[] Delimiters = [',', ';', '\t', '|'];

    static CsvShape() => System.Text.Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    /// <summary>The encodings that can be chosen.</summary>
    public static IReadOnlyList<string> Encodings { get; } = ["utf-8", "utf-16", "utf-16BE", "windows-1252", "windows-874"];

    /// <summary>An encoding that marks what it cannot read with U+FFFD.</summary>
    public static Encoding EncodingOf(string name) => System.Text.Encoding.GetEncoding(name);

    /// <summary>The sign around cells; for none one that no text has.</summary>
    public char QuoteSign => SignOf(Quote);

    /// <summary>The file is read in two bytes a character.</summary>
    public bool IsWide => Encoding is "utf-16" or "utf-16BE";

    /// <summary>The same with what somebody says of it; null says nothing.</summary>
    /// <param name="delimiter">One sign, or <c>comma</c>, <c>semicolon</c>, <c>tab</c> or <c>bar</c>.</param>
    public Outcome<CsvShape> With(string? encoding, string? delimiter, bool? hasHeader, CsvQuote? quote)
    {
        if (encoding is not null && !Encodings.Contains(encoding, StringComparer.OrdinalIgnoreCase))
        {
            return new Problem("file.encoding_unknown", $"The encoding must be one of {string.Join(", ", Encodings)}.", "encoding");
        }

        var sign = delimiter switch
        {
            null => Delimiter,
            "comma" => ',',
            "semicolon" => ';',
            "tab" or "\\t" => '\t',
            "bar" or "pipe" => '|',
            [var one] when one is > ' ' and < '\u007F' and not ('"' or '\'') && !char.IsAsciiLetterOrDigit(one) => one,
            "\t" => '\t',
            _ => '\0',
        };
        return sign == '\0'
            ? new Problem("file.delimiter_unknown", "The delimiter must be one sign, or comma, semicolon, tab or bar.", "delimiter")
            : this with
            {
                Encoding = encoding is null ? Encoding : Encodings.First(known => known.Equals(encoding, StringComparison.OrdinalIgnoreCase)),
                Delimiter = sign, HasHeader = hasHeader ?? HasHeader, Quote = quote ?? Quote,
            };
    }

    /// <summary>Guesses from the beginning of a file.</summary>
    /// <param name="head">The first bytes, unpacked; up to 256 kB are looked at.</param>
    /// <param name="isWhole">The file ends where <paramref name="head"/> ends.</param>
    public static CsvShape Guess(ReadOnlySpan<byte> head, bool isWhole)
    {
        var encoding = GuessEncoding(head, isWhole);
        var text = EncodingOf(encoding).GetString(head).TrimStart('\uFEFF');
        var skipped = 0;
        char? told = null;
        if (text.StartsWith("sep=", StringComparison.OrdinalIgnoreCase) && text.Length > 4)
        {
            (told, skipped) = (text[4], 1);
            text = text[(text.IndexOf('\n', StringComparison.Ordinal) + 1)..];
        }

        var quote = InSingleQuotes().Count(text) > InDoubleQuotes().Count(text) ? CsvQuote.Single : CsvQuote.Double;
        var delimiter = told ?? GuessDelimiter(text, SignOf(quote));
        return new CsvShape(encoding, delimiter, GuessHeader(text, delimiter, SignOf(quote)), skipped, quote);
    }

    private static char SignOf(CsvQuote quote) => quote switch
    {
        CsvQuote.Double => '"',
        CsvQuote.Single => '\'',
        _ => '\u001F',
    };

    /// <summary>A whole cell, with the delimiter or line end behind it.</summary>
    [GeneratedRegex("""(?<=^|[,;\t|])'(?:[^'\r\n]|'')*'(?=[,;\t|\r\n]|$)""", RegexOptions.Multiline)]
    private static partial Regex InSingleQuotes();

    [GeneratedRegex("""(?<=^|[,;\t|])"(?:[^"\r\n]|"")*"(?=[,;\t|\r\n]|$)""", RegexOptions.Multiline)]
    private static partial Regex InDoubleQuotes();

    private static string GuessEncoding(ReadOnlySpan<byte> head, bool isWhole)
    {
        if (head.StartsWith("\uFEFF"u8))
        {
            return "utf-8";
        }

        if (head is [0xFF, 0xFE, ..])
        {
            return "utf-16";
        }

        if (head is [0xFE, 0xFF, ..])
        {
            return "utf-16BE";
        }

        if (head.IsEmpty)
        {
            return "utf-8";
        }

        if (GuessUnmarkedUtf16(head) is { } wide)
        {
            return wide;
        }

        // The cut may go through a character: up to three bytes at the end are forgiven.
        for (var cut = 0; cut <= (isWhole ? 0 : Math.Min(3, head.Length)); cut++)
        {
            if (System.Text.Unicode.Utf8.IsValid(head[..^cut]))
            {
                return "utf-8";
            }
        }

        return GuessSingleByte(head);
    }

    /// <summary>Marks between cells, digits and line ends are below U+0100 in any language: half of their two bytes is zero.</summary>
    private static string? GuessUnmarkedUtf16(ReadOnlySpan<byte> head)
    {
        int first = 0, second = 0;
        var pairs = Math.Min(head.Length, WideSampleBytes) / 2;
        for (var n = 0; n < pairs; n++)
        {
            first += head[2 * n] == 0 ? 1 : 0;
            second += head[2 * n + 1] == 0 ? 1 : 0;
        }

        return second * 10 >= pairs && first * 10 < second ? "utf-16"
            : first * 10 >= pairs && second * 10 < first ? "utf-16BE"
            : null;
    }

    /// <summary>
    /// Thai text in windows-874 is runs of bytes from 0xA1 to 0xFB; western text in windows-1252 has such bytes one at a time,
    /// between letters. A file that is UTF-8 but for a few bytes stays UTF-8, so that the rest is read rightly.
    /// </summary>
    private static string GuessSingleByte(ReadOnlySpan<byte> head)
    {
        int high = 0, inRuns = 0, run = 0, wellFormed = 0, broken = 0;
        for (var i = 0; i < head.Length; i++)
        {
            if (head[i] < 0x80)
            {
                run = 0;
                continue;
            }

            high++;
            run = head[i] is >= 0xA1 and <= 0xFB ? run + 1 : 0;
            inRuns += run > ThaiRun ? 1 : run == ThaiRun ? ThaiRun : 0;
            if (Rune.DecodeFromUtf8(head[i..], out _, out var length) == System.Buffers.OperationStatus.Done)
            {
                wellFormed++;
                (i, high) = (i + length - 1, high + length - 1);
            }
            else
            {
                broken++;
            }
        }

        return wellFormed > broken ? "utf-8" : inRuns * 2 > high ? "windows-874" : "windows-1252";
    }

    /// <summary>The one that cuts the first rows into the same number of cells, the more cells the better.</summary>
    private static char GuessDelimiter(string text, char quote)
    {
        var best = (Delimiter: ',', Score: 0.0);
        foreach (var delimiter in Delimiters)
        {
            var counts = Rows(text, delimiter, quote).Take(SampleRows).Select(row => row.Count).ToList();
            if (counts.Count == 0 || counts[0] < 2)
            {
                continue;
            }

            var alike = counts.Count(count => count == counts[0]) / (double)counts.Count;
            var score = alike * (1 + Math.Log(counts[0]));
            if (score > best.Score)
            {
                best = (delimiter, score);
            }
        }

        return best.Delimiter;
    }

    /// <summary>A header has words only, each once; values have digits, at signs, empty cells or repeats.</summary>
    private static bool GuessHeader(string text, char delimiter, char quote)
    {
        var first = Rows(text, delimiter, quote).FirstOrDefault();
        return first is null
            || !first.Any(cell => cell.Contains('@', StringComparison.Ordinal)
                || (cell.Length > 0 && cell.All(letter => char.IsAsciiDigit(letter) || letter is '.' or ',' or '-' or '/' or ':' or ' ' or '+')));
    }

    /// <summary>Cuts text into rows: enough for guessing; the real reading is the library's.</summary>
    private static IEnumerable<List<string>> Rows(string text, char delimiter, char quote)
    {
        var row = new List<string>();
        var cell = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            var letter = text[i];
            if (quoted)
            {
                if (letter != quote)
                {
                    cell.Append(letter);
                }
                else if (i + 1 < text.Length && text[i + 1] == quote)
                {
                    cell.Append(quote);
                    i++;
                }
                else
                {
                    quoted = false;
                }
            }
            else if (letter == quote && cell.Length == 0)
            {
                quoted = true;
            }
            else if (letter == delimiter)
            {
                row.Add(cell.ToString());
                cell.Clear();
            }
            else if (letter is '\n' or '\r')
            {
                if (row.Count > 0 || cell.Length > 0)
                {
                    row.Add(cell.ToString());
                    cell.Clear();
                    yield return row;
                    row = [];
                }
            }
            else
            {
                cell.Append(letter);
            }
        }
    }
}
