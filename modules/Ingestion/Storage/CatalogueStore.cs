using System.Globalization;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>What the catalogue reads of an event.</summary>
/// <param name="ReceivedAt">Unix ms.</param>
internal readonly record struct CatalogueEntry(long Seq, long SourceId, CallType Type, string? Name, long ReceivedAt, byte[] Body) : ILogEntry;

/// <summary>Kinds of value that were seen under a name. Stored as these numbers.</summary>
[Flags]
internal enum SeenTypes
{
    None = 0,
    Text = 1,
    Number = 2,
    Boolean = 4,

    /// <summary>Text that begins as a date in ISO 8601.</summary>
    Time = 8,
    List = 16,
    Object = 32,
    Null = 64,
}

/// <summary>A name in the catalogue.</summary>
/// <param name="Call">0: the whole catalogue.</param>
/// <param name="Event">Of track calls; else empty.</param>
/// <param name="Member">A property or trait; empty: the event itself.</param>
internal readonly record struct NameKey(CallType Call, string Event, string Member);

/// <summary>What is known of a name.</summary>
/// <param name="FirstSeen">When it was first received, Unix ms.</param>
/// <param name="LastSeen">When it was last received, Unix ms.</param>
/// <param name="Seen">How often.</param>
/// <param name="Sample">A value; its shape when it may be personal. Null: none was text, a number or a boolean.</param>
/// <param name="SourceIds">Where it came from; the first 50.</param>
/// <param name="Different">About how many different values; of an event, about how many names below it were left out.</param>
/// <param name="LeftOut">Of an event, how often names below it were left out.</param>
internal sealed record CatalogueName(
    NameKey Key, long FirstSeen, long LastSeen, long Seen, SeenTypes Types, string? Sample, IReadOnlyList<long> SourceIds, long Different,
    long LeftOut);

/// <summary>Events of one UTC day. <paramref name="Day"/> counts from 1970-01-01.</summary>
internal readonly record struct DayCount(long Day, long Seen);

/// <summary>The catalogue on the store.</summary>
internal static class CatalogueStore
{
    private const string Columns = "call_type, event, member, first_seen, last_seen, seen, types, sample, sources, different, left_out";

    private const string ReadAfter = """
        SELECT seq, source_id, type, name, received_at, body
        FROM   ingestion_event
        WHERE  seq > $1
        ORDER  BY seq
        LIMIT  $2
        """;

    private const string ReadAll = $"SELECT {Columns} FROM ingestion_catalogue ORDER BY seen DESC, call_type, event, member";

    private const string ReadSketches = $"SELECT {Columns}, sketch FROM ingestion_catalogue";

    private const string ReadOne = $"""
        SELECT {Columns}
        FROM   ingestion_catalogue
        WHERE  call_type = $1 AND event = $2
        ORDER  BY seen DESC, member
        """;

    private const string ReadDays = """
        SELECT day, seen
        FROM   ingestion_catalogue_day
        WHERE  call_type = $1 AND event = $2 AND day >= $3 AND seen > 0
        ORDER  BY day
        """;

    private const string Upsert = $"""
        INSERT INTO ingestion_catalogue ({Columns}, sketch)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (call_type, event, member) DO UPDATE
        SET last_seen = excluded.last_seen,
            seen      = ingestion_catalogue.seen + excluded.seen,
            types     = excluded.types,
            sample    = excluded.sample,
            sources   = excluded.sources,
            different = excluded.different,
            left_out  = ingestion_catalogue.left_out + excluded.left_out,
            sketch    = COALESCE(excluded.sketch, ingestion_catalogue.sketch)
        """;

    private const string UpsertDay = """
        INSERT INTO ingestion_catalogue_day (call_type, event, day, seen)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (call_type, event, day) DO UPDATE SET seen = ingestion_catalogue_day.seen + excluded.seen
        """;

    private const string Subtract = """
        UPDATE ingestion_catalogue
        SET    seen     = seen - $4,
               left_out = left_out - $5,
               sample   = CASE WHEN seen > $4 THEN sample ELSE NULL END
        WHERE  call_type = $1 AND event = $2 AND member = $3
        """;

    private const string DropNames = "DELETE FROM ingestion_catalogue";

    private const string DropOldDays = "DELETE FROM ingestion_catalogue_day WHERE day < @before";

