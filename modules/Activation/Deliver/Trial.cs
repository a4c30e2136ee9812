using System.Globalization;
using System.Text.Json;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Activation.Deliver;

/// <summary>How a test message was received.</summary>
/// <param name="Reason">A code of <see cref="Reasons"/>; null when it arrived.</param>
/// <param name="Took">From the request to the answer.</param>
internal sealed record TrialResult(bool Arrived, int? Status, string? Reason, TimeSpan Took);

/// <summary>Sends one message about nobody, to see whether a destination answers.</summary>
internal sealed class Trial(IStore store, DestinationStore destinations, WebhookSender webhooks, IAudit audit, TimeProvider clock)
{
    public async Task<Outcome<TrialResult>> RunAsync(long destinationId, Actor actor, CancellationToken ct)
    {
        if (await destinations.FindAsync(destinationId, ct) is not { } destination)
        {
            return new Problem("destination.unknown", "There is no such destination.");
        }

        if (destination.Kind != DestinationKind.Webhook.Key)
        {
            return new Problem("destination.no_test", "This kind of destination has nothing to test: it writes files here.");
        }

        var now = clock.GetUtcNow();
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            type = "test", timestamp = Payload.Iso(now), data = new { message = "A test from CdpMonolith. It is about nobody." },
        });
        var began = clock.GetTimestamp();
        var verdict = await webhooks.SendAsync(destination, $"msg_test_{Guid.CreateVersion7(now):N}", body, ct);
        var took = clock.GetElapsedTime(began);
        await store.WriteAsync(
            write => audit.Record(
                write, actor, "destination.tested", string.Create(CultureInfo.InvariantCulture, $"destination:{destinationId}"),
                new { verdict.Status, verdict.Reason }), ct);
        return new TrialResult(verdict.Next == Next.Done, verdict.Status, verdict.Reason, took);
    }
}
