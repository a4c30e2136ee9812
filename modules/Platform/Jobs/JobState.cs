namespace CdpMonolith.Platform.Jobs;

/// <summary>A job as the console shows it.</summary>
/// <param name="Cron">Quartz cron expression, with seconds, in UTC.</param>
/// <param name="IsDefault">Nobody has changed the expression.</param>
/// <param name="NextRunAt">Unix ms; null while the job is off.</param>
/// <param name="LastRun">The one that runs now or ran last; null before the first.</param>
internal sealed record JobState(string Name, string Cron, bool IsDefault, bool Enabled, long? NextRunAt, JobRunState? LastRun);

/// <summary>One run of a job, or one that should have been.</summary>
/// <param name="ScheduledFor">Unix ms.</param>
/// <param name="StartedAt">Unix ms; null for one that was missed.</param>
/// <param name="EndedAt">Unix ms; null while it runs.</param>
/// <param name="Message">What the job said it did, or why it failed.</param>
/// <param name="Percent">0 to 100.</param>
internal sealed record JobRunState(
    long Id, string Job, string Cause, long ScheduledFor, long? StartedAt, long? EndedAt, string Outcome,
    string? Message, long Percent, string? Progress);

/// <summary>Why a run was started.</summary>
internal static class JobCauses
{
    public const string Schedule = "schedule";
    public const string Hand = "hand";

    /// <summary>It was due while the program was not running.</summary>
    public const string Missed = "missed";

    /// <summary>The run before was cut off by the end of the program.</summary>
    public const string Interrupted = "interrupted";
}

/// <summary>How a run ended.</summary>
internal static class JobOutcomes
{
    public const string Running = "running";
    public const string Succeeded = "succeeded";
    public const string Failed = "failed";

    /// <summary>Nothing ran: the program was down, or the run before was still going on.</summary>
    public const string Missed = "missed";

    /// <summary>The program ended in the middle.</summary>
    public const string Interrupted = "interrupted";
}
