using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>A key that calls may carry.</summary>
/// <param name="ExpiresAt">Unix ms; null: it is the one in force.</param>
/// <param name="LastUsedAt">Unix ms, to the minute; null: never.</param>
internal sealed record WriteKey(string Key, long SourceId, long CreatedAt, long? ExpiresAt, long? LastUsedAt);

/// <summary>What was counted of a source.</summary>
/// <param name="Stored">Events.</param>
/// <param name="Duplicates">Calls whose event was there already.</param>
/// <param name="Quarantined">Calls ever put aside.</param>
/// <param name="Blocked">Calls that were not kept for want of consent.</param>
/// <param name="TurnedAway">Requests that were too much for the rate.</param>
/// <param name="Refused">Requests that came while it was off, or from websites that it does not name.</param>
/// <param name="Retried">Requests that the sender said it sent again.</param>
internal sealed record SourceCounts(
    long SourceId, long Stored, long Duplicates, long Quarantined, long Blocked, long TurnedAway, long Refused, long Retried, long? LastEventAt)
{
    public static SourceCounts None(long sourceId) => new(sourceId, 0, 0, 0, 0, 0, 0, 0, null);

    public bool IsNone => this == None(SourceId);

    public SourceCounts Plus(SourceCounts more) => new(
        SourceId, Stored + more.Stored, Duplicates + more.Duplicates, Quarantined + more.Quarantined, Blocked + more.Blocked,
        TurnedAway + more.TurnedAway, Refused + more.Refused, Retried + more.Retried, more.LastEventAt ?? LastEventAt);

    /// <summary>What is left when these were taken off; the last event stays.</summary>
    public SourceCounts Minus(SourceCounts less) => new(
        SourceId, Stored - less.Stored, Duplicates - less.Duplicates, Quarantined - less.Quarantined, Blocked - less.Blocked,
        TurnedAway - less.TurnedAway, Refused - less.Refused, Retried - less.Retried, LastEventAt);
}

/// <summary>Events of a source that are not in its counts yet.</summary>
/// <param name="LastAt">When the newest of them was received, Unix ms.</param>
internal sealed record Uncounted(long SourceId, long Stored, long LastAt, long LastSeq);

/// <summary>A write key that nothing here knows; empty: calls that name no source at all.</summary>
internal sealed record RejectedKey(string WriteKey, long Calls, long FirstAt, long LastAt);

/// <summary>Sources and their write keys on the store.</summary>
internal sealed class SourceStore
{
    /// <summary>A log without entries, which tells other processes that a source is not what it was.</summary>
    public const string Changes = "ingestion.source_change";

    private const string Log = "ingestion.source";

    private const string ReadSources = """
        SELECT   s.id            AS Id,
                 s.name          AS Name,
                 s.kind          AS Kind,
                 k.write_key     AS WriteKey,
                 s.enabled       AS Enabled,
                 s.created_at    AS CreatedAt,
                 s.last_event_at AS LastEventAt
        FROM     ingestion_source    AS s
        JOIN     ingestion_write_key AS k ON k.source_id = s.id AND k.expires_at IS NULL
        ORDER BY s.id
        """;

    private const string ReadKeys = """
        SELECT write_key    AS Key,
               source_id    AS SourceId,
               created_at   AS CreatedAt,
               expires_at   AS ExpiresAt,
               last_used_at AS LastUsedAt
        FROM   ingestion_write_key
        """;

    private const string ReadCounts = """
        SELECT id            AS SourceId,
               stored        AS Stored,
               duplicates    AS Duplicates,
               quarantined   AS Quarantined,
               blocked       AS Blocked,
               turned_away   AS TurnedAway,
               refused       AS Refused,
               retried       AS Retried,
               last_event_at AS LastEventAt
        FROM   ingestion_source
        """;

    private const string ReadUncounted = """
        SELECT   source_id AS SourceId, COUNT(*) AS Stored, MAX(received_at) AS LastAt, MAX(seq) AS LastSeq
        FROM     ingestion_event
        WHERE    seq > (SELECT seq FROM ingestion_counted WHERE id = 1) AND seq < @before
        GROUP BY source_id
        """;

    private const string MoveCounted = "UPDATE ingestion_counted SET seq = @seq WHERE id = 1 AND seq < @seq";

    private const string ReadSettings = """
        SELECT source_id AS SourceId,
               country   AS Country,
               rate      AS Rate,
               keeps_ip  AS KeepsIp,
               origins   AS Origins,
               time_zone AS TimeZone,
               consent   AS Consent
        FROM   ingestion_source_setting
        """;

