using System.Runtime.CompilerServices;
using System.Text;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>How many of a reason were replayed.</summary>
/// <param name="Stored">Are events now, or were already.</param>
/// <param name="Refused">Are still in quarantine.</param>
internal sealed record ReplayCount(int Stored, int Refused);

/// <summary>What people do with calls that were put aside: mend and replay, or give up.</summary>
internal sealed class QuarantineDesk(IStore store, QuarantineStore quarantine, Acceptor acceptor, IAudit audit)
{
    private const int PageSize = 200;

    public static readonly Problem Unknown = new("quarantine.unknown", "It is not in quarantine any more.");
    private static readonly Problem HeadOnly = new(
        "quarantine.head_only", "Only the beginning of this call was kept, so it cannot be replayed as it is.", "body");

    /// <summary>Sends it through the door again, as it was or as mended.</summary>
    /// <param name="mended">The call as it should have been; null: as it was sent.</param>
    /// <returns>Null problem and no refusal: it is an event now. A refusal: it stays, for the reason given.</returns>
    public async Task<Outcome<ReplayCount>> ReplayAsync(Actor actor, long id, string? mended, CancellationToken ct)
    {
        if (await quarantine.FindAsync(id, ct) is not { } item)
        {
            return Unknown;
        }

        if (mended is null && item.IsHeadOnly)
        {
            return HeadOnly;
        }

        var refusal = await ReplayAsync(
            item, mended is null ? item.Raw : Encoding.UTF8.GetBytes(mended),
            write => audit.Record(write, actor, "quarantine.replayed", Subject(id), new { mended = mended is not null }), ct);
        return refusal is null ? new ReplayCount(1, 0) : new Problem(refusal.Code, refusal.Message, refusal.Field);
    }

    /// <summary>Sends everything of one reason through the door again.</summary>
    public async Task<ReplayCount> ReplayAllAsync(Actor actor, string reason, CancellationToken ct) =>
        await ReplayManyAsync(actor, await quarantine.IdsAsync(reason, null, ct), $"reason:{reason}", ct);

    /// <summary>Sends those that were picked through the door again.</summary>
    public Task<ReplayCount> ReplayPickedAsync(Actor actor, IReadOnlyCollection<long> ids, CancellationToken ct) =>
        ReplayManyAsync(actor, ids, "picked", ct);

    /// <summary>Deletes those that were picked for good.</summary>
    /// <returns>How many there were.</returns>
    public Task<int> DismissPickedAsync(Actor actor, IReadOnlyCollection<long> ids, CancellationToken ct) => store.WriteAsync(
        write =>
        {
            var dismissed = ids.Sum(id => QuarantineStore.Remove(write, id));
            audit.Record(write, actor, "quarantine.dismissed", "picked", new { dismissed });
            return dismissed;
        }, ct);

    /// <summary>Each as one line of JSON, oldest first, until nothing is left. Notes who asked for it before the first.</summary>
    /// <param name="reason">Null: of every reason.</param>
    public async IAsyncEnumerable<Quarantined> ExportAsync(Actor actor, string? reason, [EnumeratorCancellation] CancellationToken ct)
    {
        await store.WriteAsync(write => audit.Record(write, actor, "quarantine.exported", reason is null ? "quarantine" : $"reason:{reason}"), ct);
        var after = 0L;
        while (await quarantine.ReadAfterAsync(reason, after, PageSize, ct) is { Count: > 0 } page)
        {
            foreach (var item in page)
            {
                yield return item;
            }

            after = page[^1].Id;
        }
    }

    private async Task<ReplayCount> ReplayManyAsync(Actor actor, IReadOnlyCollection<long> all, string subject, CancellationToken ct)
    {
        var (stored, refused) = (0, 0);
        foreach (var ids in all.Chunk(PageSize))
        {
            // Read first and sent in order, so that they are stored in the order in which they came.
            var items = await quarantine.FindAsync(ids, ct);
            var replays = items.Where(item => !item.IsHeadOnly).Select(item => ReplayAsync(item, item.Raw, null, ct)).ToList();
            var refusals = await Task.WhenAll(replays);
            refused += items.Count - replays.Count + refusals.Count(refusal => refusal is not null);
            stored += refusals.Count(refusal => refusal is null);
        }

        await store.WriteAsync(
            write => audit.Record(write, actor, "quarantine.replayed", subject, new { stored, refused }), ct);
        return new ReplayCount(stored, refused);
    }

    /// <summary>Deletes it for good.</summary>
    public async Task<Outcome<ReplayCount>> DismissAsync(Actor actor, long id, CancellationToken ct)
    {
        var removed = await store.WriteAsync(
            write =>
            {
                var count = QuarantineStore.Remove(write, id);
                if (count > 0)
                {
                    audit.Record(write, actor, "quarantine.dismissed", Subject(id));
                }

                return count;
            }, ct);
        return removed > 0 ? new ReplayCount(0, 0) : Unknown;
    }

    /// <summary>Deletes everything of one reason for good.</summary>
    /// <returns>How many there were.</returns>
    public Task<int> DismissAllAsync(Actor actor, string reason, CancellationToken ct) => store.WriteAsync(
        write =>
        {
            var dismissed = QuarantineStore.RemoveReason(write, reason);
            audit.Record(write, actor, "quarantine.dismissed", $"reason:{reason}", new { dismissed });
            return dismissed;
        }, ct);

    private static string Subject(long id) => FormattableString.Invariant($"quarantine:{id}");

    /// <returns>Why it stays; null: it is stored.</returns>
    private async Task<Refusal?> ReplayAsync(Quarantined item, byte[] raw, Action<WriteSession>? also, CancellationToken ct)
    {
        // Parts of a batch body that are unusable go into quarantine one by one; a call that still is stays where it is.
        var arrival = Arrival.Named(item.Route) with { ImportId = item.ImportId };
        arrival = arrival with { Quarantines = arrival.IsBatch };
        var request = item.Envelope is { } envelope
            ? acceptor.Read(Wrap(raw, envelope), arrival with { IsBatch = true })
            : acceptor.Read(raw, arrival);
        var refusal = request.Refusal;
        if (refusal is not null)
        {
            await store.WriteAsync(write => QuarantineStore.MarkFailed(write, item.Id, refusal), ct);
            return refusal;
        }

        await acceptor.ReplayAsync(
            item.SourceId, request, arrival, item.ReceivedAt,
            (write, verdicts) =>
            {
                refusal = arrival.IsBatch ? null : verdicts[0].Refusal;
                if (refusal is not null)
                {
                    QuarantineStore.MarkFailed(write, item.Id, refusal);
                }
                else
                {
                    QuarantineStore.Remove(write, item.Id);
                    also?.Invoke(write);
                }
            }, ct);
        return refusal;
    }

    /// <summary>The batch that it was part of, with this call alone.</summary>
    private static byte[] Wrap(byte[] raw, string envelope) =>
        [.. "{\"batch\":["u8, .. raw, .. "],"u8, .. Encoding.UTF8.GetBytes(envelope).AsSpan(1)];
}
