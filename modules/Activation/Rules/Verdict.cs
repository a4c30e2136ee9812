using System.Globalization;

namespace CdpMonolith.Activation.Rules;

/// <summary>What to do after a try.</summary>
internal enum Next
{
    Done,

    /// <summary>It may work later.</summary>
    Retry,

    /// <summary>This one will never be taken as it is.</summary>
    Park,

    /// <summary>None will be taken until somebody looks: the destination is stopped, the delivery stays.</summary>
    Stop,
}

/// <summary>How a try went.</summary>
/// <param name="Reason">A code of <see cref="Reasons"/>; null when done.</param>
/// <param name="Status">The HTTP status; null when there was no answer.</param>
/// <param name="Asked">How long the destination asks us to wait.</param>
internal sealed record Verdict(Next Next, string? Reason, int? Status, TimeSpan? Asked = null)
{
    /// <summary>The wait after a certificate that is not trusted.</summary>
    public static readonly TimeSpan AfterDistrust = TimeSpan.FromHours(1);

    /// <summary>An answer came. Only 2xx is success; a redirect is never followed.</summary>
    public static Verdict OfStatus(int status, TimeSpan? asked) => status switch
    {
        >= 200 and <= 299 => new Verdict(Next.Done, null, status),
        >= 300 and <= 399 => new Verdict(Next.Stop, Reasons.Moved, status),
        401 or 403 => new Verdict(Next.Stop, Reasons.Unauthorized, status),
        404 => new Verdict(Next.Stop, Reasons.NotFound, status),
        410 => new Verdict(Next.Stop, Reasons.Gone410, status),
        413 => new Verdict(Next.Park, Reasons.TooLarge, status),
        408 or 425 => new Verdict(Next.Retry, Reasons.Unavailable, status, asked),
        429 => new Verdict(Next.Retry, Reasons.Throttled, status, asked),
        >= 400 and <= 499 => new Verdict(Next.Park, Reasons.Rejected, status),
        _ => new Verdict(Next.Retry, Reasons.Unavailable, status, asked),
    };

    /// <summary>Seconds or an HTTP date; null when it is neither. A moment that has passed is no wait.</summary>
    public static TimeSpan? RetryAfter(string? header, DateTimeOffset now)
    {
        if (long.TryParse(header, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            return TimeSpan.FromSeconds(Math.Min(seconds, (long)Backoff.LongestAsked.TotalSeconds));
        }

        if (!DateTimeOffset.TryParseExact(
                header, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment))
        {
            return null;
        }

        return moment <= now ? TimeSpan.Zero : moment - now > Backoff.LongestAsked ? Backoff.LongestAsked : moment - now;
    }
}
