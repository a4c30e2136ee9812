using System.Globalization;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Activation.Jobs;

/// <summary>Once a night every running sync is compared with its segment and with consent as it is then.</summary>
internal sealed class ReconcileJob(IStore store, SyncStore syncs) : IJob
{
    public string Name => "activation.reconcile";

    public string DefaultCron => "0 40 2 * * ?";

    public async Task<string> RunAsync(JobRun run, CancellationToken ct)
    {
        var count = await store.WriteAsync(
            write =>
            {
                var started = syncs.StartReconciling(write);
                // Wakes the deliverer, which does the comparing.
                write.Advance(Outbox.Log, started > 0 ? 1 : 0);
                return started;
            }, ct);
        return string.Create(CultureInfo.InvariantCulture, $"Comparing {count} syncs with their segments.");
    }
}
