using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Tests.Platform;

public sealed class JobTests
{
    private static readonly Actor Kari = new(7, "kari@example.no");

    [Test]
    public async Task A_job_runs_when_it_is_due_and_says_what_it_did()
    {
        await using var test = Open();
        var runner = await StartAsync(test);
        var job = test.Get<Counting>();
        await runner.DueAsync(job.Name, default);
        await runner.IdleAsync();
        Assert.That(job.Runs, Is.Zero, "not due yet");

        test.Clock.Advance(TimeSpan.FromHours(1));
        var due = test.Clock.NowMs;
        await runner.DueAsync(job.Name, default);
        await runner.DueAsync(job.Name, default);
        await runner.IdleAsync();

        var state = await StateAsync(runner);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(state.NextRunAt, Is.EqualTo(due + 3_600_000));
            Assert.That(await runner.RunsAsync(job.Name, 10, default), Is.EqualTo(new[]
            {
                new JobRunState(1, job.Name, "schedule", due, due, due, "succeeded", "Counted 1.", 100, "half way"),
            }));
        }
    }

    [Test]
    public async Task A_job_that_fails_says_why_and_runs_again_next_time()
    {
        await using var test = Open();
        var runner = await StartAsync(test);
        test.Get<Counting>().Fails = true;
        await runner.RunNowAsync(Kari, "test.count", default);
        await runner.IdleAsync();
        test.Get<Counting>().Fails = false;
        test.Clock.Advance(TimeSpan.FromHours(1));
        await runner.DueAsync("test.count", default);
        await runner.IdleAsync();
        Assert.That(
            (await runner.RunsAsync("test.count", 10, default)).Select(run => (run.Cause, run.Outcome, run.Message)),
            Is.EqualTo(new[] { ("schedule", "succeeded", "Counted 2."), ("hand", "failed", "InvalidOperationException: no disk") }));
    }

    [Test]
    public async Task Run_now_is_audited_and_refused_while_the_job_runs()
    {
        await using var test = Open();
        var runner = await StartAsync(test);
        var job = test.Get<Counting>();
        job.Gate = new TaskCompletionSource();
        var first = await runner.RunNowAsync(Kari, job.Name, default);
        var second = await runner.RunNowAsync(Kari, job.Name, default);
        job.Gate.SetResult();
        await runner.IdleAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Value, Is.EqualTo(1));
            Assert.That(second.Problem?.Code, Is.EqualTo("job.running"));
            Assert.That((await runner.RunNowAsync(Kari, "no.such", default)).Problem?.Code, Is.EqualTo("job.unknown"));
            Assert.That(job.Runs, Is.EqualTo(1));
            Assert.That(
                (await test.Get<IAudit>().ReadAsync(long.MaxValue, 9, null, default)).Select(e => (e.UserId, e.Action, e.Subject)),
                Is.EqualTo(new[] { ((long?)7, "job.run", "job:test.count") }));
        }
    }

    [Test]
    public async Task A_job_that_is_due_while_it_still_runs_is_recorded_as_missed()
    {
        await using var test = Open();
        var runner = await StartAsync(test);
        var job = test.Get<Counting>();
        job.Gate = new TaskCompletionSource();
        await runner.RunNowAsync(Kari, job.Name, default);
        test.Clock.Advance(TimeSpan.FromHours(1));
        await runner.DueAsync(job.Name, default);
        job.Gate.SetResult();
        await runner.IdleAsync();
        Assert.That(
            (await runner.RunsAsync(job.Name, 10, default)).Select(run => (run.Cause, run.Outcome)),
            Is.EqualTo(new[] { ("schedule", "missed"), ("hand", "succeeded") }));
    }

    [Test]
    public async Task A_job_that_was_due_while_the_program_was_down_runs_once_at_the_start()
    {
        using var folder = new TempFolder();
        long due;
        await using (var before = Open(folder))
        {
            var runner = await StartAsync(before);
            due = (await StateAsync(runner)).NextRunAt!.Value;
        }

        await using var after = Open(folder);
        after.Clock.Advance(TimeSpan.FromHours(5.5));
        var again = await StartAsync(after);
        await again.IdleAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(after.Get<Counting>().Runs, Is.EqualTo(1));
            Assert.That((await StateAsync(again)).NextRunAt, Is.EqualTo(after.Clock.NowMs + 1_800_000));
            Assert.That(
                (await again.RunsAsync("test.count", 10, default)).Select(run => (run.Cause, run.Outcome, run.ScheduledFor)),
                Is.EqualTo(new[] { ("missed", "succeeded", due), ("schedule", "missed", due) }));
        }
    }

    [Test]
    public async Task A_run_that_the_end_of_the_program_cut_off_is_recorded_and_run_again()
    {
        using var folder = new TempFolder();
        await using (var before = Open(folder))
        {
            // As a crash leaves it: begun and never ended.
            await before.Store.WriteAsync(
                write => { JobStore.Add(write, new JobRunState(0, "test.count", "schedule", 5, 5, null, "running", null, 40, "40 of 100")); }, default);
        }

        await using var after = Open(folder);
        var runner = await StartAsync(after);
        await runner.IdleAsync();
        Assert.That(
            (await runner.RunsAsync("test.count", 10, default)).Select(run => (run.Cause, run.Outcome, run.ScheduledFor)),
            Is.EqualTo(new[] { ("interrupted", "succeeded", 5L), ("schedule", "interrupted", 5L) }));
    }

    [Test]
    public async Task A_job_that_ended_the_program_three_times_waits_for_its_schedule()
    {
        await using var test = Open();
        await test.Store.WriteAsync(
            write =>
            {
                JobStore.Add(write, new JobRunState(0, "test.count", "schedule", 5, 5, 6, "interrupted", null, 40, null));
                JobStore.Add(write, new JobRunState(0, "test.count", "interrupted", 5, 7, 8, "interrupted", null, 40, null));
                JobStore.Add(write, new JobRunState(0, "test.count", "interrupted", 5, 9, null, "running", null, 40, null));
            }, default);
        var runner = await StartAsync(test);
        await runner.IdleAsync();
        Assert.That(test.Get<Counting>().Runs, Is.Zero);
    }

    [Test]
    public async Task A_stop_cuts_a_run_off_and_the_next_start_runs_it_again()
    {
        using var folder = new TempFolder();
        await using (var before = Open(folder))
        {
            before.Get<Counting>().Gate = new TaskCompletionSource();
            var runner = await StartAsync(before);
            await runner.RunNowAsync(Kari, "test.count", default);
            await runner.StopAsync(default);
        }

        await using var after = Open(folder);
        var again = await StartAsync(after);
        await again.IdleAsync();
        Assert.That(
            (await again.RunsAsync("test.count", 10, default)).Select(run => (run.Cause, run.Outcome)),
            Is.EqualTo(new[] { ("interrupted", "succeeded"), ("hand", "interrupted") }));
    }

    [Test]
    public async Task A_schedule_can_be_changed_switched_off_and_set_back()
    {
        await using var test = Open();
        var runner = await StartAsync(test);
        var changed = await runner.ChangeAsync(Kari, "test.count", " 0 30 4 ? * MON ", true, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(changed.Value.Cron, Is.EqualTo("0 30 4 ? * MON"));
            Assert.That(
                DateTimeOffset.FromUnixTimeMilliseconds(changed.Value.NextRunAt!.Value),
                Is.EqualTo(new DateTimeOffset(2026, 3, 9, 4, 30, 0, TimeSpan.Zero)));
            Assert.That((await runner.ChangeAsync(Kari, "test.count", "every day", true, default)).Problem?.Code, Is.EqualTo("job.cron_invalid"));
            Assert.That((await runner.ChangeAsync(Kari, "test.count", "0 0 0 1 1 ? 2020", true, default)).Problem?.Code, Is.EqualTo("job.cron_never"));
        }

        var off = (await runner.ChangeAsync(Kari, "test.count", null, false, default)).Value;
        test.Clock.Advance(TimeSpan.FromDays(30));
        await runner.DueAsync("test.count", default);
        await runner.IdleAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((off.Enabled, off.NextRunAt, off.IsDefault), Is.EqualTo((false, (long?)null, true)));
            Assert.That(test.Get<Counting>().Runs, Is.Zero);
        }
    }

    [Test]
    public void The_next_runs_of_an_expression_are_shown_in_utc() =>
        Assert.That(
            JobClock.Next("0 0 3 ? * MON-FRI", ManualClock.Start, 3).Value,
            Is.EqualTo(new[] { 3, 4, 5 }.Select(day => new DateTimeOffset(2026, 3, day, 3, 0, 0, TimeSpan.Zero))));

    [Test]
    public async Task A_run_that_somebody_began_before_the_program_was_up_is_not_taken_for_a_cut_off_one()
    {
        await using var test = Open();
        var job = test.Get<Counting>();
        job.Gate = new TaskCompletionSource();
        await test.Get<JobRunner>().RunNowAsync(Kari, job.Name, default);
        var runner = await StartAsync(test);
        job.Gate.SetResult();
        await runner.IdleAsync();
        Assert.That((await runner.RunsAsync(job.Name, 10, default)).Select(run => (run.Cause, run.Outcome)), Is.EqualTo(new[] { ("hand", "succeeded") }));
    }

    [Test]
    public async Task A_hundred_runs_are_kept()
    {
        await using var test = Open();
        var runner = await StartAsync(test);
        for (var run = 0; run < 103; run++)
        {
            await runner.RunNowAsync(Kari, "test.count", default);
            await runner.IdleAsync();
        }

        var kept = await runner.RunsAsync("test.count", 500, default);
        Assert.That((kept.Count, kept[^1].Id), Is.EqualTo((100, 4L)));
    }

    [Test]
    public async Task The_clock_runs_a_job_by_itself()
    {
        await using var test = new TestStore(services => services.AddSingleton(TimeProvider.System).AddJob<EverySecond>());
        var runner = test.Get<JobRunner>();
        await runner.StartAsync(default);
        await test.Get<EverySecond>().Ran.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await runner.StopAsync(default);
        Assert.That((await runner.RunsAsync("test.second", 1, default)).Single().Cause, Is.EqualTo("schedule"));
    }

    private static TestStore Open(TempFolder? folder = null) => new(services => services.AddJob<Counting>(), folder);

    private static async Task<JobRunner> StartAsync(TestStore test)
    {
        var runner = test.Get<JobRunner>();
        await runner.OpenAsync(default);
        return runner;
    }

    private static async Task<JobState> StateAsync(JobRunner runner) =>
        (await runner.ListAsync(default)).Single(job => job.Name == "test.count");

    private sealed class Counting : IJob
    {
        public string Name => "test.count";

        public string DefaultCron => "0 0 * * * ?";

        public int Runs { get; private set; }

        public bool Fails { get; set; }

        public TaskCompletionSource? Gate { get; set; }

        public async Task<string> RunAsync(JobRun run, CancellationToken ct)
        {
            Runs++;
            await run.ProgressAsync(50, "half way");
            if (Gate is not null)
            {
                await Gate.Task.WaitAsync(ct);
            }

            return Fails ? throw new InvalidOperationException("no disk") : $"Counted {Runs}.";
        }
    }

    private sealed class EverySecond : IJob
    {
        public string Name => "test.second";

        public string DefaultCron => "* * * * * ?";

        public TaskCompletionSource Ran { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<string> RunAsync(JobRun run, CancellationToken ct)
        {
            Ran.TrySetResult();
            return Task.FromResult("Ran.");
        }
    }
}
