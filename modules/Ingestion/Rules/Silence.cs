namespace CdpMonolith.Ingestion.Rules;

/// <summary>Tells a silence from a usual one, by the hours in which a source was heard.</summary>
internal static class Silence
{
    /// <summary>How far back is looked, in hours: four weeks, so that weekends are among it.</summary>
    public const int Window = 28 * 24;

    private const int WatchedAtLeast = 7 * 24;
    private const int QuietAtLeast = 2;

    /// <summary>Silences left out as mishaps.</summary>
    private const int Mishaps = 2;

    /// <summary>
    /// The third longest silence of the window, in whole hours without an event; null when the source was first heard less than a week ago.
    /// </summary>
    /// <param name="hours">Hours with events within the window, Unix ms / 3,600,000, ascending, each once.</param>
    /// <param name="now">The hour it is.</param>
    public static int? Usual(IReadOnlyList<long> hours, long now) =>
        hours.Count == 0 || now - hours[0] < WatchedAtLeast
            ? null
            : (int)hours.Zip(hours.Skip(1), (before, after) => after - before - 1).OrderDescending().Skip(Mishaps).FirstOrDefault();

    /// <summary>Silent half as long again as is usual, and for two hours at least.</summary>
    /// <param name="silent">Hours since the last event.</param>
    public static bool IsUnusual(double silent, int? usual) => usual is { } hours && silent > Math.Max(QuietAtLeast, 1.5 * (hours + 1));
}
