using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Ingestion.Pages;

/// <summary>Sources in the console's search, by name.</summary>
internal sealed class SourceFinder(ISources sources, IStringLocalizer<Texts> texts) : IFinder
{
    public string Policy => Policies.Administer;

    public async Task<IReadOnlyList<Found>> FindAsync(string text, int limit, CancellationToken ct) =>
    [
        .. (await sources.ListAsync(ct))
            .Where(source => source.Name.Contains(text, StringComparison.OrdinalIgnoreCase))
            .OrderByDescending(source => source.Name.StartsWith(text, StringComparison.OrdinalIgnoreCase))
            .ThenBy(source => source.Name, StringComparer.OrdinalIgnoreCase)
            .Take(limit)
            .Select(source => new Found(
                source.Name, texts[$"Kind.{source.Kind}"], texts["Finder.Source"], "sensors", FormattableString.Invariant($"/sources/{source.Id}"))),
    ];
}
