using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Contracts;

namespace CdpMonolith.Activation.Deliver;

/// <summary>Either a message to send or why not.</summary>
/// <param name="State">Where the delivery ends when there is nothing to send.</param>
/// <param name="ConsentSeq">The ledger entry that decided; null when nobody was asked.</param>
internal readonly record struct Composed(Message? Message, DeliveryState State, string? Reason, long? ConsentSeq)
{
    public static Composed Send(Message message) => new(message, DeliveryState.Pending, null, message.Record?.Seq);

    public static Composed Not(DeliveryState state, string reason, long? consentSeq = null) => new(null, state, reason, consentSeq);
}

/// <summary>Asks, at the moment of sending, whether and what may leave about a person.</summary>
internal sealed class Composer(IConsent consent, IProfiles profiles, ISegments segments, Outbox outbox)
{
    public async Task<SegmentName> NameOfAsync(SegmentSync sync, CancellationToken ct) =>
        new(sync.SegmentId, (await segments.FindAsync(sync.SegmentId, ct))?.Name ?? "");

    public async Task<Composed> ComposeAsync(
        SegmentSync sync, SegmentName segment, long deliveryId, long profileId, DeliveryChange change, long changedAt, CancellationToken ct)
    {
        var at = DateTimeOffset.FromUnixTimeMilliseconds(changedAt);
        var canonicalId = profiles.CanonicalOf(profileId);
        return change == DeliveryChange.Entered
            ? await EnteredAsync(sync, segment, profileId, canonicalId, at, ct)
            : await LeftAsync(sync, segment, deliveryId, profileId, canonicalId, at, ct);
    }

    private async Task<Composed> EnteredAsync(
        SegmentSync sync, SegmentName segment, long profileId, long? canonicalId, DateTimeOffset at, CancellationToken ct)
    {
        if (canonicalId != profileId)
        {
            return Composed.Not(DeliveryState.Superseded, canonicalId is null ? Reasons.Gone : Reasons.Merged);
        }

        var answer = consent.MayReach([profileId], sync.Purpose, sync.Channel)[profileId];
        if (!answer.Allowed)
        {
            return Composed.Not(DeliveryState.Withheld, answer.Reason, answer.RecordSeq);
        }

        if (await profiles.FindAsync(profileId, ct) is not { } person)
        {
            return Composed.Not(DeliveryState.Withheld, Reasons.Gone);
        }

        return sync.Mapping.Of(person).Count == 0
            ? Composed.Not(DeliveryState.Withheld, Reasons.NoIdentifier, answer.RecordSeq)
            : Composed.Send(new Message(
                DeliveryChange.Entered, at, segment, profileId, null, person, sync.Purpose, sync.Channel, Record(answer)));
    }

    private async Task<Composed> LeftAsync(
        SegmentSync sync, SegmentName segment, long deliveryId, long profileId, long? canonicalId, DateTimeOffset at, CancellationToken ct)
    {
        if (!outbox.WasTold(sync.Id, profileId, deliveryId))
        {
            return Composed.Not(DeliveryState.Superseded, Reasons.NothingToRemove);
        }

        var person = canonicalId is null ? null : await profiles.FindAsync(profileId, ct);
        var answer = canonicalId is { } known ? consent.MayReach([known], sync.Purpose, sync.Channel)[known] : ConsentAnswer.NeverAsked;
        return Composed.Send(new Message(
            DeliveryChange.Left, at, segment, profileId, canonicalId == profileId ? null : canonicalId, person, sync.Purpose, sync.Channel,
            Record(answer)));
    }

    private ConsentEntry? Record(ConsentAnswer answer) =>
        answer.RecordSeq is { } seq ? consent.Records([seq]).FirstOrDefault() : null;
}
