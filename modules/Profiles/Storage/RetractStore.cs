using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;

namespace CdpMonolith.Profiles.Storage;

/// <summary>What is read and written when events are taken back.</summary>
internal static class RetractStore
{
    private const string FindEvent =
        "SELECT 1 FROM profiles_change WHERE kind = 1 AND profile_id = $1 AND occurred_at = $2 AND event_seq = $3";

    private const string DropEvent =
        "DELETE FROM profiles_change WHERE kind = 1 AND profile_id = $1 AND occurred_at = $2 AND event_seq = $3";

    private const string FindEvents = "SELECT event_seq FROM profiles_change WHERE kind = 1 AND profile_id = $1 ORDER BY event_seq";

    private const string FindConsentEvents =
        "SELECT event_seq FROM profiles_change WHERE kind = 1 AND profile_id = $1 AND (flags & 2) <> 0 ORDER BY event_seq";

    private const string LinkColumns =
        "low, high, state, reason, rule, evidence_seq, evidence_at, source_id, decision, actor, decided_at";

    private const string FindLinks = $"""
        SELECT {LinkColumns} FROM profiles_link WHERE low = $1
        UNION ALL
        SELECT {LinkColumns} FROM profiles_link WHERE high = $1
        """;

    private const string DropLink = "DELETE FROM profiles_link WHERE low = $1 AND high = $2";
    private const string DropProfile = "DELETE FROM profiles_profile WHERE id = $1";
    private const string DropRecords = "DELETE FROM profiles_source_record WHERE profile_id = $1";
    private const string DropRecord = "DELETE FROM profiles_source_record WHERE profile_id = $1 AND source_id = $2";
    private const string CountLinks =
        "UPDATE profiles_profile SET named_links = named_links + $2, anonymous_links = anonymous_links + $3 WHERE id = $1";

    private const string SetFirstSeen = "UPDATE profiles_profile SET first_seen_at = $2, source_id = $3 WHERE id = $1";

    /// <summary>Whether an event was given to a profile.</summary>
    public static bool Has(ReadSession read, long profileId, long occurredAt, long eventSeq)
    {
        var row = read.Prepare(FindEvent).Set(1, profileId).Set(2, occurredAt).Set(3, eventSeq);
        var has = row.Step();
        row.Reset();
        return has;
    }

    /// <summary>Seqs of the events that were given to a profile, in order.</summary>
    /// <param name="filter">Null: all of them.</param>
    public static List<long> EventsOf(ReadSession read, long profileId, EventFlagsFilter? filter)
    {
        var seqs = new List<long>();
        var row = read.Prepare(filter is null ? FindEvents : FindConsentEvents).Set(1, profileId);
        while (row.Step())
        {
            seqs.Add(row.Int64(0));
        }

        return seqs;
    }

    /// <summary>All links of a profile.</summary>
    public static List<StoredLink> LinksOf(ReadSession read, long profileId)
    {
        var links = new List<StoredLink>();
        var row = read.Prepare(FindLinks).Set(1, profileId);
        while (row.Step())
        {
            links.Add(GraphStore.ReadLink(row));
        }

        return links;
    }

    public static void DropEventOf(WriteSession write, long profileId, long occurredAt, long eventSeq) =>
        write.Prepare(DropEvent).Set(1, profileId).Set(2, occurredAt).Set(3, eventSeq).Run();

    public static void Drop(WriteSession write, StoredLink link) => write.Prepare(DropLink).Set(1, link.Low).Set(2, link.High).Run();

    /// <summary>Takes a profile out with all that was kept of it but its links.</summary>
    public static void DropProfileOf(WriteSession write, long id)
    {
        var words = new List<string>();
        RecordStore.Of(write, id).ForEach(record => NameWords.Add(record.Traits, words));
        WordStore.Append(write, [], [.. words.Select(word => new Word(word, id))]);
        write.Prepare(DropProfile).Set(1, id).Run();
        write.Prepare(DropRecords).Set(1, id).Run();
        RecordStore.DropGoldenOf(write, id);
    }

    public static void Drop(WriteSession write, SourceRecord record) =>
        write.Prepare(DropRecord).Set(1, record.ProfileId).Set(2, record.SourceId).Run();

    public static void Count(WriteSession write, long id, long named, long anonymous) =>
        write.Prepare(CountLinks).Set(1, id).Set(2, named).Set(3, anonymous).Run();

    public static void FirstSeen(WriteSession write, long id, long at, long sourceId) =>
        write.Prepare(SetFirstSeen).Set(1, id).Set(2, at).Set(3, sourceId).Run();
}
