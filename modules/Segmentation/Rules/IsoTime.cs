namespace CdpMonolith.Segmentation.Rules;

/// <summary>
/// Dates and times as ISO 8601 writes them: <c>2026-03-02</c>, <c>2026-03-02T09:30</c>, with seconds, fractions and a zone.
/// Without a zone it is UTC.
/// </summary>
internal static class IsoTime
{
    /// <summary>Not a time.</summary>
    public const long None = long.MinValue;

    public const long Hour = 3_600_000;

    public const long Day = 24 * Hour;

    /// <summary>Unix ms; <see cref="None"/> when the text is no date.</summary>
    public static long Parse(ReadOnlySpan<char> text) => Parse(text, out _);

    /// <summary>Unix ms, and whether a day was given without a time of day.</summary>
    public static long Parse(ReadOnlySpan<char> text, out bool wholeDay)
    {
        wholeDay = false;
        if (text.Length is < 10 or > 40 || text[4] != '-' || text[7] != '-'
            || !Digits(text[..4], out var year) || !Digits(text[5..7], out var month) || !Digits(text[8..10], out var day)
            || year is 0 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month))
        {
            return None;
        }

        var start = new DateTimeOffset(year, month, day, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
        if (text.Length == 10)
        {
            wholeDay = true;
            return start;
        }

        return text[10] is 'T' or 't' or ' ' && TimeOfDay(text[11..], out var within) ? start + within : None;
    }

    private static bool TimeOfDay(ReadOnlySpan<char> text, out long ms)
    {
        ms = 0;
        if (text.Length < 5 || text[2] != ':' || !Digits(text[..2], out var hours) || !Digits(text[3..5], out var minutes)
            || hours > 23 || minutes > 59)
        {
            return false;
        }

        ms = (hours * Hour) + (minutes * 60_000L);
        text = text[5..];
        if (text.Length > 0 && text[0] == ':')
        {
            if (text.Length < 3 || !Digits(text[1..3], out var seconds) || seconds > 59)
            {
                return false;
            }

            ms += seconds * 1000L;
            text = text[3..];
            if (text.Length > 1 && text[0] is '.' or ',')
            {
                text = Fraction(text[1..], ref ms);
            }
        }

        return Zone(text, ref ms);
    }

    private static ReadOnlySpan<char> Fraction(ReadOnlySpan<char> text, scoped ref long ms)
    {
        var worth = 100;
        var length = 0;
        while (length < text.Length && char.IsAsciiDigit(text[length]))
        {
            ms += (text[length] - '0') * worth;
            worth /= 10;
            length++;
        }

        return text[length..];
    }

    private static bool Zone(ReadOnlySpan<char> text, ref long ms)
    {
        if (text.Length == 0 || text is "Z" or "z")
        {
            return true;
        }

        if (text[0] is not ('+' or '-'))
        {
            return false;
        }

        var offset = text[1..];
        var colon = offset.Length == 5 && offset[2] == ':';
        var minutes = 0;
        if (!(colon || offset.Length is 2 or 4) || !Digits(offset[..2], out var hours)
            || (offset.Length > 2 && !Digits(offset[^2..], out minutes)) || hours > 18 || minutes > 59)
        {
            return false;
        }

        var shift = (hours * Hour) + (minutes * 60_000L);
        ms += text[0] == '+' ? -shift : shift;
        return true;
    }

    private static bool Digits(ReadOnlySpan<char> text, out int value)
    {
        value = 0;
        foreach (var c in text)
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            value = (value * 10) + (c - '0');
        }

        return true;
    }
}
