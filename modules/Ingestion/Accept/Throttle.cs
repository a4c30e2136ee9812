using System.Collections.Concurrent;
using CdpMonolith.Ingestion.Contracts;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>
/// How many events a source may send: a bucket of tokens for each, filled at its rate and holding ten seconds of it. A request is let
/// in when there is a token at all and may take more than there are, so that a batch of any size gets through.
/// </summary>
internal sealed class Throttle(TimeProvider clock, IOptions<IngestionOptions> options)
{
    private const int SecondsHeld = 10;

    private readonly ConcurrentDictionary<long, Bucket> _buckets = new();
    private readonly long _default = options.Value.EventsPerSecond;

    /// <summary>Whether so many events may come in now; then they are counted.</summary>
    public bool Lets(Source source, int events)
    {
        var rate = source.Settings.Rate ?? _default;
        if (rate == 0)
        {
            return true;
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
                return false;
            }

            bucket.Tokens -= events;
            return true;
        }
    }

    private sealed class Bucket
    {
        public double Tokens { get; set; }

        public long? FilledAt { get; set; }
    }
}
