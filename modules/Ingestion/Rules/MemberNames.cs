using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>The member names of the objects that are open while a call is read: finds two of one name.</summary>
/// <remarks>
/// Names are compared by a 64-bit hash with a seed of this process, so that a clash can be neither hit upon nor made.
/// One instance per thread.
/// </remarks>
internal sealed class MemberNames
{
    /// <summary>Up to here comparing all pairs is cheaper than sorting.</summary>
    private const int Few = 12;

    private static readonly ulong Seed = MemoryMarshal.Read<ulong>(RandomNumberGenerator.GetBytes(8)) | 1;

    [ThreadStatic]
    private static MemberNames? _ofThread;

    private readonly int[] _starts = new int[CallReader.DepthAtMost];
    private ulong[] _hashes = new ulong[256];
    private int _open;
    private int _count;

    /// <summary>The thread's own, empty.</summary>
    public static MemberNames Take()
    {
        var names = _ofThread ??= new MemberNames();
        names._open = names._count = 0;
        return names;
    }

    public void Open() => _starts[_open++] = _count;

    public void Add(ReadOnlySpan<byte> name)
    {
        if (_count == _hashes.Length)
        {
            Array.Resize(ref _hashes, _count * 2);
        }

        _hashes[_count++] = Hash(name);
    }

    /// <summary>Closes the innermost object. False: two of its members have one name.</summary>
    public bool Close(out int members)
    {
        var start = _starts[--_open];
        var names = _hashes.AsSpan(start, _count - start);
        _count = start;
        members = names.Length;
        if (members <= Few)
        {
            for (var i = 1; i < names.Length; i++)
            {
                if (names[..i].Contains(names[i]))
                {
                    return false;
                }
            }

            return true;
        }

        names.Sort();
        for (var i = 1; i < names.Length; i++)
        {
            if (names[i] == names[i - 1])
            {
                return false;
            }
        }

        return true;
    }

    private static ulong Hash(ReadOnlySpan<byte> name)
    {
        var hash = Seed + (ulong)name.Length;
        while (name.Length >= 8)
        {
            hash = Mix(hash ^ MemoryMarshal.Read<ulong>(name));
            name = name[8..];
        }

        ulong tail = 0;
        for (var i = 0; i < name.Length; i++)
        {
            tail |= (ulong)name[i] << (8 * i);
        }

        return Mix(hash ^ tail);
    }

    private static ulong Mix(ulong value)
    {
        value *= 0x9E3779B97F4A7C15;
        value ^= BitOperations.RotateRight(value, 32) * Seed;
        return value ^ (value >> 29);
    }
}
