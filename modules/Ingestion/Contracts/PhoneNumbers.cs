using System.Collections.Frozen;
using System.Globalization;

namespace CdpMonolith.Ingestion.Contracts;

/// <summary>Telephone numbers in the one spelling in which they are compared: E.164. Plans: numbering-plans.txt.</summary>
/// <remarks>
/// The rule: a number written with a plus or an international prefix is taken as it says; any other is one of the country it is read
/// for. A trunk prefix goes. What fits no plan is not guessed at.
/// </remarks>
public static class PhoneNumbers
{
    private const int DigitsAtMost = 20;
    private const int LettersOfAWord = 3;
    private const int DigitsOfANumber = 6;
    private const int DigitsOfE164 = 15;

    /// <summary>What stands between two numbers in one place; a bare slash may also stand within one.</summary>
    private static readonly string[] Between = [" / ", ";", ",", "|", "\n", " or ", " og ", " eller ", " atau ", " หรือ ", "/"];

    private static readonly FrozenDictionary<string, Plan> ByCountry = Load();

    /// <summary>The plan that decides about a calling code.</summary>
    private static readonly FrozenDictionary<string, Plan> ByCode =
        ByCountry.Values.OrderBy(plan => plan.Line).DistinctBy(plan => plan.Code).ToFrozenDictionary(plan => plan.Code);

    /// <summary>What stands before an extension.</summary>
    private static readonly string[] ExtensionMarks = [";ext=", "extension", "ext.", "ext", "ekst.", "ต่อ", "#", "x"];

    /// <summary>The countries with a plan, as ISO 3166-1 alpha-2 (and XK), in the order of their calling codes.</summary>
    public static IReadOnlyList<string> Countries { get; } = [.. ByCountry.Values.OrderBy(plan => plan.Line).Select(plan => plan.Country)];

    /// <summary>Whether numbers can be read for it.</summary>
    /// <param name="country">ISO 3166-1 alpha-2 in upper case.</param>
    public static bool IsCountry(string country) => ByCountry.ContainsKey(country);

    /// <summary>
    /// The number in E.164, of two in one text the first, such as <c>+4722222222</c>; with an extension, as in RFC 3966, <c>+4722222222;ext=12</c>. Null when no plan
    /// tells what it is.
    /// </summary>
    /// <param name="text">As a person typed it, in digits of any script.</param>
    /// <param name="country">Where a number without a country belongs, ISO 3166-1 alpha-2; null: not known.</param>
    public static string? ToE164(string text, string? country)
    {
        ArgumentNullException.ThrowIfNull(text);
        return One(text, country) ?? (Cut(text) is var (first, _) ? One(first, country) : null);
    }

    /// <summary>Of two numbers in one text the first; the text as it is when it holds one.</summary>
    public static string First(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Cut(text) is var (first, mark) && (mark != "/" || text.Count(char.IsDigit) > DigitsOfE164) ? first : text;
    }

    /// <summary>What stands before a mark with a number on either side; null: no mark has.</summary>
    private static (string First, string Mark)? Cut(string text)
    {
        foreach (var mark in Between)
        {
            var at = text.IndexOf(mark, StringComparison.OrdinalIgnoreCase);
            if (at > 0 && text[..at].Count(char.IsDigit) >= DigitsOfANumber
                && text[at..].Count(char.IsDigit) >= DigitsOfANumber && Split(text.Trim()).Extension.Length == 0)
            {
                return (text[..at], mark);
            }
        }

        return null;
    }

    private static string? One(string text, string? country)
    {
        var (number, extension) = Split(text.Trim());
        var home = country is not null && ByCountry.TryGetValue(country, out var plan) ? plan : null;
        Span<char> signs = stackalloc char[DigitsAtMost + 1];
        if (Digits(number, signs, out var hasPlus) is not { } length)
        {
            return null;
        }

        var e164 = Read(signs[..length], hasPlus, home);
        return e164 is null || extension.Length == 0 ? e164 : $"{e164};ext={extension}";
    }

    /// <summary>The text with the digits of every script as 0 to 9; as it is when it has no others.</summary>
    public static string WithPlainDigits(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Any(IsForeignDigit)
            ? string.Create(text.Length, text, (kept, from) =>
            {
                for (var i = 0; i < from.Length; i++)
                {
                    kept[i] = IsForeignDigit(from[i]) ? Plain(from[i]) : from[i];
                }
            })
            : text;
    }

    private static string? Read(ReadOnlySpan<char> digits, bool hasPlus, Plan? home)
    {
        if (hasPlus)
        {
            return International(digits);
        }

        // 00 means the same wherever it is read; a country's own prefixes (007 in Thailand) come after it.
        if (digits.StartsWith("00") && International(digits[2..]) is { } anywhere)
        {
            return anywhere;
        }

        foreach (var prefix in home?.Prefixes ?? [])
        {
            if (digits.StartsWith(prefix) && International(digits[prefix.Length..]) is { } abroad)
            {
                return abroad;
            }
        }

        if (home is null || digits.IsEmpty || digits.StartsWith("00"))
        {
            return null;
        }

        // Where numbers begin with a trunk prefix, one that begins with the calling code instead has lost its plus.
        var hasLostPlus = digits.StartsWith(home.Code) && home.National(digits[home.Code.Length..]) is not null
            && (home.National(digits) is null || (home.Trunks is ["0"] && digits[0] != '0'));
        return hasLostPlus ? International(digits)
            : home.National(digits) is { } national ? $"+{home.Code}{national}"
            : null;
    }

