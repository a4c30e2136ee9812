using System.Collections.Frozen;
using System.Globalization;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Reads what people type into cells: numbers, dates, yes and no, in the languages of many of them.</summary>
internal static class CellReading
{
    private static readonly FrozenDictionary<string, bool> YesNo = new Dictionary<string, bool>
    {
        ["1"] = true, ["y"] = true, ["yes"] = true, ["true"] = true, ["t"] = true, ["x"] = true, ["on"] = true, ["granted"] = true,
        ["subscribed"] = true, ["opted in"] = true, ["opt-in"] = true, ["accepted"] = true,
        ["ya"] = true, ["setuju"] = true, ["ja"] = true, ["j"] = true, ["samtykket"] = true, ["ใช่"] = true, ["ยินยอม"] = true,
        ["0"] = false, ["n"] = false, ["no"] = false, ["false"] = false, ["f"] = false, ["off"] = false, ["denied"] = false,
        ["unsubscribed"] = false, ["opted out"] = false, ["opt-out"] = false, ["declined"] = false,
        ["si"] = true, ["sí"] = true, ["sì"] = true, ["sim"] = true, ["oui"] = true, ["wahr"] = true, ["vrai"] = true,
        ["nein"] = false, ["nee"] = false, ["nej"] = false, ["non"] = false, ["não"] = false, ["falsch"] = false, ["faux"] = false,
        ["tidak"] = false, ["nei"] = false, ["ไม่"] = false, ["ไม่ใช่"] = false, ["ไม่ยินยอม"] = false,
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<DateOrder, string[]> Formats = new Dictionary<DateOrder, string[]>
    {
        [DateOrder.Ymd] = WithTimes("yyyy-M-d", "yyyy/M/d", "yyyy.M.d", "yyyyMMdd"),
        [DateOrder.Dmy] = WithTimes("d/M/yyyy", "d.M.yyyy", "d-M-yyyy", "d/M/yy", "d.M.yy", "d-M-yy"),
        [DateOrder.Mdy] = WithTimes("M/d/yyyy", "M.d.yyyy", "M-d-yyyy", "M/d/yy", "M-d-yy"),
    }.ToFrozenDictionary();

    /// <summary>With the month's name there is no doubt about the order.</summary>
    private static readonly string[] Named = WithTimes("d MMM yyyy", "MMM d yyyy", "yyyy MMM d", "d MMM yy", "MMM d yy");

    /// <summary>Null: neither yes nor no.</summary>
    public static bool? Boolean(string text) =>
        YesNo.TryGetValue(text.Trim().ToLowerInvariant(), out var value) ? value : null;

    /// <summary>
    /// Null: not a number. Signs and codes of money around it are passed over, so are spaces, <c>,-</c> behind it; in parentheses it is negative.
    /// </summary>
    public static decimal? Number(string text, bool decimalComma)
    {
        var said = text.AsSpan().Trim();
        var isNegative = said is ['(', .., ')'];
        said = isNegative ? said[1..^1] : said;
        var (first, last) = (said.IndexOfAnyInRange('0', '9'), said.LastIndexOfAnyInRange('0', '9'));
        if (first < 0)
        {
            return null;
        }

        first -= first > 0 && said[first - 1] == (decimalComma ? ',' : '.') ? 1 : 0;
        var head = said[..first].Trim();
        var tail = said[(last + 1)..].Trim();
        if (head is ['-' or '−', ..] or [.., '-' or '−'])
        {
            isNegative = !isNegative;
            head = (head[0] is '-' or '−' ? head[1..] : head[..^1]).Trim();
        }

        tail = tail is ",-" or ".-" or ",–" or "." ? [] : tail;
        if (!IsOfMoney(head.Trim('+')) || !IsOfMoney(tail) || last - first >= 64)
        {
            return null;
        }

        Span<char> plain = stackalloc char[64];
        var length = 0;
        foreach (var letter in said[first..(last + 1)])
        {
            if (letter is ' ' or '\u00A0' or '\u202F' or '\'' or '’' || letter == (decimalComma ? '.' : ','))
            {
                continue;
            }

            plain[length++] = letter == ',' ? '.' : letter;
        }

        const NumberStyles Style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return decimal.TryParse(plain[..length], Style, CultureInfo.InvariantCulture, out var value) ? isNegative ? -value : value : null;
    }

    private static bool IsOfMoney(ReadOnlySpan<char> sign) => sign.IsEmpty || CurrencyCodes.IsSign(sign.ToString());

    /// <summary>Unix ms; null: not a time. Years of the Buddhist era are understood. ISO 8601 is always understood, other forms in the order given.</summary>
    /// <param name="zone">Of times that name none.</param>
    public static long? Time(string text, DateOrder order, TimeZoneInfo zone)
    {
        text = WithCommonYear(text.Trim());
        if (text.Length is 10 or 13 && text.All(char.IsAsciiDigit))
        {
            var unix = long.Parse(text, CultureInfo.InvariantCulture);
            return text.Length == 10 ? unix * 1000 : unix;
        }

        if (text.Length >= 19 && text[10] is 'T' or ' '
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var exact)
            && (text[^1] is 'Z' or 'z' || text.AsSpan(11).ContainsAny('+', '-')))
        {
            return exact.ToUnixTimeMilliseconds();
        }

        return (DateTime.TryParseExact(text, Formats[DateOrder.Ymd], CultureInfo.InvariantCulture, DateTimeStyles.None, out var local)
                || DateTime.TryParseExact(text, Formats[order], CultureInfo.InvariantCulture, DateTimeStyles.None, out local)
                || (MonthNames.InEnglish(text) is { } named
                    && DateTime.TryParseExact(WithCommonYear(named), Named, CultureInfo.InvariantCulture, DateTimeStyles.None, out local)))
            ? new DateTimeOffset(local, zone.GetUtcOffset(local)).ToUnixTimeMilliseconds()
            : null;
    }

