using CdpMonolith.Ingestion.Rules;
using CsvHelper;

namespace CdpMonolith.Ingestion.Import;

/// <summary>Reads a delimited file row by row, packed or not, however large.</summary>
internal sealed class CsvRows : IDisposable
{
    private const int BufferBytes = 1 << 16;
    private const int CellAtMost = 1_000_000;
    private const int RecordAtMost = 64 * 1024 * 1024;

    private readonly FileStream _file;
    private readonly StreamReader _text;
    private readonly CsvReader _reader;
    private string[]? _first;
    private bool _badQuotes;

    public CsvRows(string path, CsvShape shape, UnpackBounds? bounds = null)
    {
        _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes, FileOptions.SequentialScan);
        _text = new StreamReader(Packed.Open(_file, bounds), CsvShape.EncodingOf(shape.Encoding), detectEncodingFromByteOrderMarks: true, BufferBytes);
        for (var line = 0; line < shape.SkippedLines; line++)
        {
            _text.ReadLine();
        }

        _reader = CsvReader.Create(
            _text,
            CsvReaderOptions.Default with
            {
                Separator = shape.Delimiter, Quote = shape.QuoteSign, HasHeader = false, PoolStrings = true, MaxRecordSize = RecordAtMost,
                // A quotation mark inside a cell is text; one that does not close is a fault of the row.
                OnMalformedRecord = record => _badQuotes |= record.Reason is CsvMalformedReason.UnterminatedQuote or CsvMalformedReason.TextAfterClosingQuote,
            },
            leaveOpen: true);
        _first = _reader.Read() ? _reader.Current.ToArray() : null;
        Header = shape.HasHeader
            ? Named(_first ?? [])
            : [.. (_first ?? []).Select((_, at) => FormattableString.Invariant($"Column {at + 1}"))];
        if (shape.HasHeader)
        {
            _first = null;
        }
    }

    /// <summary>Names of the columns; a name that is missing or repeated gets one of its own.</summary>
    public IReadOnlyList<string> Header { get; }

    /// <summary>Number of the current row; the first data row is 1.</summary>
    public long Row { get; private set; }

    /// <summary>Cells of the current row; valid until the next <see cref="Read"/>.</summary>
    public IReadOnlyList<string> Cells { get; private set; } = [];

    /// <summary>What is wrong with the current row as text; null: nothing.</summary>
    public RowProblem? Problem { get; private set; }

    /// <summary>0 to 1: how much of the file was read.</summary>
    public double Share => _file.Length == 0 ? 1 : (double)_file.Position / _file.Length;

    /// <summary>Goes to the next row. False at the end.</summary>
    public bool Read()
    {
        _badQuotes = false;
        if (_first is { } first)
        {
            (Cells, _first) = (first, null);
        }
        else if (_reader.Read())
        {
            Cells = _reader.Current.ToArray();
        }
        else
        {
            return false;
        }

        Row++;
        Problem = _badQuotes
            ? new RowProblem("row.quotes", "A quotation mark in the row has no partner.")
            : IsTooLong(Cells) ? new RowProblem("cell.too_long", "A cell has more than a million characters.") : null;
        return true;
    }

    /// <summary>The beginning of a file as it is once unpacked, for guessing.</summary>
    public static (byte[] Head, bool IsWhole) Head(string path, int bytes)
    {
        using var file = File.OpenRead(path);
        using var unpacked = Packed.Open(file);
        var head = new byte[bytes];
        var got = unpacked.ReadAtLeast(head, bytes, throwOnEndOfStream: false);
        return (head[..got], got < bytes);
    }

    private static bool IsTooLong(IReadOnlyList<string> cells)
    {
        for (var n = 0; n < cells.Count; n++)
        {
            if (cells[n].Length > CellAtMost)
            {
                return true;
            }
        }

        return false;
    }

    public void Dispose()
    {
        _reader.Dispose();
        _text.Dispose();
        _file.Dispose();
    }

    private static List<string> Named(string[] cells)
    {
        var names = new List<string>();
        for (var at = 0; at < cells.Length; at++)
        {
            var wanted = cells[at].Trim() is { Length: > 0 } given ? given : FormattableString.Invariant($"Column {at + 1}");
            var name = wanted;
            for (var n = 2; names.Contains(name); n++)
            {
                name = FormattableString.Invariant($"{wanted} ({n})");
            }

            names.Add(name);
        }

        return names;
    }
}
