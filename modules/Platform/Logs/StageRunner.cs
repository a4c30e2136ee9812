using System.Diagnostics;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Platform.Logs;

/// <summary>How far one stage is.</summary>
/// <param name="Seq">Every entry up to this one has taken effect.</param>
/// <param name="EndSeq">The last entry of the log it follows.</param>
/// <param name="MovedAt">When the cursor last moved, Unix ms; null when it never did.</param>
/// <param name="Quarantined">Entries put aside and not yet replayed.</param>
public sealed record StageState(string Name, string Follows, long Seq, long EndSeq, long? MovedAt, long Quarantined)
{
    /// <summary>Entries it has still to take.</summary>
    public long Behind => EndSeq - Seq;
}

/// <summary>An entry that a stage could not process.</summary>
/// <param name="Error">Type and message of the exception; never the entry's content.</param>
/// <param name="PutAt">Unix ms.</param>
public sealed record QuarantinedEntry(string Stage, long Seq, string Error, long Tries, long PutAt);

/// <summary>Runs every stage, each in a loop of its own; asked by the console and by tests about how far they are.</summary>
public interface IStages
{
    Task<IReadOnlyList<StageState>> StatesAsync(CancellationToken ct);

    Task<IReadOnlyList<QuarantinedEntry>> QuarantineAsync(int limit, CancellationToken ct);

    /// <summary>Tries an entry again that was put aside. True when it took effect this time.</summary>
    Task<bool> ReplayAsync(string stage, long seq, CancellationToken ct);

    /// <summary>Deletes what the stage has written and runs it from the start of its log. A refusal when it cannot be rebuilt.</summary>
    Task<Outcome<StageState>> RebuildAsync(string stage, CancellationToken ct);

    /// <summary>Ends when every stage has taken every entry that is in its log, those that the stages write meanwhile included.</summary>
    Task CatchUpAsync(CancellationToken ct);
}

/// <summary>Whether stages run. Section <c>Stages</c>.</summary>
public sealed class StageOptions
{
    public const string Section = "Stages";

    /// <summary>Off only to look at the door alone: logs then grow and nothing follows them.</summary>
    public bool Run { get; set; } = true;
}

