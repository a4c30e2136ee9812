using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Platform.Store;
using CdpMonolith.Segmentation.Contracts;

namespace CdpMonolith.Activation.Sync;

/// <summary>
/// Compares the members of a segment with what its destination was told and queues the difference, page by page: when a sync is
/// started or goes on after a pause, and once a day, for what a merge of two people changed.
/// </summary>
internal sealed class Reconciler(
    IStore store, ISegments segments, IConsent consent, SyncStore syncs, Outbox outbox, MembershipStage stage, TimeProvider clock)
{
    private const int PeopleAtOnce = 1000;

    /// <summary>Goes on until every running sync is compared. Returns how many deliveries that made.</summary>
    public async Task<long> RunAsync(CancellationToken ct)
    {
        var made = 0L;
        foreach (var sync in (await syncs.ListAsync(ct)).Where(sync => sync.Active && sync.ReconcileAfter is not null))
        {
            for (var after = sync.ReconcileAfter; after is { } from;)
            {
                ct.ThrowIfCancellationRequested();
                if (await PageAsync(sync, from, ct) is { } page)
                {
                    (after, made) = (page.Next, made + page.Made);
                }
            }
        }

        return made;
    }

    /// <summary>Null when membership changed while the page was read: it must be read again.</summary>
    private async Task<(long? Next, int Made)?> PageAsync(SegmentSync sync, long after, CancellationToken ct)
    {
        var turn = stage.Turn;
        var members = await segments.MembersAsync(sync.SegmentId, after, PeopleAtOnce, ct);
        var isLastOfMembers = members.Count < PeopleAtOnce;
        var told = outbox.LastOfRange(sync.Id, after, isLastOfMembers ? long.MaxValue : members[^1], PeopleAtOnce);
        var isLastOfTold = told.Count < PeopleAtOnce;

        // Both lists are whole up to here.
        long? upTo = (isLastOfMembers, isLastOfTold) switch
        {
            (true, true) => null,
            (_, true) => members[^1],
            (true, _) => told[^1].ProfileId,
            _ => Math.Min(members[^1], told[^1].ProfileId),
        };
        var news = Differences(
            sync, [.. members.Where(id => id <= (upTo ?? long.MaxValue))],
            told.Where(person => person.ProfileId <= (upTo ?? long.MaxValue)).ToDictionary(person => person.ProfileId, person => person.Last));
        return await store.WriteAsync<(long?, int)?>(
            write =>
            {
                // Paused, compared by another, or overtaken: then this page is not true any more.
                if (stage.Turn != turn || syncs.Find(write, sync.Id) is not { Active: true, ReconcileAfter: { } now } || now != after)
                {
                    return syncs.Find(write, sync.Id) is { Active: true, ReconcileAfter: { } there }
                        ? there == after ? null : (there, 0)
                        : (null, 0);
                }

                syncs.Reconciled(write, sync.Id, upTo);
                return (upTo, outbox.Queue(write, news, clock.GetUtcNow().ToUnixTimeMilliseconds()));
            }, ct);
    }

    private List<News> Differences(SegmentSync sync, IReadOnlyCollection<long> members, Dictionary<long, LastDelivery> told)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var answers = consent.MayReach(members, sync.Purpose, sync.Channel);
        var news = new List<News>();
        foreach (var member in members)
        {
            var allowed = answers[member].Allowed;
            var last = told.TryGetValue(member, out var known) ? known : (LastDelivery?)null;
            if (!allowed && last is { Change: DeliveryChange.Entered, State: not DeliveryState.Withheld })
            {
                news.Add(new News(sync.Id, member, DeliveryChange.Left, DeliveryCause.Consent, null, now));
            }
            else if (last is null or { Change: DeliveryChange.Left, Cause: not DeliveryCause.Consent }
                     || (allowed && last is { State: DeliveryState.Withheld } or { Change: DeliveryChange.Left }))
            {
                var cause = last is { Cause: DeliveryCause.Consent } ? DeliveryCause.Consent : DeliveryCause.Reconciled;
                news.Add(new News(sync.Id, member, DeliveryChange.Entered, cause, null, now));
            }
        }

        var inside = members.ToHashSet();
        news.AddRange(told.Where(person => !inside.Contains(person.Key) && person.Value.Change == DeliveryChange.Entered)
            .Select(person => new News(sync.Id, person.Key, DeliveryChange.Left, DeliveryCause.Reconciled, null, now)));
        return news;
    }
}
