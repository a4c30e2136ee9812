using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>Where files are fetched from by themselves.</summary>
/// <param name="Kind"><c>folder</c> or <c>https</c>.</param>
/// <param name="Place">A folder below the root of all watched folders, or an address.</param>
/// <param name="Pattern">Which files of a folder: <c>*</c> and <c>?</c> stand for any signs.</param>
/// <param name="Proof"><c>none</c>, <c>header</c> or <c>basic</c>.</param>
/// <param name="ProofName">The name of the header, or of the user.</param>
/// <param name="Secret">Protected; null: none.</param>
/// <param name="Cron">Quartz cron expression, with seconds, in UTC.</param>
/// <param name="Afterwards"><c>move</c> (to done or failed) or <c>leave</c>.</param>
/// <param name="State"><c>on</c>, <c>paused</c> by somebody, or <c>stopped</c> by the program: see <paramref name="ErrorCode"/>.</param>
/// <param name="LookAgainAt">Sooner than the schedule: somebody asked, a file may be growing, or the last try failed. Unix ms.</param>
/// <param name="Taken">Files that became imports.</param>
/// <param name="Failures">Runs that failed, one after the other.</param>
/// <param name="Error">Of the last failure, for people: what to do; null: all is well.</param>
internal sealed record Feed(
    long Id, string Name, string Kind, string Place, string Pattern, string Proof, string ProofName, string? Secret, string Cron, long MappingId,
    long SourceId, string Afterwards, string State, long CreatedAt, long? NextRunAt, long? LookAgainAt, long? LastRunAt, long? LastTakenAt,
    long Taken, long Failures, string? ErrorCode, string? Error, long? ErrorAt, string? Etag, string? LastModified)
{
    public const string Folder = "folder";
    public const string Https = "https";
    public const string On = "on";
    public const string Paused = "paused";
    public const string Stopped = "stopped";
    public const string Move = "move";
    public const string Leave = "leave";

    /// <summary>Nothing that a run goes by has been changed.</summary>
    public bool IsAs(Feed other) =>
        (Kind, Place, Pattern, MappingId, SourceId, Afterwards, State) ==
        (other.Kind, other.Place, other.Pattern, other.MappingId, other.SourceId, other.Afterwards, other.State);
}

/// <summary>A file of a watched folder at the last look.</summary>
/// <param name="ChangedAt">Unix ms, by the file system.</param>
/// <param name="State"><c>seen</c>, <c>taken</c> or <c>refused</c>.</param>
internal sealed record FeedLook(string Name, long SizeBytes, long ChangedAt, long LookedAt, string State)
{
    public const string Seen = "seen";
    public const string Taken = "taken";
    public const string Refused = "refused";
}

/// <summary>What a feed took or could not use.</summary>
/// <param name="State"><c>taken</c> or <c>refused</c>.</param>
/// <param name="Message">Why it was refused.</param>
internal sealed record FeedFile(long Id, string Name, string State, long? ImportId, string? Message, long At);

/// <summary>Feeds on the store.</summary>
internal static class FeedStore
{
    private const string Feeds = "ingestion.feed";
    private const string FileSequence = "ingestion.feed_file";

    private const string Columns = """
        SELECT id AS Id, name AS Name, kind AS Kind, place AS Place, pattern AS Pattern, proof AS Proof, proof_name AS ProofName,
               secret AS Secret, cron AS Cron, mapping_id AS MappingId, source_id AS SourceId, afterwards AS Afterwards, state AS State,
               created_at AS CreatedAt, next_run_at AS NextRunAt, look_again_at AS LookAgainAt, last_run_at AS LastRunAt,
               last_taken_at AS LastTakenAt, taken AS Taken, failures AS Failures, error_code AS ErrorCode, error AS Error,
               error_at AS ErrorAt, etag AS Etag, last_modified AS LastModified
        FROM   ingestion_feed
        """;

    private const string SelectDue = $"{Columns} WHERE state = 'on' AND (next_run_at <= @now OR look_again_at <= @now) ORDER BY id";

