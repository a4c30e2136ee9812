using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Profiles.Storage;

/// <summary>The profile-change log.</summary>
internal static class ChangeLog
{
    private const string Columns = "seq, kind, profile_id, occurred_at, event_seq, flags, canonical_id";
    private const string ReadAfter = $"SELECT {Columns} FROM profiles_change WHERE seq > $1 ORDER BY seq LIMIT $2";

    private const string ReadConsentAfter = $"""
        SELECT {Columns}
        FROM   profiles_change
        WHERE  kind = 1 AND (flags & 2) <> 0 AND seq > $1
        ORDER  BY seq
        LIMIT  $2
        """;

    private const string ReadLastSeq = "SELECT seq FROM profiles_change ORDER BY seq DESC LIMIT 1";

    public static IReadOnlyList<ProfileChange> Read(ReadSession read, long after, int limit) =>
        Rows(read.Prepare(ReadAfter), after, limit);

    public static IReadOnlyList<ProfileChange> ReadConsent(ReadSession read, long after, int limit) =>
        Rows(read.Prepare(ReadConsentAfter), after, limit);

    public static long LastSeq(ReadSession read)
    {
        var row = read.Prepare(ReadLastSeq);
        var seq = row.Step() ? row.Int64(0) : 0;
        row.Reset();
        return seq;
    }

    /// <summary>Adds to the end of the log: events, then moves, then golden records that changed otherwise than with one of the events.</summary>
    /// <param name="canonicalOf">The person of a profile; null: not known here.</param>
    public static void Append(
        WriteSession write, IReadOnlyList<(long ProfileId, Event Event)> resolved, IEnumerable<(long ProfileId, long CanonicalId)> moved,
        IReadOnlyCollection<long> traitsChanged, Func<long, long?> canonicalOf, long now)
    {
        var first = write.NextSeq(IProfiles.Log);
        var seq = first;
        var untold = traitsChanged.ToHashSet();
        var rows = write.Append("profiles_change", Columns);
        foreach (var (profile, call) in resolved)
        {
            var flags = call.Flags | (call.Type is CallType.Identify or CallType.Alias ? EventFlags.Statement : EventFlags.None);
            rows.Add(seq++).Add((long)ProfileChangeKind.EventResolved).Add(profile).Add(call.OccurredAt).Add(call.Seq).Add((long)flags);
            if (untold.Count > 0 && canonicalOf(profile) is { } person && untold.Remove(person))
            {
                rows.Add(person).EndRow();
            }
            else
            {
                rows.AddNull().EndRow();
            }
        }

        foreach (var (profile, canonical) in moved)
        {
            rows.Add(seq++).Add((long)ProfileChangeKind.CanonicalChanged).Add(profile).Add(now).AddNull().Add(0).Add(canonical).EndRow();
        }

        foreach (var profile in untold)
        {
            rows.Add(seq++).Add((long)ProfileChangeKind.TraitsChanged).Add(profile).Add(now).AddNull().Add(0).AddNull().EndRow();
        }

        rows.Done();
        write.Advance(IProfiles.Log, (int)(seq - first));
    }

    /// <summary>Tells followers that events were taken back, and with them perhaps profiles.</summary>
    public static void AppendTakenBack(WriteSession write, long now)
    {
        var rows = write.Append("profiles_change", Columns);
        rows.Add(write.NextSeq(IProfiles.Log)).Add((long)ProfileChangeKind.TakenBack).Add(0).Add(now).AddNull().Add(0).AddNull().EndRow();
        rows.Done();
        write.Advance(IProfiles.Log, 1);
    }

    private static List<ProfileChange> Rows(Statement row, long after, int limit)
    {
        var changes = new List<ProfileChange>();
        row.Set(1, after).Set(2, limit);
        while (row.Step())
        {
            changes.Add(new ProfileChange(
                row.Int64(0), (ProfileChangeKind)row.Int64(1), row.Int64(2), row.Int64(3), row.Int64OrNull(4),
                (EventFlags)row.Int64(5), row.Int64OrNull(6)));
        }

        return changes;
    }
}
