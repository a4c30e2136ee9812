using System.Runtime.InteropServices;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>
/// A growing array outside the garbage collector's heap. It grows in place, its spare room is no memory until it is written to, and it
/// leaves nothing behind that waits to be collected: columns of millions of rows would hold twice their size.
/// </summary>
/// <remarks>
/// One writer; a span is good until the next call that writes. Its memory is given back by <see cref="Dispose"/> alone, never by the
/// collector, for a span does not keep its owner alive.
/// </remarks>
internal sealed unsafe class Block<T> : IDisposable where T : unmanaged
{
    private T* _items;
    private int _room;

    public int Length { get; private set; }

    public Span<T> Span => new(_items, Length);

    /// <summary>What it may take of memory, in bytes.</summary>
    public long MemoryBytes => (long)_room * sizeof(T);

    public ref T this[int index] => ref Span[index];

    /// <summary>Makes it at least so long; new items are <paramref name="nothing"/>.</summary>
    public void Reach(int length, T nothing)
    {
        if (length <= Length)
        {
            return;
        }

        if (length > _room)
        {
            _room = Math.Max(length, _room + (_room >> 1) + 16);
            _items = (T*)NativeMemory.Realloc(_items, (nuint)_room * (nuint)sizeof(T));
        }

        new Span<T>(_items + Length, length - Length).Fill(nothing);
        Length = length;
    }

    public void Add(T item) => Reach(Length + 1, item);

    public void Append(ReadOnlySpan<T> items)
    {
        var start = Length;
        Reach(start + items.Length, default);
        items.CopyTo(Span[start..]);
    }

    /// <summary>Makes it just so long, all <paramref name="nothing"/>.</summary>
    public void Refill(int length, T nothing)
    {
        Length = 0;
        Reach(length, nothing);
    }

    public void Dispose()
    {
        NativeMemory.Free(_items);
        _items = null;
        (_room, Length) = (0, 0);
    }
}
