using System.Text.Json;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>A mapping that somebody gave a name.</summary>
/// <param name="Header">The columns of the file that it was made for, in their order.</param>
/// <param name="Shape">How that file was written.</param>
/// <param name="SourceId">Where such files come from; null: not said.</param>
internal sealed record SavedMapping(
    long Id, string Name, IReadOnlyList<string> Header, ImportMapping Mapping, CsvShape Shape, long? SourceId, long SavedAt, string Actor);

/// <summary>Saved mappings on the store.</summary>
internal static class MappingStore
{
    private const string Sequence = "ingestion.mapping";

    private const string Columns = """
        SELECT id AS Id, name AS Name, header AS Header, mapping AS Mapping, encoding AS Encoding, delimiter AS Delimiter, quote AS Quote,
               has_header AS HasHeader, source_id AS SourceId, saved_at AS SavedAt, actor AS Actor
        FROM   ingestion_mapping
        """;

    private const string Insert = """
        INSERT INTO ingestion_mapping (id, name, name_key, header, mapping, encoding, delimiter, quote, has_header, source_id, saved_at, actor)
        VALUES (@Id, @Name, @NameKey, @Header, @Mapping, @Encoding, @Delimiter, @Quote, @HasHeader, @SourceId, @SavedAt, @Actor)
        """;

    private const string Update = """
        UPDATE ingestion_mapping
        SET    name = @Name, name_key = @NameKey, header = @Header, mapping = @Mapping, encoding = @Encoding, delimiter = @Delimiter, quote = @Quote,
               has_header = @HasHeader, source_id = @SourceId, saved_at = @SavedAt, actor = @Actor
        WHERE  id = @Id
        """;

    public static IReadOnlyList<SavedMapping> All(ReadSession read) =>
        [.. read.Query<Row>($"{Columns} ORDER BY name_key").Select(Of)];

    public static SavedMapping? Find(ReadSession read, long id) =>
        read.FirstOrDefault<Row>($"{Columns} WHERE id = @id", new { id }) is { } row ? Of(row) : null;

    public static SavedMapping? FindByName(ReadSession read, string name) =>
        read.FirstOrDefault<Row>($"{Columns} WHERE name_key = @key", new { key = KeyOf(name) }) is { } row ? Of(row) : null;

    /// <summary>Writes it; id 0: a new one, which gets an id.</summary>
    public static SavedMapping Save(WriteSession write, SavedMapping mapping)
    {
        var kept = mapping.Id == 0 ? mapping with { Id = write.NextSeq(Sequence) } : mapping;
        write.Execute(mapping.Id == 0 ? Insert : Update, new
        {
            kept.Id, kept.Name, NameKey = KeyOf(kept.Name), Header = JsonSerializer.Serialize(kept.Header), Mapping = kept.Mapping.ToJson(),
            kept.Shape.Encoding, Delimiter = kept.Shape.Delimiter.ToString(), Quote = kept.Shape.Quote.ToString().ToLowerInvariant(), HasHeader = kept.Shape.HasHeader ? 1L : 0, kept.SourceId,
            kept.SavedAt, kept.Actor,
        });
        write.Advance(Sequence, mapping.Id == 0 ? 1 : 0);
        return kept;
    }

    public static void Delete(WriteSession write, long id) => write.Execute("DELETE FROM ingestion_mapping WHERE id = @id", new { id });

    private static string KeyOf(string name) => name.Trim().ToUpperInvariant();

    private static SavedMapping Of(Row row) => new(
        row.Id, row.Name, JsonSerializer.Deserialize<string[]>(row.Header)!, ImportMapping.Parse(row.Mapping).Value,
        new CsvShape(row.Encoding, row.Delimiter[0], row.HasHeader == 1, 0, Enum.Parse<CsvQuote>(row.Quote, ignoreCase: true)), row.SourceId, row.SavedAt, row.Actor);

    private sealed record Row
    {
        public long Id { get; init; }

        public string Name { get; init; } = "";

        public string Header { get; init; } = "";

        public string Mapping { get; init; } = "";

        public string Encoding { get; init; } = "";

        public string Delimiter { get; init; } = "";

        public string Quote { get; init; } = "";

        public long HasHeader { get; init; }

        public long? SourceId { get; init; }

        public long SavedAt { get; init; }

        public string Actor { get; init; } = "";
    }
}
