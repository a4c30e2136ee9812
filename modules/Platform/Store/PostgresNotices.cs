using Microsoft.Extensions.Logging;
using Npgsql;

namespace CdpMonolith.Platform.Store;

/// <summary>Hears of the logs that other processes grow, on a connection of its own. What is missed while it is away is found by looking.</summary>
internal sealed partial class PostgresNotices : IDisposable
{
    public const string Channel = "cdp_log";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly NpgsqlDataSource _source;
    private readonly Action<IReadOnlyCollection<string>> _grown;
    private readonly Func<int> _ownPid;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _listening;

    /// <param name="ownPid">The server's process whose notices are our own.</param>
    public PostgresNotices(NpgsqlDataSource source, Action<IReadOnlyCollection<string>> grown, Func<int> ownPid, ILogger logger)
    {
        (_source, _grown, _ownPid, _logger) = (source, grown, ownPid, logger);
        _listening = Task.Run(ListenAsync);
    }

    public void Dispose()
    {
        _closing.Cancel();
        _listening.Wait(TimeSpan.FromSeconds(5));
        _closing.Dispose();
    }

    private async Task ListenAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                await using var connection = await _source.OpenConnectionAsync(_closing.Token);
                connection.Notification += (_, notice) =>
                {
                    if (notice.PID != _ownPid())
                    {
                        _grown(notice.Payload.Split(' '));
                    }
                };
                await using (var listen = new NpgsqlCommand($"LISTEN {Channel}", connection))
                {
                    await listen.ExecuteNonQueryAsync(_closing.Token);
                }

                while (true)
                {
                    await connection.WaitAsync(_closing.Token);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception fault)
            {
                LogDeaf(_logger, fault);
                await Task.Delay(Pause, CancellationToken.None);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Other processes cannot be heard for now; logs are looked at every few seconds")]
    private static partial void LogDeaf(ILogger logger, Exception fault);
}
