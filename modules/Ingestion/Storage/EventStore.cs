using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>The event log on the store.</summary>
internal sealed class EventStore(IStore store) : IEventLog
{
    private const string Columns =
        "seq, source_id, type, message_id, user_id, anonymous_id, name, occurred_at, sent_at, received_at, flags, import_id, body";

    private const string ReadAfter = $"SELECT {Columns} FROM ingestion_event WHERE seq > $1 ORDER BY seq LIMIT $2";
    private const string ReadHeadsAfter = "SELECT seq, source_id, received_at, flags FROM ingestion_event WHERE seq > $1 ORDER BY seq LIMIT $2";
    private const string ReadRun = $"SELECT {Columns} FROM ingestion_event WHERE seq BETWEEN $1 AND $2 ORDER BY seq";
    private const string ReadLatest = $"""
        SELECT {Columns}
        FROM   ingestion_event
        WHERE  seq > $1 AND source_id = $2
        ORDER  BY seq DESC
        LIMIT  $3
        """;

    private const string ReadLastSeq = "SELECT COALESCE(MAX(seq), 0) FROM ingestion_event";

    /// <summary>How far back the latest events of one source are looked for: the log has no index by source.</summary>
    private const int LookBack = 20_000;

    public IReadOnlyList<Event> Read(long after, int limit) =>
        store.Read(read => Take(read.Prepare(ReadAfter).Set(1, after).Set(2, limit), new List<Event>(Math.Min(limit, 1024))));

    public IReadOnlyList<EventHead> ReadHeads(long after, int limit) =>
        store.Read(read =>
        {
            var found = new List<EventHead>(Math.Min(limit, 1024));
            for (var rows = read.Prepare(ReadHeadsAfter).Set(1, after).Set(2, limit); rows.Step();)
            {
                found.Add(new EventHead(rows.Int64(0), rows.Int64(1), rows.Int64(2), (EventFlags)rows.Int64(3)));
            }

            return found;
        });

    public IReadOnlyList<Event> Read(IReadOnlyList<long> seqs) =>
        store.Read(read =>
        {
            var found = new List<Event>(seqs.Count);
            for (var i = 0; i < seqs.Count;)
            {
                var first = seqs[i];
                var last = first;
                for (i++; i < seqs.Count && seqs[i] <= last + 1; i++)
                {
                    last = seqs[i];
                }

                Take(read.Prepare(ReadRun).Set(1, first).Set(2, last), found);
            }

            return found;
        });

    /// <summary>The newest events of a source, newest first, among the last of the log.</summary>
    public IReadOnlyList<Event> Latest(ReadSession read, long sourceId, int limit) =>
        Take(
            read.Prepare(ReadLatest).Set(1, LastSeq(read) - LookBack).Set(2, sourceId).Set(3, limit),
            new List<Event>(limit));

    /// <summary>0: the log is empty.</summary>
    public static long LastSeq(ReadSession read)
    {
        var statement = read.Prepare(ReadLastSeq);
        statement.Step();
        var last = statement.Int64(0);
        statement.Reset();
        return last;
    }

    /// <summary>Writes calls that have their seq to the end of the log.</summary>
    public static void Append(WriteSession write, IReadOnlyList<Call> calls, long sourceId, long received, long? importId)
    {
        var rows = write.Append("ingestion_event", Columns);
        var count = 0;
        foreach (var call in calls)
        {
            if (call.IsDuplicate || call.Refusal is not null)
            {
                continue;
            }

            count++;
            rows.Add(call.Seq).Add(sourceId).Add((long)call.Type).AddUtf8(call.MessageId.Span);
            AddText(rows, call.UserId.Span);
            AddText(rows, call.AnonymousId.Span);
            AddText(rows, call.Name.Span);
            rows.Add(call.OccurredAt).Add(call.SentAt is Times.Absent or Times.Unusable ? null : call.SentAt)
                .Add(received).Add((long)call.Flags).Add(importId).AddUtf8(call.Body.Span).EndRow();
        }

        rows.Done();
        write.Advance(IEventLog.Log, count);
    }

    private static void AddText(Rows rows, ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            rows.AddNull();
        }
        else
        {
            rows.AddUtf8(text);
        }
    }

    /// <summary>Reads events whose columns stand in the order of the table.</summary>
    public static List<Event> Take(Statement rows, List<Event> into)
    {
        while (rows.Step())
        {
            into.Add(new Event(
                rows.Int64(0), rows.Int64(1), (CallType)rows.Int64(2), rows.Text(3), rows.TextOrNull(4), rows.TextOrNull(5),
                rows.TextOrNull(6), rows.Int64(7), rows.Int64OrNull(8), rows.Int64(9), (EventFlags)rows.Int64(10),
                rows.Int64OrNull(11), rows.Utf8(12).ToArray()));
        }

        return into;
    }
}
