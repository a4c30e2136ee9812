using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Import;

/// <summary>Undoing imports: asking for it, and how far it has come.</summary>
internal sealed class Undos(IStore store, UndoRunner runner, IAudit audit, TimeProvider clock)
{
    private static readonly Problem UnknownImport = new("import.unknown", "There is no such import.");
    private static readonly ImportState[] Ended = [ImportState.Done, ImportState.Paused, ImportState.Failed, ImportState.Cancelled];

    /// <summary>Whether an import in this state can be undone.</summary>
    public static bool IsPossible(ImportState state) => Ended.Contains(state);

    public Task<ImportUndo?> FindAsync(long importId, CancellationToken ct) => store.ReadAsync(read => UndoStore.Find(read, importId), ct);

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