    /// <summary>Thailand counts from 543 BC: a year from 2400 to 2699 is one of that era.</summary>
    private static string WithCommonYear(string text)
    {
        for (var at = 0; at + 4 <= text.Length; at++)
        {
            if (text[at] == '2' && text[at + 1] is '4' or '5' or '6' && char.IsAsciiDigit(text[at + 2]) && char.IsAsciiDigit(text[at + 3])
                && (at == 0 || !char.IsAsciiDigit(text[at - 1])) && (at + 4 == text.Length || !char.IsAsciiDigit(text[at + 4])))
            {
                var year = int.Parse(text.AsSpan(at, 4), CultureInfo.InvariantCulture) - 543;
                return string.Create(CultureInfo.InvariantCulture, $"{text.AsSpan(0, at)}{year}{text.AsSpan(at + 4)}");
            }
        }

        return text;
    }

    /// <summary>A date or time as ISO 8601: a day alone stays a day.</summary>
    public static string? Date(string text, DateOrder order, TimeZoneInfo zone)
    {
        if (Time(text, order, zone) is not { } unix)
        {
            return null;
        }

        var hasTime = text.Contains(':', StringComparison.Ordinal) || (text.Trim() is { Length: 10 or 13 } digits && digits.All(char.IsAsciiDigit));
        var moment = DateTimeOffset.FromUnixTimeMilliseconds(unix);
        return hasTime
            ? moment.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)
            : TimeZoneInfo.ConvertTime(moment, zone).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
    }

    public static bool LooksLikeEmail(string text)
    {
        text = text.AsSpan().ContainsAny("<\"'") ? EmailAddresses.Clean(text) : text;
        var at = text.IndexOf('@', StringComparison.Ordinal);
        return at > 0 && at == text.LastIndexOf('@') && at < text.Length - 3 && !text.AsSpan().ContainsAny(" \t,;")
            && text.IndexOf('.', at) is var dot && dot > at + 1 && dot < text.Length - 1;
    }

    /// <summary>A number of a known plan, or at least six digits and nothing but the signs that phone numbers are written with.</summary>
    public static bool LooksLikePhone(string text) =>
        LooksLikeDigits(PhoneNumbers.WithPlainDigits(text)) || PhoneNumbers.ToE164(text, country: null) is not null;

    private static bool LooksLikeDigits(string text) =>
        text.Count(char.IsAsciiDigit) is >= 6 and <= 18 && text.All(letter => char.IsAsciiDigit(letter) || letter is '+' or '(' or ')' or '-' or '.' or '/' or ' ' or '\u00A0' or 'O' or 'o');

    private static string[] WithTimes(params string[] days) =>
        [.. days.SelectMany(day => new[] { day, day + " H:mm", day + " H:mm:ss", day + " H:mm:ss.fff", day + "'T'H:mm:ss", day + "'T'H:mm:ss.fff", day + " h:mm tt" })];
}
