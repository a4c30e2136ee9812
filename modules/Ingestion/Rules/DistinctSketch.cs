using System.Buffers.Binary;
using System.Numerics;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>About how many different values there were, in 256 bytes however many they are.</summary>
/// <remarks>
/// HyperLogLog with 256 registers (Flajolet, Fusy, Gandouet, Meunier 2007): standard error 1.04 / √256 = 6.5 %; below 640 values by
/// linear counting, which is nearly exact for a few.
/// </remarks>
internal sealed class DistinctSketch
{
    private const int IndexBits = 8;
    private const int Registers = 1 << IndexBits;
    private const double Alpha = 0.7213 / (1 + (1.079 / Registers));

    private readonly byte[] _registers;

    public DistinctSketch() => _registers = new byte[Registers];

    private DistinctSketch(byte[] registers) => _registers = registers;

    /// <summary>The sketch that <see cref="Text"/> gave.</summary>
    public static DistinctSketch Of(string text) => new(Convert.FromBase64String(text));

    /// <summary>As it is kept.</summary>
    public string Text => Convert.ToBase64String(_registers);

    /// <returns>Whether the estimate may have changed.</returns>
    public bool Add(ReadOnlySpan<byte> value)
    {
        var hash = Hash(value);
        ref var register = ref _registers[(int)(hash >> (64 - IndexBits))];
        var rank = (byte)(BitOperations.LeadingZeroCount((hash << IndexBits) | 1) + 1);
        if (rank <= register)
        {
            return false;
        }

        register = rank;
        return true;
    }

    public long Estimate()
    {
        var sum = 0.0;
        var empty = 0;
        foreach (var register in _registers)
        {
            sum += Math.ScaleB(1, -register);
            empty += register == 0 ? 1 : 0;
        }

        var raw = Alpha * Registers * Registers / sum;
        return (long)Math.Round(raw <= 2.5 * Registers && empty > 0 ? Registers * Math.Log((double)Registers / empty) : raw);
    }

    /// <summary>The same in every process and for ever. The end is mixed as in SplitMix64 (Steele, Lea, Flood 2014).</summary>
    private static ulong Hash(ReadOnlySpan<byte> value)
    {
        const ulong Odd = 0x9E3779B97F4A7C15;
        var hash = ((ulong)value.Length + 1) * Odd;
        for (; value.Length >= 8; value = value[8..])
        {
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(value)) * Odd;
            hash ^= hash >> 32;
        }

        foreach (var one in value)
        {
            hash = (hash ^ one) * Odd;
            hash ^= hash >> 32;
        }

        hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
        hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
        return hash ^ (hash >> 31);
    }
}
