using System.Collections.Concurrent;
using CdpMonolith.Ingestion.Contracts;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>
/// How many events a source may send: a bucket of tokens for each, filled at its rate and holding twenty seconds of it. A request is let
/// in when there is a token at all and may take more than there are, so that a batch of any size gets through.
/// </summary>
internal sealed class Throttle(TimeProvider clock, IOptions<IngestionOptions> options)
{
    private const int SecondsHeld = 20;

    private readonly ConcurrentDictionary<long, Bucket> _buckets = new();
    private readonly long _default = options.Value.EventsPerSecond;

    /// <returns>0: it may come in. Else after how many seconds it may.</returns>
    public int Ask(Source source, int events)
    {
        var rate = source.Settings.Rate ?? _default;
        if (rate == 0)
        {
            return 0;
        }

        var bucket = _buckets.GetOrAdd(source.Id, static _ => new Bucket());
        lock (bucket)
        {
            var now = clock.GetTimestamp();
            var most = (double)rate * SecondsHeld;
            bucket.Tokens = bucket.FilledAt is { } before
                ? Math.Min(most, bucket.Tokens + rate * clock.GetElapsedTime(before, now).TotalSeconds)
                : most;
            bucket.FilledAt = now;
            if (bucket.Tokens < 1)
            {
                return (int)Math.Ceiling((1 - bucket.Tokens) / rate);
            }

            bucket.Tokens -= events;
            return 0;
        }
    }

    private sealed class Bucket
    {
        public double Tokens { get; set; }

        public long? FilledAt { get; set; }
    }
}
