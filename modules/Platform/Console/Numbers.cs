using System.Globalization;

namespace CdpMonolith.Platform.Console;

/// <summary>Numbers as the console writes them, in the reader's language.</summary>
public static class Numbers
{
    /// <summary>With its thousands apart: 12,345.</summary>
    public static string Whole(long value) => value.ToString("N0", CultureInfo.CurrentCulture);

    /// <summary>Short, for charts and tiles: 12.3k, 4.5M.</summary>
    public static string Short(double value) => Math.Abs(value) switch
    {
        >= 1e9 => (value / 1e9).ToString("0.#", CultureInfo.CurrentCulture) + "B",
        >= 1e6 => (value / 1e6).ToString("0.#", CultureInfo.CurrentCulture) + "M",
        >= 1e4 => (value / 1e3).ToString("0.#", CultureInfo.CurrentCulture) + "k",
        _ => value.ToString("#,0.##", CultureInfo.CurrentCulture),
    };

    /// <param name="share">0 to 1.</param>
    public static string Percent(double share) => share.ToString("P0", CultureInfo.CurrentCulture);

    /// <summary>A size in the unit that fits: 1.4 GB (powers of 1000).</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        >= 1_000_000_000 => (bytes / 1e9).ToString("0.#", CultureInfo.CurrentCulture) + " GB",
        >= 1_000_000 => (bytes / 1e6).ToString("0.#", CultureInfo.CurrentCulture) + " MB",
        >= 1_000 => (bytes / 1e3).ToString("0.#", CultureInfo.CurrentCulture) + " kB",
        _ => bytes.ToString("N0", CultureInfo.CurrentCulture) + " B",
    };
}
