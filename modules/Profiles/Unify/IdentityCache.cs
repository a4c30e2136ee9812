using System.Runtime.InteropServices;
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
    private readonly Generations<IdentifierTable> _profiles = new(capacity, new IdentifierTable(), new IdentifierTable());
    private readonly Generations<LinkTable> _links = new(capacity, new LinkTable(), new LinkTable());

    /// <summary>Version of the graph that this is of.</summary>
    public long Version { get; private set; }

    public bool TryGet(Identifier identifier, out KnownProfile profile)
    {
        var hash = IdentifierTable.HashOf(identifier);
        if (_profiles.Young.TryGet(identifier, hash, out profile))
        {
            return true;
        }

        if (_profiles.Old.TryGet(identifier, hash, out profile))
        {
            Keep(identifier, profile);
            return true;
        }

        return false;
    }

    public bool TryGet((long Low, long High) link, out long evidenceAt)
    {
        if (_links.Young.TryGetValue(link, out evidenceAt))
        {
            return true;
        }

        if (_links.Old.TryGetValue(link, out evidenceAt))
        {
            Keep(link, evidenceAt);
            return true;
        }

        return false;
    }

    public void Keep(Identifier identifier, KnownProfile profile) => _profiles.ForKeeping().Set(identifier, IdentifierTable.HashOf(identifier), profile);

    public void Keep((long Low, long High) link, long evidenceAt) => _links.ForKeeping()[link] = evidenceAt;

    public void Clear(long version = 0)
    {
        _profiles.Clear();
        _links.Clear();
        Version = version;
    }

    /// <summary>A table of one generation.</summary>
    private interface ITable
    {
        int Count { get; }

        void Clear();
    }

    /// <summary>Two generations: when the young one is full it becomes the old one, and the old one is forgotten.</summary>
    private sealed class Generations<TTable>(int capacity, TTable young, TTable old) where TTable : ITable
    {
        public TTable Young { get; private set; } = young;

        public TTable Old { get; private set; } = old;

        public TTable ForKeeping()
        {
            if (Young.Count >= capacity / 2)
            {
                (Old, Young) = (Young, Old);
                Young.Clear();
            }

            return Young;
        }

        public void Clear()
        {
            Young.Clear();
            Old.Clear();
        }
    }

    private sealed class LinkTable : Dictionary<(long Low, long High), long>, ITable;

    /// <summary>
    /// Profiles by identifier, with the texts in one piece of memory: hundreds of thousands of strings that live for minutes would be moved
    /// about by the garbage collector all the time.
    /// </summary>
    private sealed class IdentifierTable : ITable
    {
        private readonly List<string> _types = [];
        private readonly Dictionary<string, int> _typeNumbers = [];
        private Entry[] _entries = new Entry[1024];
        private int[] _slots = new int[2048];
        private char[] _texts = new char[16 * 1024];
        private int _used;

        public int Count { get; private set; }

        public static int HashOf(Identifier identifier) => string.GetHashCode(identifier.Value);

        public bool TryGet(Identifier identifier, int hash, out KnownProfile profile)
        {
            var found = Find(identifier, hash);
            profile = found < 0 ? default : _entries[found].Profile;
            return found >= 0;
        }

        public void Set(Identifier identifier, int hash, KnownProfile profile)
        {
            var place = Find(identifier, hash);
            if (place < 0)
            {
                place = Add(identifier, hash);
            }

            _entries[place].Profile = profile;
        }

        public void Clear()
        {
            Array.Clear(_slots);
            _types.Clear();
            _typeNumbers.Clear();
            (Count, _used) = (0, 0);
        }

        private int Find(Identifier identifier, int hash)
        {
            var mask = _slots.Length - 1;
            for (var slot = hash & mask; _slots[slot] is var entry && entry != 0; slot = (slot + 1) & mask)
            {
                ref readonly var known = ref _entries[entry - 1];
                if (known.Hash == hash && known.Length == identifier.Value.Length
                    && _texts.AsSpan(known.Start, known.Length).SequenceEqual(identifier.Value) && _types[known.Type] == identifier.Type)
                {
                    return entry - 1;
                }
            }

            return -1;
        }

        private int Add(Identifier identifier, int hash)
        {
            if (Count == _entries.Length)
            {
                Array.Resize(ref _entries, Count * 2);
                _slots = new int[_slots.Length * 2];
                for (var n = 0; n < Count; n++)
                {
                    Place(_entries[n].Hash, n);
                }
            }

            var text = identifier.Value;
            if (_used + text.Length > _texts.Length)
            {
                Array.Resize(ref _texts, Math.Max(_texts.Length * 2, _used + text.Length));
            }

            text.CopyTo(_texts.AsSpan(_used));
            if (!_typeNumbers.TryGetValue(identifier.Type, out var type))
            {
                _typeNumbers.Add(identifier.Type, type = _types.Count);
                _types.Add(identifier.Type);
            }

            _entries[Count] = new Entry { Hash = hash, Start = _used, Length = text.Length, Type = type };
            _used += text.Length;
            Place(hash, Count);
            return Count++;
        }

        private void Place(int hash, int entry)
        {
            var mask = _slots.Length - 1;
            var slot = hash & mask;
            while (_slots[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }

            _slots[slot] = entry + 1;
        }

        [StructLayout(LayoutKind.Auto)]
        private struct Entry
        {
            public int Hash;
            public int Start;
            public int Length;
            public int Type;
            public KnownProfile Profile;
        }
    }
}