    private const string PutSettings = """
        INSERT INTO ingestion_source_setting (source_id, country, rate, keeps_ip, origins, time_zone, consent)
        VALUES (@id, @country, @rate, @keepsIp, @origins, @timeZone, @consent)
        ON CONFLICT (source_id) DO UPDATE
        SET country = excluded.country, rate = excluded.rate, keeps_ip = excluded.keeps_ip, origins = excluded.origins,
            time_zone = excluded.time_zone, consent = excluded.consent
        """;

    private const string Insert = """
        INSERT INTO ingestion_source (id, name, name_key, kind, enabled, created_at)
        VALUES (@id, @name, @nameKey, @kind, 1, @at)
        ON CONFLICT (name_key) DO NOTHING
        """;

    private const string Rename = """
        UPDATE ingestion_source
        SET    name = @name, name_key = @nameKey
        WHERE  id = @id
               AND NOT EXISTS (SELECT 1 FROM ingestion_source WHERE name_key = @nameKey AND id <> @id)
        """;

    private const string Enable = "UPDATE ingestion_source SET enabled = @enabled WHERE id = @id AND enabled <> @enabled";
    private const string Exists = "SELECT COUNT(*) FROM ingestion_source WHERE id = @id";
    private const string InsertKey =
        "INSERT INTO ingestion_write_key (write_key, source_id, created_at) VALUES (@key, @sourceId, @at)";

    private const string Expire =
        "UPDATE ingestion_write_key SET expires_at = @expiresAt WHERE source_id = @sourceId AND expires_at IS NULL";

    private const string ExpireOld =
        "UPDATE ingestion_write_key SET expires_at = @at WHERE source_id = @sourceId AND expires_at > @at";

    private const string Add = """
        UPDATE ingestion_source
        SET    stored        = stored + @Stored,
               duplicates    = duplicates + @Duplicates,
               quarantined   = quarantined + @Quarantined,
               blocked       = blocked + @Blocked,
               turned_away   = turned_away + @TurnedAway,
               refused       = refused + @Refused,
               retried       = retried + @Retried,
               last_event_at = COALESCE(@LastEventAt, last_event_at)
        WHERE  id = @SourceId
        """;

    private const string AddHour = """
        INSERT INTO ingestion_source_hour (source_id, hour, stored)
        VALUES (@SourceId, @hour, @Stored)
        ON CONFLICT (source_id, hour) DO UPDATE SET stored = ingestion_source_hour.stored + excluded.stored
        """;

    private const string ReadHours = "SELECT hour FROM ingestion_source_hour WHERE source_id = @sourceId AND hour >= @since ORDER BY hour";
    private const string ForgetHours = "DELETE FROM ingestion_source_hour WHERE hour < @before";
    private const string UseKey = "UPDATE ingestion_write_key SET last_used_at = @at WHERE write_key = @key";

    private const string AddRejected = """
        INSERT INTO ingestion_rejected_key (write_key, calls, first_at, last_at)
        VALUES (@WriteKey, @Calls, @FirstAt, @LastAt)
        ON CONFLICT (write_key) DO UPDATE
        SET calls = ingestion_rejected_key.calls + excluded.calls, last_at = excluded.last_at
        """;

    private const string TrimRejected = """
        DELETE FROM ingestion_rejected_key
        WHERE  write_key NOT IN (SELECT write_key FROM ingestion_rejected_key ORDER BY last_at DESC LIMIT @keep)
        """;

    private const string ReadRejected = """
        SELECT   write_key AS WriteKey,
                 calls     AS Calls,
                 first_at  AS FirstAt,
                 last_at   AS LastAt
        FROM     ingestion_rejected_key
        ORDER BY last_at DESC
        """;

    public static IReadOnlyList<Source> Read(ReadSession read)
    {
        var settings = read.Query<SettingsRow>(ReadSettings).ToDictionary(
            row => row.SourceId,
            row => new SourceSettings(row.Country, row.Rate, row.KeepsIp != 0, row.Origins.Split(' ', StringSplitOptions.RemoveEmptyEntries), row.TimeZone, row.Consent));
        return
        [
            .. read.Query<Row>(ReadSources).Select(row => new Source(
                row.Id, row.Name, Enum.Parse<SourceKind>(row.Kind), row.WriteKey, row.Enabled != 0, row.CreatedAt, row.LastEventAt)
            {
                Settings = settings.GetValueOrDefault(row.Id) ?? SourceSettings.Default,
            }),
        ];
    }

