using CdpMonolith.Consent.Contracts;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Consent.Pages;

/// <summary>Purposes in the console's search.</summary>
internal sealed class PurposeFinder(IConsent consent, IStringLocalizer<Texts> texts) : IFinder
{
    public string Policy => Policies.View;

    public async Task<IReadOnlyList<Found>> FindAsync(string text, int limit, CancellationToken ct) =>
    [
        .. (await consent.PurposesAsync(ct))
            .Where(purpose => purpose.Name.Contains(text.Trim(), StringComparison.CurrentCultureIgnoreCase)
                              || purpose.Key.Contains(text.Trim(), StringComparison.OrdinalIgnoreCase))
            .Take(limit)
            .Select(purpose => new Found(purpose.Name, purpose.Key, texts["Finder.Purpose"], "handshake", "/consent")),
    ];
}
