using CdpMonolith.Ingestion.Contracts;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>The country of each source; of those without one the setting <c>Ingestion:DefaultCountry</c>.</summary>
internal sealed class SourceCountries(IOptions<IngestionOptions> options, SourceMap sources) : ISourceCountries
{
    public string? Default { get; } = options.Value.DefaultCountry is { Length: > 0 } country ? country : null;

    public string? Of(long sourceId) => sources.Find(sourceId)?.Settings.Country ?? Default;
}
