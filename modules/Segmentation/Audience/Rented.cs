using System.Buffers;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>An array from the pool, for the length of one pass.</summary>
internal readonly struct Rented<T> : IDisposable where T : unmanaged
{
    private readonly T[] _array;
    private readonly int _length;

    private Rented(int length) => (_array, _length) = (ArrayPool<T>.Shared.Rent(length), length);

    public Span<T> Span => _array.AsSpan(0, _length);

    public static Rented<T> Zeros(int length)
    {
        var rented = new Rented<T>(length);
        rented.Span.Clear();
        return rented;
    }

    public static Rented<T> Filled(int length, T with)
    {
        var rented = new Rented<T>(length);
        rented.Span.Fill(with);
        return rented;
    }

    /// <summary>With whatever is in it.</summary>
    public static Rented<T> Raw(int length) => new(length);

    public void Dispose() => ArrayPool<T>.Shared.Return(_array);
}
