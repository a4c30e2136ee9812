using CdpMonolith.Platform.Store;
using CdpMonolith.Segmentation.Contracts;

namespace CdpMonolith.Segmentation.Storage;

/// <summary>The saved rules.</summary>
internal sealed class SegmentStore(IStore store)
{
    /// <summary>A log without entries, which tells other processes that a segment is not what it was.</summary>
    public const string Changes = "segmentation.segment_change";

    /// <summary>Counter of segment ids.</summary>
    private const string Ids = "segmentation.segment";

    private const string All = """
        SELECT id           AS Id,
               name         AS Name,
               description  AS Description,
               version      AS Version,
               rule         AS Rule,
               size         AS Size,
               evaluated_at AS EvaluatedAt,
               created_at   AS CreatedAt
        FROM   segmentation_segment
        ORDER  BY name_key
        """;

    private const string Insert = """
        INSERT INTO segmentation_segment (id, name, name_key, description, version, rule, size, evaluated_at, created_at)
        VALUES (@Id, @Name, @NameKey, @Description, 1, @Rule, NULL, NULL, @At)
        ON CONFLICT (name_key) DO NOTHING
        """;

    private const string NameOwner = "SELECT id FROM segmentation_segment WHERE name_key = @NameKey";

    private const string Change = """
        UPDATE segmentation_segment
        SET    name = @Name, name_key = @NameKey, description = @Description, version = @Version, rule = @Rule
        WHERE  id = @Id
        """;

    private const string InsertRule = """
        INSERT INTO segmentation_rule (segment_id, version, rule, changed_at, changed_by)
        VALUES (@Id, @Version, @Rule, @At, @By)
        """;

    private const string Remove = "DELETE FROM segmentation_segment WHERE id = @Id";
    private const string ReadVersion = "SELECT version FROM segmentation_segment WHERE id = $1";
    private const string Evaluated = "UPDATE segmentation_segment SET size = $2, evaluated_at = $3 WHERE id = $1";
    private const string Unevaluated = "UPDATE segmentation_segment SET evaluated_at = NULL";

    public Task<IReadOnlyList<Segment>> AllAsync(CancellationToken ct) => store.ReadAsync(ReadAll, ct);

    public IReadOnlyList<Segment> ReadAll() => store.Read(ReadAll);

    /// <summary>The id of the new segment; null: the name is taken.</summary>
    public static long? Add(WriteSession write, string name, string description, string rule, string by, long at)
    {
        var id = write.NextSeq(Ids);
        if (write.Execute(Insert, new { Id = id, Name = name, NameKey = Key(name), Description = description, Rule = rule, At = at }) == 0)
        {
            return null;
        }

        write.Advance(Ids, 1);
        write.Advance(Changes, 1);
        write.Execute(InsertRule, new { Id = id, Version = 1, Rule = rule, At = at, By = by });
        return id;
    }

    /// <summary>Writes what the segment is from now on. False: another one has the name.</summary>
    /// <param name="newRule">The version is a new one.</param>
    public static bool Update(WriteSession write, Segment segment, bool newRule, string by, long at)
    {
        var key = Key(segment.Name);
        if (write.FirstOrDefault<long?>(NameOwner, new { NameKey = key }) is { } owner && owner != segment.Id)
        {
            return false;
        }

        write.Advance(Changes, 1);
        write.Execute(Change, new { segment.Id, segment.Name, NameKey = key, segment.Description, segment.Version, segment.Rule });
        if (newRule)
        {
            write.Execute(InsertRule, new { segment.Id, segment.Version, segment.Rule, At = at, By = by });
        }

        return true;
    }

    /// <summary>Takes the segment away; its rules and what its members did stay on record.</summary>
    public static void Delete(WriteSession write, long id)
    {
        write.Advance(Changes, 1);
        write.Execute(Remove, new { Id = id });
    }

    /// <summary>Null: there is no such segment.</summary>
    public static int? VersionOf(WriteSession write, long id)
    {
        var row = write.Prepare(ReadVersion).Set(1, id);
        int? version = row.Step() ? (int)row.Int64(0) : null;
        row.Reset();
        return version;
    }

    public static void SetEvaluated(WriteSession write, long id, long size, long at) =>
        write.Prepare(Evaluated).Set(1, id).Set(2, size).Set(3, at).Run();

    public static void ForgetEvaluations(WriteSession write) => write.Execute(Unevaluated);

    /// <summary>Names are compared trimmed and without regard to case.</summary>
    private static string Key(string name) => name.Trim().ToLowerInvariant();

    private static IReadOnlyList<Segment> ReadAll(ReadSession read) =>
    [
        .. read.Query<Row>(All).Select(row => new Segment(
            row.Id, row.Name, row.Description, (int)row.Version, row.Rule, row.Size, row.EvaluatedAt, row.CreatedAt)),
    ];

    private sealed record Row(
        long Id, string Name, string Description, long Version, string Rule, long? Size, long? EvaluatedAt, long CreatedAt);
}
