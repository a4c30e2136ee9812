using CdpMonolith.Activation.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Activation.Storage;

/// <summary>News about a person for a sync.</summary>
/// <param name="ChangeSeq">Its entry in the membership-change log; null when it comes from elsewhere.</param>
/// <param name="At">When it happened, Unix ms.</param>
internal readonly record struct News(
    long SyncId, long ProfileId, DeliveryChange Change, DeliveryCause Cause, long? ChangeSeq, long At);

/// <summary>A delivery whose time has come.</summary>
internal sealed record DueDelivery(
    long Id, long SyncId, long ProfileId, DeliveryChange Change, long Tries, long? FirstTryAt, string MessageId, long ChangedAt);

/// <summary>The queueing and sending side of deliveries: what changes their state, always in the write lane.</summary>
internal sealed class Outbox(IStore store)
{
    /// <summary>Grows when deliveries are queued; what their ids are taken from.</summary>
    public const string Log = "activation.delivery";

    private const string Last = """
        SELECT id, change, cause, state, tries
        FROM   activation_delivery
        WHERE  sync_id = $1 AND profile_id = $2
        ORDER  BY id DESC
        LIMIT  1
        """;

    private const string LastInRange = """
        SELECT d.profile_id, d.id, d.change, d.cause, d.state, d.tries
        FROM   activation_delivery AS d
        WHERE  d.sync_id = $1 AND d.profile_id > $2 AND d.profile_id <= $3
          AND  d.id = (SELECT MAX(x.id) FROM activation_delivery AS x WHERE x.sync_id = d.sync_id AND x.profile_id = d.profile_id)
        ORDER  BY d.profile_id
        LIMIT  $4
        """;

    private const string Insert = """
        INSERT INTO activation_delivery
               (id, sync_id, profile_id, change, cause, change_seq, state, tries, next_try_at, message_id, changed_at)
        VALUES ($1, $2, $3, $4, $5, $6, 1, 0, $7, $8, $9)
        """;

    private const string Supersede = """
        UPDATE activation_delivery
        SET    state = 5, reason = $2, ended_at = $3
        WHERE  id = $1 AND state IN (1, 4)
        """;

    private const string AskAgain = """
        UPDATE activation_delivery
        SET    state = 1, reason = NULL, next_try_at = $2, first_try_at = NULL, ended_at = NULL
        WHERE  id = $1 AND state IN (3, 4)
        """;

    private const string TakeCause = "UPDATE activation_delivery SET cause = $2 WHERE id = $1";

    private const string Due = """
        SELECT id, sync_id, profile_id, change, tries, first_try_at, message_id, changed_at
        FROM   activation_delivery
        WHERE  sync_id = $1 AND state = 1 AND next_try_at <= $2
        ORDER  BY next_try_at, id
        LIMIT  $3
        """;

    private const string Claim = """
        UPDATE activation_delivery
        SET    tries = tries + 1, first_try_at = COALESCE(first_try_at, $2)
        WHERE  id = $1 AND state = 1
        """;

    private const string Unclaim = "UPDATE activation_delivery SET tries = tries - 1, next_try_at = $2 WHERE id = $1 AND state = 1";

    private const string Delivered = """
        UPDATE activation_delivery
        SET    state = 2, reason = NULL, http_status = $2, consent_seq = $3, ended_at = $4, export_id = $5
        WHERE  id = $1
        """;

    private const string Later = """
        UPDATE activation_delivery
        SET    next_try_at = $2, reason = $3, http_status = $4
        WHERE  id = $1 AND state = 1
        """;

    private const string End = """
        UPDATE activation_delivery
        SET    state = $2, reason = $3, http_status = $4, consent_seq = $5, ended_at = $6
        WHERE  id = $1 AND state IN (1, 2)
        """;

    private const string LastTold = """
        SELECT change
        FROM   activation_delivery
        WHERE  sync_id = $1 AND profile_id = $2 AND id < $3 AND (state = 2 OR tries > 0)
        ORDER  BY id DESC
        LIMIT  1
        """;

