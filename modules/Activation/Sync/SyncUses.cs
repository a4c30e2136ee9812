using CdpMonolith.Activation.Storage;
using CdpMonolith.Segmentation.Contracts;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Activation.Sync;

/// <summary>A segment with a sync on it cannot be deleted.</summary>
internal sealed class SyncUses(SyncStore syncs, IStringLocalizer<Texts> texts) : ISegmentUses
{
    public async Task<ILookup<long, SegmentUse>> UsesAsync(CancellationToken ct) =>
        (await syncs.ListAsync(ct)).ToLookup(
            sync => sync.SegmentId,
            sync => new SegmentUse(texts["Finder.Sync"], sync.Name, FormattableString.Invariant($"/syncs/{sync.Id}")));
}
