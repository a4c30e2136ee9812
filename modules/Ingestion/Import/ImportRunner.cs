using System.Collections.Concurrent;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Ingestion.Import;

/// <summary>
/// Runs imports one after the other. A batch of rows and how far the import has come are one transaction, so it goes on at the
/// exact row after a stop or a crash; message ids are made of the file and the row, so that nothing is taken twice.
/// </summary>
internal sealed partial class ImportRunner(
    IStore store, DataFolder folder, Acceptor acceptor, ISourceCountries countries, TimeProvider clock, ILogger<ImportRunner> logger) : BackgroundService
{
    /// <summary>How the name of a file ends while it comes in.</summary>
    public const string PartOfUpload = ".part";

    private const int BatchRows = 1000;
    private const double NearlyAll = 0.99;
    private static readonly TimeSpan PauseAfterOutage = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _wake = new(0);
    private readonly ConcurrentDictionary<long, double> _shares = new();

    /// <summary>Looks at the queue now.</summary>
    public void Wake() => _wake.Release();

    public double? ShareOf(long id) => _shares.TryGetValue(id, out var share) ? share : null;

    /// <summary>Runs all that waits, then ends.</summary>
    public async Task RunQueuedAsync(CancellationToken ct)
    {
        var elsewhere = 0L;
        while (await store.ReadAsync(read => ImportStore.Next(read, elsewhere), ct) is { } import)
        {
            if (store.IsShared && !File.Exists(Imports.PathOf(folder, import.FileId)))
            {
                // It is run by the process in whose folder the file is.
                elsewhere = import.Id;
                continue;
            }

            await RunAsync(import, ct);
        }
    }

    /// <summary>Before the server takes anything: what a crash left of uploads that were never answered goes.</summary>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var part in Directory.EnumerateFiles(folder.FolderOf("uploads"), $"*{PartOfUpload}"))
        {
            File.Delete(part);
        }

        return base.StartAsync(cancellationToken);
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
                // Nothing of the batch was kept and the import still says it runs: it goes on from there.
                LogWaiting(fault);
                await Task.Delay(PauseAfterOutage, clock, CancellationToken.None);
            }
        }
    }

    private async Task RunAsync(FileImport import, CancellationToken ct)
    {
        try
        {
            if (!await TurnAsync(import.Id, [ImportState.Queued, ImportState.Running], ImportState.Running, ct))
            {
                return;
            }

            var file = (await store.ReadAsync(read => ImportStore.FindFile(read, import.FileId), ct))!;
            if (await TakeAsync(import, file, ct))
            {
                await TurnAsync(import.Id, [ImportState.Running], ImportState.Done, ct);
            }
        }
        catch (Exception fault) when (fault is not (OperationCanceledException or StoreUnavailableException))
        {
            LogFailed(import.Id, fault);
            await store.WriteAsync(
                write => ImportStore.SetState(write, import.Id, ImportState.Failed, Now, $"{fault.GetType().Name}: {fault.Message}"), CancellationToken.None);
        }
        finally
        {
            _shares.TryRemove(import.Id, out _);
        }
    }

    /// <summary>False: somebody paused or cancelled it meanwhile.</summary>
    private Task<bool> TurnAsync(long id, ImportState[] from, ImportState to, CancellationToken ct) => store.WriteAsync(
        write =>
        {
            if (ImportStore.Find(write, id) is not { } import || !from.Contains(import.State))
            {
                return false;
            }

            ImportStore.SetState(write, id, to, Now);
            return true;
        }, ct);

    /// <summary>Takes the rows that are left. False: somebody paused or cancelled it.</summary>
    private async Task<bool> TakeAsync(FileImport import, ImportFile file, CancellationToken ct)
    {
        var path = Imports.PathOf(folder, file.Id);
        using var csv = new CsvRows(path, file.Shape);
        var groups = new RowGroups(csv, import.Mapping, RowGroups.ApartIn(path, file.Shape, import.Mapping, ct));
        var calls = new RowCalls(csv.Header, import.Mapping, Imports.OwnIdType(import.SourceId), file.Sha256[..16], import.Mapping.Key(), countries.Of(import.SourceId));
        var more = true;
        while (groups.LastRow < import.RowsDone && (more = groups.Read()))
        {
        }

        // While the lane commits one batch, the next is read and written as calls.
        var committing = Task.FromResult(true);
        while (more)
        {
            ct.ThrowIfCancellationRequested();
            var batch = Next(groups, calls, out more);
            if (!await committing)
            {
                return false;
            }

            _shares[import.Id] = Math.Min(csv.Share, NearlyAll); // what was read is not yet committed
            committing = Task.Run(() => AcceptAsync(import, batch, ct), ct);
        }

        return await committing;
    }

    private static Batch Next(RowGroups groups, RowCalls calls, out bool more)
    {
        var taken = new List<Taken>(BatchRows);
        var rejected = new List<RejectedRow>();
        var read = 0;
        more = true;
        while (read < BatchRows && (more = groups.Read()))
        {
            read += groups.Rows.Count;
            var count = calls.Write(groups.Rows, out var fault);
            if (fault is not null)
            {
                rejected.AddRange(groups.Rows.Select(row => Rejected(row, fault.Of(row))));
            }
            else
            {
                taken.Add(new Taken(groups.Rows, count));
            }
        }

        return new Batch(groups.LastRow, taken, calls.Take(), rejected);
    }

    private static RejectedRow Rejected(FileRow row, RowProblem problem) => new(row.Number, problem.Code, problem.Field, problem.Message, row.Cells);

    /// <summary>False: the import is no longer to run, and nothing of the batch was taken.</summary>
    private async Task<bool> AcceptAsync(FileImport import, Batch batch, CancellationToken ct)
    {
        try
        {
            await acceptor.AcceptAsync(
                import.SourceId, batch.Calls, Arrival.OfImport(import.Id),
                (write, verdicts) =>
                {
                    if (ImportStore.Find(write, import.Id) is not { State: ImportState.Running })
                    {
                        throw new NoLongerRunningException();
                    }

                    var rejected = batch.Rejected.ToList();
                    var at = 0;
                    foreach (var taken in batch.Taken)
                    {
                        var refusal = FirstRefusal(verdicts, at, taken.Calls);
                        at += taken.Calls;
                        if (refusal is not null)
                        {
                            rejected.AddRange(taken.Rows.Select(row => Rejected(row, new RowProblem(refusal.Code, refusal.Message, refusal.Field))));
                        }
                    }

                    ImportStore.Progress(
                        write, import.Id, batch.LastRow, verdicts.Count(verdict => verdict is { Refusal: null, IsDuplicate: false }),
                        verdicts.Count(verdict => verdict.IsDuplicate), rejected);
                }, ct);
            return true;
        }
        catch (NoLongerRunningException)
        {
            return false;
        }
    }

    private static Refusal? FirstRefusal(IReadOnlyList<Verdict> verdicts, int at, int count)
    {
        for (var n = at; n < at + count; n++)
        {
            if (verdicts[n].Refusal is { } refusal)
            {
                return refusal;
            }
        }

        return null;
    }

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    [LoggerMessage(Level = LogLevel.Error, Message = "Import {ImportId} failed")]
    private partial void LogFailed(long importId, Exception fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Imports wait for the store")]
    private partial void LogWaiting(Exception fault);

    /// <summary>Rows that became calls together.</summary>
    private sealed record Taken(IReadOnlyList<FileRow> Rows, int Calls);

    private sealed record Batch(long LastRow, IReadOnlyList<Taken> Taken, List<ReadOnlyMemory<byte>> Calls, IReadOnlyList<RejectedRow> Rejected);

    /// <summary>Undoes the batch of an import that was paused or cancelled meanwhile.</summary>
    private sealed class NoLongerRunningException : Exception;
}
