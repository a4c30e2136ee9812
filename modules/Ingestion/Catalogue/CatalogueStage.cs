using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Catalogue;

/// <summary>
/// Discovers events, properties and traits from what comes in. Counts a batch in memory and writes one row for each name that was in it.
/// </summary>
internal sealed class CatalogueStage(IStore store) : Stage<CatalogueEntry>
{
    public const string StageName = "ingestion.catalogue";

    private CatalogueTally? _tally;

    public override string Name => StageName;

    public override string Follows => IEventLog.Log;

    public override int BatchSize => 2000;

    public override Action<WriteSession> Clear => CatalogueStore.Clear;

    public override void Forget() => _tally = null;

    public override void Committed() => _tally?.Settle();

    protected override IReadOnlyList<CatalogueEntry> Read(long after, int limit) =>
        store.Read(read => CatalogueStore.Entries(read, after, limit));

    protected override Action<WriteSession>? Decide(IReadOnlyList<CatalogueEntry> entries)
    {
        if (entries.Count == 0)
        {
            return null;
        }

        // What was counted and never came to disk must not be counted twice.
        _tally = _tally is { Changed.Count: 0 } settled ? settled : store.Read(CatalogueTally.Of);
        _tally.Count(entries);
        var changes = _tally.Changed.Select(name => (Change: name.Change(), name.Key, Days: name.Days?.ToList() ?? [])).ToList();
        return write =>
        {
            foreach (var ((name, sketch), key, days) in changes)
            {
                CatalogueStore.Add(write, name, sketch);
                foreach (var (day, seen) in days)
                {
                    CatalogueStore.AddDay(write, key.Call, key.Event, day, seen);
                }
            }
        };
    }
}
