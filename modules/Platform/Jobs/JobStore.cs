using CdpMonolith.Platform.Store;

namespace CdpMonolith.Platform.Jobs;

/// <summary>A job's row.</summary>
internal sealed record JobRow(string Name, string? Cron, long Enabled, long? NextRunAt);

/// <summary>The tables of jobs: the truth that the clock is set by.</summary>
internal static class JobStore
{
    private const string Runs = "platform.job_run";
    private const int RunsKept = 100;

    private const string SelectJobs = "SELECT name AS Name, cron AS Cron, enabled AS Enabled, next_run_at AS NextRunAt FROM platform_job";

    private const string UpsertJob = """
        INSERT INTO platform_job (name, cron, enabled, next_run_at) VALUES (@Name, @Cron, @Enabled, @NextRunAt)
        ON CONFLICT (name) DO UPDATE
        SET cron = excluded.cron, enabled = excluded.enabled, next_run_at = excluded.next_run_at
        """;

    private const string SelectRun = """
        SELECT id AS Id, job AS Job, cause AS Cause, scheduled_for AS ScheduledFor, started_at AS StartedAt, ended_at AS EndedAt,
               outcome AS Outcome, message AS Message, percent AS Percent, progress AS Progress
        FROM   platform_job_run
        """;

    private const string LatestOfEach = $"""
        {SelectRun}
        WHERE id IN (SELECT MAX(id) FROM platform_job_run WHERE outcome <> 'missed' GROUP BY job)
        """;

    private const string LatestOfOne = $"{SelectRun} WHERE job = @job ORDER BY id DESC LIMIT @limit";

    private const string InsertRun = """
        INSERT INTO platform_job_run (id, job, cause, scheduled_for, started_at, ended_at, outcome, message, percent, progress)
        VALUES (@Id, @Job, @Cause, @ScheduledFor, @StartedAt, @EndedAt, @Outcome, @Message, @Percent, @Progress)
        """;

    private const string UpdateProgress = "UPDATE platform_job_run SET percent = @percent, progress = @text WHERE id = @id";

    private const string EndRun = """
        UPDATE platform_job_run
        SET    outcome = @outcome, message = @message, ended_at = @at, percent = CASE WHEN @outcome = 'succeeded' THEN 100 ELSE percent END
        WHERE  id = @id
        """;

    private const string SelectRunning = "SELECT id FROM platform_job_run WHERE outcome = 'running'";

    private const string CutOff = "UPDATE platform_job_run SET outcome = 'interrupted', ended_at = @at WHERE id = @id";

    private const string Trim = """
        DELETE FROM platform_job_run
        WHERE  job = @job AND outcome <> 'running'
          AND  id NOT IN (SELECT id FROM platform_job_run WHERE job = @job ORDER BY id DESC LIMIT @RunsKept)
        """;

    public static IReadOnlyDictionary<string, JobRow> Jobs(ReadSession read) =>
        read.Query<JobRow>(SelectJobs).ToDictionary(row => row.Name);

    public static void Save(WriteSession write, JobRow row) => write.Execute(UpsertJob, row);

    public static IReadOnlyDictionary<string, JobRunState> LatestRuns(ReadSession read) =>
        read.Query<JobRunState>(LatestOfEach).ToDictionary(run => run.Job);

    public static IReadOnlyList<JobRunState> RunsOf(ReadSession read, string job, int limit) =>
        [.. read.Query<JobRunState>(LatestOfOne, new { job, limit })];

    /// <summary>Writes a run and gives it its id.</summary>
    public static JobRunState Add(WriteSession write, JobRunState run)
    {
        var kept = run with { Id = write.NextSeq(Runs) };
        write.Advance(Runs, 1);
        write.Execute(InsertRun, kept);
        return kept;
    }

    public static void Progress(WriteSession write, long id, int percent, string text) =>
        write.Execute(UpdateProgress, new { id, percent, text });

    public static void End(WriteSession write, string job, long id, string outcome, string? message, long at)
    {
        write.Execute(EndRun, new { id, outcome, message, at });
        write.Execute(Trim, new { job, RunsKept });
    }

    /// <summary>Runs that call themselves running when the program starts were cut off, but for those it has begun already.</summary>
    public static void CutOffRuns(WriteSession write, IReadOnlyCollection<long> begun, long at)
    {
        foreach (var id in write.Query<long>(SelectRunning).Except(begun).ToList())
        {
            write.Execute(CutOff, new { id, at });
        }
    }
}