    private const string DropDays = "DELETE FROM ingestion_catalogue_day";

    /// <summary>Events after a seq, in order.</summary>
    public static List<CatalogueEntry> Entries(ReadSession read, long after, int limit)
    {
        var found = new List<CatalogueEntry>(Math.Min(limit, 1024));
        for (var rows = read.Prepare(ReadAfter).Set(1, after).Set(2, limit); rows.Step();)
        {
            found.Add(new CatalogueEntry(
                rows.Int64(0), rows.Int64(1), (CallType)rows.Int64(2), rows.TextOrNull(3), rows.Int64(4), rows.Utf8(5).ToArray()));
        }

        return found;
    }

    /// <summary>All names, the most frequent first.</summary>
    public static List<CatalogueName> All(ReadSession read) => Take(read.Prepare(ReadAll));

    /// <summary>An event and the names below it, the most frequent first.</summary>
    public static List<CatalogueName> Of(ReadSession read, CallType call, string name) =>
        Take(read.Prepare(ReadOne).Set(1, (long)call).Set(2, name));

    /// <summary>Events per day from a day on; days without one are not there.</summary>
    public static List<DayCount> Days(ReadSession read, CallType call, string name, long from)
    {
        var found = new List<DayCount>();
        for (var rows = read.Prepare(ReadDays).Set(1, (long)call).Set(2, name).Set(3, from); rows.Step();)
        {
            found.Add(new DayCount(rows.Int64(0), rows.Int64(1)));
        }

        return found;
    }

    /// <summary>All names with what their values are estimated by.</summary>
    public static List<(CatalogueName Name, string? Sketch)> WithSketches(ReadSession read)
    {
        var found = new List<(CatalogueName, string?)>();
        for (var rows = read.Prepare(ReadSketches); rows.Step();)
        {
            found.Add((Name(rows), rows.TextOrNull(11)));
        }

        return found;
    }

    /// <summary>Adds what was seen of a name; <see cref="CatalogueName.Seen"/> and <see cref="CatalogueName.LeftOut"/> come on top of what is there.</summary>
    /// <param name="sketch">Null: as it was.</param>
    public static void Add(WriteSession write, CatalogueName name, string? sketch)
    {
        var (call, parent, member) = name.Key;
        write.Prepare(Upsert).Set(1, (long)call).Set(2, parent).Set(3, member).Set(4, name.FirstSeen).Set(5, name.LastSeen).Set(6, name.Seen)
            .Set(7, (long)name.Types).Set(8, name.Sample)
            .Set(9, string.Join(',', name.SourceIds.Select(id => id.ToString(CultureInfo.InvariantCulture))))
            .Set(10, name.Different).Set(11, name.LeftOut).Set(12, sketch).Run();
    }

    public static void AddDay(WriteSession write, CallType call, string name, long day, long seen) =>
        write.Prepare(UpsertDay).Set(1, (long)call).Set(2, name).Set(3, day).Set(4, seen).Run();

    /// <summary>Takes counts back of a name that is there; one that is not stays away.</summary>
    public static void TakeBack(WriteSession write, NameKey key, long seen, long leftOut) =>
        write.Prepare(Subtract).Set(1, (long)key.Call).Set(2, key.Event).Set(3, key.Member).Set(4, seen).Set(5, leftOut).Run();

    /// <summary>Forgets the counts of days before one.</summary>
    public static int RemoveDays(WriteSession write, long before) => write.Execute(DropOldDays, new { before });

    public static void Clear(WriteSession write)
    {
        write.Execute(DropNames);
        write.Execute(DropDays);
    }

    private static List<CatalogueName> Take(Statement rows)
    {
        var found = new List<CatalogueName>();
        while (rows.Step())
        {
            found.Add(Name(rows));
        }

        return found;
    }

    private static CatalogueName Name(Statement rows) => new(
        new NameKey((CallType)rows.Int64(0), rows.Text(1), rows.Text(2)), rows.Int64(3), rows.Int64(4), rows.Int64(5),
        (SeenTypes)rows.Int64(6), rows.TextOrNull(7),
        [.. rows.Text(8).Split(',', StringSplitOptions.RemoveEmptyEntries).Select(id => long.Parse(id, CultureInfo.InvariantCulture))],
        rows.Int64(9), rows.Int64(10));
}
