using System.Threading.Channels;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Platform.Mail;

/// <summary>
/// Sends what waits: at once, and what the server did not take again after 1, 5 and 15 minutes and then every hour, for three days. Of
/// several processes one does it.
/// </summary>
internal sealed partial class MailLoop : BackgroundService
{
    private const string Lease = "platform.mail";
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan[] Pauses = [TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), TimeSpan.FromHours(1)];
    private static readonly TimeSpan GivesUpAfter = TimeSpan.FromDays(3);

    private readonly IStore _store;
    private readonly Mailer _mailer;
    private readonly ILeases _leases;
    private readonly TimeProvider _clock;
    private readonly ILogger<MailLoop> _logger;
    private readonly Channel<bool> _added = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public MailLoop(IStore store, Mailer mailer, ILeases leases, TimeProvider clock, ILogger<MailLoop> logger)
    {
        (_store, _mailer, _leases, _clock, _logger) = (store, mailer, leases, clock, logger);
        mailer.Added += () => _added.Writer.TryWrite(true);
    }

    /// <summary>Sends what is due; how many mails the server took.</summary>
    public async Task<int> SendDueAsync(CancellationToken ct)
    {
        var taken = 0;
        foreach (var mail in await _store.ReadAsync(read => MailTable.Due(read, Now), ct))
        {
            var failure = mail.Email is null ? null
                : await _mailer.TrySendAsync(mail.Email, mail.Subject, mail.Body, FormattableString.Invariant($"cdp-{mail.CreatedAt}-{mail.Id}"), ct);
            if (failure is null)
            {
                taken += mail.Email is null ? 0 : 1;
                await _store.WriteAsync(write => MailTable.Remove(write, mail.Id), ct);
            }
            else if (Now - mail.CreatedAt >= (long)GivesUpAfter.TotalMilliseconds)
            {
                LogGivenUp(mail.Id, failure.Kind);
                await _store.WriteAsync(write => MailTable.Remove(write, mail.Id), ct);
            }
            else
            {
                LogNotTaken(mail.Id, failure.Kind);
                var pause = Pauses[Math.Min(mail.Tries, Pauses.Length - 1)];
                await _store.WriteAsync(write => MailTable.Failed(write, mail.Id, Now + (long)pause.TotalMilliseconds, failure), ct);
            }
        }

        return taken;
    }

    private long Now => _clock.GetUtcNow().ToUnixTimeMilliseconds();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!_mailer.IsOn)
        {
            return;
        }

        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                try
                {
                    if (await _leases.HoldAsync(Lease, stoppingToken))
                    {
                        using var lease = _leases.Under(Lease);
                        await SendDueAsync(stoppingToken);
                    }
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    LogStumbled(fault);
                }

                using var pause = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                var added = _added.Reader.ReadAsync(pause.Token).AsTask();
                await Task.WhenAny(added, Task.Delay(LookEvery, _clock, pause.Token));
                await pause.CancelAsync();
                stoppingToken.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException)
        {
            // The program ends; what waits is sent when it starts again.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Mail {MailId} was not taken ({Error}); it is tried again")]
    private partial void LogNotTaken(long mailId, string error);

    [LoggerMessage(Level = LogLevel.Error, Message = "Mail {MailId} was not taken for days ({Error}); it is given up")]
    private partial void LogGivenUp(long mailId, string error);

    [LoggerMessage(Level = LogLevel.Error, Message = "Mails stumbled; they go on")]
    private partial void LogStumbled(Exception fault);
}
