using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Activation.Sync;

/// <summary>
/// Follows the consent ledger: who takes consent back is removed where they had been delivered to, and who gives it is delivered
/// where they had been withheld, without waiting for the segment to change.
/// </summary>
internal sealed class ConsentStage(IConsent consent, IProfiles profiles, SyncStore syncs, Outbox outbox, TimeProvider clock)
    : Stage<ConsentEntry>
{
    public override string Name => "activation.consent";

    public override string Follows => IConsent.Log;

    protected override IReadOnlyList<ConsentEntry> Read(long after, int limit) => consent.Read(after, limit);

    protected override Action<WriteSession>? Decide(IReadOnlyList<ConsentEntry> entries)
    {
        var started = syncs.List().Where(sync => sync.StartedAt is not null).ToList();
        var news = new List<News>();
        foreach (var sync in started)
        {
            var people = entries
                .Where(entry => entry.Purpose == sync.Purpose && (entry.Channel == sync.Channel || entry.Channel == Channels.Any))
                .GroupBy(entry => profiles.CanonicalOf(entry.ProfileId) ?? entry.ProfileId)
                .ToDictionary(person => person.Key, person => person.Max(entry => entry.OccurredAt));
            if (people.Count == 0)
            {
                continue;
            }

            news.AddRange(consent.MayReach(people.Keys, sync.Purpose, sync.Channel).Select(answer => new News(
                sync.Id, answer.Key, answer.Value.Allowed ? DeliveryChange.Entered : DeliveryChange.Left, DeliveryCause.Consent, null,
                people[answer.Key])));
        }

        return news.Count == 0 ? null : write => outbox.Queue(write, news, clock.GetUtcNow().ToUnixTimeMilliseconds());
    }
}
