using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>The undo of an import.</summary>
/// <param name="Seq">Events of the import up to this one are taken back; null: none is yet.</param>
/// <param name="Events">How many that are.</param>
/// <param name="AskedAt">Unix ms.</param>
/// <param name="EndedAt">Unix ms; null while it runs.</param>
/// <param name="Error">Why it stands still, for people.</param>
internal sealed record ImportUndo(long ImportId, long? Seq, long Events, long AskedAt, long? EndedAt, string Actor, string? Error);

/// <summary>Undos on the store.</summary>
internal sealed class UndoStore(IStore store) : IUndos
{
    private const string Insert =
        "INSERT INTO ingestion_undo (import_id, events, asked_at, actor) VALUES (@importId, 0, @at, @actor)";

    private const string Columns = """
        SELECT import_id AS ImportId, seq AS Seq, events AS Events, asked_at AS AskedAt, ended_at AS EndedAt, actor AS Actor, error AS Error
        FROM   ingestion_undo
        """;

    private const string SelectOne = $"{Columns} WHERE import_id = @importId";
    private const string SelectNext = $"{Columns} WHERE ended_at IS NULL AND error IS NULL ORDER BY asked_at, import_id LIMIT 1";
    private const string CountBegun = "SELECT COUNT(*) FROM ingestion_undo WHERE ended_at IS NULL AND error IS NULL AND seq IS NOT NULL";
    private const string SumEvents = "SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT) FROM ingestion_undo";
    private const string Move = "UPDATE ingestion_undo SET seq = @seq, events = events + @events WHERE import_id = @importId";
    private const string Finish = "UPDATE ingestion_undo SET ended_at = @at WHERE import_id = @importId";
    private const string SetError = "UPDATE ingestion_undo SET error = @error WHERE import_id = @importId";
    private const string TurnImport = "UPDATE ingestion_import SET state = @state WHERE id = @importId";
    private const string AfterSeq = "SELECT after_seq FROM ingestion_import WHERE id = @importId";

    private const string ReadEvents = """
        SELECT seq, source_id, type, message_id, user_id, anonymous_id, name, occurred_at, sent_at, received_at, flags, import_id, body
        FROM   ingestion_event
        WHERE  seq > $1 AND import_id = $2
        ORDER  BY seq
        LIMIT  $3
        """;

    private const string DropEvent = "DELETE FROM ingestion_event WHERE seq = $1";
    private const string DropRejects = "DELETE FROM ingestion_import_reject WHERE import_id = @importId";

    private const string ThatFoundThemThere = """
        SELECT i.id AS Id, i.file_id AS FileId, i.duplicates AS Duplicates
        FROM   ingestion_import AS i
        WHERE  i.source_id = @sourceId AND i.id <> @importId AND i.state = 'Done' AND i.duplicates > 0 AND i.ended_at >= @from
        ORDER  BY i.id
        """;

    private const string Again =
        "UPDATE ingestion_import SET state = 'Queued', rows_done = 0, duplicates = 0, rejected = 0, ended_at = NULL WHERE id = @importId";

    public bool IsTakingBack() => store.Read(read => read.Scalar<long>(CountBegun)) > 0;

    public static void Add(WriteSession write, long importId, long now, string actor)
    {
        write.Execute(Insert, new { importId, at = now, actor });
        Turn(write, importId, ImportState.Undoing);
    }

    public static ImportUndo? Find(ReadSession read, long importId) => read.FirstOrDefault<UndoRow>(SelectOne, new { importId })?.ToUndo();

    /// <summary>The undo whose turn it is.</summary>
    public static ImportUndo? Next(ReadSession read) => read.FirstOrDefault<UndoRow>(SelectNext)?.ToUndo();

    /// <summary>Events that were ever taken back.</summary>
    public static long EventsTakenBack(ReadSession read) => read.Scalar<long>(SumEvents);

    /// <summary>The end of the event log before the import began.</summary>
    public static long StartOf(ReadSession read, long importId) => read.Scalar<long>(AfterSeq, new { importId });

    public static List<Event> EventsOf(ReadSession read, long importId, long after, int limit) =>
        EventStore.Take(read.Prepare(ReadEvents).Set(1, after).Set(2, importId).Set(3, limit), []);

    public static void Drop(WriteSession write, IReadOnlyList<Event> events)
    {
        var drop = write.Prepare(DropEvent);
        foreach (var one in events)
        {
            drop.Set(1, one.Seq).Run();
        }
    }

    public static void Progress(WriteSession write, long importId, long seq, long events) => write.Execute(Move, new { importId, seq, events });

    public static void End(WriteSession write, long importId, long now)
    {
        write.Execute(Finish, new { importId, at = now });
        write.Execute(DropRejects, new { importId });
        Turn(write, importId, ImportState.Undone);
    }

    public static void Stop(WriteSession write, long importId, string? error) => write.Execute(SetError, new { importId, error });

    /// <summary>Imports of the same source that ended since and passed over calls because they were there already.</summary>
    public static IReadOnlyList<(long Id, long FileId, long Duplicates)> FoundThemThere(ReadSession read, long importId, long sourceId, long from) =>
        [.. read.Query<(long, long, long)>(ThatFoundThemThere, new { importId, sourceId, from })];

    /// <summary>Takes the file of an import from its first row again.</summary>
    public static void TakeAgain(WriteSession write, long importId)
    {
        write.Execute(DropRejects, new { importId });
        write.Execute(Again, new { importId });
    }

    private static void Turn(WriteSession write, long importId, ImportState state) =>
        write.Execute(TurnImport, new { importId, state = state.ToString() });

    private sealed record UndoRow
    {
        public long ImportId { get; init; }

        public long? Seq { get; init; }

        public long Events { get; init; }

        public long AskedAt { get; init; }

        public long? EndedAt { get; init; }

        public string Actor { get; init; } = "";

        public string? Error { get; init; }

        public ImportUndo ToUndo() => new(ImportId, Seq, Events, AskedAt, EndedAt, Actor, Error);
    }
}
