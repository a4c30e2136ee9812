using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>How a source takes webhooks.</summary>
/// <param name="Proof">none, token or hmac.</param>
/// <param name="Header">The header that carries the token or the signature.</param>
/// <param name="Secret">Protected; null: none.</param>
/// <param name="Purpose">The consent purpose that marketing flags are about.</param>
/// <param name="Mapping">JSON; null: none.</param>
/// <param name="Refused">Webhooks without a right signature, ever.</param>
/// <param name="RefusedAt">The last of them, Unix ms.</param>
internal sealed record HookRow(
    long SourceId, string Proof, string Header, string? Secret, string Purpose, string? Mapping, long Refused, long? RefusedAt);

/// <summary>A webhook as it came.</summary>
/// <param name="State">A <see cref="Rules.HookState"/> in lower case.</param>
/// <param name="Subject">The order that it is about.</param>
/// <param name="Seq">Its first event.</param>
/// <param name="Events">How many calls it became.</param>
internal sealed record HookCallRow(
    long Id, long SourceId, string Topic, string Delivery, string State, string? Reason, string? Message, string? Subject, long? Seq,
    long Events, long ReceivedAt, byte[] Raw);

/// <summary>Webhooks of one state.</summary>
internal sealed record HookCount(string State, long Count);

/// <summary>Webhooks on the store: how sources take them, and what came.</summary>
internal static class HookStore
{
    /// <summary>The log of what came, which wakes the mapper.</summary>
    public const string Log = "ingestion.hook_call";

    private const string Columns = """
        id          AS Id,
        source_id   AS SourceId,
        topic       AS Topic,
        delivery    AS Delivery,
        state       AS State,
        reason      AS Reason,
        message     AS Message,
        subject     AS Subject,
        seq         AS Seq,
        events      AS Events,
        received_at AS ReceivedAt,
        raw         AS Raw
        """;

    private const string ReadSettings = """
        SELECT source_id  AS SourceId,
               proof      AS Proof,
               header     AS Header,
               secret     AS Secret,
               purpose    AS Purpose,
               mapping    AS Mapping,
               refused    AS Refused,
               refused_at AS RefusedAt
        FROM   ingestion_hook
        WHERE  source_id = @sourceId
        """;

    private const string Upsert = """
        INSERT INTO ingestion_hook (source_id, proof, header, secret, purpose, mapping)
        VALUES (@SourceId, @Proof, @Header, @Secret, @Purpose, @Mapping)
        ON CONFLICT (source_id) DO UPDATE
        SET proof = excluded.proof, header = excluded.header, secret = excluded.secret, purpose = excluded.purpose, mapping = excluded.mapping
        """;

    private const string CountRefused = """
        INSERT INTO ingestion_hook (source_id, proof, header, purpose, refused, refused_at)
        VALUES (@sourceId, '', '', '', @more, @at)
        ON CONFLICT (source_id) DO UPDATE
        SET refused = ingestion_hook.refused + excluded.refused, refused_at = excluded.refused_at
        """;

    private const string Insert = """
        INSERT INTO ingestion_hook_call (id, source_id, topic, delivery, state, received_at, raw)
        VALUES (@id, @sourceId, @topic, @delivery, 'waiting', @at, @raw)
        ON CONFLICT (source_id, delivery) DO NOTHING
        """;

    private const string ReadWaiting = $"SELECT {Columns} FROM ingestion_hook_call WHERE state = 'waiting' AND id > @after ORDER BY id LIMIT @limit";
    private const string ReadOne = $"SELECT {Columns} FROM ingestion_hook_call WHERE id = @id AND source_id = @sourceId";

    private const string ReadPage = $"""
        SELECT   {Columns}
        FROM     ingestion_hook_call
        WHERE    source_id = @sourceId AND (CAST(@state AS TEXT) IS NULL OR state = @state) AND id < @before
        ORDER BY id DESC
        LIMIT    @limit
        """;

    private const string ReadCounts = """
        SELECT   state AS State, COUNT(*) AS Count
        FROM     ingestion_hook_call
        WHERE    source_id = @sourceId
        GROUP BY state
        """;

