using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>Figures of the door.</summary>
internal sealed class IngestionReport(IStore store, Tallies tallies, SourceHealths health) : IIngestionReport
{
    public Task<IngestionFacts> FactsAsync(CancellationToken ct) => store.ReadAsync(
        read => new IngestionFacts(EventStore.LastSeq(read) - UndoStore.EventsTakenBack(read), tallies.Duplicates(), (int)QuarantineStore.Count(read)), ct);

    public IReadOnlyList<Source> Quiet() => health.Quiet();
}
