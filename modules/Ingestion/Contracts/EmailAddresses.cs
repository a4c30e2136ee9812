using System.Globalization;
using System.Text;

namespace CdpMonolith.Ingestion.Contracts;

/// <summary>E-mail addresses in the one spelling in which they are compared.</summary>
public static class EmailAddresses
{
    private static readonly IdnMapping Domains = new();

    /// <summary>
    /// In lower case and NFC, without <c>mailto:</c>, angle brackets, characters that cannot be seen and a dot at the end; the domain in
    /// letters, not in Punycode. Of <c>Ann &lt;ann@example.com&gt;</c> and of an address in quotation marks the address. Dots and <c>+tags</c> of the local part stay: to most providers they tell people apart.
    /// </summary>
    /// <returns>Need not be an address: what is none comes back without being made one.</returns>
    public static string Clean(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Ascii.IsValid(text) && !text.AsSpan().ContainsAny("<>:\"'") && !text.EndsWith('.')
            && !text.Contains("xn--", StringComparison.OrdinalIgnoreCase))
        {
            return text.Trim().ToLowerInvariant();
        }

        var seen = string.Concat(text.Where(sign => char.GetUnicodeCategory(sign) != UnicodeCategory.Format));
        var clean = seen.Trim().Normalize(NormalizationForm.FormC).Replace('＠', '@').Replace('。', '.').ToLowerInvariant();
        clean = Unwrapped(Unwrapped(clean));
        clean = clean.TrimEnd('.');
        var at = clean.LastIndexOf('@');
        return at < 0 || !clean.Contains("xn--", StringComparison.Ordinal) ? clean : clean[..(at + 1)] + InLetters(clean[(at + 1)..]);
    }

    /// <summary>Without <c>mailto:</c>, and without the brackets or quotation marks around it and the name before it.</summary>
    private static string Unwrapped(string text)
    {
        text = text.StartsWith("mailto:", StringComparison.Ordinal) ? text["mailto:".Length..].Trim() : text;
        var open = text.IndexOf('<', StringComparison.Ordinal);
        return open >= 0 && text.EndsWith('>') && open == text.LastIndexOf('<') && text.IndexOf('>', StringComparison.Ordinal) == text.Length - 1
                && !text[..open].Contains('@', StringComparison.Ordinal) ? text[(open + 1)..^1].Trim()
            : text.Length > 2 && text[0] is '"' or '\'' && text[^1] == text[0] && text.IndexOf(text[0], 1) == text.Length - 1 ? text[1..^1].Trim()
            : text;
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