    private const string Insert = """
        INSERT INTO ingestion_feed (id, name, name_key, kind, place, pattern, proof, proof_name, secret, cron, mapping_id, source_id, afterwards, state, created_at)
        VALUES (@Id, @Name, @NameKey, @Kind, @Place, @Pattern, @Proof, @ProofName, @Secret, @Cron, @MappingId, @SourceId, @Afterwards, @State, @CreatedAt)
        """;

    private const string Update = """
        UPDATE ingestion_feed
        SET    name = @Name, name_key = @NameKey, place = @Place, pattern = @Pattern, proof = @Proof, proof_name = @ProofName, secret = @Secret,
               cron = @Cron, mapping_id = @MappingId, source_id = @SourceId, afterwards = @Afterwards, state = @State,
               next_run_at = @NextRunAt, look_again_at = @LookAgainAt, last_run_at = @LastRunAt, last_taken_at = @LastTakenAt, taken = @Taken,
               failures = @Failures, error_code = @ErrorCode, error = @Error, error_at = @ErrorAt, etag = @Etag, last_modified = @LastModified
        WHERE  id = @Id
        """;

    private const string SelectLooks = """
        SELECT name AS Name, size_bytes AS SizeBytes, changed_at AS ChangedAt, looked_at AS LookedAt, state AS State
        FROM   ingestion_feed_look
        WHERE  feed_id = @feedId
        """;

    private const string UpsertLook = """
        INSERT INTO ingestion_feed_look (feed_id, name, size_bytes, changed_at, looked_at, state)
        VALUES (@feedId, @Name, @SizeBytes, @ChangedAt, @LookedAt, @State)
        ON CONFLICT (feed_id, name) DO UPDATE
        SET size_bytes = excluded.size_bytes, changed_at = excluded.changed_at, looked_at = excluded.looked_at, state = excluded.state
        """;

    private const string InsertFile = """
        INSERT INTO ingestion_feed_file (id, feed_id, name, sha256, state, import_id, message, at)
        VALUES (@id, @feedId, @name, @sha256, @state, @importId, @message, @at)
        """;

    private const string SelectFiles = """
        SELECT id AS Id, name AS Name, state AS State, import_id AS ImportId, message AS Message, at AS At
        FROM   ingestion_feed_file
        WHERE  feed_id = @feedId
        ORDER  BY id DESC
        LIMIT  @limit
        """;

    public static IReadOnlyList<Feed> All(ReadSession read) => [.. read.Query<Row>($"{Columns} ORDER BY name_key").Select(Of)];

    public static Feed? Find(ReadSession read, long id) =>
        read.FirstOrDefault<Row>($"{Columns} WHERE id = @id", new { id }) is { } row ? Of(row) : null;

    public static IReadOnlyList<Feed> Due(ReadSession read, long now) => [.. read.Query<Row>(SelectDue, new { now }).Select(Of)];

    /// <summary>The id of the feed that has the name; null: none.</summary>
    public static long? IdOf(ReadSession read, string name) =>
        read.FirstOrDefault<long?>("SELECT id FROM ingestion_feed WHERE name_key = @key", new { key = KeyOf(name) });

    /// <summary>The name of a feed that reads its files with this mapping.</summary>
    public static string? UsingMapping(ReadSession read, long mappingId) =>
        read.FirstOrDefault<string>("SELECT name FROM ingestion_feed WHERE mapping_id = @mappingId ORDER BY id LIMIT 1", new { mappingId });

    public static Feed Add(WriteSession write, Feed feed)
    {
        var added = feed with { Id = write.NextSeq(Feeds) };
        write.Execute(Insert, Parameters(added));
        write.Advance(Feeds, 1);
        Save(write, added);
        return added;
    }

    public static void Save(WriteSession write, Feed feed) => write.Execute(Update, Parameters(feed));

    public static void Delete(WriteSession write, long feedId)
    {
        write.Execute("DELETE FROM ingestion_feed_look WHERE feed_id = @feedId", new { feedId });
        write.Execute("DELETE FROM ingestion_feed_file WHERE feed_id = @feedId", new { feedId });
        write.Execute("DELETE FROM ingestion_feed WHERE id = @feedId", new { feedId });
    }

