using CdpMonolith.Consent.Storage;
using CdpMonolith.Platform.Console;

namespace CdpMonolith.Consent.Decide;

/// <summary>The purposes, for pages of the modules below.</summary>
internal sealed class PurposeNames(PurposeStore purposes) : IPurposeNames
{
    public async Task<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(CancellationToken ct) =>
        [.. (await purposes.AllAsync(ct)).Select(purpose => KeyValuePair.Create(purpose.Key, purpose.Name))];
}
