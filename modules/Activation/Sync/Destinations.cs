using System.Globalization;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Secrets;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Activation.Sync;

/// <summary>A destination as somebody asks for it.</summary>
/// <param name="Settings">Null or empty values mean the default; a secret that is not given is made, or stays as it is.</param>
internal sealed record NewDestination(string Kind, string Name, IReadOnlyDictionary<string, string?> Settings);

/// <summary>Keeps the destinations and their secrets.</summary>
internal sealed class Destinations(IStore store, DestinationStore destinations, Outbox outbox, ISecrets secrets, IAudit audit, TimeProvider clock)
{
    private const int LongestName = 80;

    /// <summary>So long after a rotation messages carry a signature by the old secret too.</summary>
    private static readonly TimeSpan OldSecretHolds = TimeSpan.FromHours(24);

    public Task<IReadOnlyList<Destination>> ListAsync(CancellationToken ct) => destinations.ListAsync(ct);

    public Task<Destination?> FindAsync(long id, CancellationToken ct) => destinations.FindAsync(id, ct);

    public async Task<Outcome<Destination>> CreateAsync(NewDestination wanted, Actor actor, CancellationToken ct)
    {
        if (DestinationKind.Find(wanted.Kind) is not { } kind)
        {
            return new Problem("destination.kind_unknown", "There is no such kind of destination.", "kind");
        }

        if (NameRefusal(wanted.Name) is { } wrong)
        {
            return wrong;
        }

        if (!SettingsCheck.Complete(kind, wanted.Settings).Met(out var settings))
        {
            return SettingsCheck.Complete(kind, wanted.Settings).Problem!;
        }

        if (kind == DestinationKind.Webhook)
        {
            settings.TryAdd(WebhookSettings.Secret, StandardWebhook.NewSecret());
        }

        var now = Now;
        var kept = Protected(kind, settings);
        var id = await store.WriteAsync(
            write =>
            {
                var given = destinations.Add(write, kind.Key, wanted.Name.Trim(), kept, now);
                if (given is { } created)
                {
                    audit.Record(write, actor, "destination.created", Subject(created), new { Kind = kind.Key, Settings = Shown(kind, kept) });
                }

                return given;
            }, ct);
        return id is { } known ? (await destinations.FindAsync(known, ct))! : NameTaken;
    }

    public async Task<Outcome<Destination>> ChangeAsync(
        long id, string name, IReadOnlyDictionary<string, string?> given, Actor actor, CancellationToken ct)
    {
        if (await destinations.FindAsync(id, ct) is not { } before)
        {
            return Unknown;
        }

        if (NameRefusal(name) is { } wrong)
        {
            return wrong;
        }

        var kind = DestinationKind.Find(before.Kind)!;
        var outcome = SettingsCheck.Complete(kind, given);
        if (!outcome.Met(out var settings))
        {
            return outcome.Problem!;
        }

        var kept = Protected(kind, settings);
        foreach (var (key, value) in before.Settings)
        {
            // A secret that is not given stays; so does what we keep beside the form.
            if (kind.Field(key) is null or { Type: SettingType.Secret })
            {
                kept.TryAdd(key, value);
            }
        }

        var changed = await store.WriteAsync(
            write =>
            {
                if (!destinations.Change(write, id, name.Trim(), kept))
                {
                    return false;
                }

                audit.Record(write, actor, "destination.changed", Subject(id), new { Settings = Shown(kind, kept) });
                return true;
            }, ct);
        return changed ? (await destinations.FindAsync(id, ct))! : NameTaken;
    }

    /// <summary>Nothing is sent until it goes on; deliveries wait.</summary>
    public Task<Outcome<Destination>> PauseAsync(long id, Actor actor, CancellationToken ct) => ActAsync(
        id, write =>
        {
            if (destinations.Stop(write, id, null, null, Now))
            {
                audit.Record(write, actor, "destination.paused", Subject(id));
            }
        }, ct);

    public Task<Outcome<Destination>> ResumeAsync(long id, Actor actor, CancellationToken ct) => ActAsync(
        id, write =>
        {
            if (destinations.Activate(write, id))
            {
                outbox.StartAfresh(write, id, Now);
                audit.Record(write, actor, "destination.resumed", Subject(id));
            }
        }, ct);

