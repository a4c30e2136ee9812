using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Platform.Secrets;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Fetch;

/// <summary>A feed as somebody wants it.</summary>
/// <param name="Secret">Null or empty: as it was.</param>
internal sealed record FeedWish(
    string Name, string Kind, string Place, string? Pattern, string? Proof, string? ProofName, string? Secret, string Cron, long MappingId,
    long SourceId, string? Afterwards);

/// <summary>Keeps the feeds.</summary>
internal sealed class Feeds(
    IStore store, SourceMap sources, WatchedRoot root, FeedRunner runner, ISecrets secrets, IAudit audit, TimeProvider clock)
{
    public const int NameAtMost = 80;
    private const int PatternAtMost = 100;
    private const int AddressAtMost = 2000;
    private const int SecretAtMost = 4000;
    private static readonly TimeSpan LeastBetween = TimeSpan.FromMinutes(1);

    private static readonly HashSet<string> NotForSecrets = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "TE", "Trailer", "Expect", "Range", "If-None-Match", "If-Modified-Since", "Accept-Encoding",
    };

    internal static readonly Problem Unknown = new("feed.unknown", "There is no such feed.");
    private static readonly Problem NameTaken = new("feed.name_taken", "Another feed has this name.", "name");

    private DateTimeOffset Now => clock.GetUtcNow();

    public Task<IReadOnlyList<Feed>> ListAsync(CancellationToken ct) => store.ReadAsync(FeedStore.All, ct);

    public Task<Feed?> FindAsync(long id, CancellationToken ct) => store.ReadAsync(read => FeedStore.Find(read, id), ct);

    /// <summary>What it took and could not use, newest first.</summary>
    public Task<IReadOnlyList<FeedFile>> FilesAsync(long id, int limit, CancellationToken ct) => store.ReadAsync(read => FeedStore.Files(read, id, limit), ct);

    public bool IsRunning(long id) => runner.IsRunning(id);

    /// <summary>It looks at once and then by its schedule.</summary>
    public async Task<Outcome<Feed>> CreateAsync(Actor actor, FeedWish wanted, CancellationToken ct)
    {
        var complete = Complete(wanted, null);
        if (!complete.Met(out var feed))
        {
            return complete.Problem!;
        }

        return await store.WriteAsync<Outcome<Feed>>(
            write =>
            {
                if (Refusal(write, feed) is { } problem)
                {
                    return problem;
                }

                var added = FeedStore.Add(write, feed);
                audit.Record(write, actor, "feed.created", Subject(added.Id), Said(added));
                return added;
            }, ct);
    }

    /// <summary>Changes all but the kind. One that was stopped stays so until it is resumed.</summary>
    public async Task<Outcome<Feed>> ChangeAsync(Actor actor, long id, FeedWish wanted, CancellationToken ct)
    {
        if (await FindAsync(id, ct) is not { } before)
        {
            return Unknown;
        }

        var complete = Complete(wanted with { Kind = before.Kind }, before);
        if (!complete.Met(out var changed))
        {
            return complete.Problem!;
        }

        return await store.WriteAsync<Outcome<Feed>>(
            write =>
            {
                if (FeedStore.Find(write, id) is not { } current)
                {
                    return Unknown;
                }

                if (Refusal(write, changed) is { } problem)
                {
                    return problem;
                }

                var isElsewhere = current.Place != changed.Place;
                var kept = current with
                {
                    Name = changed.Name, Place = changed.Place, Pattern = changed.Pattern, Proof = changed.Proof, ProofName = changed.ProofName,
                    Secret = changed.Secret, Cron = changed.Cron, MappingId = changed.MappingId, SourceId = changed.SourceId, Afterwards = changed.Afterwards,
                    NextRunAt = current.State == Feed.On ? changed.NextRunAt : null, LookAgainAt = current.State == Feed.On ? changed.LookAgainAt : null,
                    Etag = isElsewhere ? null : current.Etag, LastModified = isElsewhere ? null : current.LastModified,
                };
                if (isElsewhere)
                {
                    FeedStore.ForgetLooks(write, id);
                }

                FeedStore.Save(write, kept);
                audit.Record(write, actor, "feed.changed", Subject(id), Said(kept));
                return kept;
            }, ct);
    }

    public Task<Outcome<Feed>> PauseAsync(Actor actor, long id, CancellationToken ct) => TurnAsync(
        actor, id, "feed.paused", feed => feed with { State = Feed.Paused, NextRunAt = null, LookAgainAt = null }, ct);

    /// <summary>Lets it run again, at once; what stopped it is forgotten.</summary>
    public Task<Outcome<Feed>> ResumeAsync(Actor actor, long id, CancellationToken ct) => TurnAsync(
        actor, id, "feed.resumed", feed => feed with
        {
            State = Feed.On, NextRunAt = Next(feed.Cron), LookAgainAt = Now.ToUnixTimeMilliseconds(), Failures = 0, ErrorCode = null, Error = null, ErrorAt = null,
        }, ct);

    /// <summary>Has it look now.</summary>
    public Task<Outcome<Feed>> RunNowAsync(Actor actor, long id, CancellationToken ct) => TurnAsync(
        actor, id, "feed.asked", feed => feed.State == Feed.On
            ? feed with { LookAgainAt = Now.ToUnixTimeMilliseconds() }
            : new Problem("feed.not_on", "The feed does not run; let it go on first."), ct);

    /// <summary>What it brought stays.</summary>
    public Task<Outcome<Feed>> DeleteAsync(Actor actor, long id, CancellationToken ct) => store.WriteAsync<Outcome<Feed>>(
        write =>
        {
            if (FeedStore.Find(write, id) is not { } feed)
            {
                return Unknown;
            }

            FeedStore.Delete(write, id);
            audit.Record(write, actor, "feed.deleted", Subject(id));
            return feed;
        }, ct);

    private Task<Outcome<Feed>> TurnAsync(Actor actor, long id, string action, Func<Feed, Outcome<Feed>> turn, CancellationToken ct) =>
        store.WriteAsync<Outcome<Feed>>(
            write =>
            {
                if (FeedStore.Find(write, id) is not { } feed)
                {
                    return Unknown;
                }

                var turned = turn(feed);
                if (turned.Met(out var kept))
                {
                    FeedStore.Save(write, kept);
                    audit.Record(write, actor, action, Subject(id));
                }

                return turned;
            }, ct);

    /// <summary>The feed that somebody wants, with all that can be checked without the store.</summary>
    private Outcome<Feed> Complete(FeedWish wanted, Feed? before)
    {
        var name = wanted.Name?.Trim() ?? "";
        if (name.Length is 0 or > NameAtMost)
        {
            return name.Length == 0
                ? new Problem("feed.name_missing", "Give the feed a name.", "name")
                : new Problem("feed.name_too_long", $"A name has at most {NameAtMost} characters.", "name");
        }

        var cron = wanted.Cron?.Trim() ?? "";
        var due = Schedule.Next(cron, Now, 2);
        if (!due.Met(out var next))
        {
            return due.Problem!;
        }

        if (next.Count > 1 && next[1] - next[0] < LeastBetween)
        {
            return new Problem("feed.too_often", "A feed looks once a minute at most.", "cron");
        }

        if (sources.Find(wanted.SourceId) is null)
        {
            return new Problem("source.unknown", "Choose the source that the rows are of.", "sourceId");
        }

        var afterwards = string.IsNullOrEmpty(wanted.Afterwards) ? Feed.Move : wanted.Afterwards;
        if (afterwards is not (Feed.Move or Feed.Leave))
        {
            return new Problem("feed.afterwards_unknown", "Afterwards is either move or leave.", "afterwards");
        }

        var feed = new Feed(
            before?.Id ?? 0, name, wanted.Kind ?? "", "", "", "none", "", null, cron, wanted.MappingId, wanted.SourceId, afterwards, Feed.On, Now.ToUnixTimeMilliseconds(),
            next[0].ToUnixTimeMilliseconds(), Now.ToUnixTimeMilliseconds(), null, null, 0, 0, null, null, null, null, null);
        return feed.Kind switch
        {
            Feed.Folder => OfFolder(feed, wanted),
            Feed.Https => OfAddress(feed, wanted, before),
            _ => new Problem("feed.kind_unknown", "A feed is of the kind folder or https.", "kind"),
        };
    }

    private Outcome<Feed> OfFolder(Feed feed, FeedWish wanted)
    {
        var place = root.Find(wanted.Place ?? "");
        if (place.Problem is { } problem)
        {
            return problem;
        }

        var pattern = string.IsNullOrWhiteSpace(wanted.Pattern) ? "*" : wanted.Pattern.Trim();
        return pattern.Length > PatternAtMost || pattern.Any(sign => sign is '/' or '\\' || char.IsControl(sign))
            ? new Problem("feed.pattern_malformed", "The pattern is one of file names, such as contacts-*.csv.", "pattern")
            : feed with { Place = WatchedRoot.Spelled(wanted.Place ?? "")!, Pattern = pattern };
    }

    private Outcome<Feed> OfAddress(Feed feed, FeedWish wanted, Feed? before)
    {
        if (!Uri.TryCreate(wanted.Place?.Trim(), UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttps || wanted.Place!.Length > AddressAtMost)
        {
            return new Problem("feed.not_https", "Give a full address that begins with https, such as https://example.com/contacts.csv.", "place");
        }

        if (address.UserInfo.Length > 0)
        {
            return new Problem("feed.address_with_password", "Leave user name and password out of the address; there are fields for them.", "place");
        }

        var proof = string.IsNullOrEmpty(wanted.Proof) ? "none" : wanted.Proof;
        var proofName = wanted.ProofName?.Trim() ?? "";
        var secret = wanted.Secret ?? "";
        feed = feed with { Place = address.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped), Pattern = "*", Proof = proof };
        switch (proof)
        {
            case "none":
                return feed;
            case "header" when proofName.Length is 0 or > NameAtMost || !proofName.All(sign => char.IsAsciiLetterOrDigit(sign) || sign is '-' or '_') || NotForSecrets.Contains(proofName):
                return new Problem("feed.header_malformed", "Give the name of the header that carries the secret, such as X-Api-Key or Authorization.", "proofName");
            case "basic" when proofName.Length is 0 or > NameAtMost || proofName.Contains(':', StringComparison.Ordinal) || proofName.Any(char.IsControl):
                return new Problem("feed.user_malformed", "Give the name of the user, without a colon.", "proofName");
            case "header" or "basic":
                break;
            default:
                return new Problem("feed.proof_unknown", "The proof is none, header or basic.", "proof");
        }

        if (secret.Length > SecretAtMost || secret.Any(sign => char.IsControl(sign) || (proof == "header" && sign > '~')))
        {
            return new Problem("feed.secret_malformed", "The secret has signs that cannot be sent, or too many.", "secret");
        }

        // A secret that was given for one server is never sent to another, or in another way.
        var stays = before is { Secret: not null } && before.Proof == proof && before.ProofName == proofName
            && new Uri(before.Place).Authority.Equals(address.Authority, StringComparison.OrdinalIgnoreCase);
        return secret.Length > 0 ? feed with { ProofName = proofName, Secret = secrets.Protect(secret) }
            : stays ? feed with { ProofName = proofName, Secret = before!.Secret }
            : new Problem("feed.secret_missing", before?.Secret is null ? "Give the secret." : "Give the secret again: it is not sent to another server, or in another way, than it was given for.", "secret");
    }

    private static Problem? Refusal(WriteSession write, Feed feed) =>
        FeedStore.IdOf(write, feed.Name) is { } other && other != feed.Id ? NameTaken
        : MappingStore.Find(write, feed.MappingId) is null ? new Problem("mapping.unknown", "Choose the saved mapping that the files are read with.", "mappingId")
        : null;

    private long? Next(string cron) => Schedule.Next(cron, Now, 1).Met(out var next) ? next[0].ToUnixTimeMilliseconds() : null;

    private static string Subject(long id) => FormattableString.Invariant($"feed:{id}");

    /// <summary>For the audit trail: an address may hold a secret in its path, so of it only the host.</summary>
    private static object Said(Feed feed) => new
    {
        feed.Kind, Place = feed.Kind == Feed.Https ? new Uri(feed.Place).Host : feed.Place, feed.Pattern, feed.Proof, feed.Cron, feed.MappingId, feed.SourceId, feed.Afterwards,
    };
}
