using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Text;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>When a key was last used. Lives as long as the process, whatever is read anew.</summary>
internal sealed class KeyUse
{
    private long _lastAt;

    /// <summary>Unix ms; 0: not since the server started.</summary>
    public long LastAt
    {
        get => Volatile.Read(ref _lastAt);
        set => Volatile.Write(ref _lastAt, value);
    }

    /// <summary>What the store has of it, Unix ms.</summary>
    public long SavedAt { get; set; }
}

/// <summary>All sources and their keys in memory: what every call is checked against. Read from the store when first asked.</summary>
internal sealed class SourceMap
{
    private const long UseSavedEvery = 60_000;

    private readonly IStore _store;
    private readonly TimeProvider _clock;
    private readonly Lock _loading = new();
    private readonly ConcurrentDictionary<string, KeyUse> _uses = new(StringComparer.Ordinal);
    private volatile Content? _content;

    public SourceMap(IStore store, TimeProvider clock)
    {
        (_store, _clock) = (store, clock);
        if (store.IsShared)
        {
            // Another process may have changed them.
            store.LogsGrew += logs => _content = logs.Contains(SourceStore.Changes) ? null : _content;
        }
    }

    /// <summary>In the order of their ids.</summary>
    public IReadOnlyList<Source> All => Known.Sources;

    public Source? Find(long id) => Known.ById.GetValueOrDefault(id);

    /// <summary>The source that a write key names; null: nobody has it, or it has expired.</summary>
    public Source? FindByKey(string key) => Known.ByKey.TryGetValue(key, out var entry) ? Use(entry) : null;

    /// <summary>As <see cref="FindByKey"/>, by a whole <c>Authorization</c> header of the kind Basic.</summary>
    public Source? FindByHeader(string header) => Known.ByHeader.TryGetValue(header, out var entry) ? Use(entry) : null;

    /// <summary>Keys that were used since the store last heard of it, to the minute.</summary>
    public IReadOnlyList<(string Key, KeyUse Use)> UsedKeys() =>
        [.. _uses.Where(pair => pair.Value.LastAt >= pair.Value.SavedAt + UseSavedEvery).Select(pair => (pair.Key, pair.Value))];

    /// <summary>Every key of a source that is still taken, the one in force first.</summary>
    public IReadOnlyList<WriteKey> KeysOf(long sourceId)
    {
        var now = _clock.GetUtcNow().ToUnixTimeMilliseconds();
        return
        [
            .. Known.ByKey.Values
                .Select(entry => entry.Use.LastAt is var used and > 0 ? entry.Key with { LastUsedAt = used } : entry.Key)
                .Where(key => key.SourceId == sourceId && !(key.ExpiresAt <= now))
                .OrderBy(key => key.ExpiresAt is null ? 0 : 1).ThenByDescending(key => key.CreatedAt),
        ];
    }

    /// <summary>Reads everything anew, after a change.</summary>
    public void Reload()
    {
        lock (_loading)
        {
            _content = Load();
        }
    }

    private Content Known
    {
        get
        {
            if (_content is { } known)
            {
                return known;
            }

            lock (_loading)
            {
                return _content ??= Load();
            }
        }
    }

    /// <summary>Null: the key has expired.</summary>
    private Source? Use(Entry entry)
    {
        var now = _clock.GetUtcNow().ToUnixTimeMilliseconds();
        if (entry.Key.ExpiresAt <= now)
        {
            return null;
        }

        entry.Use.LastAt = now;
        return entry.Source;
    }

    private Content Load() => _store.Read(read =>
    {
        var sources = SourceStore.Read(read);
        var byId = sources.ToFrozenDictionary(source => source.Id);
        var entries = SourceStore.Keys(read).Where(key => byId.ContainsKey(key.SourceId))
            .Select(key => new Entry(byId[key.SourceId], key, _uses.GetOrAdd(key.Key, static _ => new KeyUse()))).ToList();
        return new Content(
            sources,
            byId,
            entries.ToFrozenDictionary(entry => entry.Key.Key, StringComparer.Ordinal),
            entries.SelectMany(entry => Headers(entry.Key.Key).Select(header => (header, entry)))
                .ToFrozenDictionary(pair => pair.header, pair => pair.entry, StringComparer.Ordinal));
    });

    /// <summary>How clients write the key: with an empty password, or like old ones without the colon.</summary>
    private static IEnumerable<string> Headers(string key) =>
        new[] { key + ":", key }.Select(text => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(text)));

    private sealed record Entry(Source Source, WriteKey Key, KeyUse Use);

    private sealed record Content(
        IReadOnlyList<Source> Sources, FrozenDictionary<long, Source> ById, FrozenDictionary<string, Entry> ByKey,
        FrozenDictionary<string, Entry> ByHeader);
}
