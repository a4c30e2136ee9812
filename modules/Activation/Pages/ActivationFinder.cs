using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Activation.Pages;

/// <summary>Syncs and destinations in the console's search.</summary>
internal sealed class ActivationFinder(SyncStore syncs, DestinationStore destinations, IStringLocalizer<Texts> texts) : IFinder
{
    public string Policy => Policies.View;

    public async Task<IReadOnlyList<Found>> FindAsync(string text, int limit, CancellationToken ct)
    {
        var wanted = text.Trim();
        var found = (await syncs.ListAsync(ct)).Where(sync => Matches(sync.Name))
            .Select(sync => new Found(
                sync.Name, texts[Say.State(sync)], texts["Finder.Sync"], "sync_alt", FormattableString.Invariant($"/syncs/{sync.Id}")));
        var places = (await destinations.ListAsync(ct)).Where(destination => Matches(destination.Name))
            .Select(destination => new Found(
                destination.Name, texts[Say.State(destination)], texts["Finder.Destination"],
                DestinationKind.Find(destination.Kind)?.Icon ?? "outbound", FormattableString.Invariant($"/destinations/{destination.Id}")));
        return [.. found.Concat(places).Take(limit)];

        bool Matches(string name) => name.Contains(wanted, StringComparison.CurrentCultureIgnoreCase);
    }
}
