using System.Globalization;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Activation.Deliver;

/// <summary>
/// Writes what is due of a sync into one file. First it is decided and kept who is in it, by which record; then the file is written
/// beside its place, put on disk and moved there. A file that was cut off is written again, under its name, with the people who may
/// still be in it.
/// </summary>
internal sealed class FileWriter(
    IStore store, DataFolder folder, DestinationStore destinations, SyncStore syncs, Outbox outbox, DeliveryStore deliveries,
    ExportStore exports, Composer composer, IAudit audit, ILeases leases, TimeProvider clock) : IDisposable
{
    private const int RowsAtOnce = 500;

    private readonly SemaphoreSlim _turn = new(1, 1);

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Full path of a file.</summary>
    public string PathOf(ExportFile file) => folder.PathOf("exports", Number(file.SyncId), file.FileName);

    /// <summary>Writes the files whose time has come. Returns how many.</summary>
    public async Task<int> WriteDueAsync(CancellationToken ct)
    {
        var count = 0;
        var running = (await syncs.ListAsync(ct)).Where(sync => sync is { Active: true, ReconcileAfter: null }).ToLookup(sync => sync.DestinationId);
        foreach (var destination in await destinations.ListAsync(ct))
        {
            if (!destination.Active || destination.Kind != DestinationKind.File.Key)
            {
                continue;
            }

            foreach (var sync in running[destination.Id])
            {
                var latest = (await exports.OfSyncAsync(sync.Id, 1, ct)).FirstOrDefault();
                if (latest is { Ready: false } || IsTime(destination, latest) && outbox.DueOf(sync.Id, Now, 1).Count > 0)
                {
                    count += await WriteAsync(sync, destination, Actor.System, ct) is null ? 0 : 1;
                }
            }
        }

        return count;
    }

    /// <summary>Writes what is due now, whatever the schedule says.</summary>
    public async Task<Outcome<ExportFile>> WriteNowAsync(long syncId, Actor actor, CancellationToken ct)
    {
        if (await syncs.FindAsync(syncId, ct) is not { } sync)
        {
            return new Problem("sync.unknown", "There is no such sync.");
        }

        if (await destinations.FindAsync(sync.DestinationId, ct) is not { } destination || destination.Kind != DestinationKind.File.Key)
        {
            return new Problem("sync.no_files", "The destination of this sync takes messages one by one.");
        }

        if (!sync.Active || !destination.Active)
        {
            return new Problem("sync.paused", "The sync or its destination is paused; start it first.");
        }

        if (!await leases.HoldAsync(DeliveryLoop.Lease, ct))
        {
            return new Problem("sync.elsewhere", "Another process writes the files; do this there.");
        }

        using var lease = leases.Under(DeliveryLoop.Lease);
        return await WriteAsync(sync, destination, actor, ct) is { } file
            ? file
            : new Problem("export.nothing_new", "There is nothing to write: nobody entered or left since the last file.");
    }

    public void Dispose() => _turn.Dispose();

    private bool IsTime(Destination destination, ExportFile? latest)
    {
        var minutes = int.Parse(destination.Settings[FileSettings.EveryMinutes], CultureInfo.InvariantCulture);
        return minutes > 0 && (latest is null || Now - latest.BegunAt >= (long)TimeSpan.FromMinutes(minutes).TotalMilliseconds);
    }

    private async Task<ExportFile?> WriteAsync(SegmentSync sync, Destination destination, Actor actor, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            var segment = await composer.NameOfAsync(sync, ct);
            var cutOff = (await exports.OfSyncAsync(sync.Id, 1, ct)).FirstOrDefault(file => !file.Ready);
            if (cutOff is null && outbox.DueOf(sync.Id, Now, 1).Count == 0)
            {
                return null;
            }

            var file = cutOff ?? await store.WriteAsync(write => exports.Add(write, sync.Id, id => NameOf(destination, id), Now), ct);
            await ChooseAsync(sync, segment, file, ct);
            var (rows, bytes) = await WriteFileAsync(sync, segment, destination, file, ct);
            await store.WriteAsync(
                write =>
                {
                    if (rows == 0)
                    {
                        exports.Drop(write, file.Id);
                        return;
                    }

                    exports.MarkReady(write, file.Id, rows, bytes, Now);
                    audit.Record(write, actor, "export.written", Syncs(sync.Id), new { Export = file.Id, Rows = rows });
                }, ct);
            return rows == 0 ? null : file with { Ready = true, RowCount = rows, SizeBytes = bytes, ReadyAt = Now };
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Asks for each delivery that is due whether it may be in the file, and writes that down.</summary>
    private async Task ChooseAsync(SegmentSync sync, SegmentName segment, ExportFile file, CancellationToken ct)
    {
        var until = Now;
        while (outbox.DueOf(sync.Id, until, RowsAtOnce) is { Count: > 0 } due)
        {
            var composed = new List<(DueDelivery Delivery, Composed Composed)>(due.Count);
            foreach (var delivery in due)
            {
                composed.Add((delivery, await composer.ComposeAsync(
                    sync, segment, delivery.Id, delivery.ProfileId, delivery.Change, delivery.ChangedAt, ct)));
            }

            await store.WriteAsync(
                write =>
                {
                    foreach (var (delivery, result) in composed)
                    {
                        if (result.Message is null)
                        {
                            outbox.MarkEnded(write, delivery.Id, result.State, result.Reason!, null, result.ConsentSeq, Now);
                        }
                        else if (outbox.ClaimOne(write, delivery.Id, Now))
                        {
                            outbox.MarkDelivered(write, delivery.Id, null, result.ConsentSeq, file.Id, Now);
                        }
                    }
                }, ct);
        }
    }

    private async Task<(long Rows, long Bytes)> WriteFileAsync(
        SegmentSync sync, SegmentName segment, Destination destination, ExportFile file, CancellationToken ct)
    {
        folder.FolderOf("exports", Number(sync.Id));
        var path = PathOf(file);
        var beside = $"{path}.part";
        var rows = 0L;
        await using (var stream = new FileStream(beside, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            await using (var table = Table.Of(destination, stream, Payload.Columns(sync.Mapping)))
            {
                await foreach (var message in MessagesAsync(sync, segment, destination, file, ct))
                {
                    await table.AddAsync(Payload.Row(message, sync.Mapping), ct);
                    rows++;
                }
            }

            DiskSync.Flush(stream);
        }

        if (rows == 0)
        {
            File.Delete(beside);
            return (0, 0);
        }

        File.Move(beside, path, overwrite: true);
        return (rows, new FileInfo(path).Length);
    }

    /// <summary>Who is in the file; a last question to consent, for what was withdrawn since it was chosen.</summary>
    private async IAsyncEnumerable<Message> MessagesAsync(
        SegmentSync sync, SegmentName segment, Destination destination, ExportFile file,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var everyone = destination.Setting(FileSettings.Content) == "everyone";
        for (var after = 0L; ;)
        {
            var page = everyone
                ? outbox.LastOfRange(sync.Id, after, long.MaxValue, RowsAtOnce)
                    .Select(person => (Key: person.ProfileId, person.Last.Id, person.ProfileId, person.Last.Change, person.Last.State, At: file.BegunAt)).ToList()
                : deliveries.OfFile(file.Id, after, RowsAtOnce)
                    .Select(row => (Key: row.Id, row.Id, row.ProfileId, row.Change, row.State, At: row.ChangedAt)).ToList();
            if (page.Count == 0)
            {
                yield break;
            }

            after = page[^1].Key;
            foreach (var row in page)
            {
                if (row.State != DeliveryState.Delivered || (everyone && row.Change == DeliveryChange.Left))
                {
                    continue;
                }

                var composed = await composer.ComposeAsync(sync, segment, row.Id, row.ProfileId, row.Change, row.At, ct);
                if (composed.Message is { } message)
                {
                    yield return message;
                }
                else
                {
                    await store.WriteAsync(
                        write => outbox.MarkEnded(write, row.Id, composed.State, composed.Reason!, null, composed.ConsentSeq, Now), ct);
                }
            }
        }
    }

    private string NameOf(Destination destination, long id) => string.Create(
        CultureInfo.InvariantCulture,
        $"{clock.GetUtcNow().UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{id}.{(destination.Setting(FileSettings.Format) == "ndjson" ? "ndjson" : "csv")}");

    private static string Number(long id) => id.ToString(CultureInfo.InvariantCulture);

    private static string Syncs(long id) => $"sync:{Number(id)}";
}
