using System.Text.RegularExpressions;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>How the first-party scripts of the sources behave: in memory for those who load them, changed by administrators.</summary>
internal sealed partial class BrowserTags
{
    private readonly IStore _store;
    private readonly IAudit _audit;
    private volatile IReadOnlyDictionary<long, BrowserSettings>? _known;

    public BrowserTags(IStore store, IAudit audit)
    {
        (_store, _audit) = (store, audit);
        if (store.IsShared)
        {
            // Another process may have changed them.
            store.LogsGrew += logs => _known = logs.Contains(SourceStore.Changes) ? null : _known;
        }
    }

    public BrowserSettings Of(long sourceId) =>
        (_known ??= _store.Read(BrowserStore.Read)).GetValueOrDefault(sourceId) ?? BrowserSettings.Default;

    public async Task<Outcome<BrowserSettings>> SaveAsync(Actor actor, long sourceId, BrowserSettings wanted, CancellationToken ct)
    {
        wanted = wanted with { Purpose = wanted.Purpose.Trim().ToLowerInvariant() };
        if (!Key().IsMatch(wanted.Purpose))
        {
            return new Problem("browser.purpose_unusable", "A purpose is named by at most 64 letters, digits, dots, dashes and underscores.", "purpose");
        }

        var problem = await _store.WriteAsync(
            write =>
            {
                if (!SourceStore.Has(write, sourceId))
                {
                    return new Problem("source.unknown", "There is no such source.");
                }

                BrowserStore.Save(write, sourceId, wanted);
                SourceStore.TellOthers(write);
                _audit.Record(write, actor, "source.browser_changed", FormattableString.Invariant($"source:{sourceId}"), wanted);
                return null;
            }, ct);
        _known = null;
        return problem is null ? wanted : problem;
    }

    [GeneratedRegex(@"^[a-z0-9._-]{0,64}\z")]
    private static partial Regex Key();
}
