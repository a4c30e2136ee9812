using System.Collections.Concurrent;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Ingestion.Fetch;

/// <summary>Runs feeds and writes down how it went. A feed runs once at a time.</summary>
internal sealed partial class FeedRunner(
    IStore store, Imports imports, FolderFeed folders, HttpsFeed servers, IAudit audit, TimeProvider clock, ILogger<FeedRunner> logger)
{
    private readonly ConcurrentDictionary<long, byte> _running = new();

    public bool IsRunning(long feedId) => _running.ContainsKey(feedId);

    /// <summary>Feeds whose time has come and that do not run now.</summary>
    public async Task<IReadOnlyList<Feed>> DueAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        return [.. (await store.ReadAsync(read => FeedStore.Due(read, now), ct)).Where(feed => !IsRunning(feed.Id))];
    }

    /// <summary>Runs all that are due, one after the other.</summary>
    public async Task RunDueAsync(CancellationToken ct)
    {
        foreach (var feed in await DueAsync(ct))
        {
            await RunAsync(feed, ct);
        }
    }

    public async Task RunAsync(Feed feed, CancellationToken ct)
    {
        if (!_running.TryAdd(feed.Id, 0))
        {
            return;
        }

        try
        {
            // What a crash left between keeping a file and making an import of it is fetched again.
            await imports.DropUnusedAsync(FeedTaker.ActorOf(feed), ct);
            await EndAsync(feed, await TryAsync(feed, ct), ct);
            await imports.DropUnusedAsync(FeedTaker.ActorOf(feed), ct);
        }
        finally
        {
            _running.TryRemove(feed.Id, out _);
        }
    }

    private async Task<FeedRun> TryAsync(Feed feed, CancellationToken ct)
    {
        try
        {
            return feed.Kind == Feed.Https ? await servers.RunAsync(feed, ct) : await folders.RunAsync(feed, ct);
        }
        catch (FeedChangedException)
        {
            return new FeedRun(0);
        }
        catch (Exception fault) when (fault is not (OperationCanceledException or StoreUnavailableException))
        {
            LogFailed(feed.Id, fault);
            return new FeedRun(0, new Problem("feed.failed", $"It could not be read: {fault.Message}"));
        }
    }

    private Task EndAsync(Feed started, FeedRun run, CancellationToken ct) => store.WriteAsync(
        write =>
        {
            var now = clock.GetUtcNow();
            if (FeedStore.Find(write, started.Id) is not { } feed)
            {
                return;
            }

            var at = now.ToUnixTimeMilliseconds();
            feed = feed with
            {
                LastRunAt = at,
                NextRunAt = Schedule.Next(feed.Cron, now, 1).Met(out var next) ? next[0].ToUnixTimeMilliseconds() : null,
                // Somebody may have asked for another run meanwhile.
                LookAgainAt = feed.LookAgainAt == started.LookAgainAt ? run.Again is { } pause ? at + (long)pause.TotalMilliseconds : null : feed.LookAgainAt,
                Failures = run.Problem is null ? 0 : feed.Failures + 1,
            };
            if (run.Problem is { } problem)
            {
                feed = feed with { ErrorCode = problem.Code, Error = problem.Message, ErrorAt = at };
            }
            else if (run.Taken > 0 || feed.ErrorCode != "feed.file_refused")
            {
                // A file that was refused is told of until a later one was taken.
                feed = feed with { ErrorCode = null, Error = null, ErrorAt = null };
            }

            if (run.Stops && feed.IsAs(started))
            {
                feed = feed with { State = Feed.Stopped, NextRunAt = null, LookAgainAt = null };
                audit.Record(write, FeedTaker.ActorOf(feed), "feed.stopped", FormattableString.Invariant($"feed:{feed.Id}"), new { code = feed.ErrorCode });
            }

            FeedStore.Save(write, feed with { NextRunAt = feed.State == Feed.On ? feed.NextRunAt : null, LookAgainAt = feed.State == Feed.On ? feed.LookAgainAt : null });
        }, ct);

    [LoggerMessage(Level = LogLevel.Error, Message = "Feed {FeedId} failed")]
    private partial void LogFailed(long feedId, Exception fault);
}
