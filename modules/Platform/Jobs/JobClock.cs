using Quartz;

namespace CdpMonolith.Platform.Jobs;

/// <summary>Quartz, used for what it is best at: knowing when an expression is due. It keeps nothing; the table does.</summary>
internal sealed class JobClock(ISchedulerFactory factory)
{
    private IScheduler? _scheduler;

    public async Task StartAsync(IEnumerable<(string Job, string Cron)> jobs, CancellationToken ct)
    {
        _scheduler = await factory.GetScheduler(ct);
        foreach (var (job, cron) in jobs)
        {
            await SetAsync(job, cron, ct);
        }

        await _scheduler.Start(ct);
    }

    /// <summary>Sets when a job is due; null: never.</summary>
    public async Task SetAsync(string job, string? cron, CancellationToken ct)
    {
        if (_scheduler is not { } scheduler)
        {
            return;
        }

        await scheduler.DeleteJob(new JobKey(job), ct);
        if (cron is null)
        {
            return;
        }

        var detail = JobBuilder.Create<Tick>().WithIdentity(job).Build();
        var trigger = TriggerBuilder.Create().WithIdentity(job)
            .WithSchedule(CronScheduleBuilder.Create(new CronExpression(cron, TimeZoneInfo.Utc))
                .WithMisfireInstruction(CronTriggerMisfireInstruction.FireAndProceed))
            .Build();
        await scheduler.ScheduleJob(detail, trigger, cancellationToken: ct);
    }

    public async Task StopAsync(CancellationToken ct)
    {
        if (_scheduler is { } scheduler)
        {
            await scheduler.Shutdown(waitForJobsToComplete: false, ct);
        }
    }

    /// <summary>The next moments at which an expression is due. A refusal when it is not one, or never due again.</summary>
    public static Outcome<IReadOnlyList<DateTimeOffset>> Next(string cron, DateTimeOffset after, int count)
    {
        CronExpression expression;
        try
        {
            expression = new CronExpression(cron, TimeZoneInfo.Utc);
        }
        catch (FormatException fault)
        {
            return new Problem("job.cron_invalid", $"This is not a cron expression: {fault.Message}", "cron");
        }

        var due = new List<DateTimeOffset>(count);
        for (var at = expression.GetNextValidTimeAfter(after); at is { } next && due.Count < count; at = expression.GetNextValidTimeAfter(next))
        {
            due.Add(next);
        }

        return due.Count > 0 ? due : new Problem("job.cron_never", "This expression is never due again.", "cron");
    }

    /// <summary>Quartz calls; the runner decides.</summary>
    [DisallowConcurrentExecution]
    internal sealed class Tick(JobRunner runner) : Quartz.IJob
    {
        public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken) =>
            await runner.DueAsync(context.JobDetail.Key.Name, cancellationToken);
    }
}
