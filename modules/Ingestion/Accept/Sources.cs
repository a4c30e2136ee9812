using System.Globalization;
using System.Security.Cryptography;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>Making and changing sources.</summary>
internal sealed class Sources(
    IStore store, SourceMap map, Tallies tallies, IEnumerable<IPurposeNames> purposeNames, IAudit audit, TimeProvider clock,
    IOptions<IngestionOptions> options) : ISources
{
    public const int NameAtMost = 100;
    private const int OriginsAtMost = 50;
    private const int ConsentAtMost = 80;
    private const string KeyAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    private const int KeyLength = 32;

    public static readonly Problem Unknown = new("source.unknown", "There is no such source.");
    private static readonly Problem NameTaken = new("source.name_taken", "Another source has this name.", "name");

    public Task<IReadOnlyList<Source>> ListAsync(CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<Source>>([.. map.All.Select(WithLastEvent)]);

    public string NameOf(long sourceId) => map.Find(sourceId)?.Name ?? sourceId.ToString(CultureInfo.InvariantCulture);

    public Source? Find(long id) => map.Find(id) is { } source ? WithLastEvent(source) : null;

    public async Task<Outcome<Source>> CreateAsync(Actor actor, string name, SourceKind kind, CancellationToken ct)
    {
        name = name.Trim();
        if (CheckName(name) is { } wrong)
        {
            return wrong;
        }

        var created = await store.WriteAsync(
            write =>
            {
                var source = SourceStore.Create(write, name, kind, NewKey(), Now);
                if (source is not null)
                {
                    SourceStore.TellOthers(write);
                    audit.Record(write, actor, "source.created", Subject(source.Id), new { kind = kind.ToString() });
                }

                return source;
            }, ct);
        if (created is null)
        {
            return NameTaken;
        }

        map.Reload();
        return created;
    }

    public Task<Outcome<Source>> RenameAsync(Actor actor, long id, string name, CancellationToken ct)
    {
        name = name.Trim();
        return CheckName(name) is { } wrong
            ? Task.FromResult<Outcome<Source>>(wrong)
            : ChangeAsync(
                actor, id, "source.renamed", null, write => SourceStore.SetName(write, id, name) ? null : NameTaken, ct);
    }

    public Task<Outcome<Source>> SetEnabledAsync(Actor actor, long id, bool enabled, CancellationToken ct) =>
        ChangeAsync(
            actor, id, enabled ? "source.enabled" : "source.disabled", null,
            write =>
            {
                SourceStore.SetEnabled(write, id, enabled);
                return null;
            }, ct);

    /// <summary>What calls must carry consent for must be a purpose that there is: calls without it are kept nowhere, and a typing error would lose all of them.</summary>
    public async Task<Outcome<Source>> SetAsync(Actor actor, long id, SourceSettings wanted, CancellationToken ct)
    {
        var settings = wanted with
        {
            Country = string.IsNullOrWhiteSpace(wanted.Country) ? null : wanted.Country.Trim().ToUpperInvariant(),
            TimeZone = string.IsNullOrWhiteSpace(wanted.TimeZone) ? null : wanted.TimeZone.Trim(),
            Consent = string.IsNullOrWhiteSpace(wanted.Consent) ? null : wanted.Consent.Trim().ToLowerInvariant(),
            Origins = [.. (wanted.Origins ?? []).Select(origin => (origin ?? "").Trim().TrimEnd('/').ToLowerInvariant()).Where(origin => origin.Length > 0).Distinct()],
        };
        if (CheckSettings(settings) is { } wrong)
        {
            return wrong;
        }

        if (settings.Consent is { } purpose && purpose != map.Find(id)?.Settings.Consent && (await purposeNames.ListAsync(ct)).All(known => known.Key != purpose))
        {
            return new Problem("source.consent_unknown", $"There is no purpose '{purpose}'. Make it under Consent first, or choose one that is there.", "consent");
        }

        return await ChangeAsync(
            actor, id, "source.settings_changed", settings,
            write =>
            {
                SourceStore.SaveSettings(write, id, settings);
                return null;
            }, ct);
    }

    /// <summary>Gives it a new write key. The old one is taken for some time more: clients throw events away at a 401.</summary>
    public Task<Outcome<Source>> RotateKeyAsync(Actor actor, long id, CancellationToken ct)
    {
        var oldExpiresAt = Now + (long)options.Value.OldKeyLives.TotalMilliseconds;
        return ChangeAsync(
            actor, id, "source.key_rotated", new { oldExpiresAt },
            write =>
            {
                SourceStore.Rotate(write, id, NewKey(), Now, oldExpiresAt);
                return null;
            }, ct);
    }

    /// <summary>Stops taking the keys that were replaced.</summary>
    public Task<Outcome<Source>> ExpireOldKeysAsync(Actor actor, long id, CancellationToken ct) =>
        ChangeAsync(
            actor, id, "source.old_keys_expired", null,
            write =>
            {
                SourceStore.ExpireOldKeys(write, id, Now);
                return null;
            }, ct);

    private static string Subject(long id) => FormattableString.Invariant($"source:{id}");

    private static string NewKey() => RandomNumberGenerator.GetString(KeyAlphabet, KeyLength);

    private static Problem? CheckName(string name) => name.Length switch
    {
        0 => new Problem("source.name_missing", "Give the source a name.", "name"),
        > NameAtMost => new Problem("source.name_too_long", $"The name may have {NameAtMost} characters.", "name"),
        _ => null,
    };

    private static Problem? CheckSettings(SourceSettings settings) =>
        settings.Country is { } country && !PhoneNumbers.IsCountry(country)
            ? new Problem("source.country_unknown", "The country must be an ISO 3166-1 code of two letters, such as NO.", "country")
        : settings.TimeZone is { } zone && !TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _)
            ? new Problem("source.time_zone_unknown", $"There is no time zone '{zone}'; one is written such as Europe/Oslo.", "timeZone")
        : settings.Consent?.Length > ConsentAtMost
            ? new Problem("source.consent_too_long", $"A purpose has at most {ConsentAtMost} characters.", "consent")
        : settings.Rate is < 0 or > 1_000_000
            ? new Problem("source.rate_unusable", "The rate is 0 to 1,000,000 events a second.", "rate")
        : settings.Origins.Count > OriginsAtMost
            ? new Problem("source.too_many_origins", "A source has at most 50 websites.", "origins")
        : settings.Origins.FirstOrDefault(origin => !Origins.IsOrigin(origin)) is { } odd
            ? new Problem("source.origin_unusable", $"{odd} is not a website such as https://shop.example or https://*.shop.example.", "origins")
            : null;

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task<Outcome<Source>> ChangeAsync(
        Actor actor, long id, string action, object? details, Func<WriteSession, Problem?> change, CancellationToken ct)
    {
        var problem = await store.WriteAsync(
            write =>
            {
                if (!SourceStore.Has(write, id))
                {
                    return Unknown;
                }

                if (change(write) is { } refused)
                {
                    return refused;
                }

                SourceStore.TellOthers(write);
                audit.Record(write, actor, action, Subject(id), details);
                return null;
            }, ct);
        if (problem is not null)
        {
            return problem;
        }

        map.Reload();
        return Find(id)!;
    }

    private Source WithLastEvent(Source source) => source with { LastEventAt = tallies.Of(source.Id).LastEventAt };
}
