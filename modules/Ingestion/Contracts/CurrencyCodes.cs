using System.Collections.Frozen;

namespace CdpMonolith.Ingestion.Contracts;

/// <summary>Currencies as people write them, to ISO 4217. Codes and signs: currencies.txt.</summary>
public static class CurrencyCodes
{
    private const int SignAtMost = 30;

    private static readonly FrozenDictionary<string, FrozenDictionary<string, string>> ByCountry;
    private static readonly FrozenDictionary<string, string> BySign = Load(out ByCountry);

    /// <summary>The code in upper case, such as <c>NOK</c>; null: no currency is written so.</summary>
    /// <param name="text">A code, a sign or a name; case does not matter.</param>
    /// <param name="country">ISO 3166-1 alpha-2: whose dollar, krone or yen is meant; null: nothing is known of that.</param>
    public static string? ToIso4217(string text, string? country)
    {
        ArgumentNullException.ThrowIfNull(text);
        var sign = Plain(text);
        return sign.Length > SignAtMost ? null
            : BySign.GetValueOrDefault(sign)
                ?? (country is not null && ByCountry.TryGetValue(sign, out var shared) ? shared.GetValueOrDefault(country) : null);
    }

    /// <summary>Whether some currency is written so, be it one of several.</summary>
    public static bool IsSign(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= SignAtMost && Plain(text) is var sign && (BySign.ContainsKey(sign) || ByCountry.ContainsKey(sign));
    }

    private static string Plain(string text) => text.Trim().ToLowerInvariant();

    private static FrozenDictionary<string, string> Load(out FrozenDictionary<string, FrozenDictionary<string, string>> shared)
    {
        using var stream = typeof(CurrencyCodes).Assembly.GetManifestResourceStream("CdpMonolith.Ingestion.Contracts.currencies.txt")!;
        using var reader = new StreamReader(stream);
        var (signs, byCountry) = (new Dictionary<string, string>(), new Dictionary<string, FrozenDictionary<string, string>>());
        foreach (var line in reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line[0] == '=')
            {
                var cut = line.IndexOf(' ', 2);
                byCountry.Add(Plain(line[2..cut]), line[cut..].Split(',', StringSplitOptions.TrimEntries).ToFrozenDictionary(pair => pair[..2], pair => pair[3..]));
            }
            else if (line[0] != '#')
            {
                foreach (var sign in line[3..].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Append(line[..3]))
                {
                    signs.Add(Plain(sign), line[..3]);
                }
            }
        }

        shared = byCountry.ToFrozenDictionary();
        return signs.ToFrozenDictionary();
    }
}
