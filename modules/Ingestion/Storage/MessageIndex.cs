using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>
/// Which event has a message id, for as long as the event is kept. Looked up by a 64-bit key; the event itself is compared, so
/// the answer is exact, and of two ids with one key the second goes to the next free key.
/// </summary>
/// <remarks>
/// Random inserts into a B-tree cost ten times what the append to the log does. So the newest events are only remembered in
/// memory (and read back from the log at start), and from time to time their keys are put into the table in one sorted run.
/// A key of a write that was undone may stay behind: it then points to no event or to another one, which the comparison sees.
/// What takes a <see cref="WriteSession"/> runs in the write lane.
/// </remarks>
internal sealed class MessageIndex(IStore store)
{
    /// <summary>So many keys in memory are worth a sorted run.</summary>
    public const int RunLength = 131_072;

    /// <summary>Keys written in one piece of work, so that the lane is never kept for long.</summary>
    private const int KeysAtOnce = 2048;

    /// <summary>Keys put by one statement: on PostgreSQL each is a round trip.</summary>
    private const int KeysInRow = 256;

    private const string FindSettled = "SELECT seq FROM ingestion_message WHERE key = $1";
    private const string ReadMessage = "SELECT source_id, message_id FROM ingestion_event WHERE seq = $1";
    private const string ReadUnsettled = "SELECT seq, source_id, message_id FROM ingestion_event WHERE seq > $1 ORDER BY seq";
    private const string ReadSettled = "SELECT seq FROM ingestion_settled WHERE id = 1";
    private static readonly string PutSettled = PutSettledRows(1);
    private static readonly string PutManySettled = PutSettledRows(KeysInRow);
    private static readonly string FindManySettled = $"""
        SELECT m.key, m.seq, e.source_id, e.message_id
        FROM   ingestion_message AS m
        LEFT JOIN ingestion_event AS e ON e.seq = m.seq
        WHERE  m.key IN ({Lists.Places})
        """;
    private const string MoveSettled = """
        INSERT INTO ingestion_settled (id, seq) VALUES (1, $1)
        ON CONFLICT (id) DO UPDATE SET seq = excluded.seq
        """;

    private Dictionary<long, long>? _newest;

    /// <summary>On a shared store: the events up to here are known, and the transaction in which that was found out.</summary>
    private long _seenTo;
    private long _transaction;
    private bool _anySettled;

    /// <summary>On a shared store: what the table says of the keys of the work that runs.</summary>
    private readonly Dictionary<long, Settled> _looked = [];

    /// <summary>Raised on the lane when there are enough keys for a run.</summary>
    public event Action? RunIsDue;

    /// <summary>
    /// Call before the first <see cref="FindOrAdd"/> of a piece of work: where each question costs a round trip, those of all its
    /// calls are asked at once.
    /// </summary>
    public void Look(WriteSession write, IReadOnlyList<Call> calls)
    {
        _looked.Clear();
        if (!store.IsShared || calls.Count < 2)
        {
            return;
        }

        var newest = Newest(write);
        if (!_anySettled)
        {
            return;
        }

        var keys = calls.Where(call => call.Refusal is null && !newest.ContainsKey(call.Key)).Select(call => call.Key).Distinct();
        foreach (var piece in keys.Chunk(Lists.AtOnce))
        {
            var statement = write.Prepare(FindManySettled).SetList(piece);
            foreach (var key in piece)
            {
                _looked[key] = default;
            }

            while (statement.Step())
            {
                _looked[statement.Int64(0)] = new Settled(
                    statement.Int64(1), statement.Int64OrNull(2) ?? 0, statement.IsNull(3) ? null : statement.Utf8(3).ToArray());
            }
        }
    }

    /// <summary>
    /// The event that has this call's message id already; 0: none, and from now on it is <paramref name="seq"/>.
    /// </summary>
    /// <param name="others">Calls that get their event in this same piece of work, by seq from <paramref name="firstSeq"/> on.</param>
    public long FindOrAdd(WriteSession write, Call call, long sourceId, long seq, long firstSeq, List<Call> others)
    {
        var newest = Newest(write);
        var key = call.Key;
        while (Find(write, newest, key) is var found && found != 0)
        {
            var same = found >= firstSeq
                ? found - firstSeq < others.Count && others[(int)(found - firstSeq)].MessageId.Span.SequenceEqual(call.MessageId.Span)
                : _looked.TryGetValue(key, out var looked) && looked.Seq == found ? looked.Is(sourceId, call.MessageId.Span)
                : IsMessage(write, found, sourceId, call.MessageId.Span);
            if (same)
            {
                return found;
            }

            key = unchecked(key + 1);
        }

        newest.Add(key, seq);
        if (seq == firstSeq && store.IsShared)
        {
            write.OnCommitted(() => _seenTo = Math.Max(_seenTo, firstSeq + others.Count - 1));
        }

        if (newest.Count >= RunLength && newest.Count % 1024 == 0)
        {
            write.OnCommitted(() => RunIsDue?.Invoke());
        }

        return 0;
    }

    /// <summary>Reads the newest keys back from the log, so that the first call need not wait for it.</summary>
    public Task LoadAsync(CancellationToken ct) => store.WriteAsync(write => { Newest(write); }, ct);

