using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Profiles.Unify;

/// <summary>
/// After a table of values has changed, brings the golden records of all who have the trait in line, piece by piece. How far it has
/// come is written with each piece, so it goes on after a crash.
/// </summary>
internal sealed partial class Restandardising(IStore store, TimeProvider clock, ILogger<Restandardising> logger) : BackgroundService
{
    private const int Piece = 400;
    private static readonly TimeSpan PauseAfterOutage = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _wake = new(0);

    public void Wake() => _wake.Release();

    /// <summary>Does all there is to do.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (await store.ReadAsync(ValueStore.Changes, ct) is [var (trait, _), ..])
        {
            await store.WriteAsync(write => Take(write, trait), ct);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RunAsync(stoppingToken);
                await _wake.WaitAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (StoreUnavailableException fault)
            {
                LogWaiting(fault);
                await Task.Delay(PauseAfterOutage, clock, CancellationToken.None);
            }
        }
    }

    private void Take(WriteSession write, string trait)
    {
        // Another process may have taken it meanwhile.
        if (ValueStore.Changes(write).FirstOrDefault(change => change.Trait == trait) is not { Trait: not null } change)
        {
            return;
        }

        var (last, having) = ValueStore.GoldenAfter(write, change.DoneTo, Piece, trait);
        if (last is null)
        {
            ValueStore.End(write, trait);
            return;
        }

        var records = new RecordWork(write, ValueStore.Standards(write));
        foreach (var id in having)
        {
            records.Believe(id, wasCanonical: true, GraphStore.Members(write, id).ToArray());
        }

        records.WriteGolden(write);
        ChangeLog.Append(write, [], [], records.TraitsChanged, _ => null, clock.GetUtcNow().ToUnixTimeMilliseconds());
        ValueStore.Advance(write, trait, last.Value);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Values wait for the store")]
    private partial void LogWaiting(Exception fault);
}
