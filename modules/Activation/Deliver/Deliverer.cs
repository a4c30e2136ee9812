using System.Globalization;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Activation.Deliver;

/// <summary>
/// Sends what is due to the destinations that take messages one by one. A try is counted before it is made and its result written
/// after; when the program ends in between, the message is sent again under the same id.
/// </summary>
internal sealed partial class Deliverer(
    IStore store, DestinationStore destinations, SyncStore syncs, Outbox outbox, Composer composer, WebhookSender webhooks,
    Breakers breakers, IAudit audit, IOptions<ActivationOptions> options, TimeProvider clock, ILogger<Deliverer> logger)
{
    private const int AtOnce = 64;

    /// <summary>Spreads retries, 0 to 1.</summary>
    public Func<double> Jitter { get; set; } = Random.Shared.NextDouble;

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Active destinations of one-by-one kinds that have something due and may be sent to now.</summary>
    public async Task<IReadOnlyList<long>> WithWorkAsync(CancellationToken ct)
    {
        var now = Now;
        var running = (await syncs.ListAsync(ct)).Where(sync => sync.Active).ToLookup(sync => sync.DestinationId);
        return
        [
            .. (await destinations.ListAsync(ct))
                .Where(destination => destination.Active && DestinationKind.Find(destination.Kind) is { OneByOne: true })
                .Where(destination => breakers.HeldUntil(destination.Id) is null)
                .Where(destination => running[destination.Id].Any(sync => outbox.DueOf(sync.Id, now, 1).Count > 0))
                .Select(destination => destination.Id),
        ];
    }

    /// <summary>Sends all that is due, each destination by itself. Returns how many tries were made.</summary>
    public async Task<int> DeliverDueAsync(CancellationToken ct) =>
        (await Task.WhenAll((await WithWorkAsync(ct)).Select(id => LaneAsync(id, ct)))).Sum();

    /// <summary>Sends to one destination until nothing is due or it must be left alone.</summary>
    public async Task<int> LaneAsync(long destinationId, CancellationToken ct)
    {
        var tries = 0;
        while (await destinations.FindAsync(destinationId, ct) is { Active: true } destination
               && breakers.HeldUntil(destinationId) is null)
        {
            // A circuit that is not closed lets one through, to see.
            var room = breakers.IsClosed(destinationId) ? AtOnce : 1;
            var running = (await syncs.ListAsync(ct)).Where(sync => sync.Active && sync.DestinationId == destinationId).ToList();
            var due = running.SelectMany(sync => outbox.DueOf(sync.Id, Now, room).Select(delivery => (sync, delivery)))
                .OrderBy(item => item.delivery.Id).Take(room).ToList();
            if (due.Count == 0)
            {
                break;
            }

            var names = new Dictionary<long, SegmentName>();
            foreach (var sync in running)
            {
                names[sync.Id] = await composer.NameOfAsync(sync, ct);
            }

            await Parallel.ForEachAsync(
                due, new ParallelOptions { MaxDegreeOfParallelism = options.Value.Concurrency, CancellationToken = ct },
                async (item, token) =>
                {
                    if (await OneAsync(destination, item.sync, names[item.sync.Id], item.delivery, token))
                    {
                        Interlocked.Increment(ref tries);
                    }
                });
        }

        return tries;
    }

    /// <summary>True when a try was made.</summary>
    private async Task<bool> OneAsync(
        Destination destination, SegmentSync sync, SegmentName segment, DueDelivery delivery, CancellationToken ct)
    {
        var composed = await composer.ComposeAsync(
            sync, segment, delivery.Id, delivery.ProfileId, delivery.Change, delivery.ChangedAt, ct);
        if (composed.Message is not { } message)
        {
            await store.WriteAsync(
                write => outbox.MarkEnded(write, delivery.Id, composed.State, composed.Reason!, null, composed.ConsentSeq, Now), ct);
            return false;
        }

        if (!await store.WriteAsync(write => outbox.ClaimOne(write, delivery.Id, Now), ct))
        {
            return false;
        }

        var body = Payload.Json(message, sync.Mapping);
        var verdict = await breakers.RunAsync(
            destination.Id, token => webhooks.SendAsync(destination, delivery.MessageId, body, token), ct);
        if (verdict is null)
        {
            await store.WriteAsync(
                write => outbox.UnclaimOne(write, delivery.Id, breakers.HeldUntil(destination.Id) ?? Now), ct);
            return false;
        }

        // What happened is written down even when the program is being stopped.
        await store.WriteAsync(
            write => Write(write, destination.Id, delivery, verdict, composed.ConsentSeq), CancellationToken.None);
        return true;
    }

    private void Write(WriteSession write, long destinationId, DueDelivery delivery, Verdict verdict, long? consentSeq)
    {
        var now = Now;
        switch (verdict.Next)
        {
            case Next.Done:
                outbox.MarkDelivered(write, delivery.Id, verdict.Status, consentSeq, null, now);
                break;
            case Next.Park:
                LogParked(delivery.Id, destinationId, verdict.Status);
                outbox.MarkEnded(write, delivery.Id, DeliveryState.Parked, verdict.Reason!, verdict.Status, consentSeq, now);
                break;
            case Next.Stop:
                outbox.MarkLater(write, delivery.Id, now, verdict.Reason!, verdict.Status);
                if (destinations.Stop(write, destinationId, verdict.Reason, verdict.Status, now))
                {
                    LogStopped(destinationId, verdict.Reason!, verdict.Status);
                    audit.Record(
                        write, Actor.System, "destination.stopped", string.Create(CultureInfo.InvariantCulture, $"destination:{destinationId}"),
                        new { verdict.Reason, verdict.Status });
                }

                break;
            case Next.Retry when now - (delivery.FirstTryAt ?? now) >= (long)Backoff.GiveUpAfter.TotalMilliseconds:
                LogParked(delivery.Id, destinationId, verdict.Status);
                outbox.MarkEnded(write, delivery.Id, DeliveryState.Parked, verdict.Reason!, verdict.Status, consentSeq, now);
                break;
            default:
                var wait = Backoff.Wait(delivery.Tries + 1, Jitter(), verdict.Asked);
                outbox.MarkLater(write, delivery.Id, now + (long)wait.TotalMilliseconds, verdict.Reason!, verdict.Status);
                break;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Delivery {DeliveryId} to destination {DestinationId} parked, status {Status}")]
    private partial void LogParked(long deliveryId, long destinationId, int? status);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Destination {DestinationId} stopped: {Reason}, status {Status}")]
    private partial void LogStopped(long destinationId, string reason, int? status);
}
