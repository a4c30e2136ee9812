using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>Something that was sent and could not be taken.</summary>
/// <param name="Reason">Code, such as <c>event.id_missing</c>.</param>
/// <param name="Route">What the path said it is: a type in lower case, <c>call</c> when the call itself must say, <c>batch</c> for a whole body.</param>
/// <param name="Raw">The bytes as sent, or the first of them.</param>
/// <param name="RawBytes">How many were sent; more than <paramref name="Raw"/> has when only the head was kept.</param>
/// <param name="Envelope">What its batch said for all: a JSON object with context, integrations, sentAt; null: nothing.</param>
/// <param name="ReceivedAt">Unix ms.</param>
/// <param name="Tries">How often a replay was refused.</param>
internal sealed record Quarantined(
    long Id, long SourceId, string Reason, string Message, string? Field, string Route, byte[] Raw, long RawBytes,
    string? Envelope, long ReceivedAt, long? ImportId, long Tries)
{
    public bool IsHeadOnly => RawBytes > Raw.Length;
}

/// <summary>How many are put aside for one reason.</summary>
internal sealed record QuarantineCount(string Reason, long Count, long LastAt);

/// <summary>The quarantine of the door.</summary>
internal sealed class QuarantineStore(IStore store)
{
    private const string Log = "ingestion.quarantine";

    private const string Insert = """
        INSERT INTO ingestion_quarantine
            (id, source_id, reason, message, field, route, raw, raw_bytes, envelope, received_at, import_id)
        VALUES
            (@Id, @SourceId, @Reason, @Message, @Field, @Route, @Raw, @RawBytes, @Envelope, @ReceivedAt, @ImportId)
        """;

    private const string Columns = """
        id          AS Id,
        source_id   AS SourceId,
        reason      AS Reason,
        message     AS Message,
        field       AS Field,
        route       AS Route,
        raw         AS Raw,
        raw_bytes   AS RawBytes,
        envelope    AS Envelope,
        received_at AS ReceivedAt,
        import_id   AS ImportId,
        tries       AS Tries
        """;

    private const string ReadOne = $"SELECT {Columns} FROM ingestion_quarantine WHERE id = @id";
    private const string ReadPage = $"""
        SELECT {Columns}
        FROM   ingestion_quarantine
        WHERE  (@reason IS NULL OR reason = @reason) AND (@sourceId IS NULL OR source_id = @sourceId) AND id < @before
        ORDER  BY id DESC
        LIMIT  @limit
        """;

    private const string ReadOfSource = $"""
        SELECT {Columns}
        FROM   ingestion_quarantine
        WHERE  id > @after AND source_id = @sourceId
        ORDER  BY id DESC
        LIMIT  @limit
        """;

    private const string ReadIds = """
        SELECT id
        FROM   ingestion_quarantine
        WHERE  reason = @reason AND (@sourceId IS NULL OR source_id = @sourceId)
        ORDER  BY id
        """;

    private const string ReadCounts = """
        SELECT reason                AS Reason,
               COUNT(*)              AS Count,
               MAX(received_at)      AS LastAt
        FROM   ingestion_quarantine
        WHERE  @sourceId IS NULL OR source_id = @sourceId
        GROUP  BY reason
        ORDER  BY COUNT(*) DESC, reason
        """;

    private const string CountAll = "SELECT COUNT(*) FROM ingestion_quarantine";
    private const string Delete = "DELETE FROM ingestion_quarantine WHERE id = @id";
    private const string DeleteReason = "DELETE FROM ingestion_quarantine WHERE reason = @reason";
    private const string DeleteOld = """
        DELETE FROM ingestion_quarantine
        WHERE  id IN (SELECT id FROM ingestion_quarantine WHERE received_at < @before ORDER BY id LIMIT @limit)
        """;

    private const string DeleteUpTo = """
        DELETE FROM ingestion_quarantine
        WHERE  id IN (SELECT id FROM ingestion_quarantine WHERE id <= @last ORDER BY id LIMIT @limit)
        """;

    private const string FindBeyond = """
        SELECT MAX(id)
        FROM   (SELECT id, SUM(LENGTH(raw)) OVER (ORDER BY id DESC) AS bytes FROM ingestion_quarantine) AS newer
        WHERE  bytes > @most
        """;

