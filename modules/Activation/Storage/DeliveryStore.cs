using CdpMonolith.Activation.Contracts;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Activation.Storage;

/// <summary>A delivery as the log shows it.</summary>
internal sealed record Delivery(
    long Id, long SyncId, long ProfileId, DeliveryChange Change, DeliveryCause Cause, DeliveryState State, long Tries, long NextTryAt,
    string MessageId, long? ConsentSeq, string? Reason, long? HttpStatus, long? ExportId, long ChangedAt, long? EndedAt);

/// <summary>How the deliveries of a sync stand.</summary>
internal sealed record SyncCounts(long SyncId, long Pending, long Delivered, long Withheld, long Parked, long Superseded)
{
    public static SyncCounts None(long syncId) => new(syncId, 0, 0, 0, 0, 0);
}

/// <summary>How many were not sent, and why.</summary>
internal sealed record ReasonCount(string Reason, long Count);

/// <summary>How a destination has been doing lately.</summary>
/// <param name="LastDeliveredAt">Unix ms; null: never.</param>
internal sealed record DestinationHealth(long DestinationId, long Pending, long Parked, long DeliveredLately, long? LastDeliveredAt);

/// <summary>The reading side of deliveries.</summary>
internal sealed class DeliveryStore(IStore store)
{
    private const string Columns = """
        SELECT id, sync_id, profile_id, change, cause, state, tries, next_try_at, message_id, consent_seq, reason, http_status,
               export_id, changed_at, ended_at
        FROM   activation_delivery
        """;

    private const string OfSync = $"{Columns} WHERE sync_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";

    private const string OfSyncByState = $"{Columns} WHERE sync_id = $1 AND state = $4 AND id < $2 ORDER BY id DESC LIMIT $3";

    private const string OfAll = $"{Columns} WHERE id < $1 ORDER BY id DESC LIMIT $2";

    private const string OfProfile = $"{Columns} WHERE sync_id = $1 AND profile_id = $2 ORDER BY id DESC LIMIT $3";

    private const string OfExport = $"{Columns} WHERE export_id = $1 AND id > $2 AND state = 2 ORDER BY id LIMIT $3";

    private const string CountsOfAll = """
        SELECT sync_id                              AS SyncId,
               COUNT(*) FILTER (WHERE state = 1)    AS Pending,
               COUNT(*) FILTER (WHERE state = 2)    AS Delivered,
               COUNT(*) FILTER (WHERE state = 3)    AS Withheld,
               COUNT(*) FILTER (WHERE state = 4)    AS Parked,
               COUNT(*) FILTER (WHERE state = 5)    AS Superseded
        FROM   activation_delivery
        GROUP  BY sync_id
        """;

    private const string ReasonsOf = """
        SELECT reason   AS Reason,
               COUNT(*) AS Count
        FROM   activation_delivery
        WHERE  sync_id = @syncId AND state = @state AND reason IS NOT NULL
        GROUP  BY reason
        ORDER  BY COUNT(*) DESC, reason
        """;

    private const string Health = """
        SELECT s.destination_id                                                     AS DestinationId,
               COUNT(*) FILTER (WHERE d.state = 1)                                  AS Pending,
               COUNT(*) FILTER (WHERE d.state = 4)                                  AS Parked,
               COUNT(*) FILTER (WHERE d.state = 2 AND d.ended_at >= @since)         AS DeliveredLately,
               MAX(d.ended_at) FILTER (WHERE d.state = 2)                           AS LastDeliveredAt
        FROM   activation_delivery AS d
        JOIN   activation_sync     AS s ON s.id = d.sync_id
        GROUP  BY s.destination_id
        """;

    private const string PerHour = """
        SELECT ended_at / 3600000                AS Hour,
               COUNT(*) FILTER (WHERE state = 2) AS Delivered,
               COUNT(*) FILTER (WHERE state = 3) AS Withheld,
               COUNT(*) FILTER (WHERE state = 4) AS Failed
        FROM   activation_delivery
        WHERE  ended_at >= @from
        GROUP  BY ended_at / 3600000
        ORDER  BY ended_at / 3600000
        """;

