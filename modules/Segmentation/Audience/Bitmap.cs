using System.Numerics;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>A set of profile ids, one bit each. It grows as needed; an id beyond its end is not in it.</summary>
internal sealed class Bitmap
{
    private ulong[] _words;

    public Bitmap(int ids = 0) => _words = new ulong[(ids + 63) >> 6];

    private Bitmap(ulong[] words) => _words = words;

    public Span<ulong> Words => _words;

    public bool this[long id] => (ulong)(id >> 6) < (ulong)_words.Length && (_words[id >> 6] & (1UL << (int)id)) != 0;

    public void Add(int id)
    {
        if (id >> 6 >= _words.Length)
        {
            Array.Resize(ref _words, Math.Max((id >> 6) + 1, _words.Length + (_words.Length >> 1) + 4));
        }

        _words[id >> 6] |= 1UL << id;
    }

    public void Remove(int id)
    {
        if (id >> 6 < _words.Length)
        {
            _words[id >> 6] &= ~(1UL << id);
        }
    }

    public Bitmap Clone() => new([.. _words]);

    public Bitmap And(Bitmap other)
    {
        for (var i = 0; i < _words.Length; i++)
        {
            _words[i] &= i < other._words.Length ? other._words[i] : 0;
        }

        return this;
    }

    public Bitmap Or(Bitmap other)
    {
        if (other._words.Length > _words.Length)
        {
            Array.Resize(ref _words, other._words.Length);
        }

        for (var i = 0; i < other._words.Length; i++)
        {
            _words[i] |= other._words[i];
        }

        return this;
    }

    /// <summary>Takes the ids of the other out of this one.</summary>
    public Bitmap Without(Bitmap other)
    {
        for (var i = 0; i < Math.Min(_words.Length, other._words.Length); i++)
        {
            _words[i] &= ~other._words[i];
        }

        return this;
    }

    public bool IsEmpty => !_words.AsSpan().ContainsAnyExcept(0UL);

    public int Count()
    {
        var count = 0;
        foreach (var word in _words)
        {
            count += BitOperations.PopCount(word);
        }

        return count;
    }

    /// <summary>The ids, ascending, from one on.</summary>
    public IEnumerable<int> Ids(int from = 0)
    {
        for (var i = from >> 6; i < _words.Length; i++)
        {
            var word = i == from >> 6 ? _words[i] & (ulong.MaxValue << from) : _words[i];
            while (word != 0)
            {
                yield return (i << 6) + BitOperations.TrailingZeroCount(word);
                word &= word - 1;
            }
        }
    }
}
