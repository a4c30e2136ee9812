using CdpMonolith.Platform.Store;
using CdpMonolith.Segmentation.Contracts;

namespace CdpMonolith.Segmentation.Storage;

/// <summary>Entries and exits of one day.</summary>
/// <param name="Day">Start of the UTC day, Unix ms.</param>
internal sealed record DayOfSegment(long SegmentId, long Day, long Entered, long Left);

/// <summary>Who is in which segment, and the log of who entered and left.</summary>
internal sealed class MemberStore(IStore store)
{
    private const string ReadMembers = "SELECT profile_id FROM segmentation_member WHERE segment_id = $1 AND profile_id > $2 ORDER BY profile_id LIMIT $3";
    private const string ReadSince = "SELECT profile_id, since FROM segmentation_member WHERE segment_id = $1 AND profile_id > $2 ORDER BY profile_id LIMIT $3";
    private const string ReadOf = "SELECT segment_id AS SegmentId, since AS Since FROM segmentation_member WHERE profile_id = @id ORDER BY since";
    private const string ReadLast = "SELECT COALESCE(MAX(seq), 0) FROM segmentation_change";
    private const string AddMember = "INSERT INTO segmentation_member (segment_id, profile_id, since) VALUES ($1, $2, $3)";
    private const string DropMember = "DELETE FROM segmentation_member WHERE segment_id = $1 AND profile_id = $2";

    private const string ReadAfter = """
        SELECT seq, segment_id, profile_id, entered, at, version
        FROM   segmentation_change
        WHERE  seq > $1
        ORDER  BY seq
        LIMIT  $2
        """;

    private const string ReadLatest = """
        SELECT seq, segment_id, profile_id, entered, at, version
        FROM   segmentation_change
        WHERE  segment_id = $1 AND (at < $2 OR (at = $2 AND seq < $3))
        ORDER  BY at DESC, seq DESC
        LIMIT  $4
        """;

    private const string ReadDays = """
        SELECT segment_id                       AS SegmentId,
               at - at % 86400000               AS Day,
               SUM(entered)                     AS Entered,
               COUNT(*) - SUM(entered)          AS "Left"
        FROM   segmentation_change
        WHERE  at >= $1
        GROUP  BY segment_id, at - at % 86400000
        ORDER  BY segment_id, at - at % 86400000
        """;

    private const string ReadDaysOfOne = """
        SELECT segment_id, at - at % 86400000, SUM(entered), COUNT(*) - SUM(entered)
        FROM   segmentation_change
        WHERE  segment_id = $1 AND at >= $2
        GROUP  BY segment_id, at - at % 86400000
        ORDER  BY at - at % 86400000
        """;

    public IReadOnlyList<MembershipChanged> ReadChanges(long after, int limit) =>
        store.Read(read => Changes(read.Prepare(ReadAfter).Set(1, after).Set(2, limit)));

    /// <summary>The latest changes of a segment before one of them, latest first.</summary>
    public Task<IReadOnlyList<MembershipChanged>> LatestAsync(long segmentId, long beforeAt, long beforeSeq, int limit, CancellationToken ct) =>
        store.ReadAsync(
            read => Changes(read.Prepare(ReadLatest).Set(1, segmentId).Set(2, beforeAt).Set(3, beforeSeq).Set(4, limit)), ct);

    /// <summary>Entries and exits by UTC day from a moment on.</summary>
    public Task<IReadOnlyList<DayOfSegment>> DaysAsync(long? segmentId, long from, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<DayOfSegment>>(
            read =>
            {
                var rows = segmentId is { } id ? read.Prepare(ReadDaysOfOne).Set(1, id).Set(2, from) : read.Prepare(ReadDays).Set(1, from);
                var days = new List<DayOfSegment>();
                while (rows.Step())
                {
                    days.Add(new DayOfSegment(rows.Int64(0), rows.Int64(1), rows.Int64(2), rows.Int64(3)));
                }

                return days;
            }, ct);

    public Task<IReadOnlyList<long>> MembersAsync(long segmentId, long after, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<long>>(
            read =>
            {
                var rows = read.Prepare(ReadMembers).Set(1, segmentId).Set(2, after).Set(3, limit);
                var ids = new List<long>();
                while (rows.Step())
                {
                    ids.Add(rows.Int64(0));
                }

                return ids;
            }, ct);

    public Task<IReadOnlyList<(long ProfileId, long Since)>> MembersWithSinceAsync(long segmentId, long after, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<(long, long)>>(
            read =>
            {
                var rows = read.Prepare(ReadSince).Set(1, segmentId).Set(2, after).Set(3, limit);
                var members = new List<(long, long)>();
                while (rows.Step())
                {
                    members.Add((rows.Int64(0), rows.Int64(1)));
                }

                return members;
            }, ct);

    public Task<IReadOnlyList<(long SegmentId, long Since)>> OfAsync(long profileId, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<(long, long)>>(read => [.. read.Query<(long, long)>(ReadOf, new { id = profileId })], ct);

    /// <summary>All members of some segments, and the last seq of the log at that moment.</summary>
    public (long LastSeq, Dictionary<long, List<int>> Members) Snapshot(IEnumerable<long> segmentIds) =>
        store.Read(read => Snapshot(read, segmentIds));

    public static (long LastSeq, Dictionary<long, List<int>> Members) Snapshot(ReadSession read, IEnumerable<long> segmentIds)
    {
        var last = read.Prepare(ReadLast);
        last.Step();
        var lastSeq = last.Int64(0);
        last.Reset();
        var all = new Dictionary<long, List<int>>();
        foreach (var id in segmentIds)
        {
            var rows = read.Prepare(ReadMembers).Set(1, id).Set(2, 0).Set(3, long.MaxValue);
            var members = new List<int>();
            while (rows.Step())
            {
                members.Add((int)rows.Int64(0));
            }

            all.Add(id, members);
        }

        return (lastSeq, all);
    }

    /// <summary>Lets people leave and enter, with an entry of the log for each.</summary>
    public static void Write(
        WriteSession write, long segmentId, int version, IEnumerable<int> left, IEnumerable<int> entered, long at)
    {
        var first = write.NextSeq(ISegments.Log);
        var seq = first;
        var log = write.Append("segmentation_change", "seq, segment_id, profile_id, entered, at, version");
        var drop = write.Prepare(DropMember);
        foreach (var profile in left)
        {
            drop.Set(1, segmentId).Set(2, profile).Run();
            log.Add(seq++).Add(segmentId).Add(profile).Add(0).Add(at).Add(version).EndRow();
        }

        var add = write.Prepare(AddMember);
        foreach (var profile in entered)
        {
            add.Set(1, segmentId).Set(2, profile).Set(3, at).Run();
            log.Add(seq++).Add(segmentId).Add(profile).Add(1).Add(at).Add(version).EndRow();
        }

        log.Done();
        write.Advance(ISegments.Log, (int)(seq - first));
    }

    private static IReadOnlyList<MembershipChanged> Changes(Statement rows)
    {
        var changes = new List<MembershipChanged>();
        while (rows.Step())
        {
            changes.Add(new MembershipChanged(
                rows.Int64(0), rows.Int64(1), rows.Int64(2), rows.Int64(3) != 0, rows.Int64(4), (int)rows.Int64(5)));
        }

        return changes;
    }
}
