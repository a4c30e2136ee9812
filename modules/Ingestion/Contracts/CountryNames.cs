using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace CdpMonolith.Ingestion.Contracts;

/// <summary>Countries as people write them, to ISO 3166-1 alpha-2. Names: countries.txt.</summary>
public static class CountryNames
{
    private static readonly FrozenDictionary<string, string> ByName = Load();

    /// <summary>The code in upper case, such as <c>NO</c>; null: no country is written so.</summary>
    /// <param name="text">Two or three letters, or a name in English, Norwegian, Indonesian or Thai; case and accents do not matter.</param>
    public static string? ToIso2(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= 100 && ByName.TryGetValue(Folded(text), out var code) ? code : null;
    }

    /// <summary>Letters and digits in lower case without accents of Latin letters; marks of other scripts stay.</summary>
    private static string Folded(string text)
    {
        var kept = new StringBuilder(text.Length);
        foreach (var rune in text.Replace("&", " and ", StringComparison.Ordinal).Normalize(NormalizationForm.FormD).EnumerateRunes())
        {
            var isAccent = rune.Value is >= 0x300 and <= 0x36F;
            if (!isAccent && (Rune.IsLetterOrDigit(rune)
                || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark))
            {
                kept.Append(Rune.ToLowerInvariant(rune));
            }
        }

        return kept.Length > 6 && kept.ToString().StartsWith("the", StringComparison.Ordinal) ? kept.ToString()[3..] : kept.ToString();
    }

    private static FrozenDictionary<string, string> Load()
    {
        using var stream = typeof(CountryNames).Assembly.GetManifestResourceStream("CdpMonolith.Ingestion.Contracts.countries.txt")!;
        using var reader = new StreamReader(stream);
        var names = new Dictionary<string, string>();
        foreach (var line in reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line[0] != '#')
            {
                var code = line[..2];
                foreach (var name in line[7..].Split(',').Append(code).Append(line[3..6]))
                {
                    var folded = Folded(name);
                    if (names.TryGetValue(folded, out var other) && other != code)
                    {
                        throw new InvalidDataException($"countries.txt: {name} is {other} and {code}.");
                    }

                    names[folded] = code;
                }
            }
        }

        return names.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
