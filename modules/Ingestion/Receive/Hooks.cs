using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Secrets;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Receive;

/// <summary>How a source takes webhooks, as people see and set it.</summary>
/// <param name="Proof">none, token or hmac; of shops always hmac.</param>
/// <param name="Header">The header that carries the token or the signature.</param>
/// <param name="Secret">A new one; null: the one before stays. Never told.</param>
/// <param name="HasSecret">There is one.</param>
internal sealed record HookSettings(string Proof, string Header, string? Secret, bool HasSecret, string Purpose, HookMapping Mapping, long Refused, long? RefusedAt)
{
    public const string None = "none";
    public const string Token = "token";
    public const string Hmac = "hmac";

    public static readonly HookSettings Default = new(None, "X-Signature", null, HasSecret: false, "marketing", HookMapping.Nothing, 0, null);
}

/// <summary>Taking webhooks, setting how, and mapping again what could not be mapped.</summary>
internal sealed class Hooks(IStore store, FreeSpace space, ISecrets secrets, IAudit audit, TimeProvider clock)
{
    /// <summary>Webhooks, of all sources, whose bytes are kept after they have become events.</summary>
    public const int RawKept = 500;

    private const int LookedAtOnce = 25;

    private const string HmacHeader = "X-Signature";
    private static readonly TimeSpan RefusalsSavedEvery = TimeSpan.FromSeconds(1);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly ConcurrentDictionary<long, (long Count, long SavedAt)> _refused = new();

    public static bool IsShop(SourceKind kind) => kind is SourceKind.Shopify or SourceKind.WooCommerce;

    public static bool TakesHooks(SourceKind kind) => IsShop(kind) || kind == SourceKind.Webhook;

    public async Task<HookSettings> SettingsAsync(long sourceId, CancellationToken ct) =>
        Of(await store.ReadAsync(read => HookStore.Find(read, sourceId), ct));

    public async Task<Outcome<HookSettings>> SaveAsync(Actor actor, Source source, HookSettings wanted, CancellationToken ct)
    {
        if (Check(source, wanted) is { } wrong)
        {
            return wrong;
        }

        return await store.WriteAsync<Outcome<HookSettings>>(
            write =>
            {
                var before = HookStore.Find(write, source.Id);
                var secret = string.IsNullOrWhiteSpace(wanted.Secret) ? before?.Secret : secrets.Protect(wanted.Secret.Trim());
                if (wanted.Proof != HookSettings.None && secret is null)
                {
                    return new Problem("hook.secret_missing", "Give the secret that the sender signs with.", "secret");
                }

                var row = new HookRow(
                    source.Id, wanted.Proof, wanted.Header.Trim(), secret, wanted.Purpose.Trim().ToLowerInvariant(),
                    JsonSerializer.Serialize(wanted.Mapping, Json), before?.Refused ?? 0, before?.RefusedAt);
                HookStore.Save(write, row);
                audit.Record(write, actor, "source.webhook_changed", FormattableString.Invariant($"source:{source.Id}"), new
                {
                    wanted.Proof, wanted.Header, wanted.Purpose, newSecret = !string.IsNullOrWhiteSpace(wanted.Secret), fields = wanted.Mapping.Fields.Count,
                });
                return Of(row);
            }, ct);
    }

    /// <summary>Whether it is from who knows the secret; a shop without one is refused everything.</summary>
    public async Task<bool> IsGenuineAsync(Source source, ReadOnlyMemory<byte> body, Func<string, string?> header)
    {
        var row = await store.ReadAsync(read => HookStore.Find(read, source.Id), CancellationToken.None);
        var proof = IsShop(source.Kind) ? HookSettings.Hmac : Of(row).Proof;
        if (proof == HookSettings.None)
        {
            return true;
        }

        var secret = row?.Secret is { } kept ? secrets.Reveal(kept) : null;
        var given = header(source.Kind switch
        {
            SourceKind.Shopify => "X-Shopify-Hmac-SHA256",
            SourceKind.WooCommerce => "X-WC-Webhook-Signature",
            _ => row?.Header is { Length: > 0 } named ? named : HmacHeader,
        });
        var genuine = secret is not null
            && (proof == HookSettings.Token ? HookSignature.IsToken(secret, given) : HookSignature.IsSigned(secret, body.Span, given));
        if (!genuine)
        {
            await CountRefusedAsync(source.Id);
        }

        return genuine;
    }

    /// <summary>Keeps it as it came; ends when it is on disk. Mapping comes later.</summary>
    /// <param name="delivery">The sender's id of it; null: it has none, and each is another.</param>
    /// <returns>False: it came before.</returns>
    public Task<bool> TakeAsync(Source source, string topic, string? delivery, ReadOnlyMemory<byte> body)
    {
        space.Require();
        var raw = body.ToArray();
        delivery ??= Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        return store.WriteAsync(
            write => HookStore.Put(write, source.Id, topic, delivery, raw, clock.GetUtcNow().ToUnixTimeMilliseconds(), RawKept), CancellationToken.None);
    }