internal sealed partial class StageRunner(
    IStore store, LogSignal signal, IEnumerable<IStage> stages, ILeases leases, IOptions<StageOptions> options,
    TimeProvider clock, ILogger<StageRunner> logger)
    : BackgroundService, IStages
{
    private const int Tries = 3;
    private static readonly TimeSpan PauseAfterOutage = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookAtLeastEvery = TimeSpan.FromSeconds(5);

    /// <summary>Turns begin at least this far apart, so that a stream of single entries is taken by handfuls; the first is taken at once.</summary>
    private static readonly TimeSpan GatherFor = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LookForLeaseEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookAtOthersEvery = TimeSpan.FromMilliseconds(50);

    private readonly IStage[] _stages = [.. stages];

    /// <summary>The token of each lease under which its stages have worked last.</summary>
    private readonly Dictionary<string, long> _tokens = [];
    private readonly Dictionary<string, SemaphoreSlim> _turns =
        stages.ToDictionary(stage => stage.Name, _ => new SemaphoreSlim(1, 1));

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => !options.Value.Run
        ? Task.CompletedTask
        : Task.WhenAll(_stages.Select(stage => Task.Run(() => FollowAsync(stage, stoppingToken), stoppingToken)));

    public Task<IReadOnlyList<StageState>> StatesAsync(CancellationToken ct) => store.ReadAsync(States, ct);

    public Task<IReadOnlyList<QuarantinedEntry>> QuarantineAsync(int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<QuarantinedEntry>>(
            read => [.. read.Query<QuarantinedEntry>(StageSql.Quarantine, new { limit })], ct);

    public async Task<bool> ReplayAsync(string stage, long seq, CancellationToken ct)
    {
        var found = Find(stage);
        await _turns[stage].WaitAsync(ct);
        try
        {
            if (!await HoldAsync(found, ct))
            {
                return false;
            }

            using var lease = leases.Under(LeaseOf(found));
            return await TakeOneAsync(found, seq - 1, moveCursor: false, ct);
        }
        finally
        {
            _turns[stage].Release();
        }
    }

    public async Task<Outcome<StageState>> RebuildAsync(string stage, CancellationToken ct)
    {
        var found = Find(stage);
        if (found.Clear is not { } clear)
        {
            return new Problem("stage.not_rebuildable", "This stage keeps what cannot be computed again.", "stage");
        }

        await _turns[stage].WaitAsync(ct);
        try
        {
            if (!await HoldAsync(found, ct))
            {
                return new Problem("stage.elsewhere", "Another process runs this stage; rebuild it there.", "stage");
            }

            using var lease = leases.Under(LeaseOf(found));
            await store.WriteAsync(
                write =>
                {
                    clear(write);
                    write.Execute(StageSql.DropQuarantine, new { stage });
                    MoveCursor(write, found, 0);
                }, ct);
            found.Forget();
        }
        finally
        {
            _turns[stage].Release();
        }

        return (await StatesAsync(ct)).First(state => state.Name == stage);
    }

    public async Task CatchUpAsync(CancellationToken ct)
    {
        while (true)
        {
            var moved = false;
            foreach (var stage in _stages)
            {
                while (await TurnAsync(stage, ct))
                {
                    moved = true;
                }
            }

            if (moved)
            {
                continue;
            }

            if (!store.IsShared || (await StatesAsync(ct)).All(state => state.Behind <= 0))
            {
                return;
            }

            // Another process is at it.
            await Task.Delay(LookAtOthersEvery, ct);
        }
    }

    private async Task FollowAsync(IStage stage, CancellationToken ct)
    {
        var woke = clock.GetTimestamp();
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var growth = signal.NextGrowth(stage.Follows);
                var began = Stopwatch.GetTimestamp();
                if (await TurnAsync(stage, ct))
                {
                    if (GatherFor - Stopwatch.GetElapsedTime(began) is var rest && rest > TimeSpan.Zero)
                    {
                        await Task.Delay(rest, ct);
                    }

                    continue;
                }

                if (!await HoldAsync(stage, ct))
                {
                    await Task.Delay(LookForLeaseEvery, clock, ct);
                    continue;
                }

                if (stage.WakesEvery is { } every && clock.GetElapsedTime(woke) >= every)
                {
                    woke = clock.GetTimestamp();
                    await OnTimeAsync(stage, ct);
                }

                var pause = stage.WakesEvery is { } wakes && wakes < LookAtLeastEvery ? wakes : LookAtLeastEvery;
                await Task.WhenAny(growth, Task.Delay(pause, clock, ct));
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                stage.Forget();
                LogStageStumbled(stage.Name, fault);
                await Task.Delay(PauseAfterOutage, CancellationToken.None);
            }
        }
    }

    /// <summary>Takes one batch. False when there is nothing to take.</summary>
    private async Task<bool> TurnAsync(IStage stage, CancellationToken ct)
    {
        await _turns[stage.Name].WaitAsync(ct);
        try
        {
            if (!await HoldAsync(stage, ct))
            {
                return false;
            }

            using var lease = leases.Under(LeaseOf(stage));
            var cursor = store.Read(read => read.FirstOrDefault<long?>(StageSql.Cursor, new { stage = stage.Name })) ?? 0;
            if (stage.Next(cursor, stage.BatchSize) is not { } batch)
            {
                return false;
            }

            try
            {
                await CommitAsync(stage, batch, ct);
            }
            catch (Exception fault) when (fault is not (OperationCanceledException or StoreUnavailableException))
            {
                stage.Forget();
                await TakeOneByOneAsync(stage, cursor, batch, ct);
            }

            return true;
        }
        finally
        {
            _turns[stage.Name].Release();
        }
    }

    /// <summary>Stages of one module share what they remember, so they share a lease: its name is the module's.</summary>
    private static string LeaseOf(IStage stage) => stage.Name[..stage.Name.IndexOf('.', StringComparison.Ordinal)];

    /// <summary>Whether this process is to run the stage. What it remembers from before another one ran it is dropped.</summary>
    private async Task<bool> HoldAsync(IStage stage, CancellationToken ct)
    {
        if (!await leases.HoldAsync(LeaseOf(stage), ct))
        {
            return false;
        }

        var name = LeaseOf(stage);
        var token = leases.TokenOf(name);
        lock (_tokens)
        {
            if (_tokens.GetValueOrDefault(name) != token)
            {
                foreach (var each in _stages.Where(each => LeaseOf(each) == name))
                {
                    each.StartOver();
                }

                _tokens[name] = token;
            }
        }

        return true;
    }

    private async Task OnTimeAsync(IStage stage, CancellationToken ct)
    {
        await _turns[stage.Name].WaitAsync(ct);
        try
        {
            using var lease = leases.Under(LeaseOf(stage));
            if (stage.DecideOnTime() is { } write)
            {
                await store.WriteAsync(write, ct);
                stage.Committed();
            }
        }
        finally
        {
            _turns[stage.Name].Release();
        }
    }

    private async Task CommitAsync(IStage stage, StageBatch batch, CancellationToken ct)
    {
        var write = batch.Decide();
        await store.WriteAsync(
            session =>
            {
                write?.Invoke(session);
                MoveCursor(session, stage, batch.LastSeq);
            }, ct);
        stage.Committed();
    }

    /// <summary>The batch holds an entry that fails: the good ones go through, the bad one is put aside.</summary>
    private async Task TakeOneByOneAsync(IStage stage, long cursor, StageBatch batch, CancellationToken ct)
    {
        while (cursor < batch.LastSeq)
        {
            await TakeOneAsync(stage, cursor, moveCursor: true, ct);
            cursor = store.Read(read => read.Scalar<long>(StageSql.Cursor, new { stage = stage.Name }));
        }
    }

    private async Task<bool> TakeOneAsync(IStage stage, long after, bool moveCursor, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            var one = stage.Next(after, 1);
            if (one is null)
            {
                return false;
            }

            try
            {
                var write = one.Decide();
                await store.WriteAsync(
                    session =>
                    {
                        write?.Invoke(session);
                        session.Execute(StageSql.Release, new { stage = stage.Name, seq = one.LastSeq });
                        if (moveCursor)
                        {
                            MoveCursor(session, stage, one.LastSeq);
                        }
                    }, ct);
                stage.Committed();
                return true;
            }
            catch (Exception fault) when (fault is not (OperationCanceledException or StoreUnavailableException))
            {
                stage.Forget();
                if (attempt < Tries)
                {
                    continue;
                }

                LogPutAside(stage.Name, one.LastSeq, fault);
                await store.WriteAsync(
                    session =>
                    {
                        session.Execute(StageSql.PutAside, new
                        {
                            stage = stage.Name, seq = one.LastSeq, error = $"{fault.GetType().Name}: {fault.Message}", tries = Tries,
                            at = clock.GetUtcNow().ToUnixTimeMilliseconds(),
                        });
                        if (moveCursor)
                        {
                            MoveCursor(session, stage, one.LastSeq);
                        }
                    }, ct);
                return false;
            }
        }
    }

    private void MoveCursor(WriteSession session, IStage stage, long seq) =>
        session.Prepare(StageSql.MoveCursor)
            .Set(1, stage.Name).Set(2, seq).Set(3, clock.GetUtcNow().ToUnixTimeMilliseconds()).Run();

    private IReadOnlyList<StageState> States(ReadSession read)
    {
        var cursors = read.Query<(string Stage, long Seq, long MovedAt)>(StageSql.Cursors).ToDictionary(row => row.Stage);
        var ends = read.Query<(string Name, long NextSeq)>(StageSql.Ends).ToDictionary(row => row.Name, row => row.NextSeq - 1);
        var aside = read.Query<(string Stage, long Count)>(StageSql.CountAside).ToDictionary(row => row.Stage, row => row.Count);
        return
        [
            .. _stages.Select(stage =>
            {
                var known = cursors.TryGetValue(stage.Name, out var cursor);
                return new StageState(
                    stage.Name, stage.Follows, cursor.Seq, ends.GetValueOrDefault(stage.Follows),
                    known ? cursor.MovedAt : null, aside.GetValueOrDefault(stage.Name));
            }),
        ];
    }

    private IStage Find(string name) =>
        Array.Find(_stages, stage => stage.Name == name) ?? throw new ArgumentException($"No stage {name}.", nameof(name));

    [LoggerMessage(Level = LogLevel.Error, Message = "Stage {Stage} stumbled and goes on")]
    private partial void LogStageStumbled(string stage, Exception fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "Stage {Stage} put entry {Seq} aside")]
    private partial void LogPutAside(string stage, long seq, Exception fault);
}