    /// <param name="before">Only those with a smaller id.</param>
    /// <param name="state">Null: all.</param>
    public Task<IReadOnlyList<Delivery>> OfSyncAsync(long syncId, DeliveryState? state, long before, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<Delivery>>(
            read =>
            {
                var statement = read.Prepare(state is null ? OfSync : OfSyncByState).Set(1, syncId).Set(2, before).Set(3, limit);
                return Deliveries(state is { } wanted ? statement.Set(4, (long)wanted) : statement);
            }, ct);

    public Task<IReadOnlyList<Delivery>> LatestAsync(long before, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<Delivery>>(read => Deliveries(read.Prepare(OfAll).Set(1, before).Set(2, limit)), ct);

    public Task<IReadOnlyList<Delivery>> OfPersonAsync(
        IReadOnlyCollection<long> syncIds, IReadOnlyCollection<long> profileIds, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<Delivery>>(
            read =>
            [
                .. (from syncId in syncIds
                    from profileId in profileIds
                    from delivery in Deliveries(read.Prepare(OfProfile).Set(1, syncId).Set(2, profileId).Set(3, limit))
                    orderby delivery.Id descending
                    select delivery).Take(limit),
            ], ct);

    /// <summary>The rows of a file, in the order in which they were taken.</summary>
    public IReadOnlyList<Delivery> OfFile(long exportId, long after, int limit) => store.Read<IReadOnlyList<Delivery>>(
        read => Deliveries(read.Prepare(OfExport).Set(1, exportId).Set(2, after).Set(3, limit)));

    public Task<IReadOnlyList<SyncCounts>> CountsAsync(CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<SyncCounts>>(
            read =>
            [
                .. read.Query<(long Id, long Pending, long Delivered, long Withheld, long Parked, long Superseded)>(CountsOfAll)
                    .Select(row => new SyncCounts(row.Id, row.Pending, row.Delivered, row.Withheld, row.Parked, row.Superseded)),
            ], ct);

    public Task<IReadOnlyList<ReasonCount>> ReasonsAsync(long syncId, DeliveryState state, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<ReasonCount>>(
            read =>
            [
                .. read.Query<(string Reason, long Count)>(ReasonsOf, new { syncId, state = (long)state })
                    .Select(row => new ReasonCount(row.Reason, row.Count)),
            ], ct);

    public Task<IReadOnlyList<DestinationHealth>> HealthAsync(long since, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<DestinationHealth>>(
            read =>
            [
                .. read.Query<(long Id, long Pending, long Parked, long Lately, long? Last)>(Health, new { since })
                    .Select(row => new DestinationHealth(row.Id, row.Pending, row.Parked, row.Lately, row.Last)),
            ], ct);

    public Task<IReadOnlyList<DeliveriesOfHour>> PerHourAsync(long from, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<DeliveriesOfHour>>(
            read =>
            [
                .. read.Query<(long Hour, long Delivered, long Withheld, long Failed)>(PerHour, new { from })
                    .Select(row => new DeliveriesOfHour(row.Hour * 3_600_000, row.Delivered, row.Withheld, row.Failed)),
            ], ct);

    private static List<Delivery> Deliveries(Statement statement)
    {
        var deliveries = new List<Delivery>();
        while (statement.Step())
        {
            deliveries.Add(new Delivery(
                statement.Int64(0), statement.Int64(1), statement.Int64(2), (DeliveryChange)statement.Int64(3),
                (DeliveryCause)statement.Int64(4), (DeliveryState)statement.Int64(5), statement.Int64(6), statement.Int64(7),
                statement.Text(8), statement.Int64OrNull(9), statement.TextOrNull(10), statement.Int64OrNull(11),
                statement.Int64OrNull(12), statement.Int64(13), statement.Int64OrNull(14)));
        }

        return deliveries;
    }
}
