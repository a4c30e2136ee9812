using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Catalogue;

/// <summary>
/// Counts of an import that is undone go from the catalogue. Names that only it brought are not shown any more; what else it added to a
/// name (types, the estimate of different values) stays until the stage is rebuilt.
/// </summary>
internal sealed class CatalogueUndo : ITakesBack
{
    public void TakeBack(WriteSession write, UndoneEvents undone)
    {
        var tally = CatalogueTally.Of(write);
        tally.Count([.. undone.Events.Select(e => new CatalogueEntry(e.Seq, e.SourceId, e.Type, e.Name, e.ReceivedAt, e.Body))]);
        foreach (var name in tally.Changed.Where(name => name.IsKnown))
        {
            CatalogueStore.TakeBack(write, name.Key, name.Seen, name.LeftOut);
            foreach (var (day, seen) in name.Days ?? [])
            {
                CatalogueStore.AddDay(write, name.Key.Call, name.Key.Event, day, -seen);
            }
        }
    }
}
