using System.Threading.Channels;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>
/// Reads the newest keys of message ids into memory at start, and moves them to the table whenever there are enough for a
/// sorted run.
/// </summary>
internal sealed class SettleMessages : BackgroundService
{
    private readonly MessageIndex _messages;
    private readonly Channel<bool> _due = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public SettleMessages(MessageIndex messages)
    {
        _messages = messages;
        messages.RunIsDue += () => _due.Writer.TryWrite(true);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await TryAsync(_messages.LoadAsync(stoppingToken));
            await foreach (var _ in _due.Reader.ReadAllAsync(stoppingToken))
            {
                await TryAsync(_messages.SettleAsync(stoppingToken));
            }
        }
        catch (OperationCanceledException)
        {
            // The program ends; what is in memory is read back from the log.
        }
    }

    private static async Task TryAsync(Task work)
    {
        try
        {
            await work;
        }
        catch (StoreUnavailableException)
        {
            // The keys stay where they are; the next thousand events call again.
        }
    }
}
