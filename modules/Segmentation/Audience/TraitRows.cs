using System.Numerics;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>
/// The row of each person in the columns of traits. A person has several profiles and traits on one of them, so that columns by profile would
/// be gaps for the most part. A row is given once, in the order in which people come to have traits.
/// </summary>
internal sealed class TraitRows : IDisposable
{
    /// <summary>Row and one by profile; 0: it has none.</summary>
    private readonly Block<int> _rows = new();
    private readonly Block<int> _profiles = new();

    public int Count => _profiles.Length;

    public long MemoryBytes => _rows.MemoryBytes + _profiles.MemoryBytes;

    /// <summary>The row of a canonical profile; -1: it never had traits.</summary>
    public int Of(int profile) => profile < _rows.Length ? _rows[profile] - 1 : -1;

    public int Add(int profile)
    {
        _profiles.Add(profile);
        _rows.Reach(profile + 1, 0);
        _rows[profile] = Count;
        return Count - 1;
    }

    /// <summary>Adds the people of the rows that are marked.</summary>
    /// <param name="drops">Who has a row that is not marked is taken out.</param>
    public void Put(Bitmap rows, Bitmap people, bool drops)
    {
        var profiles = _profiles.Span;
        var words = people.Words;
        for (var word = 0; word << 6 < Count; word++)
        {
            var marked = rows.Words[word];
            var first = word << 6;
            var all = Count - first >= 64 ? ulong.MaxValue : (1UL << (Count - first)) - 1;
            for (var bits = drops ? ~marked & all : marked; bits != 0; bits &= bits - 1)
            {
                var id = profiles[first + BitOperations.TrailingZeroCount(bits)];
                if (id >> 6 < words.Length)
                {
                    ref var place = ref words[id >> 6];
                    place = drops ? place & ~(1UL << id) : place | (1UL << id);
                }
            }
        }
    }

    public void Dispose()
    {
        _rows.Dispose();
        _profiles.Dispose();
    }
}
