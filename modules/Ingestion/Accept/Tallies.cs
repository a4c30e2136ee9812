using System.Collections.Concurrent;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>
/// What is counted at the door: per source what was stored, was there already, was put aside and so on, which keys are in use, and the
/// write keys that nobody has. Counted in memory and saved every few seconds. What a crash leaves out of the stored ones is counted at the
/// next start, from the log (where several processes share a store, each counts its own and the last seconds are lost); of the others it
/// costs the last seconds.
/// </summary>
internal sealed class Tallies(IStore store, SourceMap sources, TimeProvider clock) : BackgroundService
{
    private const int RejectedKept = 200;
    private const int RejectedTextAtMost = 64;
    private const long MsAnHour = 3_600_000;
    private static readonly TimeSpan SavedEvery = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<long, Tally> _tallies = new();
    private readonly Lock _gate = new();
    private Dictionary<string, RejectedKey> _rejected = new(StringComparer.Ordinal);
    private bool _loaded;

    /// <summary>On the lane's thread: events that this process stored and counted, and whether those before them are counted too.</summary>
    private long _firstCounted = long.MaxValue;
    private long _countedTo;
    private bool _isWhole;

    /// <summary>Counts one request; see <see cref="SourceCounts"/>.</summary>
    public void Count(
        long sourceId, long now, int stored = 0, int duplicates = 0, int quarantined = 0, int blocked = 0, int turnedAway = 0, int refused = 0, int retried = 0) =>
        TallyOf(sourceId).Add(new SourceCounts(
            sourceId, stored, duplicates, quarantined, blocked, turnedAway, refused, retried, stored > 0 ? now : null));

    /// <summary>Events from one seq on were stored and are counted. On the lane's thread, once their transaction is committed.</summary>
    public void MarkCounted(long first, int stored)
    {
        _firstCounted = Math.Min(_firstCounted, first);
        _countedTo = Math.Max(_countedTo, first + stored - 1);
    }

    /// <summary>Events of a source are no more once this transaction is committed.</summary>
    public void TakeBack(WriteSession write, long sourceId, int events)
    {
        var less = SourceCounts.None(sourceId) with { Stored = -events };
        SourceStore.AddCounts(write, less, hour: 0);
        write.OnCommitted(() => TallyOf(sourceId).AddSaved(less));
    }

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
        return _tallies.TryGetValue(sourceId, out var tally) ? tally.Total : SourceCounts.None(sourceId);
    }

    /// <summary>Duplicates of all sources.</summary>
    public long Duplicates()
    {
        Load();
        return _tallies.Values.Sum(tally => tally.Total.Duplicates);
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

        var used = sources.UsedKeys();
        if (IsWhole && _tallies.Values.All(tally => tally.Unsaved.IsNone) && rejected.Count == 0 && used.Count == 0)
        {
            return;
        }

        var hour = clock.GetUtcNow().ToUnixTimeMilliseconds() / MsAnHour;

        await store.WriteAsync(
            write =>
            {
                CountMissed(write);

                // Read on the lane: what was committed before is in them, whole.
                foreach (var (tally, counts) in _tallies.Values.Select(tally => (tally, tally.Unsaved)).Where(pair => !pair.Unsaved.IsNone))
                {
                    SourceStore.AddCounts(write, counts, hour);
                    write.OnCommitted(() => tally.MarkSaved(counts));
                }

                if (!store.IsShared)
                {
                    SourceStore.CountedTo(write, _countedTo);
                }

                foreach (var (key, use) in used)
                {
                    var at = use.LastAt;
                    SourceStore.Used(write, key, at);
                    write.OnCommitted(() => use.SavedAt = at);
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

    private bool IsWhole => _isWhole || store.IsShared;

    /// <summary>Counts what the last crash left uncounted, once.</summary>
    private void CountMissed(WriteSession write)
    {
        if (IsWhole)
        {
            return;
        }

        foreach (var missed in SourceStore.Uncounted(write, _firstCounted))
        {
            TallyOf(missed.SourceId).Add(SourceCounts.None(missed.SourceId) with { Stored = missed.Stored, LastEventAt = missed.LastAt });
            _countedTo = Math.Max(_countedTo, missed.LastSeq);
        }

        _isWhole = true;
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
                TallyOf(counts.SourceId).MarkLoaded(counts);
            }

            _loaded = true;
        }
    }

    private Tally TallyOf(long sourceId) => _tallies.GetOrAdd(sourceId, static id => new Tally(id));

    private sealed class Tally(long sourceId)
    {
        private readonly Lock _gate = new();
        private SourceCounts _saved = SourceCounts.None(sourceId);
        private SourceCounts _unsaved = SourceCounts.None(sourceId);

        public SourceCounts Total
        {
            get
            {
                lock (_gate)
                {
                    return _saved.Plus(_unsaved);
                }
            }
        }

        public SourceCounts Unsaved
        {
            get
            {
                lock (_gate)
                {
                    return _unsaved;
                }
            }
        }

        public void Add(SourceCounts more)
        {
            lock (_gate)
            {
                _unsaved = _unsaved.Plus(more);
            }
        }

        public void AddSaved(SourceCounts more)
        {
            lock (_gate)
            {
                _saved = _saved.Plus(more);
            }
        }

        public void MarkLoaded(SourceCounts saved)
        {
            lock (_gate)
            {
                _saved = saved;
            }
        }

        public void MarkSaved(SourceCounts counts)
        {
            lock (_gate)
            {
                _saved = _saved.Plus(counts);
                var left = _unsaved.Minus(counts);
                _unsaved = left.LastEventAt == counts.LastEventAt ? left with { LastEventAt = null } : left;
            }
        }
    }
}
