using System.Collections.Concurrent;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>Says which sources have fallen silent. Only those that send by themselves can: files and forms are silent until somebody comes.</summary>
internal sealed class SourceHealths(IStore store, SourceMap sources, Tallies tallies, TimeProvider clock)
{
    private const long MsAnHour = 3_600_000;

    private readonly ConcurrentDictionary<long, (long Hour, int? Usual)> _usual = new();

    public SourceHealth Of(Source source)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var last = tallies.Of(source.Id).LastEventAt;
        if (source.Kind is SourceKind.File or SourceKind.Form)
        {
            return new SourceHealth(last, null, IsQuiet: false);
        }

        var usual = UsualOf(source.Id, now / MsAnHour);
        var silent = last is { } at ? (now - at) / (double)MsAnHour : double.MaxValue;
        return new SourceHealth(last, usual, source.Enabled && Silence.IsUnusual(silent, usual));
    }

    /// <summary>Sources that are silent for much longer than usual, in the order of their ids.</summary>
    public IReadOnlyList<Source> Quiet() =>
        [.. sources.All.Select(source => (Source: source, Health: Of(source))).Where(pair => pair.Health.IsQuiet).Select(pair => pair.Source with { LastEventAt = pair.Health.LastEventAt })];

    /// <summary>Of the hours up to now, looked up once an hour.</summary>
    private int? UsualOf(long sourceId, long hour)
    {
        if (_usual.TryGetValue(sourceId, out var known) && known.Hour == hour)
        {
            return known.Usual;
        }

        var usual = Silence.Usual(store.Read(read => SourceStore.Hours(read, sourceId, hour - Silence.Window)), hour);
        _usual[sourceId] = (hour, usual);
        return usual;
    }
}
