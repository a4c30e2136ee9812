using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Profiles.Unify;

/// <summary>A profile as remembered between batches.</summary>
internal readonly record struct KnownProfile(long Id, long FirstSeenAt);

/// <summary>
/// What the stage remembers of the store, bounded: identifiers and the links between them with the age of their evidence. Holds
/// only what is committed.
/// </summary>
internal sealed class IdentityCache(int capacity)
{
    private readonly Remembered<Identifier, KnownProfile> _profiles = new(capacity);
    private readonly Remembered<(long, long), long> _links = new(capacity);

    /// <summary>Version of the graph that this is of.</summary>
    public long Version { get; private set; }

    public bool TryGet(Identifier identifier, out KnownProfile profile) => _profiles.TryGet(identifier, out profile);

    public bool TryGet((long Low, long High) link, out long evidenceAt) => _links.TryGet(link, out evidenceAt);

    public void Keep(Identifier identifier, KnownProfile profile) => _profiles.Keep(identifier, profile);

    public void Keep((long Low, long High) link, long evidenceAt) => _links.Keep(link, evidenceAt);

    public void Clear(long version = 0)
    {
        _profiles.Clear();
        _links.Clear();
        Version = version;
    }

    /// <summary>Two generations: when the young one is full it becomes the old one, and the old one is forgotten.</summary>
    private sealed class Remembered<TKey, TValue>(int capacity) where TKey : notnull
    {
        private Dictionary<TKey, TValue> _young = [];
        private Dictionary<TKey, TValue> _old = [];

        public bool TryGet(TKey key, out TValue value)
        {
            if (_young.TryGetValue(key, out value!))
            {
                return true;
            }

            if (_old.TryGetValue(key, out value!))
            {
                Keep(key, value);
                return true;
            }

            return false;
        }

        public void Keep(TKey key, TValue value)
        {
            if (_young.Count >= capacity / 2 && !_young.ContainsKey(key))
            {
                (_old, _young) = (_young, _old);
                _young.Clear();
            }

            _young[key] = value;
        }

        public void Clear()
        {
            _young.Clear();
            _old.Clear();
        }
    }
}