    public static IReadOnlyDictionary<string, FeedLook> Looks(ReadSession read, long feedId) =>
        read.Query<FeedLook>(SelectLooks, new { feedId }).ToDictionary(look => look.Name);

    public static void Look(WriteSession write, long feedId, FeedLook look) =>
        write.Execute(UpsertLook, new { feedId, look.Name, look.SizeBytes, look.ChangedAt, look.LookedAt, look.State });

    public static void ForgetLook(WriteSession write, long feedId, string name) =>
        write.Execute("DELETE FROM ingestion_feed_look WHERE feed_id = @feedId AND name = @name", new { feedId, name });

    public static void ForgetLooks(WriteSession write, long feedId) =>
        write.Execute("DELETE FROM ingestion_feed_look WHERE feed_id = @feedId", new { feedId });

    /// <summary>A file with this content became an import of the feed.</summary>
    public static bool HasTaken(ReadSession read, long feedId, string sha256) => read.Scalar<long>(
        "SELECT COUNT(*) FROM ingestion_feed_file WHERE feed_id = @feedId AND sha256 = @sha256 AND state = 'taken'", new { feedId, sha256 }) > 0;

    public static void AddFile(WriteSession write, long feedId, string name, string? sha256, string state, long? importId, string? message, long at)
    {
        write.Execute(InsertFile, new { id = write.NextSeq(FileSequence), feedId, name, sha256, state, importId, message, at });
        write.Advance(FileSequence, 1);
    }

    /// <summary>Newest first.</summary>
    public static IReadOnlyList<FeedFile> Files(ReadSession read, long feedId, int limit) =>
        [.. read.Query<FileRow>(SelectFiles, new { feedId, limit }).Select(row => new FeedFile(row.Id, row.Name, row.State, row.ImportId, row.Message, row.At))];

    private static string KeyOf(string name) => name.Trim().ToUpperInvariant();

    private static object Parameters(Feed feed) => new
    {
        feed.Id, feed.Name, NameKey = KeyOf(feed.Name), feed.Kind, feed.Place, feed.Pattern, feed.Proof, feed.ProofName, feed.Secret, feed.Cron,
        feed.MappingId, feed.SourceId, feed.Afterwards, feed.State, feed.CreatedAt, feed.NextRunAt, feed.LookAgainAt, feed.LastRunAt,
        feed.LastTakenAt, feed.Taken, feed.Failures, feed.ErrorCode, feed.Error, feed.ErrorAt, feed.Etag, feed.LastModified,
    };

    private static Feed Of(Row row) => new(
        row.Id, row.Name, row.Kind, row.Place, row.Pattern, row.Proof, row.ProofName, row.Secret, row.Cron, row.MappingId, row.SourceId,
        row.Afterwards, row.State, row.CreatedAt, row.NextRunAt, row.LookAgainAt, row.LastRunAt, row.LastTakenAt, row.Taken, row.Failures,
        row.ErrorCode, row.Error, row.ErrorAt, row.Etag, row.LastModified);

    private sealed record FileRow
    {
        public long Id { get; init; }

        public string Name { get; init; } = "";

        public string State { get; init; } = "";

        public long? ImportId { get; init; }

        public string? Message { get; init; }

        public long At { get; init; }
    }

    private sealed record Row
    {
        public long Id { get; init; }

        public string Name { get; init; } = "";

        public string Kind { get; init; } = "";

        public string Place { get; init; } = "";

        public string Pattern { get; init; } = "";

        public string Proof { get; init; } = "";

        public string ProofName { get; init; } = "";

        public string? Secret { get; init; }

        public string Cron { get; init; } = "";

        public long MappingId { get; init; }

        public long SourceId { get; init; }

        public string Afterwards { get; init; } = "";

        public string State { get; init; } = "";

        public long CreatedAt { get; init; }

        public long? NextRunAt { get; init; }

        public long? LookAgainAt { get; init; }

        public long? LastRunAt { get; init; }

        public long? LastTakenAt { get; init; }

        public long Taken { get; init; }

        public long Failures { get; init; }

        public string? ErrorCode { get; init; }

        public string? Error { get; init; }

        public long? ErrorAt { get; init; }

        public string? Etag { get; init; }

        public string? LastModified { get; init; }
    }
}
