using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Segmentation.Contracts;

namespace CdpMonolith.Activation.Sync;

/// <summary>Follows the membership-change log: who entered or left a segment is queued for each running sync of it.</summary>
internal sealed class MembershipStage(ISegments segments, SyncStore syncs, Outbox outbox, TimeProvider clock) : Stage<MembershipChanged>
{
    private long _turn;

    public override string Name => "activation.sync";

    public override string Follows => ISegments.Log;

    /// <summary>
    /// Grows before a batch is decided. Who compares members with deliveries takes it before reading the members, and writes only
    /// if it is the same: then every change that the reading has not seen is still to come here.
    /// </summary>
    public long Turn => Interlocked.Read(ref _turn);

    protected override IReadOnlyList<MembershipChanged> Read(long after, int limit) => segments.ReadChanges(after, limit);

    protected override Action<WriteSession>? Decide(IReadOnlyList<MembershipChanged> entries)
    {
        Interlocked.Increment(ref _turn);
        var running = syncs.List().Where(sync => sync.Active).ToLookup(sync => sync.SegmentId);
        var news = (
            from entry in entries
            from sync in running[entry.SegmentId]
            select new News(
                sync.Id, entry.ProfileId, entry.Entered ? DeliveryChange.Entered : DeliveryChange.Left, DeliveryCause.Membership,
                entry.Seq, entry.At)).ToList();
        return news.Count == 0 ? null : write => outbox.Queue(write, news, clock.GetUtcNow().ToUnixTimeMilliseconds());
    }
}
