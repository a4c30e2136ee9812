using System.Collections.Concurrent;
using System.Text;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>What became of a call, in the live view.</summary>
internal enum LiveVerdict
{
    Stored,
    Duplicate,
    Quarantined,

    /// <summary>The person did not agree to what the source needs agreement for; nothing was kept.</summary>
    Blocked,

    /// <summary>The source sends more than it may; the sender was asked to come again.</summary>
    TurnedAway,

    /// <summary>The source is off, or does not name the website that the call came from; nothing was kept.</summary>
    Refused,
}

/// <summary>A call that has just come, as the live view shows it.</summary>
/// <param name="Number">Increasing within a feed.</param>
/// <param name="Reason">Why it is in quarantine or was refused; null: it was not.</param>
internal sealed record LiveCall(
    long Number, long ReceivedAt, LiveVerdict Verdict, CallType? Type, string? Name, string? UserId, string? AnonymousId,
    string MessageId, long? Seq, string? Reason, string Body)
{
    private const int BodyAtMost = 8 * 1024;

    public static LiveCall Of(Call call, long received) => new(
        0, received,
        call.Refusal == Refusal.ConsentMissing ? LiveVerdict.Blocked : call.Refusal is not null ? LiveVerdict.Quarantined : call.IsDuplicate ? LiveVerdict.Duplicate : LiveVerdict.Stored,
        call.Type == 0 ? CallRules.TypeOf(call.TypeText.Span) : call.Type,
        Text(call.Name) ?? Text(call.Event), Text(call.UserId), Text(call.AnonymousId),
        Text(call.MessageId) ?? "", call.Seq == 0 ? null : call.Seq, call.Refusal == Refusal.ConsentMissing ? null : call.Refusal?.Code,
        Encoding.UTF8.GetString(call.Body.Span[..Math.Min(call.Body.Length, BodyAtMost)]));

    public static LiveCall Of(Event stored) => new(
        0, stored.ReceivedAt, LiveVerdict.Stored, stored.Type, stored.Name, stored.UserId, stored.AnonymousId, stored.MessageId,
        stored.Seq, null, Encoding.UTF8.GetString(stored.Body));

    /// <summary>With as much as can be read of it.</summary>
    public static LiveCall Of(Quarantined item)
    {
        var call = BodyReader.Read(item.Raw, isBatch: false, new IngestionOptions()) is { Refusal: null } request
            ? request.Calls[0]
            : new Call { Raw = item.Raw, Body = item.Raw };
        return Of(call, item.ReceivedAt) with
        {
            Number = -item.Id, Verdict = LiveVerdict.Quarantined, Reason = item.Reason,
            Type = Arrival.Named(item.Route).Route ?? CallRules.TypeOf(call.TypeText.Span),
        };
    }

    private static string? Text(ReadOnlyMemory<byte> part) => part.IsEmpty ? null : Encoding.UTF8.GetString(part.Span);
}

/// <summary>Calls as they come, for whoever watches a source. Costs nothing while nobody does.</summary>
internal sealed class LiveFeed
{
    private const int KeptAtMost = 100;

    private readonly ConcurrentDictionary<long, Watch[]> _watches = new();
    private int _watching;

    /// <summary>Starts to watch a source, until disposed.</summary>
    public Watch Follow(long sourceId)
    {
        var watch = new Watch(this, sourceId);
        _watches.AddOrUpdate(sourceId, _ => [watch], (_, others) => [.. others, watch]);
        Interlocked.Increment(ref _watching);
        return watch;
    }

    /// <param name="route">The type of those that did not get so far as to have one; null: the path does not say it.</param>
    /// <param name="whole">What became of all of them, and why, where the request was not taken; null: each call knows itself.</param>
    public void Show(long sourceId, long received, IReadOnlyList<Call> calls, CallType? route, (LiveVerdict Verdict, string? Reason)? whole = null)
    {
        if (Volatile.Read(ref _watching) == 0 || !_watches.TryGetValue(sourceId, out var watches) || watches.Length == 0)
        {
            return;
        }

        foreach (var call in calls.Skip(calls.Count - KeptAtMost))
        {
            var shown = LiveCall.Of(call, received);
            shown = shown.Type is null ? shown with { Type = route } : shown;
            shown = whole is { } of ? shown with { Verdict = of.Verdict, Reason = of.Reason } : shown;
            foreach (var watch in watches)
            {
                watch.Add(shown);
            }
        }
    }

    private void Leave(Watch watch)
    {
        _watches.AddOrUpdate(watch.SourceId, _ => [], (_, others) => [.. others.Where(other => other != watch)]);
        Interlocked.Decrement(ref _watching);
    }

    /// <summary>One watcher's view of one source.</summary>
    internal sealed class Watch(LiveFeed feed, long sourceId) : IDisposable
    {
        private readonly LinkedList<LiveCall> _calls = [];
        private readonly Lock _gate = new();
        private long _number;
        private bool _left;

        public long SourceId => sourceId;

        /// <summary>Number of the newest call; 0: none has come.</summary>
        public long LastNumber => Interlocked.Read(ref _number);

        /// <summary>The newest calls since the watch began, newest first.</summary>
        public IReadOnlyList<LiveCall> Newest(int limit)
        {
            lock (_gate)
            {
                return [.. _calls.Take(limit)];
            }
        }

        public void Dispose()
        {
            if (!_left)
            {
                _left = true;
                feed.Leave(this);
            }
        }

        internal void Add(LiveCall call)
        {
            lock (_gate)
            {
                _calls.AddFirst(call with { Number = Interlocked.Increment(ref _number) });
                if (_calls.Count > KeptAtMost)
                {
                    _calls.RemoveLast();
                }
            }
        }
    }
}
