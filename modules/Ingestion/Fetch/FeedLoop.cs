using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Ingestion.Fetch;

/// <summary>Starts feeds when they are due, each on its own, so that a slow server holds up no other. Of several processes one does it.</summary>
internal sealed partial class FeedLoop(FeedRunner runner, ILeases leases, TimeProvider clock, ILogger<FeedLoop> logger) : BackgroundService
{
    private const string Lease = "ingestion.feeds";
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var runs = new List<Task>();
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                runs.RemoveAll(run => run.IsCompleted);
                var pause = LookEvery;
                try
                {
                    if (await leases.HoldAsync(Lease, stoppingToken))
                    {
                        using var lease = leases.Under(Lease);
                        runs.AddRange((await runner.DueAsync(stoppingToken)).Select(feed => Task.Run(() => RunAsync(feed, stoppingToken), stoppingToken)));
                    }
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    LogStumbled(fault);
                    pause = AfterFault;
                }

                await Task.Delay(pause, clock, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The program is ending; a run that was cut off is due again when it starts.
        }

        await Task.WhenAll(runs);
    }

    private async Task RunAsync(Feed feed, CancellationToken ct)
    {
        try
        {
            await runner.RunAsync(feed, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
        }
        catch (Exception fault)
        {
            LogBroke(feed.Id, fault);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Feeds stumbled; they go on")]
    private partial void LogStumbled(Exception fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "The run of feed {FeedId} broke off; it starts again")]
    private partial void LogBroke(long feedId, Exception fault);
}
