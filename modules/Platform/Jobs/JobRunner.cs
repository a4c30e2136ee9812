using System.Collections.Concurrent;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Platform.Jobs;

/// <summary>
/// Runs jobs and keeps the book about them. A job that was due while the program was down, and one that the end of the
/// program cut off, runs once when the program starts again.
/// </summary>
internal sealed partial class JobRunner(
    IStore store, IAudit audit, IEnumerable<IJob> jobs, JobClock jobClock, ILeases leases, TimeProvider clock,
    ILogger<JobRunner> logger)
    : BackgroundService
{
    /// <summary>A job that was cut off so many times in a row waits for its schedule: it may be what ends the program.</summary>
    private const int CutOffInARow = 3;

    /// <summary>A firing this much later than planned counts as missed.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromMinutes(1);

    /// <summary>How long the end of the program waits for runs that do not heed their cancellation.</summary>
    private static readonly TimeSpan StopsWithin = TimeSpan.FromSeconds(5);

    private const string Lease = "jobs";
    private static readonly TimeSpan LooksForLeaseEvery = TimeSpan.FromSeconds(1);
    private static readonly Problem Elsewhere = new("job.elsewhere", "Another process runs the jobs; do this there.");
    private static readonly TimeSpan ProgressKeptEvery = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, IJob> _jobs = jobs.ToDictionary(job => job.Name);
    private readonly ConcurrentDictionary<string, Live> _running = new();
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Something that the console shows has changed: a run began, moved on or ended, or a job was changed.</summary>
    public event Action? Changed;

    private DateTimeOffset Now => clock.GetUtcNow();

    private long NowMs => Now.ToUnixTimeMilliseconds();

    /// <summary>In the background, so that the program answers sooner. Of several processes the one with the lease runs all jobs.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await leases.HoldAsync(Lease, stoppingToken))
                {
                    await ServeAsync(stoppingToken);
                }
            }
            catch (StoreUnavailableException fault) when (store.IsShared)
            {
                LogWaiting(fault);
            }

            await Task.Delay(LooksForLeaseEvery, clock, stoppingToken);
        }
    }

    /// <summary>Ends when the lease is lost, which on a store of one's own is never.</summary>
    private async Task ServeAsync(CancellationToken stoppingToken)
    {
        using var lease = leases.Under(Lease);
        var token = leases.TokenOf(Lease);
        var set = await OpenAsync(stoppingToken);
        await jobClock.StartAsync(set, stoppingToken);
        while (leases.TokenOf(Lease) == token)
        {
            await Task.Delay(store.IsShared ? LooksForLeaseEvery : Timeout.InfiniteTimeSpan, clock, stoppingToken);
        }

        foreach (var name in _jobs.Keys)
        {
            await jobClock.SetAsync(name, null, stoppingToken);
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await base.StopAsync(cancellationToken);
        await jobClock.StopAsync(CancellationToken.None);
        try
        {
            await IdleAsync().WaitAsync(StopsWithin, CancellationToken.None);
        }
        catch (TimeoutException)
        {
            // Its row still says running; the next start calls it interrupted and runs the job again.
            LogNotStopped(string.Join(", ", _running.Keys));
        }
    }

    /// <summary>Brings the table up to date and starts what is owed. Returns what the clock is to be set to.</summary>
    public async Task<IReadOnlyList<(string Job, string Cron)>> OpenAsync(CancellationToken ct)
    {
        var now = Now;
        var owed = new List<(IJob Job, long ScheduledFor, string Cause)>();
        var rows = await store.WriteAsync(
            write =>
            {
                owed.Clear();
                JobStore.CutOffRuns(write, [.. _running.Values.Select(live => live.RunId)], NowMs);
                var known = JobStore.Jobs(write);
                var kept = new List<JobRow>();
                foreach (var job in _jobs.Values)
                {
                    var row = known.GetValueOrDefault(job.Name) ?? new JobRow(job.Name, null, 1, NextOf(job, null, now));
                    if (Owed(write, row, now) is { } debt)
                    {
                        owed.Add((job, debt.ScheduledFor, debt.Cause));
                    }

                    row = row with { NextRunAt = row.Enabled == 1 ? NextOf(job, row.Cron, now) : null };
                    JobStore.Save(write, row);
                    kept.Add(row);
                }

                return kept;
            }, ct);
        foreach (var (job, scheduledFor, cause) in owed)
        {
            await StartRunAsync(job, scheduledFor, cause, ct);
        }

        return [.. rows.Where(row => row.Enabled == 1).Select(row => (row.Name, row.Cron ?? _jobs[row.Name].DefaultCron))];
    }

    /// <summary>The clock says that a job is due; the table says whether that is so.</summary>
    public async Task DueAsync(string name, CancellationToken ct)
    {
        if (!_jobs.TryGetValue(name, out var job) || !await leases.HoldAsync(Lease, ct))
        {
            return;
        }

        using var lease = leases.Under(Lease);

        var now = Now;
        var due = await store.WriteAsync(
            write =>
            {
                var row = JobStore.Jobs(write).GetValueOrDefault(name);
                if (row is not { Enabled: 1, NextRunAt: { } at } || at > now.AddSeconds(1).ToUnixTimeMilliseconds())
                {
                    return (long?)null;
                }

                var planned = DateTimeOffset.FromUnixTimeMilliseconds(at);
                JobStore.Save(write, row with { NextRunAt = NextOf(job, row.Cron, planned > now ? planned : now) });
                if (_running.ContainsKey(name))
                {
                    // One at a time: the run before is still going on.
                    Miss(write, name, at);
                    return null;
                }

                return at;
            }, ct);
        if (due is { } scheduledFor)
        {
            var late = now - DateTimeOffset.FromUnixTimeMilliseconds(scheduledFor) > Late;
            await StartRunAsync(job, scheduledFor, late ? JobCauses.Missed : JobCauses.Schedule, ct);
        }

        Changed?.Invoke();
    }

    /// <returns>The run's id.</returns>
    public async Task<Outcome<long>> RunNowAsync(Actor actor, string name, CancellationToken ct)
    {
        if (!_jobs.TryGetValue(name, out var job))
        {
            return Unknown;
        }

        if (!await leases.HoldAsync(Lease, ct))
        {
            return Elsewhere;
        }

        using var lease = leases.Under(Lease);
        return await StartRunAsync(job, NowMs, JobCauses.Hand, ct, actor) is { } id
            ? id
            : new Problem("job.running", "This job is running already.");
    }

    /// <summary>Changes when a job runs, and whether it does.</summary>
    /// <param name="cron">Null or the default: the job's own.</param>
    public async Task<Outcome<JobState>> ChangeAsync(Actor actor, string name, string? cron, bool enabled, CancellationToken ct)
    {
        if (!_jobs.TryGetValue(name, out var job))
        {
            return Unknown;
        }

        var wanted = string.IsNullOrWhiteSpace(cron) || cron.Trim() == job.DefaultCron ? null : cron.Trim();
        var due = JobClock.Next(wanted ?? job.DefaultCron, Now, 1);
        if (!due.Met(out var next))
        {
            return due.Problem!;
        }

        if (!await leases.HoldAsync(Lease, ct))
        {
            return Elsewhere;
        }

        using var lease = leases.Under(Lease);
        await store.WriteAsync(
            write =>
            {
                JobStore.Save(write, new JobRow(name, wanted, enabled ? 1 : 0, enabled ? next[0].ToUnixTimeMilliseconds() : null));
                audit.Record(write, actor, "job.changed", $"job:{name}", new { cron = wanted ?? job.DefaultCron, enabled });
            }, ct);
        await jobClock.SetAsync(name, enabled ? wanted ?? job.DefaultCron : null, ct);
        Changed?.Invoke();
        return (await ListAsync(ct)).First(state => state.Name == name);
    }

    public Outcome<IReadOnlyList<DateTimeOffset>> Next(string cron, int count) => JobClock.Next(cron, Now, count);

    public async Task<IReadOnlyList<JobState>> ListAsync(CancellationToken ct)
    {
        var (rows, runs) = await store.ReadAsync(read => (JobStore.Jobs(read), JobStore.LatestRuns(read)), ct);
        return
        [
            .. _jobs.Values.OrderBy(job => job.Name, StringComparer.Ordinal).Select(job =>
            {
                var row = rows.GetValueOrDefault(job.Name) ?? new JobRow(job.Name, null, 1, null);
                var last = runs.GetValueOrDefault(job.Name);
                return new JobState(
                    job.Name, row.Cron ?? job.DefaultCron, row.Cron is null, row.Enabled == 1, row.NextRunAt,
                    last is null ? null : WithLiveProgress(last));
            }),
        ];
    }

    public async Task<IReadOnlyList<JobRunState>> RunsAsync(string name, int limit, CancellationToken ct) =>
        [.. (await store.ReadAsync(read => JobStore.RunsOf(read, name, limit), ct)).Select(WithLiveProgress)];

    /// <summary>Ends when nothing runs.</summary>
    public Task IdleAsync() => Task.WhenAll(_running.Values.Select(live => live.Ended.Task));

    public override void Dispose()
    {
        base.Dispose();
        _stopping.Dispose();
    }

    private static Problem Unknown => new("job.unknown", "There is no such job.");

    /// <summary>What a job owes when the program starts: a run that was cut off, or one that was due meanwhile.</summary>
    private (long ScheduledFor, string Cause)? Owed(WriteSession write, JobRow row, DateTimeOffset now)
    {
        var runs = JobStore.RunsOf(write, row.Name, CutOffInARow);
        var cutOff = runs.Count > 0 && runs[0].Outcome == JobOutcomes.Interrupted;
        if (row is { Enabled: 1, NextRunAt: { } due } && due <= now.ToUnixTimeMilliseconds())
        {
            Miss(write, row.Name, due);
            return (due, JobCauses.Missed);
        }

        return cutOff && !(runs.Count == CutOffInARow && runs.All(run => run.Outcome == JobOutcomes.Interrupted))
            ? (runs[0].ScheduledFor, JobCauses.Interrupted)
            : null;
    }

    private void Miss(WriteSession write, string job, long scheduledFor) =>
        JobStore.Add(write, new JobRunState(
            0, job, JobCauses.Schedule, scheduledFor, null, NowMs, JobOutcomes.Missed, null, 0, null));

    private static long? NextOf(IJob job, string? cron, DateTimeOffset after) =>
        JobClock.Next(cron ?? job.DefaultCron, after, 1).Met(out var next)
            ? next[0].ToUnixTimeMilliseconds()
            : cron is null ? throw new InvalidOperationException($"Job {job.Name} has no valid schedule: {job.DefaultCron}") : null;

    /// <summary>Null when the job is running already.</summary>
    private async Task<long?> StartRunAsync(IJob job, long scheduledFor, string cause, CancellationToken ct, Actor? actor = null)
    {
        var live = new Live();
        if (!_running.TryAdd(job.Name, live))
        {
            return null;
        }

        try
        {
            var run = await store.WriteAsync(
                write =>
                {
                    if (actor is not null)
                    {
                        audit.Record(write, actor, "job.run", $"job:{job.Name}");
                    }

                    var begun = JobStore.Add(write, new JobRunState(
                        0, job.Name, cause, scheduledFor, NowMs, null, JobOutcomes.Running, null, 0, null));
                    live.RunId = begun.Id;
                    return begun;
                }, ct);
            _ = Task.Run(() => RunAsync(job, run, live), CancellationToken.None);
            return run.Id;
        }
        catch
        {
            _running.TryRemove(job.Name, out _);
            live.Ended.TrySetResult();
            throw;
        }
    }

    private async Task RunAsync(IJob job, JobRunState run, Live live)
    {
        Changed?.Invoke();
        string outcome;
        string? message = null;
        try
        {
            message = await job.RunAsync(
                new JobRun(run.Id, run.ScheduledFor, (percent, text) => ReportAsync(live, percent, text)), _stopping.Token);
            outcome = JobOutcomes.Succeeded;
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            outcome = JobOutcomes.Interrupted;
        }
        catch (Exception fault)
        {
            outcome = JobOutcomes.Failed;
            message = $"{fault.GetType().Name}: {fault.Message}";
            LogFailed(job.Name, run.Id, fault);
        }

        try
        {
            await store.WriteAsync(
                write => JobStore.End(write, job.Name, run.Id, outcome, message, NowMs), CancellationToken.None);
        }
        catch (StoreUnavailableException fault)
        {
            // The row still says running; the next start calls it interrupted and runs the job again.
            LogNotRecorded(job.Name, run.Id, fault);
        }
        finally
        {
            _running.TryRemove(job.Name, out _);
            live.Ended.TrySetResult();
            Changed?.Invoke();
        }
    }

    private async Task ReportAsync(Live live, int percent, string text)
    {
        live.Percent = Math.Clamp(percent, 0, 100);
        live.Text = text;
        if (live.KeptAt is { } kept && clock.GetElapsedTime(kept) < ProgressKeptEvery)
        {
            return;
        }

        live.KeptAt = clock.GetTimestamp();
        await store.WriteAsync(write => JobStore.Progress(write, live.RunId, live.Percent, text), _stopping.Token);
        Changed?.Invoke();
    }

    private JobRunState WithLiveProgress(JobRunState run) =>
        _running.TryGetValue(run.Job, out var live) && live.RunId == run.Id && run.Outcome == JobOutcomes.Running
            ? run with { Percent = live.Percent, Progress = live.Text ?? run.Progress }
            : run;

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {Job} failed in run {Run}")]
    private partial void LogFailed(string job, long run, Exception fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "The end of run {Run} of job {Job} could not be recorded")]
    private partial void LogNotRecorded(string job, long run, Exception fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Jobs wait for the store")]
    private partial void LogWaiting(Exception fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "These jobs did not stop in time: {Jobs}")]
    private partial void LogNotStopped(string jobs);

    /// <summary>A run that goes on.</summary>
    private sealed class Live
    {
        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long RunId { get; set; }

        public int Percent { get; set; }

        public string? Text { get; set; }

        public long? KeptAt { get; set; }
    }
}
