using System.Text.Json;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Platform;
using CsvHelper;

namespace CdpMonolith.Activation.Deliver;

/// <summary>Rows on their way into a file of one format, in UTF-8.</summary>
internal abstract class Table : IAsyncDisposable
{
    public abstract ValueTask AddAsync(IReadOnlyList<JsonElement?> row, CancellationToken ct);

    public abstract ValueTask DisposeAsync();

    public static Table Of(Destination destination, Stream stream, IReadOnlyList<string> columns) =>
        destination.Setting(FileSettings.Format) == "ndjson"
            ? new JsonLines(stream, columns)
            : new CsvRows(stream, columns, new CsvWriterOptions
            {
                Separator = destination.Setting(FileSettings.Delimiter) switch { "semicolon" => ';', "tab" => '\t', _ => ',' },
                WriteByteOrderMark = destination.Setting(FileSettings.ByteOrderMark) == "true",
            });

    private sealed class CsvRows : Table
    {
        private readonly CsvWriter _csv;

        public CsvRows(Stream stream, IReadOnlyList<string> columns, CsvWriterOptions options)
        {
            _csv = CsvWriter.Create(stream, options, leaveOpen: true);
            WriteCells(columns);
            _csv.EndRecord();
        }

        public override ValueTask AddAsync(IReadOnlyList<JsonElement?> row, CancellationToken ct)
        {
            WriteCells(row.Select(Payload.Text));
            return _csv.EndRecordAsync(ct);
        }

        public override ValueTask DisposeAsync() => _csv.DisposeAsync();

        private void WriteCells(IEnumerable<string> cells)
        {
            foreach (var cell in cells)
            {
                _csv.WriteField(Cell.Defused(cell));
            }
        }
    }

    private sealed class JsonLines(Stream stream, IReadOnlyList<string> columns) : Table
    {
        private static readonly JsonSerializerOptions Plain = new()
        {
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };

        public override async ValueTask AddAsync(IReadOnlyList<JsonElement?> row, CancellationToken ct)
        {
            await JsonSerializer.SerializeAsync(
                stream, columns.Zip(row).ToDictionary(pair => pair.First, pair => pair.Second), Plain, ct);
            stream.WriteByte((byte)'\n');
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
