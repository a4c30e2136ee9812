using CdpMonolith.Ingestion.Contracts;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>One country for all sources: the setting <c>Ingestion:DefaultCountry</c>.</summary>
internal sealed class SourceCountries(IOptions<IngestionOptions> options) : ISourceCountries
{
    public string? Default { get; } = options.Value.DefaultCountry is { Length: > 0 } country ? country : null;

    public string? Of(long sourceId) => Default;
}
