using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Rules;

namespace CdpMonolith.Profiles.Storage;

/// <summary>What one source says of one profile.</summary>
internal readonly record struct SourceRecord(long ProfileId, long SourceId, Trait[] Traits);

/// <summary>Source records and golden records.</summary>
internal static class RecordStore
{
    private const string FindRecords = "SELECT source_id, traits FROM profiles_source_record WHERE profile_id = $1 ORDER BY source_id";

    private const string UpdateRecord =
        "UPDATE profiles_source_record SET traits = $3, updated_at = $4 WHERE profile_id = $1 AND source_id = $2";

    private const string FindGolden = "SELECT traits FROM profiles_golden WHERE profile_id = $1";
    private const string UpdateGolden = "UPDATE profiles_golden SET traits = $2 WHERE profile_id = $1";
    private const string DropGolden = "DELETE FROM profiles_golden WHERE profile_id = $1";

    public static List<SourceRecord> Of(ReadSession read, long profileId)
    {
        var records = new List<SourceRecord>();
        var row = read.Prepare(FindRecords).Set(1, profileId);
        while (row.Step())
        {
            records.Add(new SourceRecord(profileId, row.Int64(0), Traits.Parse(row.Utf8(1))));
        }

        return records;
    }

    /// <summary>The stored golden record; null when nothing is known.</summary>
    public static byte[]? GoldenOf(ReadSession read, long canonicalId)
    {
        var row = read.Prepare(FindGolden).Set(1, canonicalId);
        var traits = row.Step() ? row.Utf8(0).ToArray() : null;
        row.Reset();
        return traits;
    }

    /// <param name="records">Each with its traits as <see cref="Traits.Write"/> writes them.</param>
    public static void Insert(WriteSession write, IReadOnlyList<(SourceRecord Record, byte[] Traits)> records)
    {
        var rows = write.Append("profiles_source_record", "profile_id, source_id, traits, updated_at");
        foreach (var (record, traits) in records)
        {
            rows.Add(record.ProfileId).Add(record.SourceId).AddUtf8(traits).Add(UpdatedAt(record)).EndRow();
        }

        rows.Done();
    }

    public static void Update(WriteSession write, SourceRecord record) =>
        write.Prepare(UpdateRecord)
            .Set(1, record.ProfileId).Set(2, record.SourceId).SetUtf8(3, Traits.Write(record.Traits)).Set(4, UpdatedAt(record)).Run();

    public static void InsertGolden(WriteSession write, IEnumerable<(long CanonicalId, byte[] Traits)> records)
    {
        var rows = write.Append("profiles_golden", "profile_id, traits");
        foreach (var (id, traits) in records)
        {
            rows.Add(id).AddUtf8(traits).EndRow();
        }

        rows.Done();
    }

    public static void UpdateGoldenOf(WriteSession write, long canonicalId, byte[] traits) =>
        write.Prepare(UpdateGolden).Set(1, canonicalId).SetUtf8(2, traits).Run();

    public static void DropGoldenOf(WriteSession write, long canonicalId) =>
        write.Prepare(DropGolden).Set(1, canonicalId).Run();

    private static long UpdatedAt(SourceRecord record)
    {
        var latest = 0L;
        foreach (var trait in record.Traits)
        {
            latest = Math.Max(latest, trait.At);
        }

        return latest;
    }
}
