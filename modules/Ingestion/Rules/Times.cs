using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>When a call happened: reading what clients send and correcting their clocks.</summary>
internal static class Times
{
    /// <summary>Nothing was sent.</summary>
    public const long Absent = long.MinValue;

    /// <summary>Something was sent that is no time.</summary>
    public const long Unusable = long.MinValue + 1;

    private static readonly long Earliest = new DateTimeOffset(1990, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
    private static readonly long FutureAllowed = (long)TimeSpan.FromMinutes(5).TotalMilliseconds;

    /// <summary>
    /// The time of the event on our clock, Unix ms: received − (sent − original), so that a wrong clock at the sender cancels out.
    /// </summary>
    /// <param name="timestamp">The member <c>timestamp</c>: the time at the sender, or already corrected when there is an original.</param>
    /// <param name="original">The member <c>originalTimestamp</c>, which RudderStack's clients send.</param>
    /// <param name="sent">The member <c>sentAt</c>.</param>
    /// <returns>Clamped: the claimed time was unusable, before 1990 or in the future, and it is when it was received.</returns>
    /// <remarks>
    /// Segment, "timestamps overview": timestamp = receivedAt − (sentAt − originalTimestamp). RudderStack: a timestamp beside an
    /// originalTimestamp is kept. Ours: never later than five minutes after it was received.
    /// </remarks>
    public static (long OccurredAt, bool Clamped) Correct(long timestamp, long original, long sent, long received)
    {
        var corrected =
            original != Absent && timestamp != Absent ? timestamp
            : Shift(original != Absent ? original : timestamp, sent, received);
        if (corrected == Absent)
        {
            return (received, false);
        }

        return corrected < Earliest || corrected > received + FutureAllowed ? (received, true) : (corrected, false);
    }

    /// <summary>Unix ms of a time as clients write it: ISO 8601 (no zone means UTC), or Unix seconds or milliseconds.</summary>
    public static long Parse(ReadOnlySpan<byte> text)
    {
        text = text.Trim((byte)' ');
        if (text.Length > 64 || text.IsEmpty)
        {
            return Unusable;
        }

        if (ParseIso(text) is var iso && iso != Unusable)
        {
            return iso;
        }

        if (ParseNumber(text) is var number && number != Unusable)
        {
            return number;
        }

        return DateTimeOffset.TryParseExact(
            Encoding.UTF8.GetString(text), "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var http)
            ? http.ToUnixTimeMilliseconds() : Unusable;
    }

    /// <summary>Unix seconds with ten digits or milliseconds with thirteen; fractions are allowed.</summary>
    public static long ParseNumber(ReadOnlySpan<byte> text)
    {
        if (!Utf8Parser.TryParse(text, out double value, out var used) || used != text.Length || !double.IsFinite(value))
        {
            return Unusable;
        }

        // 10^11 seconds is the year 5138, 10^11 milliseconds is 1973: nothing we accept lies on the wrong side.
        var milliseconds = Math.Abs(value) < 1e11 ? value * 1000 : value;
        return Math.Abs(milliseconds) < 9e15 ? (long)Math.Round(milliseconds) : Unusable;
    }

    private static long Shift(long original, long sent, long received) =>
        original is Absent or Unusable ? original
        : sent is Absent or Unusable ? original
        : received - (sent - original);

    private static long ParseIso(ReadOnlySpan<byte> text)
    {
        // 2026-03-02T09:00:00.000Z, with every part after the day optional.
        if (text.Length < 10 || text[4] != '-' || text[7] != '-'
            || !Digits(text[..4], out var year) || !Digits(text.Slice(5, 2), out var month) || !Digits(text.Slice(8, 2), out var day)
            || year == 0 || month is 0 or > 12 || day == 0 || day > DateTime.DaysInMonth(year, month))
        {
            return Unusable;
        }

        var rest = text[10..];
        long ofDay = 0;
        if (!rest.IsEmpty)
        {
            if ((rest[0] | 0x20) != 't' && rest[0] != ' ')
            {
                return Unusable;
            }

            ofDay = TakeClock(ref rest);
            if (ofDay == Unusable)
            {
                return Unusable;
            }
        }

        var offset = TakeZone(rest);
        return offset == Unusable
            ? Unusable
            : ((new DateOnly(year, month, day).DayNumber - new DateOnly(1970, 1, 1).DayNumber) * 86_400_000L) + ofDay - offset;
    }

    /// <summary>Milliseconds of the day; leaves the zone.</summary>
    private static long TakeClock(ref ReadOnlySpan<byte> rest)
    {
        if (rest.Length < 6 || rest[3] != ':' || !Digits(rest.Slice(1, 2), out var hour) || !Digits(rest.Slice(4, 2), out var minute)
            || hour > 23 || minute > 59)
        {
            return Unusable;
        }

        rest = rest[6..];
        var milliseconds = ((hour * 60L) + minute) * 60_000;
        if (rest is not [(byte)':', ..])
        {
            return milliseconds;
        }

        // A leap second is taken as the second before it.
        if (rest.Length < 3 || !Digits(rest.Slice(1, 2), out var second) || second > 60)
        {
            return Unusable;
        }

        rest = rest[3..];
        milliseconds += Math.Min(second, 59) * 1000;
        if (rest is not [(byte)'.' or (byte)',', ..])
        {
            return milliseconds;
        }

        rest = rest[1..];
        var digits = 0;
        for (var weight = 100; digits < rest.Length && rest[digits] is >= (byte)'0' and <= (byte)'9'; digits++, weight /= 10)
        {
            milliseconds += (rest[digits] - '0') * weight;
        }

        rest = rest[digits..];
        return digits == 0 ? Unusable : milliseconds;
    }

    /// <summary>Milliseconds east of UTC.</summary>
    private static long TakeZone(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty || rest is [(byte)'Z' or (byte)'z'])
        {
            return 0;
        }

        if (rest[0] is not ((byte)'+' or (byte)'-') || rest.Length is not (3 or 5 or 6) || !Digits(rest.Slice(1, 2), out var hours))
        {
            return Unusable;
        }

        var minutes = 0;
        if (rest.Length > 3 && (!Digits(rest[^2..], out minutes) || (rest.Length == 6 && rest[3] != ':')))
        {
            return Unusable;
        }

        if (hours > 18 || minutes > 59)
        {
            return Unusable;
        }

        var offset = ((hours * 60L) + minutes) * 60_000;
        return rest[0] == '-' ? -offset : offset;
    }

    private static bool Digits(ReadOnlySpan<byte> text, out int value)
    {
        value = 0;
        foreach (var digit in text)
        {
            if (digit is < (byte)'0' or > (byte)'9')
            {
                return false;
            }

            value = (value * 10) + (digit - '0');
        }

        return true;
    }
}
