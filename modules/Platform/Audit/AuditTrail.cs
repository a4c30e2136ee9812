using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Platform.Audit;

/// <summary>The trail in <c>platform_audit</c>: dense numbers, and a chain of SHA-256 over every field.</summary>
internal sealed class AuditTrail(IStore store, TimeProvider clock) : IAudit
{
    private const string Log = "platform.audit";
    private const int VerifiedAtOnce = 5_000;

    private const string LastHash = "SELECT hash FROM platform_audit WHERE seq = $1";

    private const string End = "SELECT next_seq FROM platform_log WHERE name = @Log";

    private const string Insert = """
        INSERT INTO platform_audit (seq, at, user_id, actor, action, subject, details, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """;

    private const string Page = """
        SELECT seq, at, user_id, actor, action, subject, details, hash
        FROM   platform_audit
        WHERE  seq < $1
          AND  ($2 = '' OR LOWER(actor) LIKE $3 ESCAPE '!' OR LOWER(action) LIKE $3 ESCAPE '!' OR LOWER(subject) LIKE $3 ESCAPE '!')
        ORDER  BY seq DESC
        LIMIT  $4
        """;

    private const string InOrder = """
        SELECT seq, at, user_id, actor, action, subject, details, hash
        FROM   platform_audit
        WHERE  seq > $1
        ORDER  BY seq
        LIMIT  $2
        """;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public void Record(WriteSession write, Actor actor, string action, string subject, object? details = null)
    {
        var seq = write.NextSeq(Log);
        var entry = new AuditEntry(
            seq, clock.GetUtcNow().ToUnixTimeMilliseconds(), actor.UserId, actor.Name, action, subject,
            details is null ? null : JsonSerializer.Serialize(details, Json));
        var before = write.Prepare(LastHash).Set(1, seq - 1);
        var hash = HashOf(before.Step() ? before.Text(0) : "", entry);
        before.Reset();

        var insert = write.Prepare(Insert).Set(1, entry.Seq).Set(2, entry.At);
        _ = entry.UserId is { } user ? insert.Set(3, user) : insert.SetNull(3);
        insert.Set(4, entry.Actor).Set(5, entry.Action).Set(6, entry.Subject).Set(7, entry.Details).Set(8, hash).Run();
        write.Advance(Log, 1);
    }

    public Task<IReadOnlyList<AuditEntry>> ReadAsync(long before, int limit, string? text, CancellationToken ct)
    {
        var wanted = text?.Trim().ToLowerInvariant() ?? "";
        var pattern = $"%{wanted.Replace("!", "!!", StringComparison.Ordinal).Replace("%", "!%", StringComparison.Ordinal).Replace("_", "!_", StringComparison.Ordinal)}%";
        return store.ReadAsync<IReadOnlyList<AuditEntry>>(
            read =>
            {
                var rows = read.Prepare(Page).Set(1, before).Set(2, wanted).Set(3, pattern).Set(4, limit);
                return [.. Rows(rows).Select(row => row.Entry)];
            }, ct);
    }

    public async Task<AuditCheck> VerifyAsync(CancellationToken ct)
    {
        long seq = 0;
        var hash = "";
        while (true)
        {
            var after = seq;
            var (rows, end) = await store.ReadAsync(
                read => (Rows(read.Prepare(InOrder).Set(1, after).Set(2, VerifiedAtOnce)).ToList(),
                    read.FirstOrDefault<long?>(End, new { Log }) ?? 1), ct);
            foreach (var (entry, kept) in rows)
            {
                if (entry.Seq != seq + 1 || HashOf(hash, entry) != kept)
                {
                    return new AuditCheck(seq, hash, seq + 1);
                }

                (seq, hash) = (entry.Seq, kept);
            }

            if (rows.Count < VerifiedAtOnce)
            {
                // The counter of the log tells when entries are missing at the end.
                return new AuditCheck(seq, hash, end - 1 > seq ? seq + 1 : null);
            }
        }
    }

    private static IEnumerable<(AuditEntry Entry, string Hash)> Rows(Statement rows)
    {
        while (rows.Step())
        {
            yield return (
                new AuditEntry(
                    rows.Int64(0), rows.Int64(1), rows.Int64OrNull(2), rows.Text(3), rows.Text(4), rows.Text(5), rows.TextOrNull(6)),
                rows.Text(7));
        }
    }

    /// <summary>SHA-256, in lower-case hex, of the hash before and every field, each with its length so that none runs into the next.</summary>
    private static string HashOf(string before, AuditEntry entry)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(before);
        AddNumber(entry.Seq);
        AddNumber(entry.At);
        AddNumber(entry.UserId ?? -1);
        Add(entry.Actor);
        Add(entry.Action);
        Add(entry.Subject);
        Add(entry.Details);
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Add(string? text)
        {
            var bytes = text is null ? [] : Encoding.UTF8.GetBytes(text);
            AddNumber(text is null ? -1 : bytes.Length);
            hash.AppendData(bytes);
        }

        void AddNumber(long number)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
            hash.AppendData(bytes);
        }
    }
}
