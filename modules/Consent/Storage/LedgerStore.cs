using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Consent.Storage;

/// <summary>An entry on its way into the ledger.</summary>
internal sealed record NewEntry(
    long ProfileId, string Purpose, string Channel, ConsentStatus Status, long OccurredAt, string Evidence, string? RestatedBy);

/// <summary>The ledger, and what was last seen of each teller. Nothing in the ledger is changed or deleted but by the undo of an import.</summary>
internal sealed class LedgerStore(IStore store)
{
    private const string Columns = "seq, profile_id, purpose, channel, status, occurred_at, recorded_at, evidence, restated_by";

    private const string After = $"SELECT {Columns} FROM consent_ledger WHERE seq > $1 ORDER BY seq LIMIT $2";

    private const string OfProfile = $"SELECT {Columns} FROM consent_ledger WHERE profile_id = $1";

    private const string BySeq = $"SELECT {Columns} FROM consent_ledger WHERE seq = $1";

    private const string Marks = """
        SELECT seq, channel, status, occurred_at, restated_by
        FROM   consent_ledger
        WHERE  profile_id = $1 AND purpose = $2
        """;

    private const string AllMarks = """
        SELECT profile_id, purpose, seq, channel, status, occurred_at, restated_by
        FROM   consent_ledger
        ORDER  BY profile_id, purpose
        """;

    private static readonly string DecisionsOf = $"""
        SELECT profile_id, purpose, channel, status, occurred_at
        FROM   consent_ledger
        WHERE  profile_id IN ({Lists.Places}) AND restated_by IS NULL
        """;

    private const string StatusBeforeMoment = """
        SELECT status
        FROM   consent_ledger
        WHERE  profile_id = $1 AND purpose = $2 AND restated_by = $3 AND occurred_at <= $4
        ORDER  BY occurred_at DESC, status DESC
        LIMIT  1
        """;

    private const string SeenOf = "SELECT state FROM consent_seen WHERE profile_id = $1 AND restated_by = $2";

    private const string KeepSeen = """
        INSERT INTO consent_seen (profile_id, restated_by, state) VALUES ($1, $2, $3)
        ON CONFLICT (profile_id, restated_by) DO UPDATE SET state = excluded.state
        """;

    private const string ReplaceEvidence = "UPDATE consent_ledger SET evidence = $2 WHERE seq = $1";
    private const string DropEntry = "DELETE FROM consent_ledger WHERE seq = $1";
    private const string Last = "SELECT COALESCE(MAX(seq), 0) FROM consent_ledger";

    public IReadOnlyList<ConsentEntry> Read(long after, int limit) =>
        store.Read(read => Entries(read.Prepare(After).Set(1, after).Set(2, limit)));

    public IReadOnlyList<ConsentEntry> Records(IEnumerable<long> seqs) => store.Read<IReadOnlyList<ConsentEntry>>(
        read => [.. seqs.Order().Distinct().SelectMany(seq => Entries(read.Prepare(BySeq).Set(1, seq)))]);