    private const string FindOrder = """
        SELECT   seq
        FROM     ingestion_hook_call
        WHERE    source_id = @sourceId AND subject = @subject AND seq IS NOT NULL
        ORDER BY id
        LIMIT    1
        """;

    private const string Finish = """
        UPDATE ingestion_hook_call
        SET    state = @state, reason = @reason, message = @message, subject = @subject, seq = @seq, events = @events
        WHERE  id = @id AND state = 'waiting'
        """;

    private const string Again = """
        UPDATE ingestion_hook_call
        SET    state = 'waiting'
        WHERE  source_id = @sourceId AND (id = @id OR @id = 0) AND state IN ('failed', 'unknown')
        """;

    private const string Delete = "DELETE FROM ingestion_hook_call WHERE source_id = @sourceId AND id = @id";

    private const string DeleteUnused = """
        DELETE FROM ingestion_hook_call
        WHERE  id IN (
            SELECT id FROM ingestion_hook_call WHERE state IN ('failed', 'unknown', 'ignored') AND received_at < @before ORDER BY id LIMIT @limit)
        """;

    /// <summary>Of what is events, the bytes of the newest stay to be looked at; of orders, the row stays, since a refund asks for it.</summary>
    private const string Trim = """
        UPDATE ingestion_hook_call
        SET    raw = @nothing
        WHERE  id <= @before AND id > @before - @keep AND state IN ('done', 'ignored')
        """;

    public static HookRow? Find(ReadSession read, long sourceId) => read.Query<HookRow>(ReadSettings, new { sourceId }).FirstOrDefault();

    public static void Save(WriteSession write, HookRow row) => write.Execute(Upsert, row);

    public static void AddRefused(WriteSession write, long sourceId, long more, long at) => write.Execute(CountRefused, new { sourceId, more, at });

    /// <summary>False: it came before.</summary>
    public static bool Put(WriteSession write, long sourceId, string topic, string delivery, byte[] raw, long at, int keep)
    {
        var id = write.NextSeq(Log);
        if (write.Execute(Insert, new { id, sourceId, topic, delivery, at, raw }) == 0)
        {
            return false;
        }

        write.Advance(Log, 1);
        if (id % keep == 0)
        {
            write.Execute(Trim, new { before = id - keep, keep = (long)keep * 2, nothing = Array.Empty<byte>() });
        }

        return true;
    }

    public static IReadOnlyList<HookCallRow> Waiting(ReadSession read, long after, int limit) => [.. read.Query<HookCallRow>(ReadWaiting, new { after, limit })];

    public static HookCallRow? Call(ReadSession read, long sourceId, long id) => read.Query<HookCallRow>(ReadOne, new { sourceId, id }).FirstOrDefault();

    public static IReadOnlyList<HookCallRow> Calls(ReadSession read, long sourceId, string? state, long before, int limit) =>
        [.. read.Query<HookCallRow>(ReadPage, new { sourceId, state, before, limit })];

    /// <remarks>By way of a tuple: a column that is counted has no type while there are no rows, and a record's constructor asks for one.</remarks>
    public static IReadOnlyList<HookCount> Counts(ReadSession read, long sourceId) =>
        [.. read.Query<(string State, long Count)>(ReadCounts, new { sourceId }).Select(row => new HookCount(row.State, row.Count))];

    /// <summary>The first event about an order; null: none.</summary>
    public static long? EventOf(ReadSession read, long sourceId, string subject) =>
        read.Query<long?>(FindOrder, new { sourceId, subject }).FirstOrDefault();

    public static void End(
        WriteSession write, long id, string state, string? reason, string? message, string? subject, long? seq, long events) =>
        write.Execute(Finish, new { id, state, reason, message, subject, seq, events });

    /// <param name="id">0: all that failed or were unknown.</param>
    public static int MapAgain(WriteSession write, long sourceId, long id)
    {
        var count = write.Execute(Again, new { sourceId, id });
        if (count > 0)
        {
            write.Advance(Log, 1);
        }

        return count;
    }

    /// <param name="before">Unix ms.</param>
    public static int RemoveUnused(WriteSession write, long before, int limit) => write.Execute(DeleteUnused, new { before, limit });

    public static int Remove(WriteSession write, long sourceId, long id) => write.Execute(Delete, new { sourceId, id });
}
