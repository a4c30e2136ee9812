using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>
/// Which calls of a source have their event already, asked without storing anything: what <see cref="MessageIndex"/> would say,
/// read from its table and, for what is not in the table yet, from the end of the log as it was at the beginning.
/// </summary>
internal sealed class StoredMessages
{
    private const string ReadSettled = "SELECT seq FROM ingestion_settled WHERE id = 1";
    private const string ReadUnsettled = "SELECT message_id FROM ingestion_event WHERE seq > $1 AND source_id = $2";
    private static readonly string FindSettled = $"""
        SELECT m.key, e.source_id, e.message_id
        FROM   ingestion_message AS m
        LEFT JOIN ingestion_event AS e ON e.seq = m.seq
        WHERE  m.key IN ({Lists.Places})
        """;

    private readonly long _sourceId;
    private readonly HashSet<long> _newest = [];

    private StoredMessages(long sourceId) => _sourceId = sourceId;

    public static StoredMessages Of(ReadSession read, long sourceId)
    {
        var stored = new StoredMessages(sourceId);
        var settled = read.FirstOrDefault<long?>(ReadSettled) ?? 0;
        var events = read.Prepare(ReadUnsettled).Set(1, settled).Set(2, sourceId);
        while (events.Step())
        {
            stored._newest.Add(MessageKey.Of(sourceId, events.Utf8(0)));
        }

        return stored;
    }

    /// <summary>For each message id whether it is there, in the order given.</summary>
    public IReadOnlyList<bool> Look(ReadSession read, IReadOnlyList<ReadOnlyMemory<byte>> messageIds)
    {
        var found = new bool[messageIds.Count];
        var asked = new List<(int At, long Key)>(messageIds.Count);
        for (var n = 0; n < found.Length; n++)
        {
            var key = MessageKey.Of(_sourceId, messageIds[n].Span);
            found[n] = _newest.Contains(key);
            if (!found[n])
            {
                asked.Add((n, key));
            }
        }

        // A key that another message has, or one that is no more, leads to the next.
        while (asked.Count > 0)
        {
            var next = new List<(int At, long Key)>();
            foreach (var piece in asked.Chunk(Lists.AtOnce))
            {
                var table = new Dictionary<long, (long SourceId, byte[] MessageId)>();
                var rows = read.Prepare(FindSettled).SetList([.. piece.Select(one => one.Key)]);
                while (rows.Step())
                {
                    table[rows.Int64(0)] = (rows.Int64OrNull(1) ?? 0, rows.IsNull(2) ? [] : rows.Utf8(2).ToArray());
                }

                foreach (var (at, key) in piece)
                {
                    if (table.TryGetValue(key, out var message))
                    {
                        found[at] = message.SourceId == _sourceId && messageIds[at].Span.SequenceEqual(message.MessageId);
                        if (!found[at])
                        {
                            next.Add((at, unchecked(key + 1)));
                        }
                    }
                }
            }

            asked = next;
        }

        return found;
    }
}
