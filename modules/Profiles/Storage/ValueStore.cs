using System.Buffers;
using System.Text.Json;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Rules;

namespace CdpMonolith.Profiles.Storage;

/// <summary>A table of values as it is kept.</summary>
/// <param name="ChangedAt">Unix ms.</param>
internal sealed record KeptValueTable(ValueTable Table, long ChangedAt, string ChangedBy);

/// <summary>Tables of values on the store.</summary>
internal static class ValueStore
{
    private const string ReadTables = """
        SELECT   trait AS Trait, entries AS Entries, changed_at AS ChangedAt, changed_by AS ChangedBy
        FROM     profiles_value_table
        ORDER BY trait
        """;

    private const string Put = """
        INSERT INTO profiles_value_table (trait, entries, changed_at, changed_by)
        VALUES (@trait, @entries, @at, @by)
        ON CONFLICT (trait) DO UPDATE SET entries = excluded.entries, changed_at = excluded.changed_at, changed_by = excluded.changed_by
        """;

    private const string Drop = "DELETE FROM profiles_value_table WHERE trait = @trait";

    private const string PutChange = """
        INSERT INTO profiles_value_change (trait, done_to) VALUES (@trait, 0)
        ON CONFLICT (trait) DO UPDATE SET done_to = 0
        """;

    private const string ReadChanges = "SELECT trait AS Trait, done_to AS DoneTo FROM profiles_value_change ORDER BY trait";
    private const string MoveChange = "UPDATE profiles_value_change SET done_to = @doneTo WHERE trait = @trait";
    private const string EndChange = "DELETE FROM profiles_value_change WHERE trait = @trait";
    private const string ReadGolden = "SELECT profile_id, traits FROM profiles_golden WHERE profile_id > $1 ORDER BY profile_id LIMIT $2";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public static IReadOnlyList<KeptValueTable> All(ReadSession read) =>
    [
        .. read.Query<TableRow>(ReadTables).Select(row => new KeptValueTable(
            new ValueTable(row.Trait, JsonSerializer.Deserialize<List<StandardValue>>(row.Entries, Json)!), row.ChangedAt, row.ChangedBy)),
    ];

    public static Standards Standards(ReadSession read) => new(All(read).Select(kept => kept.Table));

    public static void Save(WriteSession write, ValueTable table, long at, string by) =>
        write.Execute(Put, new { trait = table.Trait, entries = JsonSerializer.Serialize(table.Values, Json), at, by });

    /// <summary>False: there is none.</summary>
    public static bool Remove(WriteSession write, string trait) => write.Execute(Drop, new { trait }) > 0;

    /// <summary>All golden records are to be looked at again for this trait.</summary>
    public static void Begin(WriteSession write, string trait) => write.Execute(PutChange, new { trait });

    /// <summary>Traits whose golden records are not all by their tables yet, and up to which profile they are.</summary>
    public static IReadOnlyList<(string Trait, long DoneTo)> Changes(ReadSession read) =>
        [.. read.Query<ChangeRow>(ReadChanges).Select(row => (row.Trait, row.DoneTo))];

    public static void Advance(WriteSession write, string trait, long doneTo) => write.Execute(MoveChange, new { trait, doneTo });

    public static void End(WriteSession write, string trait) => write.Execute(EndChange, new { trait });

    /// <summary>The next golden records: which of them have the trait, and the last looked at; null: there are no more.</summary>
    public static (long? Last, List<long> Having) GoldenAfter(ReadSession read, long after, int limit, string trait)
    {
        var output = new ArrayBufferWriter<byte>();
        CompactJson.WriteString(output, trait);
        output.Write(":"u8);
        var name = output.WrittenSpan;
        var having = new List<long>();
        long? last = null;
        var row = read.Prepare(ReadGolden).Set(1, after).Set(2, limit);
        while (row.Step())
        {
            last = row.Int64(0);
            if (row.Utf8(1).IndexOf(name) >= 0)
            {
                having.Add(last.Value);
            }
        }

        return (last, having);
    }

    private sealed record TableRow(string Trait, string Entries, long ChangedAt, string ChangedBy);

    private sealed record ChangeRow(string Trait, long DoneTo);
}
