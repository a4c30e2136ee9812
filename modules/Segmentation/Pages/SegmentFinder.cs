using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Contracts;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Segmentation.Pages;

/// <summary>Segments in the console's search: by a part of the name.</summary>
internal sealed class SegmentFinder(ISegments segments, IStringLocalizer<Texts> texts) : IFinder
{
    public string Policy => Policies.View;

    public async Task<IReadOnlyList<Found>> FindAsync(string text, int limit, CancellationToken ct)
    {
        var wanted = text.Trim();
        return
        [
            .. (await segments.ListAsync(ct))
                .Where(segment => wanted.Length > 0 && segment.Name.Contains(wanted, StringComparison.OrdinalIgnoreCase))
                .OrderBy(segment => segment.Name.StartsWith(wanted, StringComparison.OrdinalIgnoreCase) ? 0 : 1).Take(limit)
                .Select(segment => new Found(
                    segment.Name, segment.Size is { } size ? texts.Counted("Finder.Size", size).Value : null, texts["Finder.Segment"],
                    "group_work", FormattableString.Invariant($"/segments/{segment.Id}"))),
        ];
    }
}
