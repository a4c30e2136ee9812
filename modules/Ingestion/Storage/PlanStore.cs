using System.Text.Json;
using System.Text.Json.Serialization;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>The plan and who changed it last. Times are Unix ms.</summary>
internal sealed record KeptPlan(TrackingPlan Plan, long? ChangedAt, string? ChangedBy);

/// <summary>What is counted as one: a way of straying.</summary>
internal readonly record struct ViolationKey(CallType Type, string Event, string Member, ViolationKind Kind);

/// <summary>How often calls strayed in one way within ten minutes, and how the newest did.</summary>
internal sealed record ViolationCount(ViolationKey Key, long Slot, long Seen, long SourceId, PlanAction Action, string? Sample, long LastAt);

/// <summary>A way of straying from the plan, over the last week.</summary>
/// <param name="LastAt">Unix ms.</param>
/// <param name="Sample">The shape of the newest value; null: there is none.</param>
internal sealed record SeenViolation(
    ViolationKey Key, long Hour, long Day, long Week, long LastAt, long SourceId, PlanAction Action, string? Sample);

/// <summary>The tracking plan and how calls strayed from it, on the store.</summary>
internal static class PlanStore
{
    /// <summary>A log without entries, which tells other processes that the plan is not what it was.</summary>
    public const string Changes = "ingestion.plan_change";

    public const long SlotMs = 600_000;

    private const long SlotsAnHour = 6;
    private const long SlotsADay = 24 * SlotsAnHour;
    private const long SlotsAWeek = 7 * SlotsADay;

    private const string ReadPlan = "SELECT plan AS Plan, changed_at AS ChangedAt, changed_by AS ChangedBy FROM ingestion_plan WHERE id = 1";

    private const string PutPlan = """
        INSERT INTO ingestion_plan (id, plan, changed_at, changed_by)
        VALUES (1, @plan, @at, @by)
        ON CONFLICT (id) DO UPDATE SET plan = excluded.plan, changed_at = excluded.changed_at, changed_by = excluded.changed_by
        """;

    private const string AddViolation = """
        INSERT INTO ingestion_violation (call_type, event, member, kind, slot, seen, source_id, action, sample, last_at)
        VALUES (@type, @event, @member, @kind, @Slot, @Seen, @SourceId, @action, @Sample, @LastAt)
        ON CONFLICT (call_type, event, member, kind, slot) DO UPDATE
        SET seen = ingestion_violation.seen + excluded.seen, source_id = excluded.source_id, action = excluded.action, sample = excluded.sample, last_at = excluded.last_at
        """;

    private const string ReadViolations = """
        SELECT   call_type AS Type, event AS Event, member AS Member, kind AS Kind,
                 slot      AS Slot, seen  AS Seen,  source_id AS SourceId, action AS Action, sample AS Sample, last_at AS LastAt
        FROM     ingestion_violation
        WHERE    slot > @since
        ORDER BY slot
        """;

    private const string ForgetViolations = "DELETE FROM ingestion_violation WHERE slot <= @before";

    /// <summary>As the plan is kept, sent and told.</summary>
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        WriteIndented = true,
    };

    public static KeptPlan Read(ReadSession read) =>
        read.Query<PlanRow>(ReadPlan).FirstOrDefault() is { } row
            ? new KeptPlan(JsonSerializer.Deserialize<TrackingPlan>(row.Plan, Json)!, row.ChangedAt, row.ChangedBy)
            : new KeptPlan(TrackingPlan.Empty, null, null);

    /// <summary>Tells other processes too.</summary>
    public static void Save(WriteSession write, TrackingPlan plan, long at, string by)
    {
        write.Execute(PutPlan, new { plan = JsonSerializer.Serialize(plan, Json), at, by });
        write.Advance(Changes, 1);
    }

    public static void Add(WriteSession write, ViolationCount count) => write.Execute(AddViolation, new
    {
        type = (long)count.Key.Type, @event = count.Key.Event, member = count.Key.Member, kind = count.Key.Kind.ToString(), count.Slot, count.Seen,
        count.SourceId, action = count.Action.ToString(), count.Sample, count.LastAt,
    });

    /// <summary>The last week's, the most frequent first.</summary>
    /// <param name="now">Unix ms.</param>
    public static IReadOnlyList<SeenViolation> Violations(ReadSession read, long now)
    {
        var slot = now / SlotMs;
        return
        [
            .. read.Query<ViolationRow>(ReadViolations, new { since = slot - SlotsAWeek })
                .GroupBy(row => new ViolationKey((CallType)row.Type, row.Event, row.Member, Enum.Parse<ViolationKind>(row.Kind)))
                .Select(rows =>
                {
                    var newest = rows.Last();
                    return new SeenViolation(
                        rows.Key, rows.Where(row => row.Slot > slot - SlotsAnHour).Sum(row => row.Seen), rows.Where(row => row.Slot > slot - SlotsADay).Sum(row => row.Seen),
                        rows.Sum(row => row.Seen), newest.LastAt ?? (newest.Slot * SlotMs), newest.SourceId, Enum.Parse<PlanAction>(newest.Action), newest.Sample);
                })
                .OrderByDescending(violation => violation.Day).ThenByDescending(violation => violation.Week),
        ];
    }

    /// <summary>Forgets what is older than a week.</summary>
    public static int RemoveOld(WriteSession write, long now) => write.Execute(ForgetViolations, new { before = (now / SlotMs) - SlotsAWeek });

    private sealed record PlanRow(string Plan, long ChangedAt, string ChangedBy);

    private sealed record ViolationRow(long Type, string Event, string Member, string Kind, long Slot, long Seen, long SourceId, string Action, string? Sample, long? LastAt);
}
