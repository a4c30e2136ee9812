using CdpMonolith.Insights.Contracts;
using CdpMonolith.Insights.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Insights.Storage;

/// <summary>Events of an hour and source.</summary>
/// <param name="Hour">Start, Unix ms.</param>
internal readonly record struct HourCount(long Hour, long SourceId, long Events, long Imported);

/// <summary>What Insights keeps: counts by the hour, sizes and samples over time. All SQL of the module.</summary>
internal static class InsightsStore
{
    private const string AddToHour = """
        INSERT INTO insights_hour (hour, source_id, events, imported) VALUES ($1, $2, $3, $4)
        ON CONFLICT (hour, source_id) DO UPDATE
        SET events = insights_hour.events + excluded.events, imported = insights_hour.imported + excluded.imported
        """;

    private const string HoursSince = """
        SELECT hour, source_id, events, imported
        FROM   insights_hour
        WHERE  hour >= $1
        ORDER  BY hour, source_id
        """;

    private const string LastSize = """
        SELECT at, size
        FROM   insights_segment_size
        WHERE  segment_id = $1
        ORDER  BY at DESC
        LIMIT  1
        """;

    private const string SetSize = """
        INSERT INTO insights_segment_size (segment_id, at, size) VALUES ($1, $2, $3)
        ON CONFLICT (segment_id, at) DO UPDATE SET size = excluded.size
        """;

    private const string SizesSince = """
        SELECT s.segment_id, s.at, s.size
        FROM   insights_segment_size AS s
        WHERE  s.at >= $1
           OR  s.at = (SELECT MAX(b.at) FROM insights_segment_size AS b WHERE b.segment_id = s.segment_id AND b.at < $1)
        ORDER  BY s.segment_id, s.at
        """;

    private const string AddPeople = """
        INSERT INTO insights_people (at, known, anonymous, merges) VALUES ($1, $2, $3, $4)
        ON CONFLICT (at) DO UPDATE
        SET known = excluded.known, anonymous = excluded.anonymous, merges = excluded.merges
        """;

    private const string PeopleSince = """
        SELECT at, known, anonymous, merges
        FROM   insights_people
        WHERE  at >= $1
           OR  at = (SELECT MAX(b.at) FROM insights_people AS b WHERE b.at < $1)
        ORDER  BY at
        """;

    private const string ThinSizes = """
        DELETE FROM insights_segment_size
        WHERE  at < @before
          AND  EXISTS (SELECT 1 FROM insights_segment_size AS later
                       WHERE  later.segment_id = insights_segment_size.segment_id
                         AND  later.at > insights_segment_size.at
                         AND  later.at - later.at % @hour = insights_segment_size.at - insights_segment_size.at % @hour)
        """;

    private const string ThinPeople = """
        DELETE FROM insights_people
        WHERE  at < @before
          AND  EXISTS (SELECT 1 FROM insights_people AS later
                       WHERE  later.at > insights_people.at
                         AND  later.at - later.at % @hour = insights_people.at - insights_people.at % @hour)
        """;

    public static void Add(WriteSession write, IEnumerable<HourCount> counts)
    {
        foreach (var (hour, sourceId, events, imported) in counts)
        {
            write.Prepare(AddToHour).Set(1, hour).Set(2, sourceId).Set(3, events).Set(4, imported).Run();
        }
    }

    /// <summary>Counts of the hours from one on, by hour.</summary>
    public static List<HourCount> Hours(ReadSession read, long from)
    {
        var found = new List<HourCount>();
        for (var rows = read.Prepare(HoursSince).Set(1, from); rows.Step();)
        {
            found.Add(new HourCount(rows.Int64(0), rows.Int64(1), rows.Int64(2), rows.Int64(3)));
        }

        return found;
    }

    public static void ForgetHours(WriteSession write) => write.Execute("DELETE FROM insights_hour");

    public static void DropEmptyHours(WriteSession write) => write.Execute("DELETE FROM insights_hour WHERE events <= 0");

    /// <summary>The newest size that is known of a segment; null: none is.</summary>
    public static SizeAt? LastSizeOf(ReadSession read, long segmentId)
    {
        var row = read.Prepare(LastSize).Set(1, segmentId);
        var last = row.Step() ? new SizeAt(row.Int64(0), row.Int64(1)) : null;
        row.Reset();
        return last;
    }

    public static void PutSize(WriteSession write, long segmentId, SizeAt size) =>
        write.Prepare(SetSize).Set(1, segmentId).Set(2, size.At).Set(3, size.Size).Run();

    /// <summary>Sizes by segment from a moment on, in order of time, with the one that held when it began.</summary>
    public static Dictionary<long, List<SizeAt>> Sizes(ReadSession read, long from)
    {
        var found = new Dictionary<long, List<SizeAt>>();
        for (var rows = read.Prepare(SizesSince).Set(1, from); rows.Step();)
        {
            if (!found.TryGetValue(rows.Int64(0), out var sizes))
            {
                found[rows.Int64(0)] = sizes = [];
            }

            sizes.Add(new SizeAt(rows.Int64(1), rows.Int64(2)));
        }

        return found;
    }

    public static void ForgetSizes(WriteSession write) => write.Execute("DELETE FROM insights_segment_size");

    public static void PutPeople(WriteSession write, PeopleSample sample) =>
        write.Prepare(AddPeople).Set(1, sample.At).Set(2, sample.Known).Set(3, sample.Anonymous).Set(4, sample.Merges).Run();

    /// <summary>Samples from a moment on, in order of time, with the one before it.</summary>
    public static List<PeopleSample> People(ReadSession read, long from)
    {
        var found = new List<PeopleSample>();
        for (var rows = read.Prepare(PeopleSince).Set(1, from); rows.Step();)
        {
            found.Add(new PeopleSample(rows.Int64(0), rows.Int64(1), rows.Int64(2), rows.Int64(3)));
        }

        return found;
    }

    /// <summary>Of what is older than a moment keeps the last of each hour. How many rows went.</summary>
    public static int Thin(WriteSession write, long before) =>
        write.Execute(ThinSizes, new { before, hour = Spans.Hour }) + write.Execute(ThinPeople, new { before, hour = Spans.Hour });
}
