using System.Text.Json;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Import;

/// <summary>What comes back by itself after an undo.</summary>
/// <param name="Imports">That are run again.</param>
/// <param name="Calls">At most so many of the calls that are taken back.</param>
internal sealed record ComingAgain(IReadOnlyList<long> Imports, long Calls);

/// <summary>Undoing imports: asking for it, and how far it has come.</summary>
internal sealed class Undos(IStore store, DataFolder folder, UndoRunner runner, IAudit audit, TimeProvider clock)
{
    private const int EntriesLookedAt = 50;

    private static readonly Problem UnknownImport = new("import.unknown", "There is no such import.");
    private static readonly ImportState[] Ended = [ImportState.Done, ImportState.Paused, ImportState.Failed, ImportState.Cancelled];

    /// <summary>Whether an import in this state can be undone.</summary>
    public static bool IsPossible(ImportState state) => Ended.Contains(state);

    public Task<ImportUndo?> FindAsync(long importId, CancellationToken ct) => store.ReadAsync(read => UndoStore.Find(read, importId), ct);

    /// <summary>What an undo would not take away for good: imports that found the same rows there already are run again by themselves.</summary>
    public Task<ComingAgain> ComingAgainAsync(FileImport import, CancellationToken ct) => store.ReadAsync(
        read =>
        {
            var others = UndoStore.FoundThemThere(read, import.Id, import.SourceId, import.StartedAt ?? import.CreatedAt)
                .Where(other => File.Exists(Imports.PathOf(folder, other.FileId))).ToList();
            return new ComingAgain([.. others.Select(other => other.Id)], Math.Min(import.Stored, others.Sum(other => other.Duplicates)));
        }, ct);

    /// <summary>The imports that were run again when an import was undone, as the audit trail has it.</summary>
    public async Task<IReadOnlyList<long>> TakenAgainAsync(long importId, CancellationToken ct)
    {
        var entry = (await audit.ReadAsync(long.MaxValue, EntriesLookedAt, Subject(importId), ct))
            .FirstOrDefault(one => one.Action == "import.undone" && one.Subject == Subject(importId));
        if (entry?.Details is not { } details)
        {
            return [];
        }

        using var json = JsonDocument.Parse(details);
        return json.RootElement.TryGetProperty("takenAgain", out var again) && again.ValueKind == JsonValueKind.Array
            ? [.. again.EnumerateArray().Select(id => id.GetInt64())]
            : [];
    }

    /// <summary>Takes back all that an import brought; it is done in pieces, in the background, and goes on after a crash.</summary>
    public async Task<Outcome<ImportUndo>> StartAsync(Actor actor, long importId, CancellationToken ct)
    {
        var outcome = await store.WriteAsync<Outcome<ImportUndo>>(
            write =>
            {
                if (ImportStore.Find(write, importId) is not { } import)
                {
                    return UnknownImport;
                }

                if (UndoStore.Find(write, importId) is { Error: not null })
                {
                    UndoStore.Stop(write, importId, null);
                    audit.Record(write, actor, "import.undo_retried", Subject(importId));
                    return UndoStore.Find(write, importId)!;
                }

                if (!IsPossible(import.State))
                {
                    return import.State is ImportState.Queued or ImportState.Running
                        ? new Problem("import.not_possible", "The import is running. Cancel it first, then undo it.")
                        : new Problem("import.not_possible", "The import is undone already, or is being undone.");
                }

                UndoStore.Add(write, importId, clock.GetUtcNow().ToUnixTimeMilliseconds(), actor.Name);
                audit.Record(write, actor, "import.undo_started", Subject(importId), new { import.Stored });
                return UndoStore.Find(write, importId)!;
            }, ct);
        runner.Wake();
        return outcome;
    }

    internal static string Subject(long importId) => FormattableString.Invariant($"import:{importId}");
}
