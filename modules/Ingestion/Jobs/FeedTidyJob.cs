using CdpMonolith.Ingestion.Fetch;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Jobs;

/// <summary>
/// Deletes the copies of files that feeds brought long ago: nobody looks after them, and they would fill the disk. The imports stay.
/// </summary>
internal sealed class FeedTidyJob(IStore store, DataFolder folder, IAudit audit, IOptions<FeedOptions> options, TimeProvider clock) : IJob
{
    private const int AtOnce = 500;

    public string Name => "ingestion.feed_files";

    public string DefaultCron => "0 50 3 * * ?";

    public async Task<string> RunAsync(JobRun run, CancellationToken ct)
    {
        var days = options.Value.KeepDays;
        if (days == 0)
        {
            return "Copies of files that feeds brought are kept.";
        }

        var before = clock.GetUtcNow().AddDays(-days).ToUnixTimeMilliseconds();
        var (after, deleted) = (0L, 0);
        while (await store.ReadAsync(read => ImportStore.SettledFiles(read, $"{FeedTaker.ActorPrefix}%", before, after, AtOnce), ct) is { Count: > 0 } files)
        {
            foreach (var path in files.Select(id => Imports.PathOf(folder, id)).Where(File.Exists))
            {
                File.Delete(path);
                deleted++;
            }

            after = files[^1];
        }

        if (deleted > 0)
        {
            await store.WriteAsync(write => audit.Record(write, Actor.System, "file.aged_out", "file", new { deleted, days }), ct);
        }

        var (copies, ago) = (deleted == 1 ? "copy of one file" : $"copies of {deleted} files", days == 1 ? "a day" : $"{days} days");
        return FormattableString.Invariant($"Deleted the {copies} that feeds brought more than {ago} ago.");
    }
}
