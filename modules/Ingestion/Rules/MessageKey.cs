using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>What a message id is looked up by.</summary>
internal static class MessageKey
{
    private const int LengthAtMost = 200;

    /// <summary>The first 64 bits of SHA-256 over the source and the id: the same for ever, and nobody can make many that clash.</summary>
    public static long Of(long sourceId, ReadOnlySpan<byte> messageId)
    {
        Span<byte> text = stackalloc byte[8 + 1024];
        text = messageId.Length <= 1024 ? text[..(8 + messageId.Length)] : new byte[8 + messageId.Length];
        BinaryPrimitives.WriteInt64LittleEndian(text, sourceId);
        messageId.CopyTo(text[8..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        return BinaryPrimitives.ReadInt64LittleEndian(hash);
    }

    /// <summary>The id as it is kept: one of more than 200 characters is replaced by its SHA-256 in hex.</summary>
    public static ReadOnlyMemory<byte> Kept(ReadOnlyMemory<byte> messageId) =>
        messageId.Length <= LengthAtMost || Encoding.UTF8.GetCharCount(messageId.Span) <= LengthAtMost
            ? messageId
            : Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(messageId.Span)));

    /// <summary>An id for a call that came without one.</summary>
    public static ReadOnlyMemory<byte> Made() => Encoding.ASCII.GetBytes($"cdp-{Guid.NewGuid():N}");
}
