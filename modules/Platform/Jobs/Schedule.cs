namespace CdpMonolith.Platform.Jobs;

/// <summary>When a Quartz cron expression (with seconds, in UTC) is due; for schedules that modules keep themselves.</summary>
public static class Schedule
{
    /// <summary>The next moments at which it is due. Refused with <c>job.cron_invalid</c> or <c>job.cron_never</c>, field <c>cron</c>.</summary>
    public static Outcome<IReadOnlyList<DateTimeOffset>> Next(string cron, DateTimeOffset after, int count) => JobClock.Next(cron, after, count);
}
