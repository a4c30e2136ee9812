using CdpMonolith.Activation.Storage;
using CdpMonolith.Activation.Sync;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Activation.Deliver;

/// <summary>
/// Keeps deliveries going: compares syncs that need it, writes files that are due, and runs a lane for each destination that has
/// work. A lane that waits for a slow destination holds up no other.
/// </summary>
internal sealed partial class DeliveryLoop(
    IStore store, Reconciler reconciler, Deliverer deliverer, FileWriter files, ILeases leases, TimeProvider clock, ILogger<DeliveryLoop> logger)
    : BackgroundService
{
    /// <summary>That of the module's stages: comparing and sending go by what they remember.</summary>
    public const string Lease = "activation";

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(5);

    private TaskCompletionSource _grown = New();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        store.LogsGrew += Wake;
        try
        {
            await Task.WhenAll(
                Task.Run(() => RepeatAsync("compare", reconciler.RunAsync, stoppingToken), stoppingToken),
                Task.Run(() => RepeatAsync("files", async ct => await files.WriteDueAsync(ct), stoppingToken), stoppingToken),
                Task.Run(() => SendAsync(stoppingToken), stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The program is ending; what was under way is due again when it starts.
        }
        finally
        {
            store.LogsGrew -= Wake;
        }
    }

    private async Task SendAsync(CancellationToken ct)
    {
        var lanes = new Dictionary<long, Task>();
        await RepeatAsync(
            "send", async token =>
            {
                foreach (var (id, _) in lanes.Where(lane => lane.Value.IsCompleted).ToList())
                {
                    lanes.Remove(id);
                }

                foreach (var id in (await deliverer.WithWorkAsync(token)).Where(id => !lanes.ContainsKey(id)))
                {
                    lanes[id] = Task.Run(() => LaneAsync(id, token), token);
                }

                return 0L;
            }, ct);
        await Task.WhenAll(lanes.Values);
    }

    private async Task LaneAsync(long destinationId, CancellationToken ct)
    {
        try
        {
            await deliverer.LaneAsync(destinationId, ct);
        }
        catch (Exception fault) when (fault is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            LogLaneBroke(destinationId, fault);
            await Task.Delay(AfterFault, clock, ct);
        }
    }

    /// <summary>Runs it when deliveries were queued and once a second, for what time makes due.</summary>
    private async Task RepeatAsync(string what, Func<CancellationToken, Task<long>> work, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var grown = Volatile.Read(ref _grown).Task;
            try
            {
                if (await leases.HoldAsync(Lease, ct))
                {
                    using var lease = leases.Under(Lease);
                    await work(ct);
                }
            }
            catch (Exception fault) when (fault is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                LogStumbled(what, fault);
                await Task.Delay(AfterFault, clock, ct);
            }

            await Task.WhenAny(grown, Task.Delay(LookEvery, clock, ct));
        }
    }

    private void Wake(IReadOnlyCollection<string> logs)
    {
        if (logs.Contains(Outbox.Log))
        {
            Interlocked.Exchange(ref _grown, New()).TrySetResult();
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(Level = LogLevel.Error, Message = "The lane of destination {DestinationId} broke off; it starts again")]
    private partial void LogLaneBroke(long destinationId, Exception fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "Deliveries stumbled ({What}); they go on")]
    private partial void LogStumbled(string what, Exception fault);
}
