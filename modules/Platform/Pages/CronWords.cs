using System.Globalization;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Platform.Pages;

/// <summary>The usual schedules in words; others are shown as they are written.</summary>
internal static class CronWords
{
    public static string Of(string cron, IStringLocalizer texts) => cron.Split(' ', StringSplitOptions.RemoveEmptyEntries) switch
    {
        ["0", "*", "*", "*" or "?", "*", "*" or "?"] => texts["Jobs.Every.Minute"],
        ["0", var minute, "*", "*" or "?", "*", "*" or "?"] when IsNumber(minute, out var past) => texts["Jobs.Every.Hour", past],
        ["0", var minute, var hour, "*" or "?", "*", "*" or "?"] when IsNumber(minute, out var past) && IsNumber(hour, out var at) =>
            texts["Jobs.Every.Day", new TimeOnly(at, past).ToString("HH:mm", CultureInfo.CurrentCulture)],
        _ => texts["Jobs.Every.Other", cron],
    };

    private static bool IsNumber(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
