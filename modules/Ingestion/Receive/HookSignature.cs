using System.Security.Cryptography;
using System.Text;

namespace CdpMonolith.Ingestion.Receive;

/// <summary>Whether a webhook is from who knows the secret. Compared in constant time.</summary>
internal static class HookSignature
{
    public static bool IsToken(string secret, string? given) =>
        given is not null
        && (Same(secret, given) || (given.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) && Same(secret, given[7..].Trim())));

    /// <summary>HMAC-SHA256 over the bytes as they came, in base64 or hexadecimal, perhaps with <c>sha256=</c> before it.</summary>
    public static bool IsSigned(string secret, ReadOnlySpan<byte> body, string? given)
    {
        if (string.IsNullOrWhiteSpace(given))
        {
            return false;
        }

        given = given.Trim();
        if (given.StartsWith("sha256=", StringComparison.OrdinalIgnoreCase))
        {
            given = given[7..];
        }

        Span<byte> right = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body, right);
        Span<byte> said = stackalloc byte[HMACSHA256.HashSizeInBytes];
        return (given.Length == 2 * right.Length
                ? Convert.FromHexString(given, said, out _, out var length) == System.Buffers.OperationStatus.Done
                : Convert.TryFromBase64String(given, said, out length))
            && length == right.Length && CryptographicOperations.FixedTimeEquals(right, said);
    }

    private static bool Same(string a, string b) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(a)), SHA256.HashData(Encoding.UTF8.GetBytes(b)));
}
