using CdpMonolith.Consent.Contracts;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Consent.Storage;

/// <summary>The register of purposes.</summary>
internal sealed class PurposeStore(IStore store)
{
    private const string All = """
        SELECT key         AS Key,
               name        AS Name,
               description AS Description,
               created_at  AS CreatedAt,
               seen        AS Seen
        FROM   consent_purpose
        ORDER  BY seen DESC, LOWER(name), key
        """;

    private const string Insert = """
        INSERT INTO consent_purpose (key, name, description, seen, created_at) VALUES (@key, @name, @description, @seen, @now)
        ON CONFLICT (key) DO NOTHING
        """;

    private const string Describe = """
        UPDATE consent_purpose
        SET    name = @name, description = @description, seen = 0
        WHERE  key = @key
        """;

    private const string CountSeen = "SELECT COUNT(*) FROM consent_purpose WHERE seen = 1";

    public Task<IReadOnlyList<Purpose>> AllAsync(CancellationToken ct) => store.ReadAsync(AllOf, ct);

    public IReadOnlyList<Purpose> ReadAll() => store.Read(AllOf);

    /// <summary>False when the key is taken.</summary>
    public bool Add(WriteSession write, string key, string name, string description, bool seen, long now) =>
        write.Execute(Insert, new { key, name, description, seen = seen ? 1L : 0L, now }) == 1;

    /// <summary>False when there is no such purpose.</summary>
    public bool Change(WriteSession write, string key, string name, string description) =>
        write.Execute(Describe, new { key, name, description }) == 1;

    public long SeenCount(WriteSession write) => write.Scalar<long>(CountSeen);

    private static IReadOnlyList<Purpose> AllOf(ReadSession read) =>
        [.. read.Query<Row>(All).Select(row => new Purpose(row.Key, row.Name, row.Description, row.CreatedAt, row.Seen == 1))];

    private sealed record Row(string Key, string Name, string Description, long CreatedAt, long Seen);
}