internal static class StageSql
{
    public const string Cursor = "SELECT seq FROM platform_cursor WHERE stage = @stage";

    public const string Cursors = "SELECT stage AS Stage, seq AS Seq, moved_at AS MovedAt FROM platform_cursor";

    public const string Ends = "SELECT name AS Name, next_seq AS NextSeq FROM platform_log";

    public const string CountAside = "SELECT stage AS Stage, COUNT(*) AS Count FROM platform_quarantine GROUP BY stage";

    public const string MoveCursor = """
        INSERT INTO platform_cursor (stage, seq, moved_at) VALUES ($1, $2, $3)
        ON CONFLICT (stage) DO UPDATE SET seq = excluded.seq, moved_at = excluded.moved_at
        """;

    public const string PutAside = """
        INSERT INTO platform_quarantine (stage, seq, error, tries, put_at) VALUES (@stage, @seq, @error, @tries, @at)
        ON CONFLICT (stage, seq) DO UPDATE
        SET error = excluded.error, tries = platform_quarantine.tries + excluded.tries, put_at = excluded.put_at
        """;

    public const string Release = "DELETE FROM platform_quarantine WHERE stage = @stage AND seq = @seq";

    public const string DropQuarantine = "DELETE FROM platform_quarantine WHERE stage = @stage";

    public const string Quarantine = """
        SELECT stage AS Stage, seq AS Seq, error AS Error, tries AS Tries, put_at AS PutAt
        FROM   platform_quarantine
        ORDER  BY put_at DESC, stage, seq
        LIMIT  @limit
        """;
}