    private const string Parked = "SELECT id FROM activation_delivery WHERE sync_id = $1 AND state = 4 ORDER BY id LIMIT $2";

    private const string StateOf = "SELECT state, sync_id FROM activation_delivery WHERE id = @id";

    private const string FreshStart = """
        UPDATE activation_delivery
        SET    first_try_at = NULL, next_try_at = @now
        WHERE  state = 1 AND tries > 0 AND sync_id IN (SELECT id FROM activation_sync WHERE destination_id = @destinationId)
        """;

    /// <summary>Queues what is news; see <see cref="Queueing"/>. Returns how many deliveries that made.</summary>
    public int Queue(WriteSession write, IEnumerable<News> news, long now)
    {
        var first = write.NextSeq(Log);
        var next = first;
        var asked = false;
        foreach (var item in news)
        {
            var last = LastOf(write, item.SyncId, item.ProfileId);
            var action = Queueing.Of(last, item.Change, item.Cause);
            switch (action)
            {
                case QueueAction.Insert or QueueAction.Replace:
                    if (action == QueueAction.Replace)
                    {
                        write.Prepare(Supersede).Set(1, last!.Value.Id).Set(2, Reasons.NewerChange).Set(3, now).Run();
                    }

                    InsertOne(write, next++, item, now);
                    break;
                case QueueAction.AskAgain:
                    write.Prepare(AskAgain).Set(1, last!.Value.Id).Set(2, now).Run();
                    asked = true;
                    break;
                case QueueAction.TakeCause:
                    write.Prepare(TakeCause).Set(1, last!.Value.Id).Set(2, (long)item.Cause).Run();
                    break;
            }
        }

        // A number is spent when only old ones are asked again: it wakes the deliverer.
        var made = (int)(next - first);
        write.Advance(Log, made == 0 && asked ? 1 : made);
        return made;
    }

    /// <summary>The last delivery of each person of a range who ever had one, by profile.</summary>
    public IReadOnlyList<(long ProfileId, LastDelivery Last)> LastOfRange(long syncId, long after, long upTo, int limit) =>
        store.Read<IReadOnlyList<(long, LastDelivery)>>(read =>
        {
            var found = new List<(long, LastDelivery)>();
            var statement = read.Prepare(LastInRange).Set(1, syncId).Set(2, after).Set(3, upTo).Set(4, limit);
            while (statement.Step())
            {
                found.Add((statement.Int64(0), Read(statement, 1)));
            }

            return found;
        });

    public IReadOnlyList<DueDelivery> DueOf(long syncId, long now, int limit) => store.Read<IReadOnlyList<DueDelivery>>(read =>
    {
        var due = new List<DueDelivery>();
        var statement = read.Prepare(Due).Set(1, syncId).Set(2, now).Set(3, limit);
        while (statement.Step())
        {
            due.Add(new DueDelivery(
                statement.Int64(0), statement.Int64(1), statement.Int64(2), (DeliveryChange)statement.Int64(3), statement.Int64(4),
                statement.Int64OrNull(5), statement.Text(6), statement.Int64(7)));
        }

        return due;
    });

    /// <summary>Counts a try before it is made, so that a crash in it is remembered. False when the delivery is not due any more.</summary>
    public bool ClaimOne(WriteSession write, long id, long now) => write.Prepare(Claim).Set(1, id).Set(2, now).Run() == 1;

    /// <summary>The try was not made after all.</summary>
    public void UnclaimOne(WriteSession write, long id, long nextTryAt) =>
        write.Prepare(Unclaim).Set(1, id).Set(2, nextTryAt).Run();

    /// <summary>It arrived; true also of one that was superseded while it was under way.</summary>
    public void MarkDelivered(WriteSession write, long id, int? status, long? consentSeq, long? exportId, long now)
    {
        var statement = write.Prepare(Delivered).Set(1, id).Set(4, now);
        SetOrNull(statement, 2, status);
        SetOrNull(statement, 3, consentSeq);
        SetOrNull(statement, 5, exportId);
        statement.Run();
    }