    /// <summary>The newest webhook that has fields to choose from, of those whose bytes are kept; null: none has come.</summary>
    public Task<long?> NewestReadableAsync(long sourceId, CancellationToken ct) => store.ReadAsync(
        read =>
        {
            var before = long.MaxValue;
            for (var looked = 0; looked < RawKept; looked += LookedAtOnce)
            {
                var rows = HookStore.Calls(read, sourceId, null, before, LookedAtOnce);
                if (rows.FirstOrDefault(row => row.Raw.Length > 0 && HookFields.AreIn(row.Raw)) is { } found)
                {
                    return found.Id;
                }

                if (rows.Count < LookedAtOnce)
                {
                    return null;
                }

                before = rows[^1].Id;
            }

            return (long?)null;
        }, ct);

    /// <param name="id">0: all that failed or were unknown.</param>
    /// <returns>How many are looked at again.</returns>
    public Task<int> MapAgainAsync(Actor actor, long sourceId, long id, CancellationToken ct) => store.WriteAsync(
        write =>
        {
            var count = HookStore.MapAgain(write, sourceId, id);
            if (count > 0)
            {
                audit.Record(write, actor, "source.webhooks_mapped_again", FormattableString.Invariant($"source:{sourceId}"), new { count });
            }

            return count;
        }, ct);

    public Task<int> RemoveAsync(Actor actor, long sourceId, long id, CancellationToken ct) => store.WriteAsync(
        write =>
        {
            var count = HookStore.Remove(write, sourceId, id);
            if (count > 0)
            {
                audit.Record(write, actor, "source.webhook_dismissed", FormattableString.Invariant($"source:{sourceId}"), new { id });
            }

            return count;
        }, ct);

    public static HookSettings Of(HookRow? row) => row is null || row.Proof.Length == 0
        ? HookSettings.Default with { Refused = row?.Refused ?? 0, RefusedAt = row?.RefusedAt }
        : new HookSettings(
            row.Proof, row.Header, null, row.Secret is not null, row.Purpose,
            row.Mapping is { } mapping ? JsonSerializer.Deserialize<HookMapping>(mapping, Json)! : HookMapping.Nothing, row.Refused, row.RefusedAt);

    private static Problem? Check(Source source, HookSettings wanted)
    {
        if (!TakesHooks(source.Kind))
        {
            return new Problem("hook.kind_wrong", "This kind of source takes no webhooks.");
        }

        if (wanted.Proof is not (HookSettings.None or HookSettings.Token or HookSettings.Hmac) || (IsShop(source.Kind) && wanted.Proof != HookSettings.Hmac))
        {
            return new Problem("hook.proof_unknown", "The proof must be none, token or hmac, and hmac for shops.", "proof");
        }

        if (wanted.Proof != HookSettings.None && !IsShop(source.Kind) && wanted.Header.Trim() is var header && (header.Length is 0 or > 100 || header.Any(c => !char.IsAsciiLetterOrDigit(c) && c != '-')))
        {
            return new Problem("hook.header_unusable", "Name the header that carries the proof, such as X-Signature.", "header");
        }

        if (wanted.Purpose.Trim().Length is 0 or > 64)
        {
            return new Problem("hook.purpose_missing", "Name the purpose that consent to marketing is about.", "purpose");
        }

        return wanted.Mapping.Fields.Count > HookMapping.FieldsAtMost ? new Problem("hook.too_many_fields", "A mapping has at most 200 fields.", "mapping")
            : wanted.Mapping.Fields.Any(field => field.To is HookTarget.Trait or HookTarget.Property or HookTarget.Consent && string.IsNullOrWhiteSpace(field.Name))
                ? new Problem("hook.field_nameless", "Each trait, property and consent needs a name.", "mapping")
                : null;
    }

    /// <summary>At most one write a second and source, whoever knocks.</summary>
    private async Task CountRefusedAsync(long sourceId)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var due = 0L;
        _refused.AddOrUpdate(
            sourceId,
            _ => (due = 1) is 1 ? (0L, now) : default,
            (_, held) =>
            {
                due = now - held.SavedAt >= (long)RefusalsSavedEvery.TotalMilliseconds ? held.Count + 1 : 0;
                return due > 0 ? (0, now) : (held.Count + 1, held.SavedAt);
            });
        if (due > 0)
        {
            await store.WriteAsync(write => HookStore.AddRefused(write, sourceId, due, now), CancellationToken.None);
        }
    }
}
