using System.Globalization;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Contracts;

namespace CdpMonolith.Activation.Sync;

/// <summary>A sync as somebody asks for it.</summary>
/// <param name="Identifiers">Null or empty: what the channel cannot do without.</param>
internal sealed record NewSync(
    string Name, long SegmentId, long DestinationId, string Purpose, string Channel, IReadOnlyList<string>? Identifiers,
    IReadOnlyList<MappedTrait>? Traits)
{
    public SyncMapping Mapping => new(
        Identifiers is { Count: > 0 } ? Identifiers : SyncMapping.IdentifiersFor(Channel), Traits ?? []);
}

/// <summary>Keeps the syncs.</summary>
internal sealed class Syncs(
    IStore store, SyncStore syncs, DestinationStore destinations, Outbox outbox, ISegments segments, IConsent consent, IAudit audit,
    TimeProvider clock)
{
    private const int LongestName = 80;
    private const int MostTraits = 100;
    private const int ParkedAtOnce = 1000;

    public Task<IReadOnlyList<SegmentSync>> ListAsync(CancellationToken ct) => syncs.ListAsync(ct);

    public Task<SegmentSync?> FindAsync(long id, CancellationToken ct) => syncs.FindAsync(id, ct);

    public async Task<Outcome<SegmentSync>> CreateAsync(NewSync wanted, Actor actor, CancellationToken ct)
    {
        if (await RefusalAsync(wanted, ct) is { } problem)
        {
            return problem;
        }

        var now = Now;
        var sync = new SegmentSync(
            0, wanted.Name.Trim(), wanted.SegmentId, wanted.DestinationId, wanted.Purpose, wanted.Channel, wanted.Mapping, false, null, now,
            null);
        var id = await store.WriteAsync(
            write =>
            {
                var given = syncs.Add(write, sync, now);
                if (given is { } created)
                {
                    audit.Record(write, actor, "sync.created", Subject(created), Shown(sync));
                }

                return given;
            }, ct);
        return id is { } known ? (await syncs.FindAsync(known, ct))! : NameTaken;
    }

    /// <summary>Name, purpose, channel and mapping can change; what was delivered under another purpose is compared anew.</summary>
    public async Task<Outcome<SegmentSync>> ChangeAsync(long id, NewSync wanted, Actor actor, CancellationToken ct)
    {
        if (await syncs.FindAsync(id, ct) is not { } before)
        {
            return Unknown;
        }

        var same = wanted with { SegmentId = before.SegmentId, DestinationId = before.DestinationId };
        if (await RefusalAsync(same, ct) is { } problem)
        {
            return problem;
        }

        var changed = await store.WriteAsync(
            write =>
            {
                if (!syncs.Change(write, id, same.Name.Trim(), same.Purpose, same.Channel, same.Mapping))
                {
                    return false;
                }

                if (before.Active && (before.Purpose, before.Channel) != (same.Purpose, same.Channel))
                {
                    syncs.Reconciled(write, id, 0);
                }

                audit.Record(
                    write, actor, "sync.changed", Subject(id),
                    Shown(before with { Purpose = same.Purpose, Channel = same.Channel, Mapping = same.Mapping }));
                return true;
            }, ct);
        return changed ? (await syncs.FindAsync(id, ct))! : NameTaken;
    }

    /// <summary>From now on entries and exits are sent; the members of now first.</summary>
    public Task<Outcome<SegmentSync>> StartAsync(long id, Actor actor, CancellationToken ct) => ActAsync(
        id, write =>
        {
            if (syncs.Start(write, id, Now))
            {
                audit.Record(write, actor, "sync.started", Subject(id));
            }
        }, ct);

    public Task<Outcome<SegmentSync>> PauseAsync(long id, Actor actor, CancellationToken ct) => ActAsync(
        id, write =>
        {
            if (syncs.Pause(write, id))
            {
                audit.Record(write, actor, "sync.paused", Subject(id));
            }
        }, ct);

    public async Task<Outcome<SegmentSync>> DeleteAsync(long id, Actor actor, CancellationToken ct)
    {
        if (await syncs.FindAsync(id, ct) is not { } sync)
        {
            return Unknown;
        }

        var deleted = await store.WriteAsync(
            write =>
            {
                if (!syncs.Delete(write, id))
                {
                    return false;
                }

                audit.Record(write, actor, "sync.deleted", Subject(id));
                return true;
            }, ct);
        return deleted
            ? sync
            : new Problem("sync.has_deliveries", "A sync that ran keeps its record of deliveries; pause it instead.");
    }

    /// <summary>Tries one parked delivery again.</summary>
    public async Task<Outcome<long>> RetryAsync(long deliveryId, Actor actor, CancellationToken ct) => await store.WriteAsync<Outcome<long>>(
        write =>
        {
            if (outbox.Find(write, deliveryId) is not { } delivery)
            {
                return new Problem("delivery.unknown", "There is no such delivery.");
            }

            if (delivery.State != DeliveryState.Parked)
            {
                return new Problem("delivery.not_parked", "Only a parked delivery can be tried again by hand.");
            }

            audit.Record(write, actor, "delivery.retried", Subject(delivery.SyncId), new { Delivery = deliveryId });
            return outbox.Again(write, [deliveryId], Now);
        }, ct);

    /// <summary>Tries all parked deliveries of a sync again. Returns how many.</summary>
    public async Task<Outcome<long>> RetryAllAsync(long id, Actor actor, CancellationToken ct)
    {
        if (await syncs.FindAsync(id, ct) is null)
        {
            return Unknown;
        }

        var count = 0L;
        while (outbox.ParkedOf(id, ParkedAtOnce) is { Count: > 0 } parked)
        {
            count += await store.WriteAsync(write => outbox.Again(write, parked, Now), ct);
        }

        await store.WriteAsync(write => audit.Record(write, actor, "delivery.retried_all", Subject(id), new { Count = count }), ct);
        return count;
    }

    public static string Subject(long id) => string.Create(CultureInfo.InvariantCulture, $"sync:{id}");

    private static Problem Unknown { get; } = new("sync.unknown", "There is no such sync.");

    private static Problem NameTaken { get; } = new("sync.name_taken", "Another sync has this name.", "name");

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private static object Shown(SegmentSync sync) => new
    {
        sync.SegmentId,
        sync.DestinationId,
        sync.Purpose,
        sync.Channel,
        sync.Mapping.Identifiers,
        Fields = sync.Mapping.Traits.Select(trait => trait.Field),
    };

    private async Task<Problem?> RefusalAsync(NewSync wanted, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(wanted.Name) || wanted.Name.Length > LongestName)
        {
            return new Problem("sync.name_missing", $"Give the sync a name of at most {LongestName} characters.", "name");
        }

        if (await segments.FindAsync(wanted.SegmentId, ct) is null)
        {
            return new Problem("segment.unknown", "There is no such segment.", "segmentId");
        }

        if (await destinations.FindAsync(wanted.DestinationId, ct) is null)
        {
            return new Problem("destination.unknown", "There is no such destination.", "destinationId");
        }

        if ((await consent.PurposesAsync(ct)).All(purpose => purpose.Key != wanted.Purpose))
        {
            return new Problem("purpose.unknown", "Say for which purpose these people are reached; there is no such purpose.", "purpose");
        }

        if (wanted.Channel == Channels.Any || !Channels.All.Contains(wanted.Channel))
        {
            return new Problem(
                "channel.unknown", $"Say on which channel: {string.Join(", ", Channels.All.Where(c => c != Channels.Any))}.", "channel");
        }

        return MappingRefusal(wanted.Mapping);
    }

    private static Problem? MappingRefusal(SyncMapping mapping)
    {
        if (mapping.Traits.Any(trait => string.IsNullOrWhiteSpace(trait.Trait) || string.IsNullOrWhiteSpace(trait.Field)))
        {
            return new Problem("mapping.incomplete", "Each line of the mapping needs a trait and a field.", "traits");
        }

        if (mapping.Traits.Count > MostTraits)
        {
            return new Problem("mapping.too_many", $"At most {MostTraits} traits.", "traits");
        }

        var twice = Payload.Columns(mapping).CountBy(column => column).FirstOrDefault(column => column.Value > 1).Key;
        return twice is null
            ? null
            : new Problem("mapping.field_twice", $"The field {twice} is there twice; give one of them another name.", "traits");
    }

    private async Task<Outcome<SegmentSync>> ActAsync(long id, Action<WriteSession> act, CancellationToken ct)
    {
        if (await syncs.FindAsync(id, ct) is null)
        {
            return Unknown;
        }

        await store.WriteAsync(act, ct);
        return (await syncs.FindAsync(id, ct))!;
    }
}