    /// <summary>All entries about some profiles.</summary>
    public Task<IReadOnlyList<ConsentEntry>> OfAsync(IReadOnlyCollection<long> profileIds, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<ConsentEntry>>(
            read => [.. profileIds.SelectMany(id => Entries(read.Prepare(OfProfile).Set(1, id)))], ct);

    /// <summary>All entries about one profile, as the reader sees them.</summary>
    public IReadOnlyList<ConsentEntry> EntriesOf(ReadSession read, long profileId) => Entries(read.Prepare(OfProfile).Set(1, profileId));

    /// <summary>Another call turns out to tell of the same decision.</summary>
    public void SetEvidence(WriteSession write, long seq, Evidence evidence) =>
        write.Prepare(ReplaceEvidence).Set(1, seq).Set(2, evidence.ToJson()).Run();

    public void Drop(WriteSession write, long seq) => write.Prepare(DropEntry).Set(1, seq).Run();

    public long LastSeq() => store.Read(read => read.Scalar<long>(Last));

    /// <summary>For each person the marks of all their profiles about one purpose, handed over one person after the other.</summary>
    public void EachPerson(
        IEnumerable<(long CanonicalId, IEnumerable<long> Members)> people, string purpose, Action<long, IReadOnlyList<Mark>> take) =>
        store.Read(read =>
        {
            var statement = read.Prepare(Marks);
            var marks = new List<Mark>();
            foreach (var (canonicalId, members) in people)
            {
                marks.Clear();
                foreach (var member in members)
                {
                    statement.Set(1, member).Set(2, purpose);
                    while (statement.Step())
                    {
                        marks.Add(new Mark(
                            statement.Int64(0), member, statement.Text(1), (ConsentStatus)statement.Int64(2), statement.Int64(3),
                            statement.TextOrNull(4)));
                    }
                }

                take(canonicalId, marks);
            }

            return true;
        });

    /// <summary>All marks, those of one profile and purpose after each other.</summary>
    public Task EachMarkAsync(Action<string, Mark> take, CancellationToken ct) => store.ReadAsync(
        read =>
        {
            var statement = read.Prepare(AllMarks);
            while (statement.Step())
            {
                ct.ThrowIfCancellationRequested();
                take(statement.Text(1), new Mark(
                    statement.Int64(2), statement.Int64(0), statement.Text(3), (ConsentStatus)statement.Int64(4), statement.Int64(5),
                    statement.TextOrNull(6)));
            }

            return true;
        }, ct);

    public Sightings Seen(long profileId, string teller) => store.Read(read =>
    {
        var statement = read.Prepare(SeenOf).Set(1, profileId).Set(2, teller);
        return statement.Step() ? Sightings.FromJson(statement.Text(0)) : new Sightings();
    });

    /// <summary>What the ledger says that a teller said at or before a moment.</summary>
    public ConsentStatus? StatusBefore(long profileId, string purpose, string teller, long moment) => store.Read(read =>
    {
        var statement = read.Prepare(StatusBeforeMoment).Set(1, profileId).Set(2, purpose).Set(3, teller).Set(4, moment);
        return statement.Step() ? (ConsentStatus)statement.Int64(0) : (ConsentStatus?)null;
    });

    public void KeepSeenOf(WriteSession write, long profileId, string teller, Sightings sightings) =>
        write.Prepare(KeepSeen).Set(1, profileId).Set(2, teller).Set(3, sightings.ToJson()).Run();

    /// <summary>Appends, but for a decision that is there already, and returns the seqs that were given.</summary>
    public IReadOnlyList<long> Append(WriteSession write, IReadOnlyList<NewEntry> entries, long now)
    {
        var given = new List<long>(entries.Count);
        var next = write.NextSeq(IConsent.Log);
        var there = Decisions(write, entries);
        var rows = write.Append("consent_ledger", Columns);
        foreach (var entry in entries)
        {
            if (entry.RestatedBy is null && !there.Add((entry.ProfileId, entry.Purpose, entry.Channel, (long)entry.Status, entry.OccurredAt)))
            {
                continue;
            }

            rows.Add(next).Add(entry.ProfileId).Add(entry.Purpose).Add(entry.Channel).Add((long)entry.Status)
                .Add(entry.OccurredAt).Add(now).Add(entry.Evidence).Add(entry.RestatedBy).EndRow();
            given.Add(next++);
        }

        rows.Done();
        write.Advance(IConsent.Log, given.Count);
        return given;
    }

    /// <summary>The decisions that are there of the people whom the entries are about.</summary>
    private static HashSet<(long ProfileId, string Purpose, string Channel, long Status, long OccurredAt)> Decisions(
        WriteSession write, IReadOnlyList<NewEntry> entries)
    {
        var there = new HashSet<(long, string, string, long, long)>();
        foreach (var people in entries.Where(entry => entry.RestatedBy is null).Select(entry => entry.ProfileId).Distinct().Chunk(Lists.AtOnce))
        {
            var statement = write.Prepare(DecisionsOf).SetList(people);
            while (statement.Step())
            {
                there.Add((statement.Int64(0), statement.Text(1), statement.Text(2), statement.Int64(3), statement.Int64(4)));
            }
        }

        return there;
    }

    private static List<ConsentEntry> Entries(Statement statement)
    {
        var entries = new List<ConsentEntry>();
        while (statement.Step())
        {
            entries.Add(new ConsentEntry(
                statement.Int64(0), statement.Int64(1), statement.Text(2), statement.Text(3), (ConsentStatus)statement.Int64(4),
                statement.Int64(5), statement.Int64(6), statement.Text(7), statement.TextOrNull(8)));
        }

        return entries;
    }
}
