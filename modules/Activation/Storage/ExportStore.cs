using CdpMonolith.Platform.Store;

namespace CdpMonolith.Activation.Storage;

/// <summary>A file that was written for a sync.</summary>
/// <param name="FileName">Within the sync's folder.</param>
/// <param name="Ready">False: its rows are chosen and the file is being written, or will be after a crash.</param>
internal sealed record ExportFile(
    long Id, long SyncId, string FileName, bool Ready, long RowCount, long SizeBytes, long BegunAt, long? ReadyAt);

internal sealed class ExportStore(IStore store)
{
    private const string Columns = """
        SELECT id         AS Id,
               sync_id    AS SyncId,
               file_name  AS FileName,
               ready      AS Ready,
               row_count  AS RowCount,
               size_bytes AS SizeBytes,
               begun_at   AS BegunAt,
               ready_at   AS ReadyAt
        FROM   activation_export
        """;

    private const string OfSync = $"{Columns} WHERE sync_id = @syncId ORDER BY id DESC LIMIT @limit";

    private const string ById = $"{Columns} WHERE id = @id";

    private const string Insert = """
        INSERT INTO activation_export (id, sync_id, file_name, ready, row_count, size_bytes, begun_at)
        VALUES (@id, @syncId, @fileName, 0, 0, 0, @now)
        """;

    private const string SetReady = """
        UPDATE activation_export
        SET    ready = 1, row_count = @rows, size_bytes = @bytes, ready_at = @now
        WHERE  id = @id
        """;

    private const string Remove = "DELETE FROM activation_export WHERE id = @id AND ready = 0";

    /// <summary>Latest first.</summary>
    public Task<IReadOnlyList<ExportFile>> OfSyncAsync(long syncId, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<ExportFile>>(
            read => [.. read.Query<Row>(OfSync, new { syncId, limit }).Select(row => row.Read())], ct);

    public Task<ExportFile?> FindAsync(long id, CancellationToken ct) =>
        store.ReadAsync(read => read.FirstOrDefault<Row>(ById, new { id })?.Read(), ct);

    public ExportFile Add(WriteSession write, long syncId, Func<long, string> nameOf, long now)
    {
        var id = write.NextSeq("activation.export_id");
        var fileName = nameOf(id);
        write.Execute(Insert, new { id, syncId, fileName, now });
        write.Advance("activation.export_id", 1);
        return new ExportFile(id, syncId, fileName, false, 0, 0, now, null);
    }

    public void MarkReady(WriteSession write, long id, long rows, long bytes, long now) =>
        write.Execute(SetReady, new { id, rows, bytes, now });

    /// <summary>It would have had no row.</summary>
    public void Drop(WriteSession write, long id) => write.Execute(Remove, new { id });

    private sealed record Row(
        long Id, long SyncId, string FileName, long Ready, long RowCount, long SizeBytes, long BegunAt, long? ReadyAt)
    {
        public ExportFile Read() => new(Id, SyncId, FileName, Ready == 1, RowCount, SizeBytes, BegunAt, ReadyAt);
    }
}