    /// <summary>Puts the keys that are in memory into the table.</summary>
    public async Task SettleAsync(CancellationToken ct)
    {
        var (run, last) = await store.WriteAsync(
            write =>
            {
                var keys = Newest(write).ToArray();
                return (keys, EventStore.LastSeq(write));
            }, ct);
        Array.Sort(run, (a, b) => a.Key.CompareTo(b.Key));
        for (var start = 0; start < run.Length; start += KeysAtOnce)
        {
            var piece = new ArraySegment<KeyValuePair<long, long>>(run, start, Math.Min(KeysAtOnce, run.Length - start));
            await store.WriteAsync(
                write =>
                {
                    Put(write, piece);
                    _anySettled = true;
                }, ct);
        }

        await store.WriteAsync(
            write =>
            {
                write.Prepare(MoveSettled).Set(1, last).Run();
                write.OnCommitted(() =>
                {
                    foreach (var (key, _) in run)
                    {
                        _newest!.Remove(key);
                    }
                });
            }, ct);
    }

    private static string PutSettledRows(int rows) =>
        $"INSERT INTO ingestion_message (key, seq) VALUES {string.Join(", ", Enumerable.Range(0, rows).Select(n => $"(${2 * n + 1}, ${2 * n + 2})"))} ON CONFLICT (key) DO NOTHING";

    private static void Put(WriteSession write, ArraySegment<KeyValuePair<long, long>> keys)
    {
        var whole = keys.Count - keys.Count % KeysInRow;
        var many = write.Prepare(PutManySettled);
        for (var n = 0; n < whole; n++)
        {
            var place = n % KeysInRow * 2;
            many.Set(place + 1, keys[n].Key).Set(place + 2, keys[n].Value);
            if (n % KeysInRow == KeysInRow - 1)
            {
                many.Run();
            }
        }

        var one = write.Prepare(PutSettled);
        foreach (var (key, seq) in keys[whole..])
        {
            one.Set(1, key).Set(2, seq).Run();
        }
    }

    private long Find(WriteSession write, Dictionary<long, long> newest, long key)
    {
        if (newest.TryGetValue(key, out var seq) || !_anySettled)
        {
            return seq;
        }

        if (_looked.TryGetValue(key, out var looked))
        {
            return looked.Seq;
        }

        var statement = write.Prepare(FindSettled).Set(1, key);
        seq = statement.Step() ? statement.Int64(0) : 0;
        statement.Reset();
        return seq;
    }

    /// <param name="Seq">0: the table does not have the key.</param>
    private readonly record struct Settled(long Seq, long SourceId, byte[]? MessageId)
    {
        public bool Is(long sourceId, ReadOnlySpan<byte> messageId) =>
            MessageId is not null && SourceId == sourceId && messageId.SequenceEqual(MessageId);
    }

    private static bool IsMessage(WriteSession write, long seq, long sourceId, ReadOnlySpan<byte> messageId)
    {
        var statement = write.Prepare(ReadMessage).Set(1, seq);
        var same = statement.Step() && statement.Int64(0) == sourceId && statement.Utf8(1).SequenceEqual(messageId);
        statement.Reset();
        return same;
    }

    /// <summary>What is not in the table yet, read back from the log at the first call.</summary>
    private Dictionary<long, long> Newest(WriteSession write)
    {
        if (_newest is { } known)
        {
            TakeThoseOfOthers(write, known);
            return known;
        }

        var statement = write.Prepare(ReadSettled);
        var settled = statement.Step() ? statement.Int64(0) : 0;
        statement.Reset();

        // A run that a crash cut short has put keys into the table already.
        _anySettled = write.Scalar<long>("SELECT COUNT(*) FROM (SELECT 1 FROM ingestion_message LIMIT 1) AS one") > 0;
        var newest = new Dictionary<long, long>();
        (_seenTo, _transaction) = (write.NextSeq(IEventLog.Log) - 1, write.Transaction);
        Take(write, newest, settled);
        return _newest = newest;
    }

    /// <summary>What other processes have appended since, once a transaction: in it nobody else appends.</summary>
    private void TakeThoseOfOthers(WriteSession write, Dictionary<long, long> newest)
    {
        if (!store.IsShared || _transaction == write.Transaction)
        {
            return;
        }

        _transaction = write.Transaction;
        _looked.Clear();
        var last = write.NextSeq(IEventLog.Log) - 1;
        if (last > _seenTo)
        {
            // They may have put keys into the table too.
            _anySettled = true;
            Take(write, newest, _seenTo);
            _seenTo = last;
        }
    }

    private void Take(WriteSession write, Dictionary<long, long> newest, long after)
    {
        var events = new List<(long Seq, long Key)>();
        var statement = write.Prepare(ReadUnsettled).Set(1, after);
        while (statement.Step())
        {
            events.Add((statement.Int64(0), MessageKey.Of(statement.Int64(1), statement.Utf8(2))));
        }

        foreach (var (seq, key) in events)
        {
            var free = key;
            while (Find(write, newest, free) is var found && found != 0 && found != seq)
            {
                free = unchecked(free + 1);
            }

            if (Find(write, newest, free) == 0)
            {
                newest.Add(free, seq);
            }
        }
    }
}