    private const string ReadAfter = $"""
        SELECT {Columns}
        FROM   ingestion_quarantine
        WHERE  (CAST(@reason AS TEXT) IS NULL OR reason = @reason) AND id > @after
        ORDER  BY id
        LIMIT  @limit
        """;

    private const string Failed = """
        UPDATE ingestion_quarantine
        SET    tries = tries + 1, reason = @Code, message = @Message, field = @Field
        WHERE  id = @id
        """;

    /// <summary>How far back the latest of one source are looked for.</summary>
    private const int LookBack = 5_000;

    /// <summary>Puts something aside; its id is given here.</summary>
    public static void Put(WriteSession write, Quarantined item)
    {
        write.Execute(Insert, item with { Id = write.NextSeq(Log) });
        write.Advance(Log, 1);
    }

    public Task<Quarantined?> FindAsync(long id, CancellationToken ct) =>
        store.ReadAsync(read => read.FirstOrDefault<Quarantined>(ReadOne, new { id }), ct);

    /// <summary>Those of them that are there, oldest first.</summary>
    public Task<IReadOnlyList<Quarantined>> FindAsync(IReadOnlyCollection<long> ids, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<Quarantined>>(
            read => [.. ids.Order().Select(id => read.FirstOrDefault<Quarantined>(ReadOne, new { id })).OfType<Quarantined>()], ct);

    /// <summary>Newest first, those with an id below <paramref name="before"/>.</summary>
    /// <param name="sourceId">Null: of every source.</param>
    public Task<IReadOnlyList<Quarantined>> ReadAsync(string? reason, long? sourceId, long before, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<Quarantined>>(
            read => read.Query<Quarantined>(ReadPage, new { reason, sourceId, before, limit }).AsList(), ct);

    /// <summary>The newest of a source, newest first, among the last that were put aside.</summary>
    public static IReadOnlyList<Quarantined> Latest(ReadSession read, long sourceId, int limit)
    {
        var after = read.Scalar<long?>("SELECT MAX(id) FROM ingestion_quarantine") - LookBack ?? 0;
        return read.Query<Quarantined>(ReadOfSource, new { after, sourceId, limit }).AsList();
    }

    /// <param name="sourceId">Null: of every source.</param>
    public Task<IReadOnlyList<long>> IdsAsync(string reason, long? sourceId, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<long>>(read => read.Query<long>(ReadIds, new { reason, sourceId }).AsList(), ct);

    /// <param name="sourceId">Null: of every source.</param>
    public Task<IReadOnlyList<QuarantineCount>> CountsAsync(long? sourceId, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<QuarantineCount>>(
            read =>
            [
                // A tuple: columns that are counted have no type while there are no rows, and a record's constructor asks for one.
                .. read.Query<(string Reason, long Count, long LastAt)>(ReadCounts, new { sourceId })
                    .Select(row => new QuarantineCount(row.Reason, row.Count, row.LastAt)),
            ], ct);

    /// <summary>Oldest first, those with an id above <paramref name="after"/>.</summary>
    public Task<IReadOnlyList<Quarantined>> ReadAfterAsync(string? reason, long after, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<Quarantined>>(read => read.Query<Quarantined>(ReadAfter, new { reason, after, limit }).AsList(), ct);

    /// <summary>The newest of those that must go so that the rest has at most so many bytes; null: none must.</summary>
    public static long? BeyondSize(ReadSession read, long bytes) => read.Scalar<long?>(FindBeyond, new { most = bytes });

    /// <param name="before">Unix ms.</param>
    public static int RemoveOld(WriteSession write, long before, int limit) => write.Execute(DeleteOld, new { before, limit });

    public static int RemoveUpTo(WriteSession write, long last, int limit) => write.Execute(DeleteUpTo, new { last, limit });

    public static long Count(ReadSession read) => read.Scalar<long>(CountAll);

    public static int Remove(WriteSession write, long id) => write.Execute(Delete, new { id });

    public static int RemoveReason(WriteSession write, string reason) => write.Execute(DeleteReason, new { reason });

    /// <summary>A replay was refused, perhaps for another reason than before.</summary>
    public static void MarkFailed(WriteSession write, long id, Rules.Refusal refusal) =>
        write.Execute(Failed, new { id, refusal.Code, refusal.Message, refusal.Field });
}

file static class Lists
{
    public static List<T> AsList<T>(this IEnumerable<T> rows) => rows as List<T> ?? [.. rows];
}
