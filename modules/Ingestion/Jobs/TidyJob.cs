using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Jobs;

/// <summary>
/// Throws away what lay in quarantine for too long or takes too much room, oldest first, webhooks that nobody could use for as long, and
/// figures by hour and day that nobody looks at any more.
/// </summary>
internal sealed class TidyJob(IStore store, IAudit audit, IOptions<IngestionOptions> options, TimeProvider clock) : IJob
{
    /// <summary>Rows deleted in one piece of work, so that the lane is never kept for long.</summary>
    private const int AtOnce = 500;

    private const long MsAnHour = 3_600_000;
    private const long MsADay = 24 * MsAnHour;
    private const int CatalogueDays = 90;

    public string Name => "ingestion.tidy";

    public string DefaultCron => "0 20 * * * ?";

    public async Task<string> RunAsync(JobRun run, CancellationToken ct)
    {
        var limits = options.Value;
        var before = clock.GetUtcNow().AddDays(-limits.QuarantineDays).ToUnixTimeMilliseconds();
        var full = await store.ReadAsync(read => QuarantineStore.BeyondSize(read, limits.QuarantineMiB * 1024L * 1024), ct);
        var (old, beyond, hooks) = (
            await AllAsync(write => QuarantineStore.RemoveOld(write, before, AtOnce), ct),
            full is { } id ? await AllAsync(write => QuarantineStore.RemoveUpTo(write, id, AtOnce), ct) : 0,
            await AllAsync(write => HookStore.RemoveUnused(write, before, AtOnce), ct));
        if (old + beyond + hooks > 0)
        {
            await store.WriteAsync(write => audit.Record(write, Actor.System, "quarantine.aged_out", "quarantine", new { old, beyond, hooks }), ct);
        }

        // Figures, not data: nobody needs to be told.
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        await store.WriteAsync(
            write => PlanStore.RemoveOld(write, now) + CatalogueStore.RemoveDays(write, now / MsADay - CatalogueDays) + SourceStore.RemoveHours(write, now / MsAnHour - Silence.Window), ct);
        return FormattableString.Invariant(
            $"Thrown away: {old} calls older than {limits.QuarantineDays} days, {beyond} beyond {limits.QuarantineMiB} MiB, {hooks} webhooks that nobody could use.");
    }

    private async Task<int> AllAsync(Func<WriteSession, int> remove, CancellationToken ct)
    {
        var count = 0;
        while (await store.WriteAsync(remove, ct) is var removed and > 0)
        {
            count += removed;
        }

        return count;
    }
}