    /// <summary>No calling code begins another, so that the first that is known is the one.</summary>
    private static string? International(ReadOnlySpan<char> digits)
    {
        var codes = ByCode.GetAlternateLookup<ReadOnlySpan<char>>();
        for (var length = 1; length <= Math.Min(3, digits.Length); length++)
        {
            if (codes.TryGetValue(digits[..length], out var plan))
            {
                return plan.National(digits[length..]) is { } national ? $"+{plan.Code}{national}" : null;
            }
        }

        return null;
    }

    /// <summary>The digits; null when there are too many or there is what no number has. Words become the digits of their keys.</summary>
    private static int? Digits(string number, Span<char> into, out bool hasPlus)
    {
        var length = 0;
        hasPlus = false;
        for (var i = 0; i < number.Length; i++)
        {
            var sign = number[i];
            char digit;
            if (char.IsDigit(sign))
            {
                digit = Plain(sign);
            }
            else if (sign is '+' or '＋')
            {
                if (length > 0 || hasPlus)
                {
                    return null;
                }

                hasPlus = true;
                continue;
            }
            else if (char.IsAsciiLetter(sign))
            {
                // Before the number stands what it is ("Tel.", "WhatsApp:"); within it a word that is dialled.
                if (length == 0 && !hasPlus)
                {
                    continue;
                }

                if (!IsInWord(number, i))
                {
                    return null;
                }

                digit = "22233344455566677778889999"[(sign | 0x20) - 'a'];
            }
            else if (char.IsLetter(sign) && (length > 0 || hasPlus))
            {
                return null;
            }
            else
            {
                continue;
            }

            if (length == DigitsAtMost)
            {
                return null;
            }

            into[length++] = digit;
        }

        return length;
    }

    /// <summary>Letters that belong together: as many as a word has.</summary>
    private static bool IsInWord(string number, int at)
    {
        var (first, last) = (at, at);
        while (first > 0 && char.IsAsciiLetter(number[first - 1]))
        {
            first--;
        }

        while (last + 1 < number.Length && char.IsAsciiLetter(number[last + 1]))
        {
            last++;
        }

        return last - first + 1 >= LettersOfAWord;
    }

    private static (string Number, string Extension) Split(string text)
    {
        foreach (var mark in ExtensionMarks)
        {
            var at = text.LastIndexOf(mark, StringComparison.OrdinalIgnoreCase);
            if (at <= 0)
            {
                continue;
            }

            var extension = WithPlainDigits(text[(at + mark.Length)..]).Trim(' ', '.', ':', ')', '=');
            if (extension.Length is > 0 and <= 8 && extension.All(char.IsAsciiDigit) && text[..at].Count(char.IsDigit) >= 6)
            {
                return (text[..at].TrimEnd(' ', ',', ';', '('), extension);
            }
        }

        return (text, "");
    }

    private static bool IsForeignDigit(char sign) => !char.IsAscii(sign) && char.IsDigit(sign);

    private static char Plain(char digit) => (char)('0' + CharUnicodeInfo.GetDecimalDigitValue(digit));

    private static FrozenDictionary<string, Plan> Load()
    {
        using var stream = typeof(PhoneNumbers).Assembly.GetManifestResourceStream("CdpMonolith.Ingestion.Contracts.numbering-plans.txt")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(line => line[0] != '#').Select((line, number) => Plan.Of(line.Split(' '), number))
            .ToFrozenDictionary(plan => plan.Country);
    }

    /// <summary>How the numbers of one country are built.</summary>
    /// <param name="Lengths">A bit for each length of the national significant number.</param>
    private sealed record Plan(string Country, string Code, string[] Trunks, int Lengths, string[] Prefixes, int Line)
    {
        public static Plan Of(string[] parts, int line) => new(
            parts[0], parts[1], parts[2] == "-" ? [] : parts[2].Split('|'), BitsOf(parts[3]), parts.Length > 4 ? parts[4].Split('|') : [], line);

        /// <summary>The national significant number; null when it has no length of this plan.</summary>
        public string? National(ReadOnlySpan<char> digits)
        {
            foreach (var trunk in Trunks)
            {
                // No number begins with 0 where 0 is the trunk prefix; other prefixes can also be a number's own digits.
                if (digits.StartsWith(trunk) && (trunk == "0" || !Fits(digits.Length)) && IsNational(digits[trunk.Length..]))
                {
                    return digits[trunk.Length..].ToString();
                }
            }

            return IsNational(digits) ? digits.ToString() : null;
        }

        private bool IsNational(ReadOnlySpan<char> digits) => Fits(digits.Length) && !(digits[0] == '0' && Trunks.Contains("0"));

        private bool Fits(int length) => length is > 0 and < 31 && (Lengths & (1 << length)) != 0;

        private static int BitsOf(string lengths)
        {
            var bits = 0;
            foreach (var part in lengths.Split(','))
            {
                var ends = part.Split('-').Select(end => int.Parse(end, CultureInfo.InvariantCulture)).ToArray();
                for (var length = ends[0]; length <= ends[^1]; length++)
                {
                    bits |= 1 << length;
                }
            }

            return bits;
        }
    }
}
