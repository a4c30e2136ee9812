using System.Security.Cryptography;
using System.Text;
using CdpMonolith.Consent.Contracts;

namespace CdpMonolith.Consent.Rules;

/// <summary>How purposes, channels and decisions are written.</summary>
internal static class Words
{
    /// <summary>Longest key of a purpose, in characters.</summary>
    public const int LongestKey = 80;

    private const int LongestChannel = 40;
    private const int LongestText = 200;

    /// <summary>
    /// The key that a spelling stands for: trimmed, lower case; a very long one is cut and told apart by a digest. Null when
    /// nothing is left.
    /// </summary>
    public static string? Key(string? spelled)
    {
        var key = spelled?.Trim().ToLowerInvariant();
        return key switch
        {
            null or "" => null,
            { Length: <= LongestKey } => key,
            _ => $"{key[..(LongestKey - 9)]}~{Digest(key)}",
        };
    }

    /// <summary>What a purpose that calls named is called until somebody names it: <c>personal_offers</c> is "Personal offers".</summary>
    public static string Name(string spelled)
    {
        var name = spelled.Trim();
        return name.Length == 0 || name.Length > LongestKey || name.Any(letter => char.IsWhiteSpace(letter) || char.IsUpper(letter))
            ? name
            : char.ToUpperInvariant(name[0]) + name[1..].Replace('_', ' ').Replace('-', ' ');
    }

    /// <summary>A channel as we compare it; <see cref="Channels.Any"/> when none is given.</summary>
    public static string Channel(string? spelled)
    {
        var channel = spelled?.Trim().ToLowerInvariant();
        return string.IsNullOrEmpty(channel) ? Channels.Any : channel.Length <= LongestChannel ? channel : channel[..LongestChannel];
    }

    /// <summary>Null when it is none of our three words: then it is no decision, and least of all a yes.</summary>
    public static ConsentStatus? Status(string? word) => word?.Trim().ToLowerInvariant() switch
    {
        "granted" => ConsentStatus.Granted,
        "denied" => ConsentStatus.Denied,
        "withdrawn" => ConsentStatus.Withdrawn,
        _ => null,
    };

    public static string Of(ConsentStatus status) => status switch
    {
        ConsentStatus.Granted => "granted",
        ConsentStatus.Denied => "denied",
        _ => "withdrawn",
    };

    /// <summary>Text of a sender as evidence keeps it: short, and without anything that looks like an e-mail address.</summary>
    public static string? Evidence(string? text)
    {
        var kept = text?.Trim();
        return string.IsNullOrEmpty(kept) || kept.Contains('@') ? null
            : kept.Length <= LongestText ? kept
            : kept[..LongestText];
    }

    /// <summary>Eight hexadecimal digits that tell one text from another.</summary>
    public static string Digest(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 4));
}
