using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>
/// Counts how calls stray from the tracking plan. In memory, saved every few seconds; a crash costs the last seconds of the counts.
/// </summary>
internal sealed class Violations(IStore store, TimeProvider clock) : BackgroundService
{
    /// <summary>Ways of straying that are kept apart between two saves; beyond it they count as one, of a property <c>…</c>.</summary>
    private const int KeptApart = 500;

    private const string Others = "…";
    private static readonly TimeSpan SavedEvery = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private Dictionary<(ViolationKey Key, long Slot), ViolationCount> _counts = [];

    public void Count(long sourceId, IReadOnlyList<Violation> found, long now)
    {
        var slot = now / PlanStore.SlotMs;
        lock (_gate)
        {
            foreach (var one in found)
            {
                var key = new ViolationKey(one.Type, one.Event, one.Member, one.Kind);
                if (_counts.Count >= KeptApart && !_counts.ContainsKey((key, slot)))
                {
                    key = key with { Event = one.Kind == ViolationKind.EventUnplanned ? Others : one.Event, Member = one.Member.Length > 0 ? Others : "" };
                }

                var before = _counts.GetValueOrDefault((key, slot))?.Seen ?? 0;
                _counts[(key, slot)] = new ViolationCount(key, slot, before + 1, sourceId, one.Action, one.Sample, now);
            }
        }
    }

    public async Task<IReadOnlyList<SeenViolation>> ReadAsync(CancellationToken ct)
    {
        await SaveAsync(ct);
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        return await store.ReadAsync(read => PlanStore.Violations(read, now), ct);
    }

    public async Task SaveAsync(CancellationToken ct)
    {
        Dictionary<(ViolationKey, long), ViolationCount> counts;
        lock (_gate)
        {
            if (_counts.Count == 0)
            {
                return;
            }

            (counts, _counts) = (_counts, []);
        }

        await store.WriteAsync(
            write =>
            {
                foreach (var count in counts.Values)
                {
                    PlanStore.Add(write, count);
                }
            }, ct);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TrySaveAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(SavedEvery, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await TrySaveAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task TrySaveAsync(CancellationToken ct)
    {
        try
        {
            await SaveAsync(ct);
        }
        catch (StoreUnavailableException)
        {
            // Counts only; what comes next is counted again.
        }
    }
}