    public void MarkLater(WriteSession write, long id, long nextTryAt, string reason, int? status)
    {
        var statement = write.Prepare(Later).Set(1, id).Set(2, nextTryAt).Set(3, reason);
        SetOrNull(statement, 4, status);
        statement.Run();
    }

    /// <summary>Withheld, parked or superseded, and why.</summary>
    public void MarkEnded(WriteSession write, long id, DeliveryState state, string reason, int? status, long? consentSeq, long now)
    {
        var statement = write.Prepare(End).Set(1, id).Set(2, (long)state).Set(3, reason).Set(6, now);
        SetOrNull(statement, 4, status);
        SetOrNull(statement, 5, consentSeq);
        statement.Run();
    }

    /// <summary>Whether the destination was told, or may have been told, that the person is in; before this delivery.</summary>
    public bool WasTold(long syncId, long profileId, long beforeId) => store.Read(read =>
    {
        var statement = read.Prepare(LastTold).Set(1, syncId).Set(2, profileId).Set(3, beforeId);
        return statement.Step() && (DeliveryChange)statement.Int64(0) == DeliveryChange.Entered;
    });

    /// <summary>Parked deliveries of a sync, to be tried again; at most so many.</summary>
    public IReadOnlyList<long> ParkedOf(long syncId, int limit) => store.Read<IReadOnlyList<long>>(read =>
    {
        var ids = new List<long>();
        var statement = read.Prepare(Parked).Set(1, syncId).Set(2, limit);
        while (statement.Step())
        {
            ids.Add(statement.Int64(0));
        }

        return ids;
    });

    /// <summary>Tries parked or withheld deliveries again. Returns how many.</summary>
    public int Again(WriteSession write, IEnumerable<long> ids, long now)
    {
        var count = ids.Sum(id => write.Prepare(AskAgain).Set(1, id).Set(2, now).Run());
        write.NextSeq(Log);
        write.Advance(Log, count > 0 ? 1 : 0);
        return count;
    }

    public (DeliveryState State, long SyncId)? Find(ReadSession read, long id) =>
        read.FirstOrDefault<StateRow>(StateOf, new { id }) is { } row ? ((DeliveryState)row.State, row.SyncId) : null;

    /// <summary>A destination that was stopped goes on: what had been tried is tried now, with a week before it.</summary>
    public void StartAfresh(WriteSession write, long destinationId, long now)
    {
        write.Execute(FreshStart, new { destinationId, now });
        write.Advance(Log, 1);
    }

    private static void InsertOne(WriteSession write, long id, News item, long now)
    {
        var statement = write.Prepare(Insert)
            .Set(1, id).Set(2, item.SyncId).Set(3, item.ProfileId).Set(4, (long)item.Change).Set(5, (long)item.Cause)
            .Set(7, now).Set(8, $"msg_{Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(now)):N}").Set(9, item.At);
        SetOrNull(statement, 6, item.ChangeSeq);
        statement.Run();
    }

    private static LastDelivery? LastOf(WriteSession write, long syncId, long profileId)
    {
        var statement = write.Prepare(Last).Set(1, syncId).Set(2, profileId);
        LastDelivery? last = statement.Step() ? Read(statement, 0) : null;
        statement.Reset();
        return last;
    }

    private static LastDelivery Read(Statement statement, int from) => new(
        statement.Int64(from), (DeliveryChange)statement.Int64(from + 1), (DeliveryCause)statement.Int64(from + 2),
        (DeliveryState)statement.Int64(from + 3), statement.Int64(from + 4));

    private static void SetOrNull(Statement statement, int parameter, long? value)
    {
        if (value is { } known)
        {
            statement.Set(parameter, known);
        }
        else
        {
            statement.SetNull(parameter);
        }
    }

    private sealed record StateRow(long State, long SyncId);
}
