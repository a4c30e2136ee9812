using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Pipelines;
using CdpMonolith.Ingestion.Rules;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>The bytes of a request, unpacked. They stay until it is disposed.</summary>
/// <param name="Refusal">Why there are none; null: there are.</param>
/// <param name="Status">The answer's status with a refusal.</param>
internal readonly record struct BodyIntake(ReadOnlyMemory<byte> Bytes, Refusal? Refusal, int Status) : IDisposable
{
    private byte[]? Rented { get; init; }

    private PipeReader? Reader { get; init; }

    private SequencePosition End { get; init; }

    /// <summary>Reads a body of at most so many bytes, before and after unpacking; the limit acts as the bytes arrive.</summary>
    public static async ValueTask<BodyIntake> ReadAsync(HttpRequest request, int bytesAtMost)
    {
        if (request.ContentLength > bytesAtMost)
        {
            return TooLarge(request.ContentLength.Value, bytesAtMost);
        }

        var coding = request.Headers.ContentEncoding.ToString();
        if (coding is "" or "identity")
        {
            return await ReadPlainAsync(request, bytesAtMost, mayHold: true);
        }

        if (!IsKnown(coding))
        {
            return new BodyIntake(
                default,
                new Refusal("body.encoding_unknown", "The Content-Encoding must be gzip, deflate or br, or none."),
                StatusCodes.Status400BadRequest);
        }

        using var packed = await ReadPlainAsync(request, bytesAtMost, mayHold: false);
        return packed.Refusal is null ? Unpack(packed, coding, bytesAtMost) : packed with { Rented = null };
    }

    public void Dispose()
    {
        Reader?.AdvanceTo(End);
        if (Rented is not null)
        {
            ArrayPool<byte>.Shared.Return(Rented);
        }
    }

    /// <param name="mayHold">The bytes may stay where the server received them, when they lie in one piece.</param>
    private static async ValueTask<BodyIntake> ReadPlainAsync(HttpRequest request, int bytesAtMost, bool mayHold)
    {
        var reader = request.BodyReader;
        byte[]? rented = null;
        var length = 0;
        while (true)
        {
            var result = await reader.ReadAsync();
            var buffer = result.Buffer;
            var total = length + buffer.Length;
            if (total > bytesAtMost)
            {
                reader.AdvanceTo(buffer.End);
                Return(rented);
                return TooLarge(null, bytesAtMost);
            }

            var complete = result.IsCompleted || total == request.ContentLength;
            if (complete && mayHold && length == 0 && buffer.IsSingleSegment)
            {
                return new BodyIntake(buffer.First, null, 0) { Reader = reader, End = buffer.End };
            }

            rented = Grow(rented, length, (int)total, request.ContentLength);
            buffer.CopyTo(rented.AsSpan(length));
            length = (int)total;
            reader.AdvanceTo(buffer.End);
            if (complete)
            {
                return new BodyIntake(rented.AsMemory(0, length), null, 0) { Rented = rented };
            }
        }
    }

    private static BodyIntake Unpack(BodyIntake packed, string coding, int bytesAtMost)
    {
        using var source = new MemoryStream(packed.Rented!, 0, packed.Bytes.Length, writable: false);
        coding = coding.ToLowerInvariant();
        using var unpacking = coding switch
        {
            "deflate" => new ZLibStream(source, CompressionMode.Decompress),
            "br" => new BrotliStream(source, CompressionMode.Decompress),
            _ => GzipEnd.Unpack(source),
        };
        var behind = coding is "deflate" or "br" ? 0 : GzipEnd.Length;
        var rented = ArrayPool<byte>.Shared.Rent(Math.Clamp(packed.Bytes.Length * 8, 4096, bytesAtMost + 1));
        var length = 0;
        try
        {
            while (unpacking.Read(rented.AsSpan(length)) is var read and > 0)
            {
                length += read;
                if (length > bytesAtMost + behind)
                {
                    Return(rented);
                    return TooLarge(null, bytesAtMost);
                }

                if (length == rented.Length)
                {
                    rented = Grow(rented, length, length + 1, null);
                }
            }
        }
        catch (Exception fault) when (fault is InvalidDataException or InvalidOperationException)
        {
            return Broken();
        }

        // Of br the library itself says when it was cut off.
        var isWhole = behind > 0 ? GzipEnd.IsAtEndOf(rented.AsSpan(0, length)) : coding == "br" || IsSumOf(rented.AsSpan(0, length), packed.Bytes.Span);
        return isWhole ? new BodyIntake(rented.AsMemory(0, length - behind), null, 0) { Rented = rented } : Broken();

        BodyIntake Broken()
        {
            Return(rented);
            return new BodyIntake(
                default, new Refusal("body.encoding_broken", $"The body is not valid {coding}, or was cut off."), StatusCodes.Status400BadRequest);
        }
    }

    /// <summary>Whether the packed bytes end with the Adler-32 of the content, as RFC 1950 says.</summary>
    private static bool IsSumOf(ReadOnlySpan<byte> content, ReadOnlySpan<byte> packed)
    {
        const uint Modulus = 65521;
        var (a, b) = (1u, 0u);
        foreach (var each in content)
        {
            a = (a + each) % Modulus;
            b = (b + a) % Modulus;
        }

        return packed.Length > 4 && BinaryPrimitives.ReadUInt32BigEndian(packed[^4..]) == ((b << 16) | a);
    }

    private static bool IsKnown(string coding) =>
        new[] { "gzip", "x-gzip", "deflate", "br" }.Contains(coding, StringComparer.OrdinalIgnoreCase);

    private static byte[] Grow(byte[]? old, int kept, int needed, long? declared)
    {
        if (old is not null && old.Length >= needed)
        {
            return old;
        }

        var bigger = ArrayPool<byte>.Shared.Rent((int)Math.Max(needed, declared ?? (needed * 2L)));
        old?.AsSpan(0, kept).CopyTo(bigger);
        Return(old);
        return bigger;
    }

    private static void Return(byte[]? rented)
    {
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static BodyIntake TooLarge(long? bytes, int limit) => new(
        default,
        new Refusal("body.too_large", bytes is { } known
            ? FormattableString.Invariant($"The body has {known:N0} bytes; the limit is {limit:N0}.")
            : FormattableString.Invariant($"The body has more than {limit:N0} bytes once unpacked, which is the limit.")),
        StatusCodes.Status413PayloadTooLarge);
}
