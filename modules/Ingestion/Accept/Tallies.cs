using System.Collections.Concurrent;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>
/// What is counted at the door: per source what was stored, was there already or was put aside, and the write keys that
/// nobody has. Counted in memory and saved every few seconds; a crash costs the last seconds of the counts, never an event.
/// </summary>
internal sealed class Tallies(IStore store, TimeProvider clock) : BackgroundService
{
    private const int RejectedKept = 200;
    private const int RejectedTextAtMost = 64;
    private static readonly TimeSpan SavedEvery = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<long, Tally> _tallies = new();
    private readonly Lock _gate = new();
    private Dictionary<string, RejectedKey> _rejected = new(StringComparer.Ordinal);
    private bool _loaded;

    public void Count(long sourceId, int stored, int duplicates, int quarantined, long now)
    {
        var tally = _tallies.GetOrAdd(sourceId, _ => new Tally());
        if (stored > 0)
        {
            Interlocked.Add(ref tally.Stored, stored);
            Interlocked.Exchange(ref tally.LastEventAt, now);
        }

        if (duplicates > 0)
        {
            Interlocked.Add(ref tally.Duplicates, duplicates);
        }

        if (quarantined > 0)
        {
            Interlocked.Add(ref tally.Quarantined, quarantined);
        }
    }

    /// <summary>Events of a source are no more.</summary>
    public void TakeBack(long sourceId, int events) => Interlocked.Add(ref _tallies.GetOrAdd(sourceId, _ => new Tally()).Stored, -events);

    /// <summary>Somebody called with a key that is not, or no longer, anybody's.</summary>
    public void CountRejected(string key)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        key = key.Length > RejectedTextAtMost ? key[..RejectedTextAtMost] : key;
        lock (_gate)
        {
            if (_rejected.TryGetValue(key, out var known))
            {
                _rejected[key] = known with { Calls = known.Calls + 1, LastAt = now };
            }
            else if (_rejected.Count < RejectedKept)
            {
                _rejected[key] = new RejectedKey(key, 1, now, now);
            }
        }
    }

    /// <summary>All that was ever counted of a source.</summary>
    public SourceCounts Of(long sourceId)
    {
        Load();
        return _tallies.TryGetValue(sourceId, out var tally) ? tally.Total(sourceId) : new SourceCounts(sourceId, 0, 0, 0, null);
    }

    /// <summary>Duplicates of all sources.</summary>
    public long Duplicates()
    {
        Load();
        return _tallies.Sum(pair => pair.Value.Total(pair.Key).Duplicates);
    }

    public async Task<IReadOnlyList<RejectedKey>> RejectedKeysAsync(CancellationToken ct)
    {
        await SaveAsync(ct);
        return await store.ReadAsync(SourceStore.RejectedKeys, ct);
    }

    /// <summary>Saves what was counted since the last time.</summary>
    public async Task SaveAsync(CancellationToken ct)
    {
        Load();
        Dictionary<string, RejectedKey> rejected;
        lock (_gate)
        {
            (rejected, _rejected) = (_rejected, new(StringComparer.Ordinal));
        }

        var more = _tallies.Select(pair => (Tally: pair.Value, Counts: pair.Value.Unsaved(pair.Key))).Where(pair => pair.Counts is not null).ToList();
        if (more.Count == 0 && rejected.Count == 0)
        {
            return;
        }

        await store.WriteAsync(
            write =>
            {
                foreach (var (tally, counts) in more)
                {
                    SourceStore.AddCounts(write, counts!);
                    write.OnCommitted(() => tally.MarkSaved(counts!));
                }

                if (rejected.Count > 0)
                {
                    SourceStore.AddRejectedKeys(write, rejected.Values, RejectedKept);
                }
            }, ct);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await SaveAsync(cancellationToken);
        }
        catch (StoreUnavailableException)
        {
            // Counts only; the events are safe.
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(SavedEvery, clock);
        while (await WaitAsync(timer, stoppingToken))
        {
            try
            {
                await SaveAsync(stoppingToken);
            }
            catch (StoreUnavailableException)
            {
                // Tried again at the next tick.
            }
        }
    }

    private static async Task<bool> WaitAsync(PeriodicTimer timer, CancellationToken ct)
    {
        try
        {
            return await timer.WaitForNextTickAsync(ct);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void Load()
    {
        if (_loaded)
        {
            return;
        }

        lock (_gate)
        {
            if (_loaded)
            {
                return;
            }

            foreach (var counts in store.Read(SourceStore.Counts))
            {
                _tallies.GetOrAdd(counts.SourceId, _ => new Tally()).Saved = counts;
            }

            _loaded = true;
        }
    }

    private sealed class Tally
    {
        public long Stored;
        public long Duplicates;
        public long Quarantined;
        public long LastEventAt;
        private SourceCounts _saved = new(0, 0, 0, 0, null);

        public SourceCounts Saved
        {
            set => Volatile.Write(ref _saved, value);
        }

        public SourceCounts Total(long sourceId)
        {
            var saved = Volatile.Read(ref _saved);
            var last = Interlocked.Read(ref LastEventAt);
            return new SourceCounts(
                sourceId, saved.Stored + Interlocked.Read(ref Stored), saved.Duplicates + Interlocked.Read(ref Duplicates),
                saved.Quarantined + Interlocked.Read(ref Quarantined), last > 0 ? last : saved.LastEventAt);
        }

        public SourceCounts? Unsaved(long sourceId)
        {
            var (stored, duplicates, quarantined) =
                (Interlocked.Read(ref Stored), Interlocked.Read(ref Duplicates), Interlocked.Read(ref Quarantined));
            var last = Interlocked.Read(ref LastEventAt);
            return stored == 0 && duplicates == 0 && quarantined == 0
                ? null
                : new SourceCounts(sourceId, stored, duplicates, quarantined, last > 0 ? last : null);
        }

        public void MarkSaved(SourceCounts counts)
        {
            var saved = Volatile.Read(ref _saved);
            Volatile.Write(ref _saved, saved with
            {
                Stored = saved.Stored + counts.Stored,
                Duplicates = saved.Duplicates + counts.Duplicates,
                Quarantined = saved.Quarantined + counts.Quarantined,
                LastEventAt = counts.LastEventAt ?? saved.LastEventAt,
            });
            Interlocked.Add(ref Stored, -counts.Stored);
            Interlocked.Add(ref Duplicates, -counts.Duplicates);
            Interlocked.Add(ref Quarantined, -counts.Quarantined);
        }
    }
}
