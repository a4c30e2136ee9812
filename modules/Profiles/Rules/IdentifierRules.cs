using System.Collections.Frozen;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Profiles.Rules;

/// <summary>Which values point to a person, and how they are written so that they can be compared.</summary>
internal sealed class IdentifierRules(IEnumerable<string> furtherBlocked, string? homeCountry = null)
{
    private const int LongestType = 64;
    private const int LongestValue = 512;
    private const int FewestPhoneDigits = 6;

    /// <summary>What forms and programs write when they know nothing, in the languages of our users.</summary>
    private static readonly string[] Placeholders =
    [
        "null", "undefined", "none", "nil", "nan", "n/a", "void", "anonymous", "unknown", "guest", "-", "--", "-1", "?", ".",
        "[object object]", "{}", "[]", "true", "false", "test@test.com", "a@a.com", "none@none.com",
        "tidak ada", "tidak diketahui", "ไม่มี", "ไม่ทราบ", "ingen", "ukjent", "gjest",
    ];

    private static readonly string[] SharedMailboxes = ["noreply@", "no-reply@", "no_reply@", "donotreply@", "do-not-reply@"];

    private readonly FrozenSet<string> _blocked =
        Placeholders.Concat(furtherBlocked).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>How strongly a type points to one person: 0 is strongest.</summary>
    public static int RankOf(string type) => type switch
    {
        IdentifierTypes.UserId => 0,
        IdentifierTypes.Email => 1,
        IdentifierTypes.Phone => 2,
        IdentifierTypes.AnonymousId => 4,
        _ => 3,
    };

    /// <summary>The identifier as it is compared; null when the value is blocked or cannot be one.</summary>
    /// <param name="country">Where a phone number without a country belongs; null: in the country of the installation.</param>
    public Identifier? Normalise(string type, string? value, string? country = null)
    {
        if (value is null)
        {
            return null;
        }

        var trimmed = value.Trim();
        if (trimmed.Length is 0 or > LongestValue || _blocked.Contains(trimmed) || IsNothing(trimmed)
            || trimmed.AsSpan().ContainsAnyInRange('\0', '\u001f'))
        {
            return null;
        }

        return type switch
        {
            IdentifierTypes.UserId or IdentifierTypes.AnonymousId => new Identifier(type, trimmed),
            IdentifierTypes.Email => Email(trimmed),
            IdentifierTypes.Phone => Phone(trimmed, country ?? homeCountry),
            _ => Other(type, trimmed),
        };
    }

    /// <summary>
    /// Whether an alias's <c>previousId</c> is an anonymous id. Told by the value alone, so that it does not matter which call
    /// comes first: clients make their anonymous ids as UUIDs.
    /// </summary>
    public static bool LooksAnonymous(string previousId, string? anonymousId) =>
        previousId.Trim() == anonymousId?.Trim() || Guid.TryParseExact(previousId.Trim(), "D", out _);

    /// <summary>Zeros and dashes only, however many: 0, 0000000000, 00000000-0000-0000-0000-000000000000.</summary>
    private static bool IsNothing(string value) => !value.AsSpan().ContainsAnyExcept("0- ");

    private static Identifier? Email(string sent)
    {
        var value = EmailAddresses.Clean(sent);
        var at = value.IndexOf('@', StringComparison.Ordinal);
        if (at <= 0 || at == value.Length - 1 || value.LastIndexOf('@') != at || value.AsSpan().ContainsAny(" \t\r\n,;<>"))
        {
            return null;
        }

        return IsSharedMailbox(value) ? null : new Identifier(IdentifierTypes.Email, value);
    }

    private static bool IsSharedMailbox(string email)
    {
        foreach (var box in SharedMailboxes)
        {
            if (email.StartsWith(box, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// As a phone number was written while no country was known: what stays findable when a country is set later. Null: as
    /// <see cref="Normalise"/> writes it, or none.
    /// </summary>
    public Identifier? WithoutCountry(string type, string? value) =>
        type == IdentifierTypes.Phone && value is { Length: <= LongestValue } && Digits(value.Trim()) is { } number
            && Normalise(type, value) is { } now && now.Value != number
            ? new Identifier(type, number)
            : null;

    private Identifier? Phone(string value, string? country)
    {
        var number = PhoneNumbers.ToE164(value, country) ?? Digits(value);
        return number is null || _blocked.Contains(number) ? null : new Identifier(IdentifierTypes.Phone, number);
    }

    /// <summary>What fits no numbering plan: its digits, with a plus when it names its country. Null: too few, or nothing.</summary>
    private static string? Digits(string value)
    {
        value = PhoneNumbers.WithPlainDigits(PhoneNumbers.First(value));
        Span<char> kept = stackalloc char[value.Length];
        var length = 0;
        foreach (var sign in value)
        {
            if (char.IsAsciiDigit(sign) || (sign == '+' && length == 0))
            {
                kept[length++] = sign;
            }
        }

        var digits = kept[..length].TrimStart('+');
        if (digits.Length < FewestPhoneDigits || IsNothing(digits.ToString()))
        {
            return null;
        }

        return kept[0] == '+' ? $"+{digits}" : digits.StartsWith("00", StringComparison.Ordinal) ? $"+{digits[2..]}" : digits.ToString();
    }

    private static Identifier? Other(string type, string value)
    {
        var name = type.Trim().ToLowerInvariant();
        return name.Length is 0 or > LongestType ? null : new Identifier(name, value);
    }
}
