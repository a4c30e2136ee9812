using System.Text;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// A value as an example of its kind. What may be personal is kept as its shape only, for the catalogue outlives the people.
/// </summary>
internal static class Samples
{
    private const int PlainAtMost = 60;
    private const int ShapeAtMost = 40;
    private const int DigitsAtMost = 6;

    private static readonly string[] PersonalParts =
    [
        "email", "phone", "mobile", "firstname", "lastname", "fullname", "surname", "givenname", "familyname", "middlename", "nickname",
        "username", "address", "street", "postal", "zip", "birth", "ssn", "passport", "nationalid", "password", "secret", "token", "iban",
        "card", "salary", "latitude", "longitude", "signature", "comment", "message", "note",
    ];

    /// <param name="name">Of the property or trait.</param>
    /// <param name="isTrait">True of a person: there even a bare <c>name</c> is one.</param>
    /// <param name="isTime">It is a date or time, whose digits tell nothing by themselves.</param>
    public static string Of(string name, string value, bool isTrait, bool isTime) =>
        IsPersonalName(name, isTrait) || IsPersonalValue(value, isTime) ? Shape(value) : value;

    /// <summary>Whether values of this name are to be taken for personal, whatever they look like.</summary>
    public static bool IsPersonalName(string name, bool isTrait)
    {
        var plain = new string([.. name.Where(char.IsLetterOrDigit).Select(char.ToLowerInvariant)]);
        return Array.Exists(PersonalParts, part => plain.Contains(part, StringComparison.Ordinal))
            || plain is "ip" or "tel" or "cell" || (isTrait && plain is "name" or "avatar");
    }

    /// <summary>Letters as x, digits as 9, the rest as it is: <c>xxx@xxxxxxx.xxx</c>.</summary>
    public static string Shape(string value)
    {
        var shape = new StringBuilder();
        foreach (var rune in value.EnumerateRunes().Take(ShapeAtMost))
        {
            shape.Append(
                rune.IsAscii && (char)rune.Value is var plain && (char.IsPunctuation(plain) || char.IsSymbol(plain) || plain == ' ') ? (char)rune.Value
                : Rune.IsDigit(rune) ? '9'
                : Rune.IsUpper(rune) ? 'X'
                : 'x');
        }

        return value.Length > ShapeAtMost ? shape.Append('…').ToString() : shape.ToString();
    }

    private static bool IsPersonalValue(string value, bool isTime) =>
        value.Length > PlainAtMost
        || value.Contains('@', StringComparison.Ordinal)
        || value.Contains("%40", StringComparison.Ordinal)
        || (!isTime && value.Count(char.IsDigit) > DigitsAtMost)
        || ((value.Contains(':', StringComparison.Ordinal) || value.AsSpan().Count('.') == 3) && System.Net.IPAddress.TryParse(value, out _));
}
