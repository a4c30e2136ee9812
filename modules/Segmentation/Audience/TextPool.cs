using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>
/// The different texts of one column, each with a small number in the order in which they came. Texts are kept as UTF-8 in
/// one piece of memory, so that a column of order ids costs no object per value. One writer; readers only between writes.
/// </summary>
internal sealed class TextPool : IDisposable
{
    /// <summary>Of longer texts rules see the beginning, in bytes.</summary>
    public const int LongestText = 1024;

    private static readonly ulong Seed = (ulong)Random.Shared.NextInt64() | 1;

    private readonly Lock _views = new();
    private readonly Block<byte> _bytes = new();
    private readonly Block<int> _ends = new();
    private readonly Block<int> _slots = new();
    private double[] _numbers = [];
    private long[] _times = [];

    public int Count => _ends.Length;

    public long MemoryBytes =>
        _bytes.MemoryBytes + _ends.MemoryBytes + _slots.MemoryBytes + (8L * (_numbers.Length + _times.Length));

    /// <summary>The text's number, given to it now if it is new.</summary>
    public int Add(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > LongestText)
        {
            utf8 = WholeRunes(utf8[..LongestText]);
        }

        if ((Count + 1) * 4 > _slots.Length * 3)
        {
            Rehash();
        }

        var mask = _slots.Length - 1;
        for (var slot = (int)Hash(utf8) & mask; ; slot = (slot + 1) & mask)
        {
            var found = _slots[slot] - 1;
            if (found < 0)
            {
                Append(utf8);
                _slots[slot] = Count;
                return Count - 1;
            }

            if (Utf8(found).SequenceEqual(utf8))
            {
                return found;
            }
        }
    }

    public ReadOnlySpan<byte> Utf8(int text)
    {
        var start = text == 0 ? 0 : _ends[text - 1];
        return _bytes.Span[start.._ends[text]];
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _ends.Dispose();
        _slots.Dispose();
    }

    public string Text(int text) => Encoding.UTF8.GetString(Utf8(text));

    /// <summary>What each text is as a number, NaN where it is none.</summary>
    public double[] Numbers() => View(ref _numbers, text => Fact.NumberOf(text));

    /// <summary>What each text is as a time, Unix ms; <see cref="IsoTime.None"/> where it is none.</summary>
    public long[] Times() => View(ref _times, text => IsoTime.Parse(text));

    private T[] View<T>(ref T[] known, Func<ReadOnlySpan<char>, T> read)
    {
        lock (_views)
        {
            if (known.Length < Count)
            {
                var all = new T[Count];
                known.CopyTo(all, 0);
                Span<char> chars = stackalloc char[LongestText];
                for (var text = known.Length; text < Count; text++)
                {
                    all[text] = read(chars[..Encoding.UTF8.GetChars(Utf8(text), chars)]);
                }

                known = all;
            }

            return known;
        }
    }

    private void Append(ReadOnlySpan<byte> utf8)
    {
        _bytes.Append(utf8);
        _ends.Add(_bytes.Length);
    }

    private void Rehash()
    {
        _slots.Refill(Math.Max(16, _slots.Length * 2), 0);
        var mask = _slots.Length - 1;
        for (var text = 0; text < Count; text++)
        {
            var slot = (int)Hash(Utf8(text)) & mask;
            while (_slots[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }

            _slots[slot] = text + 1;
        }
    }

    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        const ulong Odd = 0x9E3779B97F4A7C15;
        var hash = Seed ^ (ulong)bytes.Length;
        foreach (var eight in MemoryMarshal.Cast<byte, ulong>(bytes))
        {
            hash = BitOperations.RotateLeft((hash ^ eight) * Odd, 29);
        }

        var rest = 0UL;
        foreach (var one in bytes[(bytes.Length & ~7)..])
        {
            rest = (rest << 8) | one;
        }

        hash = (hash ^ rest) * Odd;
        return hash ^ (hash >> 32);
    }

    /// <summary>Leaves off a character that was cut in the middle.</summary>
    private static ReadOnlySpan<byte> WholeRunes(ReadOnlySpan<byte> utf8)
    {
        var end = utf8.Length;
        while (end > 0 && (utf8[end - 1] & 0xC0) == 0x80)
        {
            end--;
        }

        if (end > 0 && (utf8[end - 1] & 0x80) != 0)
        {
            var first = utf8[end - 1];
            var length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
            return end - 1 + length <= utf8.Length ? utf8[..(end - 1 + length)] : utf8[..(end - 1)];
        }

        return utf8[..end];
    }
}
