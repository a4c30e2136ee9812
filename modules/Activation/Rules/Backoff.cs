namespace CdpMonolith.Activation.Rules;

/// <summary>When to try again: quickly at first, then every 12 hours until a week has gone.</summary>
internal static class Backoff
{
    /// <summary>So long a delivery is tried, counted from its first try; then it is parked.</summary>
    public static readonly TimeSpan GiveUpAfter = TimeSpan.FromDays(7);

    /// <summary>A destination may ask us to wait; more than this we take for a mistake.</summary>
    public static readonly TimeSpan LongestAsked = TimeSpan.FromHours(24);

    private static readonly TimeSpan[] Ceilings =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(30),
        TimeSpan.FromHours(1), TimeSpan.FromHours(2), TimeSpan.FromHours(5), TimeSpan.FromHours(10), TimeSpan.FromHours(12),
    ];

    /// <summary>The longest wait after so many tries; 1 is the first.</summary>
    public static TimeSpan Ceiling(long tries) => Ceilings[(int)Math.Clamp(tries - 1, 0, Ceilings.Length - 1)];

    /// <summary>
    /// The wait after so many tries: anything up to the ceiling, so that many that failed together do not come back together; but
    /// not less than the destination asked for.
    /// </summary>
    /// <param name="jitter">0 to 1.</param>
    public static TimeSpan Wait(long tries, double jitter, TimeSpan? asked)
    {
        var wait = Ceiling(tries) * jitter;
        var least = asked is { } named ? TimeSpan.FromTicks(Math.Clamp(named.Ticks, 0, LongestAsked.Ticks)) : TimeSpan.Zero;
        return wait > least ? wait : least;
    }
}
