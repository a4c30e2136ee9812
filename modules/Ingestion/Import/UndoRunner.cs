using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Ingestion.Import;

/// <summary>
/// Undoes imports, one after the other, piece by piece. In the transaction in which events leave the log, every floor gives up what it
/// made of them and how far the undo has come is written: it goes on at the exact event after a stop or a crash.
/// </summary>
/// <remarks>
/// It first waits until the stages have taken all that the import brought, so that none of them holds some of it undecided. The
/// floors above are looked up late, for some of them are made of this module's services.
/// </remarks>
internal sealed partial class UndoRunner(
    IStore store, DataFolder folder, IServiceProvider services, ImportRunner imports, Tallies tallies, ILeases leases, IAudit audit,
    TimeProvider clock, ILogger<UndoRunner> logger) : BackgroundService
{
    private const string Lease = "undo";
    private const int EventsAtOnce = 500;
    private static readonly TimeSpan LookForLeaseEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LookAtStagesEvery = TimeSpan.FromMilliseconds(200);

    private readonly SemaphoreSlim _wake = new(0);

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Looks now for what is to be undone.</summary>
    public void Wake() => _wake.Release();

    /// <summary>Undoes all that waits, then ends.</summary>
    public async Task RunQueuedAsync(CancellationToken ct)
    {
        while (await store.ReadAsync(UndoStore.Next, ct) is { } undo)
        {
            if (!await leases.HoldAsync(Lease, ct))
            {
                await Task.Delay(LookForLeaseEvery, clock, ct);
                continue;
            }

            using var fence = leases.Under(Lease);
            await RunAsync(undo, ct);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RunQueuedAsync(stoppingToken);
                await _wake.WaitAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (StoreUnavailableException fault)
            {
                LogWaiting(fault);
                await Task.Delay(LookForLeaseEvery, clock, CancellationToken.None);
            }
        }
    }

    private async Task RunAsync(ImportUndo undo, CancellationToken ct)
    {
        try
        {
            if (undo.Seq is null)
            {
                await StagesAreThroughAsync(ct);
            }

            while (await PieceAsync(undo.ImportId, ct))
            {
            }
        }
        catch (Exception fault) when (fault is not (OperationCanceledException or StoreUnavailableException))
        {
            LogFailed(undo.ImportId, fault);
            await store.WriteAsync(write => UndoStore.Stop(write, undo.ImportId, $"{fault.GetType().Name}: {fault.Message}"), CancellationToken.None);
        }
    }

    /// <summary>Ends when every stage has taken what is in the event log now, and what the stages made of it.</summary>
    private async Task StagesAreThroughAsync(CancellationToken ct)
    {
        var stages = services.GetRequiredService<IStages>();
        var logs = new HashSet<string> { IEventLog.Log };
        while (logs.Count > 0)
        {
            var ends = (await stages.StatesAsync(ct)).Where(state => logs.Contains(state.Follows)).ToDictionary(state => state.Name, state => state.EndSeq);
            while ((await stages.StatesAsync(ct)).Any(state => ends.TryGetValue(state.Name, out var end) && state.Seq < end))
            {
                await Task.Delay(LookAtStagesEvery, clock, ct);
            }

            // A stage is called after its module, and so is the log that it writes.
            var modules = ends.Keys.Select(ModuleOf).ToHashSet();
            logs = [.. (await stages.StatesAsync(ct)).Select(state => state.Follows).Where(log => modules.Contains(ModuleOf(log)) && !logs.Contains(log))];
        }
    }

    private static string ModuleOf(string name) => name[..name.IndexOf('.', StringComparison.Ordinal)];

    /// <summary>Takes back some events. False: the undo has ended.</summary>
    private async Task<bool> PieceAsync(long importId, CancellationToken ct)
    {
        var floors = services.GetServices<ITakesBack>().Reverse().ToList();
        var import = (await store.ReadAsync(read => ImportStore.Find(read, importId), ct))!;
        var more = await store.WriteAsync(
            write =>
            {
                if (UndoStore.Find(write, importId) is not { EndedAt: null, Error: null } undo)
                {
                    return false;
                }

                var events = UndoStore.EventsOf(write, importId, undo.Seq ?? UndoStore.StartOf(write, importId), EventsAtOnce);
                if (events.Count == 0)
                {
                    End(write, import, undo, floors);
                    return false;
                }

                foreach (var floor in floors)
                {
                    floor.TakeBack(write, new UndoneEvents(importId, events));
                }

                UndoStore.Drop(write, events);
                tallies.TakeBack(write, import.SourceId, events.Count);
                UndoStore.Progress(write, importId, events[^1].Seq, events.Count);
                return true;
            }, ct);
        if (!more)
        {
            imports.Wake();
        }

        return more;
    }

    private void End(WriteSession write, FileImport import, ImportUndo undo, IReadOnlyList<ITakesBack> floors)
    {
        foreach (var floor in floors)
        {
            floor.End(write);
        }

        UndoStore.End(write, import.Id, Now);

        // Had this one never come, these would have brought what they found there already.
        var again = UndoStore.FoundThemThere(write, import.Id, import.SourceId, import.StartedAt ?? import.CreatedAt)
            .Where(other => File.Exists(Imports.PathOf(folder, other.FileId))).Select(other => other.Id).ToList();
        foreach (var id in again)
        {
            UndoStore.TakeAgain(write, id);
        }

        audit.Record(write, Actor.System, "import.undone", Undos.Subject(import.Id), new { undo.Events, askedBy = undo.Actor, takenAgain = again });
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Undo of import {ImportId} stands still")]
    private partial void LogFailed(long importId, Exception fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Undos wait for the store")]
    private partial void LogWaiting(Exception fault);
}
