using System.Globalization;
using System.Text;

namespace CdpMonolith.Ingestion.Contracts;

/// <summary>E-mail addresses in the one spelling in which they are compared.</summary>
public static class EmailAddresses
{
    private static readonly IdnMapping Domains = new();

    /// <summary>
    /// In lower case and NFC, without <c>mailto:</c>, angle brackets, characters that cannot be seen and a dot at the end; the domain in
    /// letters, not in Punycode. Dots and <c>+tags</c> of the local part stay: to most providers they tell people apart.
    /// </summary>
    /// <returns>Need not be an address: what is none comes back without being made one.</returns>
    public static string Clean(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Ascii.IsValid(text) && !text.AsSpan().ContainsAny("<>:") && !text.EndsWith('.')
            && !text.Contains("xn--", StringComparison.OrdinalIgnoreCase))
        {
            return text.Trim().ToLowerInvariant();
        }

        var seen = string.Concat(text.Where(sign => char.GetUnicodeCategory(sign) != UnicodeCategory.Format));
        var clean = seen.Trim().Normalize(NormalizationForm.FormC).Replace('＠', '@').Replace('。', '.').ToLowerInvariant();
        clean = clean.StartsWith("mailto:", StringComparison.Ordinal) ? clean["mailto:".Length..].Trim() : clean;
        clean = clean.StartsWith('<') && clean.EndsWith('>') ? clean[1..^1].Trim() : clean;
        clean = clean.TrimEnd('.');
        var at = clean.LastIndexOf('@');
        return at < 0 || !clean.Contains("xn--", StringComparison.Ordinal) ? clean : clean[..(at + 1)] + InLetters(clean[(at + 1)..]);
    }

    private static string InLetters(string domain)
    {
        try
        {
            return Domains.GetUnicode(domain).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            return domain;
        }
    }
}
