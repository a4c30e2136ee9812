namespace CdpMonolith.Platform.Jobs;

/// <summary>Work on a schedule. Register it with <c>services.AddJob&lt;T&gt;()</c>; one run at a time.</summary>
public interface IJob
{
    /// <summary>Lower-case words with dots, such as <c>insights.sample</c>; also its key in the job table.</summary>
    string Name { get; }

    /// <summary>Quartz cron expression, with seconds, in UTC, used until somebody changes it in the console.</summary>
    string DefaultCron { get; }

    /// <summary>Does the work and says in one sentence what it did. Must be safe to run again after a crash in the middle.</summary>
    Task<string> RunAsync(JobRun run, CancellationToken ct);
}

/// <summary>A run as the job sees it.</summary>
/// <param name="ScheduledFor">The moment it was due, Unix ms; the present moment when run by hand.</param>
public sealed record JobRun(long Id, long ScheduledFor, Func<int, string, Task> Report)
{
    /// <summary>Shows progress in the console.</summary>
    /// <param name="percent">0 to 100.</param>
    public Task ProgressAsync(int percent, string text) => Report(percent, text);
}