    /// <summary>A new signing secret. For 24 hours messages are signed with the old one too.</summary>
    public async Task<Outcome<string>> RotateSecretAsync(long id, Actor actor, CancellationToken ct)
    {
        if (await destinations.FindAsync(id, ct) is not { } destination)
        {
            return Unknown;
        }

        if (destination.Setting(WebhookSettings.Secret) is not { } old)
        {
            return new Problem("destination.no_secret", "This kind of destination has no signing secret.");
        }

        var secret = StandardWebhook.NewSecret();
        var settings = new Dictionary<string, string>(destination.Settings)
        {
            [WebhookSettings.Secret] = secrets.Protect(secret),
            [WebhookSettings.OldSecret] = old,
            [WebhookSettings.OldSecretUntil] =
                (clock.GetUtcNow() + OldSecretHolds).ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture),
        };
        await store.WriteAsync(
            write =>
            {
                destinations.Change(write, id, destination.Name, settings);
                audit.Record(write, actor, "destination.secret_rotated", Subject(id));
            }, ct);
        return secret;
    }

    /// <summary>The signing secret, to be given to the receiver. That it was shown is audited.</summary>
    public async Task<Outcome<string>> ShowSecretAsync(long id, Actor actor, CancellationToken ct)
    {
        if (await destinations.FindAsync(id, ct) is not { } destination)
        {
            return Unknown;
        }

        if (destination.Setting(WebhookSettings.Secret) is not { } secret)
        {
            return new Problem("destination.no_secret", "This kind of destination has no signing secret.");
        }

        await store.WriteAsync(write => audit.Record(write, actor, "destination.secret_shown", Subject(id)), ct);
        return secrets.Reveal(secret);
    }

    public async Task<Outcome<Destination>> DeleteAsync(long id, Actor actor, CancellationToken ct)
    {
        if (await destinations.FindAsync(id, ct) is not { } destination)
        {
            return Unknown;
        }

        var deleted = await store.WriteAsync(
            write =>
            {
                if (!destinations.Delete(write, id))
                {
                    return false;
                }

                audit.Record(write, actor, "destination.deleted", Subject(id));
                return true;
            }, ct);
        return deleted
            ? destination
            : new Problem("destination.in_use", "Syncs use this destination; pause it instead: its deliveries are a record that must stay.");
    }

    private static Problem Unknown { get; } = new("destination.unknown", "There is no such destination.");

    private static Problem NameTaken { get; } = new("destination.name_taken", "Another destination has this name.", "name");

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private static string Subject(long id) => string.Create(CultureInfo.InvariantCulture, $"destination:{id}");

    private static Problem? NameRefusal(string? name) => string.IsNullOrWhiteSpace(name)
        ? new Problem("destination.name_missing", "Give the destination a name.", "name")
        : name.Length > LongestName ? new Problem("destination.name_too_long", $"A name has at most {LongestName} characters.", "name") : null;

    /// <summary>The settings that are no secret; an address may hold one in its path, so of it only the host.</summary>
    private static Dictionary<string, string> Shown(DestinationKind kind, Dictionary<string, string> settings) =>
        settings.Where(setting => kind.Field(setting.Key) is { Type: not SettingType.Secret }).ToDictionary(
            setting => setting.Key,
            setting => setting.Key == WebhookSettings.Url ? new Uri(setting.Value).Host : setting.Value);

    private Dictionary<string, string> Protected(DestinationKind kind, Dictionary<string, string> settings) =>
        settings.ToDictionary(
            setting => setting.Key,
            setting => kind.Field(setting.Key)!.Type == SettingType.Secret ? secrets.Protect(setting.Value) : setting.Value);

    private async Task<Outcome<Destination>> ActAsync(long id, Action<WriteSession> act, CancellationToken ct)
    {
        if (await destinations.FindAsync(id, ct) is null)
        {
            return Unknown;
        }

        await store.WriteAsync(act, ct);
        return (await destinations.FindAsync(id, ct))!;
    }
}
