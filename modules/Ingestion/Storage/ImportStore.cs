using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>A file that was brought in.</summary>
/// <param name="SizeBytes">As it lies on disk, packed or not.</param>
/// <param name="Sha256">Of those bytes, in lower-case hex.</param>
internal sealed record ImportFile(long Id, string Name, long SizeBytes, string Sha256, CsvShape Shape, long UploadedAt, string Actor);

/// <summary>The life of an import. Stored by name.</summary>
internal enum ImportState
{
    Queued,
    Running,
    Paused,
    Done,
    Failed,
    Cancelled,

    /// <summary>What it brought is being taken back.</summary>
    Undoing,

    /// <summary>As if it had never come.</summary>
    Undone,
}

/// <summary>A file on its way into the event log.</summary>
/// <param name="RowsDone">Data rows that were taken, for good or for the report; where it goes on after a stop.</param>
/// <param name="Stored">Calls that became events.</param>
/// <param name="Duplicates">Calls that were there already.</param>
/// <param name="Rejected">Rows in the report.</param>
/// <param name="Error">Why it failed, for people.</param>
internal sealed record FileImport(
    long Id, long FileId, string FileName, long SourceId, ImportMapping Mapping, ImportState State, long RowsDone, long Stored,
    long Duplicates, long Rejected, long CreatedAt, long? StartedAt, long? EndedAt, string Actor, string? Error);

/// <summary>A row that was not taken.</summary>
internal sealed record RejectedRow(long Row, string Code, string? Field, string Message, IReadOnlyList<string> Cells);

/// <summary>Files, imports and their reports on the store.</summary>
internal static class ImportStore
{
    private const string InsertFile = """
        INSERT INTO ingestion_file (id, name, size_bytes, sha256, encoding, delimiter, quote, has_header, skipped, uploaded_at, actor)
        VALUES (@Id, @Name, @SizeBytes, @Sha256, @Encoding, @Delimiter, @Quote, @HasHeader, @Skipped, @UploadedAt, @Actor)
        """;

    private const string UpdateShape = """
        UPDATE ingestion_file
        SET    encoding = @Encoding, delimiter = @Delimiter, quote = @Quote, has_header = @HasHeader, skipped = @Skipped
        WHERE  id = @id
               AND NOT EXISTS (SELECT 1 FROM ingestion_import WHERE file_id = @id AND state IN ('Queued', 'Running', 'Paused', 'Failed'))
        """;

    private const string SelectFile = """
        SELECT id AS Id, name AS Name, size_bytes AS SizeBytes, sha256 AS Sha256, encoding AS Encoding, delimiter AS Delimiter, quote AS Quote,
               has_header AS HasHeader, skipped AS Skipped, uploaded_at AS UploadedAt, actor AS Actor
        FROM   ingestion_file
        WHERE  id = @id
        """;

    private const string SelectUnusedFiles = """
        SELECT f.id
        FROM   ingestion_file AS f
        WHERE  f.actor = @actor AND NOT EXISTS (SELECT 1 FROM ingestion_import AS i WHERE i.file_id = f.id)
        """;

    private const string SelectSettledFiles = """
        SELECT f.id
        FROM   ingestion_file AS f
        WHERE  f.id > @after AND f.actor LIKE @actors AND f.uploaded_at < @before
          AND  NOT EXISTS (SELECT 1 FROM ingestion_import AS i WHERE i.file_id = f.id AND i.state NOT IN ('Done', 'Cancelled', 'Undone'))
        ORDER  BY f.id
        LIMIT  @limit
        """;

    private const string DeleteUnusedFile =
        "DELETE FROM ingestion_file WHERE id = @id AND NOT EXISTS (SELECT 1 FROM ingestion_import WHERE file_id = @id)";

    private const string InsertImport = """
        INSERT INTO ingestion_import (id, file_id, source_id, header_key, mapping, state, created_at, actor, after_seq)
        VALUES (@id, @fileId, @sourceId, @headerKey, @mapping, @state, @at, @actor, @afterSeq)
        """;

    private const string ImportColumns = """
        SELECT i.id AS Id, i.file_id AS FileId, f.name AS FileName, i.source_id AS SourceId, i.mapping AS Mapping, i.state AS State,
               i.rows_done AS RowsDone, i.stored AS Stored, i.duplicates AS Duplicates, i.rejected AS Rejected,
               i.created_at AS CreatedAt, i.started_at AS StartedAt, i.ended_at AS EndedAt, i.actor AS Actor, i.error AS Error
        FROM   ingestion_import AS i
        JOIN   ingestion_file   AS f ON f.id = i.file_id
        """;

