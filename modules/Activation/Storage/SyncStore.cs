using CdpMonolith.Activation.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Activation.Storage;

/// <summary>A segment tied to a destination.</summary>
/// <param name="Purpose">What the people must have agreed to.</param>
/// <param name="Active">False: not started, or paused; then nothing is queued or sent.</param>
/// <param name="ReconcileAfter">Members up to this profile are compared with what the destination was told; null: all are.</param>
internal sealed record SegmentSync(
    long Id, string Name, long SegmentId, long DestinationId, string Purpose, string Channel, SyncMapping Mapping, bool Active,
    long? ReconcileAfter, long CreatedAt, long? StartedAt);

internal sealed class SyncStore(IStore store)
{
    private const string Columns = """
        SELECT id              AS Id,
               name            AS Name,
               segment_id      AS SegmentId,
               destination_id  AS DestinationId,
               purpose         AS Purpose,
               channel         AS Channel,
               mapping         AS Mapping,
               active          AS Active,
               reconcile_after AS ReconcileAfter,
               created_at      AS CreatedAt,
               started_at      AS StartedAt
        FROM   activation_sync
        """;

    private const string All = $"{Columns} ORDER BY LOWER(name)";

    private const string ById = $"{Columns} WHERE id = @id";

    private const string Insert = """
        INSERT INTO activation_sync (id, name, segment_id, destination_id, purpose, channel, mapping, active, created_at)
        VALUES (@id, @Name, @SegmentId, @DestinationId, @Purpose, @Channel, @mapping, 0, @now)
        ON CONFLICT DO NOTHING
        """;

    private const string NameTaken = "SELECT COUNT(*) FROM activation_sync WHERE LOWER(name) = LOWER(@name) AND id <> @id";

    private const string Update = """
        UPDATE activation_sync
        SET    name = @name, purpose = @purpose, channel = @channel, mapping = @mapping
        WHERE  id = @id
        """;

    private const string SetActive = """
        UPDATE activation_sync
        SET    active = 1, reconcile_after = 0, started_at = COALESCE(started_at, @now)
        WHERE  id = @id AND active = 0
        """;

    private const string SetPaused = "UPDATE activation_sync SET active = 0 WHERE id = @id AND active = 1";

    private const string SetReconcile = "UPDATE activation_sync SET reconcile_after = @after WHERE id = @id";

    private const string ReconcileFromTheStart = "UPDATE activation_sync SET reconcile_after = 0 WHERE active = 1";

    private const string ReconcileAll = "UPDATE activation_sync SET reconcile_after = 0 WHERE active = 1 AND reconcile_after IS NULL";

    private const string Remove = "DELETE FROM activation_sync WHERE id = @id AND started_at IS NULL";

    public Task<IReadOnlyList<SegmentSync>> ListAsync(CancellationToken ct) => store.ReadAsync(ListOf, ct);

    public IReadOnlyList<SegmentSync> List() => store.Read(ListOf);

    public Task<SegmentSync?> FindAsync(long id, CancellationToken ct) => store.ReadAsync(read => Find(read, id), ct);

    public SegmentSync? Find(ReadSession read, long id) => read.FirstOrDefault<Row>(ById, new { id })?.Read();

    /// <summary>Null when the name is taken.</summary>
    public long? Add(WriteSession write, SegmentSync sync, long now)
    {
        var id = write.NextSeq("activation.sync_id");
        var added = write.Execute(Insert, new
        {
            id, sync.Name, sync.SegmentId, sync.DestinationId, sync.Purpose, sync.Channel, mapping = sync.Mapping.ToJson(), now,
        });
        if (added == 0)
        {
            return null;
        }

        write.Advance("activation.sync_id", 1);
        return id;
    }

    /// <summary>False when the name is taken.</summary>
    public bool Change(WriteSession write, long id, string name, string purpose, string channel, SyncMapping mapping)
    {
        if (write.Scalar<long>(NameTaken, new { id, name }) > 0)
        {
            return false;
        }

        write.Execute(Update, new { id, name, purpose, channel, mapping = mapping.ToJson() });
        return true;
    }

    /// <summary>Starts it; what happened while it stood still is made up for by comparing. False when it runs already.</summary>
    public bool Start(WriteSession write, long id, long now) => write.Execute(SetActive, new { id, now }) == 1;

    public bool Pause(WriteSession write, long id) => write.Execute(SetPaused, new { id }) == 1;

    /// <param name="after">Null: all are compared.</param>
    public void Reconciled(WriteSession write, long id, long? after) => write.Execute(SetReconcile, new { id, after });

    /// <summary>Compares every running sync, those again that are being compared.</summary>
    public void CompareFromTheStart(WriteSession write) => write.Execute(ReconcileFromTheStart);

    /// <summary>How many syncs are going to be compared.</summary>
    public int StartReconciling(WriteSession write) => write.Execute(ReconcileAll);

    /// <summary>False when it was ever started: then its deliveries are a record that must stay.</summary>
    public bool Delete(WriteSession write, long id) => write.Execute(Remove, new { id }) == 1;

    private static IReadOnlyList<SegmentSync> ListOf(ReadSession read) => [.. read.Query<Row>(All).Select(row => row.Read())];

    private sealed record Row(
        long Id, string Name, long SegmentId, long DestinationId, string Purpose, string Channel, string Mapping, long Active,
        long? ReconcileAfter, long CreatedAt, long? StartedAt)
    {
        public SegmentSync Read() => new(
            Id, Name, SegmentId, DestinationId, Purpose, Channel, SyncMapping.FromJson(Mapping), Active == 1, ReconcileAfter, CreatedAt,
            StartedAt);
    }
}