    public static void SaveSettings(WriteSession write, long id, SourceSettings settings) => write.Execute(PutSettings, new
    {
        id, country = settings.Country, rate = settings.Rate, keepsIp = settings.KeepsIp ? 1L : 0L, origins = string.Join(' ', settings.Origins),
        timeZone = settings.TimeZone, consent = settings.Consent,
    });

    public static IReadOnlyList<WriteKey> Keys(ReadSession read) => [.. read.Query<WriteKey>(ReadKeys)];

    public static IReadOnlyList<SourceCounts> Counts(ReadSession read) => [.. read.Query<SourceCounts>(ReadCounts)];

    /// <summary>What a crash left out of the counts: events below a seq that were stored after the last save.</summary>
    public static IReadOnlyList<Uncounted> Uncounted(ReadSession read, long before) =>
        [.. read.Query<(long SourceId, long Stored, long LastAt, long LastSeq)>(ReadUncounted, new { before }).Select(row => new Uncounted(row.SourceId, row.Stored, row.LastAt, row.LastSeq))];

    /// <summary>The counts hold all events up to here.</summary>
    public static void CountedTo(WriteSession write, long seq) => write.Execute(MoveCounted, new { seq });

    /// <summary>Null: another source has this name.</summary>
    public static Source? Create(WriteSession write, string name, SourceKind kind, string key, long at)
    {
        var id = write.NextSeq(Log);
        if (write.Execute(Insert, new { id, name, nameKey = KeyOf(name), kind = kind.ToString(), at }) == 0)
        {
            return null;
        }

        write.Advance(Log, 1);
        write.Execute(InsertKey, new { key, sourceId = id, at });
        return new Source(id, name, kind, key, true, at, null);
    }

    /// <summary>False: another source has this name.</summary>
    public static bool SetName(WriteSession write, long id, string name) =>
        write.Execute(Rename, new { id, name, nameKey = KeyOf(name) }) > 0;

    /// <summary>False: it was so already.</summary>
    public static bool SetEnabled(WriteSession write, long id, bool enabled) =>
        write.Execute(Enable, new { id, enabled = enabled ? 1L : 0L }) > 0;

    public static bool Has(ReadSession read, long id) => read.Scalar<long>(Exists, new { id }) > 0;

    /// <summary>The source has a new key; the one before is taken until it expires.</summary>
    public static void Rotate(WriteSession write, long sourceId, string key, long at, long oldExpiresAt)
    {
        write.Execute(Expire, new { sourceId, expiresAt = oldExpiresAt });
        write.Execute(InsertKey, new { key, sourceId, at });
    }

    /// <summary>Keys that were replaced are no longer taken.</summary>
    public static int ExpireOldKeys(WriteSession write, long sourceId, long at) => write.Execute(ExpireOld, new { sourceId, at });

    /// <param name="more">What came since the last time.</param>
    /// <param name="hour">Unix ms / 3,600,000.</param>
    public static void AddCounts(WriteSession write, SourceCounts more, long hour)
    {
        write.Execute(Add, more);
        if (more.Stored > 0)
        {
            write.Execute(AddHour, new { more.SourceId, hour, more.Stored });
        }
    }

    /// <summary>The hours in which a source was heard, ascending.</summary>
    public static IReadOnlyList<long> Hours(ReadSession read, long sourceId, long since) => [.. read.Query<long>(ReadHours, new { sourceId, since })];

    public static int RemoveHours(WriteSession write, long before) => write.Execute(ForgetHours, new { before });

    public static void Used(WriteSession write, string key, long at) => write.Execute(UseKey, new { key, at });

    public static void AddRejectedKeys(WriteSession write, IReadOnlyCollection<RejectedKey> keys, int keep)
    {
        foreach (var key in keys)
        {
            write.Execute(AddRejected, key);
        }

        write.Execute(TrimRejected, new { keep });
    }

    public static IReadOnlyList<RejectedKey> RejectedKeys(ReadSession read) => [.. read.Query<RejectedKey>(ReadRejected)];

    /// <summary>Call it in every transaction that changes a source or its keys.</summary>
    public static void TellOthers(WriteSession write) => write.Advance(Changes, 1);

    private static string KeyOf(string name) => name.ToLowerInvariant();

    private sealed record SettingsRow(long SourceId, string? Country, long? Rate, long KeepsIp, string Origins, string? TimeZone, string? Consent);

    private sealed record Row(long Id, string Name, string Kind, string WriteKey, long Enabled, long CreatedAt, long? LastEventAt);
}