    private const string SelectImport = $"{ImportColumns} WHERE i.id = @id";

    private const string SelectLatest = $"{ImportColumns} WHERE i.id < @before ORDER BY i.id DESC LIMIT @limit";

    private const string SelectLatestOfContent = $"{ImportColumns} WHERE f.sha256 = @sha256 AND i.rows_done > 0 AND i.state NOT IN ('Undoing', 'Undone') ORDER BY i.id DESC LIMIT 1";

    private const string SelectNext = $"{ImportColumns} WHERE i.state IN ('Queued', 'Running') AND i.id > @after ORDER BY i.id LIMIT 1";

    private const string SelectLastMapping =
        "SELECT mapping FROM ingestion_import WHERE header_key = @headerKey AND state <> 'Failed' ORDER BY id DESC LIMIT 1";

    private const string UpdateState = """
        UPDATE ingestion_import
        SET    state = @state, started_at = COALESCE(started_at, @startedAt), ended_at = @endedAt, error = @error
        WHERE  id = @id
        """;

    private const string AddProgress = """
        UPDATE ingestion_import
        SET    rows_done = $2, stored = stored + $3, duplicates = duplicates + $4, rejected = rejected + $5
        WHERE  id = $1
        """;

    private const string SelectRejects = """
        SELECT row_number, code, field, message, cells
        FROM   ingestion_import_reject
        WHERE  import_id = $1 AND row_number > $2
        ORDER  BY row_number
        LIMIT  $3
        """;

    private const string CountRejects = """
        SELECT code AS Code, COUNT(*) AS Count
        FROM   ingestion_import_reject
        WHERE  import_id = @id
        GROUP  BY code
        ORDER  BY COUNT(*) DESC, code
        """;

    private const string Files = "ingestion.file";
    private const string Imports = "ingestion.import";

    public static ImportFile AddFile(WriteSession write, string name, long size, string sha256, CsvShape shape, long now, string actor)
    {
        var file = new ImportFile(write.NextSeq(Files), name, size, sha256, shape, now, actor);
        write.Execute(InsertFile, new
        {
            file.Id, file.Name, file.SizeBytes, file.Sha256, shape.Encoding, Delimiter = shape.Delimiter.ToString(), Quote = shape.Quote.ToString().ToLowerInvariant(),
            HasHeader = shape.HasHeader ? 1L : 0, Skipped = (long)shape.SkippedLines, file.UploadedAt, file.Actor,
        });
        write.Advance(Files, 1);
        return file;
    }

    /// <returns>False: an import that may still go on reads the file as it was.</returns>
    public static bool SetShape(WriteSession write, long id, CsvShape shape) => write.Execute(UpdateShape, new
    {
        id, shape.Encoding, Delimiter = shape.Delimiter.ToString(), Quote = shape.Quote.ToString().ToLowerInvariant(), HasHeader = shape.HasHeader ? 1L : 0, Skipped = (long)shape.SkippedLines,
    }) > 0;

    public static ImportFile? FindFile(ReadSession read, long id) =>
        read.FirstOrDefault<FileRow>(SelectFile, new { id }) is { } row
            ? new ImportFile(
                row.Id, row.Name, row.SizeBytes, row.Sha256,
                new CsvShape(row.Encoding, row.Delimiter[0], row.HasHeader == 1, (int)row.Skipped, Enum.Parse<CsvQuote>(row.Quote, ignoreCase: true)), row.UploadedAt, row.Actor)
            : null;

    /// <summary>Files of an actor that no import reads.</summary>
    public static IReadOnlyList<long> UnusedFiles(ReadSession read, string actor) => [.. read.Query<long>(SelectUnusedFiles, new { actor })];

    /// <summary>Files of these actors whose imports have all ended, by id.</summary>
    /// <param name="actors">A pattern of LIKE.</param>
    /// <param name="before">Brought in before this, Unix ms.</param>
    public static IReadOnlyList<long> SettledFiles(ReadSession read, string actors, long before, long after, int limit) =>
        [.. read.Query<long>(SelectSettledFiles, new { actors, before, after, limit })];

    public static void RemoveUnused(WriteSession write, long id) => write.Execute(DeleteUnusedFile, new { id });

    public static long Add(WriteSession write, long fileId, long sourceId, string headerKey, ImportMapping mapping, long now, string actor)
    {
        var id = write.NextSeq(Imports);
        write.Execute(InsertImport, new
        {
            id, fileId, sourceId, headerKey, mapping = mapping.ToJson(), state = nameof(ImportState.Queued), at = now, actor,
            afterSeq = write.NextSeq(IEventLog.Log) - 1,
        });
        write.Advance(Imports, 1);
        return id;
    }

