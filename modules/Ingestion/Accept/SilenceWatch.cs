using System.Globalization;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Mail;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Localization;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>
/// Tells the owners by mail when a source falls silent and when it is heard again, each once. What was told is noted in the transaction
/// that writes the mails down. Where no mail server is set, nothing is noted.
/// </summary>
internal sealed partial class SilenceWatch(
    IStore store, SourceMap sources, SourceHealths healths, IMail mail, ILeases leases, IStringLocalizer<Texts> texts, TimeProvider clock, ILogger<SilenceWatch> logger)
    : BackgroundService
{
    private const string Lease = "ingestion.silence";
    private const long MsAnHour = 3_600_000;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(1);

    /// <summary>After a start sources have so long to be heard: while the program was down, they could not be.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(15);

    /// <summary>Looks once, and writes down what is to be told.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        // Where several processes share the store, each has in memory what came to itself; the others' counts are saved every few seconds.
        var (told, saved) = await store.ReadAsync(
            read => (SilenceStore.Told(read), SourceStore.Counts(read).ToDictionary(counts => counts.SourceId, counts => counts.LastEventAt)), ct);
        foreach (var source in sources.All)
        {
            var (health, known) = (healths.Of(source), told.FirstOrDefault(known => known.SourceId == source.Id));
            var last = Math.Max(health.LastEventAt ?? 0, saved.GetValueOrDefault(source.Id) ?? 0);
            var isQuiet = health.IsQuiet && last > 0 && Silence.IsUnusual((Now - last) / (double)MsAnHour, health.UsualHours);
            if (isQuiet && known is null)
            {
                await FellAsync(source, last, health.UsualHours ?? 0, ct);
            }
            else if (!isQuiet && known is not null)
            {
                await EndedAsync(source, known, last, ct);
            }
        }
    }

    private Task FellAsync(Source source, long last, int usual, CancellationToken ct) => store.WriteAsync(
        write =>
        {
            if (SilenceStore.Note(write, new ToldSilence(source.Id, last, Now)))
            {
                mail.ToOwners(write, texts["SilenceMail.Fell.Subject", source.Name], texts["SilenceMail.Fell.Body", source.Name, Time(last), Math.Max(usual, 1)]);
            }
        }, ct);

    private Task EndedAsync(Source source, ToldSilence known, long last, CancellationToken ct) => store.WriteAsync(
        write =>
        {
            // One that was switched off is not heard again; there is nothing to tell.
            if (SilenceStore.Forget(write, source.Id) && last > known.LastEventAt)
            {
                mail.ToOwners(write, texts["SilenceMail.Back.Subject", source.Name], texts["SilenceMail.Back.Body", source.Name, Time(last), Time(known.LastEventAt)]);
            }
        }, ct);

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private static string Time(long at) => DateTimeOffset.FromUnixTimeMilliseconds(at).ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!mail.IsOn)
        {
            return;
        }

        try
        {
            await Task.Delay(Grace, clock, stoppingToken);
            while (true)
            {
                try
                {
                    if (await leases.HoldAsync(Lease, stoppingToken))
                    {
                        using var lease = leases.Under(Lease);
                        await LookAsync(stoppingToken);
                    }
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    LogStumbled(fault);
                }

                await Task.Delay(LookEvery, clock, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The program ends; what was told stands in the store.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The watch for silent sources stumbled; it goes on")]
    private partial void LogStumbled(Exception fault);
}
