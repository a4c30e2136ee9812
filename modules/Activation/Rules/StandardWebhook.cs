using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CdpMonolith.Activation.Rules;

/// <summary>Signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over id, timestamp and the body as sent.</summary>
internal static class StandardWebhook
{
    public const string IdHeader = "webhook-id";
    public const string TimestampHeader = "webhook-timestamp";
    public const string SignatureHeader = "webhook-signature";

    private const string Prefix = "whsec_";
    private const string Version = "v1,";
    private const int SecretBytes = 32;
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    public static string NewSecret() => Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBytes));

    /// <summary>24 to 64 bytes in base64 after <c>whsec_</c>.</summary>
    public static bool IsSecret(string text) => Key(text) is { Length: >= 24 and <= 64 };

    /// <summary>The header's value; one signature for each secret, so that a receiver may know the old or the new one.</summary>
    public static string Sign(IEnumerable<string> secrets, string id, long timestamp, ReadOnlySpan<byte> body)
    {
        var content = Content(id, timestamp.ToString(CultureInfo.InvariantCulture), body);
        return string.Join(' ', secrets.Select(secret => Version + Convert.ToBase64String(HMACSHA256.HashData(Key(secret)!, content))));
    }

    /// <summary>Whether one of the signatures is by the secret and the timestamp within five minutes of now.</summary>
    public static bool Verify(string secret, string? id, string? timestamp, string? signatures, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        if (id is null || signatures is null || Key(secret) is not { } key
            || !long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || Math.Abs(now.ToUnixTimeSeconds() - (double)seconds) > Tolerance.TotalSeconds)
        {
            return false;
        }

        var expected = HMACSHA256.HashData(key, Content(id, timestamp!, body));
        return signatures.Split(' ', StringSplitOptions.RemoveEmptyEntries).Any(signature =>
            signature.StartsWith(Version, StringComparison.Ordinal) && Decoded(signature[Version.Length..]) is { } given
            && CryptographicOperations.FixedTimeEquals(given, expected));
    }

    private static byte[] Content(string id, string timestamp, ReadOnlySpan<byte> body)
    {
        var head = Encoding.UTF8.GetBytes($"{id}.{timestamp}.");
        var content = new byte[head.Length + body.Length];
        head.CopyTo(content, 0);
        body.CopyTo(content.AsSpan(head.Length));
        return content;
    }

    private static byte[]? Key(string secret) =>
        secret.StartsWith(Prefix, StringComparison.Ordinal) ? Decoded(secret[Prefix.Length..]) : null;

    private static byte[]? Decoded(string base64)
    {
        var bytes = new byte[(base64.Length * 3 / 4) + 3];
        return Convert.TryFromBase64String(base64, bytes, out var count) ? bytes[..count] : null;
    }
}