    public static FileImport? Find(ReadSession read, long id) =>
        read.FirstOrDefault<ImportRow>(SelectImport, new { id }) is { } row ? Of(row) : null;

    /// <summary>Newest first.</summary>
    public static IReadOnlyList<FileImport> Latest(ReadSession read, long before, int limit) =>
        [.. read.Query<ImportRow>(SelectLatest, new { before, limit }).Select(Of)];

    /// <summary>The newest import that took rows of a file with this content.</summary>
    public static FileImport? LatestOfContent(ReadSession read, string sha256) =>
        read.FirstOrDefault<ImportRow>(SelectLatestOfContent, new { sha256 }) is { } row ? Of(row) : null;

    /// <summary>What is to be run: one that was cut short comes before one that waits.</summary>
    /// <param name="after">Only those with a greater id.</param>
    public static FileImport? Next(ReadSession read, long after) => read.FirstOrDefault<ImportRow>(SelectNext, new { after }) is { } row ? Of(row) : null;

    /// <summary>The mapping last used for a file with these columns.</summary>
    public static ImportMapping? LastMapping(ReadSession read, string headerKey) =>
        read.FirstOrDefault<string>(SelectLastMapping, new { headerKey }) is { } json && ImportMapping.Parse(json).Met(out var mapping)
            ? mapping
            : null;

    public static void SetState(WriteSession write, long id, ImportState state, long now, string? error = null) =>
        write.Execute(UpdateState, new
        {
            id, state = state.ToString(), error,
            startedAt = state == ImportState.Running ? now : (long?)null,
            endedAt = state is ImportState.Done or ImportState.Failed or ImportState.Cancelled ? now : (long?)null,
        });

    /// <summary>How far it has come, with the rows that were not taken; in the transaction of those that were.</summary>
    public static void Progress(WriteSession write, long id, long rowsDone, int stored, int duplicates, IReadOnlyList<RejectedRow> rejected)
    {
        write.Prepare(AddProgress).Set(1, id).Set(2, rowsDone).Set(3, stored).Set(4, duplicates).Set(5, rejected.Count).Run();
        var rows = write.Append("ingestion_import_reject", "import_id, row_number, code, field, message, cells");
        foreach (var row in rejected)
        {
            rows.Add(id).Add(row.Row).Add(row.Code).Add(row.Field).Add(row.Message).Add(JsonSerializer.Serialize(row.Cells)).EndRow();
        }

        rows.Done();
    }

    public static IReadOnlyList<RejectedRow> Rejects(ReadSession read, long id, long after, int limit)
    {
        var found = new List<RejectedRow>();
        var rows = read.Prepare(SelectRejects).Set(1, id).Set(2, after).Set(3, limit);
        while (rows.Step())
        {
            found.Add(new RejectedRow(
                rows.Int64(0), rows.Text(1), rows.TextOrNull(2), rows.Text(3), JsonSerializer.Deserialize<string[]>(rows.Utf8(4))!));
        }

        return found;
    }

    public static IReadOnlyList<(string Code, long Count)> RejectsByReason(ReadSession read, long id) =>
        [.. read.Query<(string, long)>(CountRejects, new { id })];

    private static FileImport Of(ImportRow row) => new(
        row.Id, row.FileId, row.FileName, row.SourceId, ImportMapping.Parse(row.Mapping).Value, Enum.Parse<ImportState>(row.State),
        row.RowsDone, row.Stored, row.Duplicates, row.Rejected, row.CreatedAt, row.StartedAt, row.EndedAt, row.Actor, row.Error);

    private sealed record FileRow
    {
        public long Id { get; init; }

        public string Name { get; init; } = "";

        public long SizeBytes { get; init; }

        public string Sha256 { get; init; } = "";

        public string Encoding { get; init; } = "";

        public string Delimiter { get; init; } = "";

        public string Quote { get; init; } = "";

        public long HasHeader { get; init; }

        public long Skipped { get; init; }

        public long UploadedAt { get; init; }

        public string Actor { get; init; } = "";
    }

    private sealed record ImportRow
    {
        public long Id { get; init; }

        public long FileId { get; init; }

        public string FileName { get; init; } = "";

        public long SourceId { get; init; }

        public string Mapping { get; init; } = "";

        public string State { get; init; } = "";

        public long RowsDone { get; init; }

        public long Stored { get; init; }

        public long Duplicates { get; init; }

        public long Rejected { get; init; }

        public long CreatedAt { get; init; }

        public long? StartedAt { get; init; }

        public long? EndedAt { get; init; }

        public string Actor { get; init; } = "";

        public string? Error { get; init; }
    }
}
