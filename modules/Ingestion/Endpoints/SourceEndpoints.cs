using System.Security.Claims;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>A source as the API shows it. Times are Unix ms.</summary>
/// <param name="Kind">website, app, server, file, shopify, woocommerce, webhook or form.</param>
internal sealed record SourceAnswer(
    long Id, string Name, string Kind, string WriteKey, bool Enabled, long CreatedAt, long? LastEventAt,
    long Stored, long Duplicates, long Quarantined, long Blocked, long TurnedAway, long Refused, long Retried)
{
    public static SourceAnswer Of(Source source, SourceCounts counts) => new(
        source.Id, source.Name, source.Kind.ToString().ToLowerInvariant(), source.WriteKey, source.Enabled, source.CreatedAt,
        source.LastEventAt, counts.Stored, counts.Duplicates, counts.Quarantined, counts.Blocked, counts.TurnedAway, counts.Refused, counts.Retried);
}

/// <summary>What a source's settings are to be; see <see cref="SourceSettings"/>. What is left out is set to its default.</summary>
internal sealed record WantedSettings(
    string? Country, long? Rate, bool? KeepsIp, IReadOnlyList<string>? Origins, string? TimeZone, string? Consent);

/// <summary>A write key of a source. Times are Unix ms; ExpiresAt null: it is the one in force; LastUsedAt is true to the minute.</summary>
internal sealed record KeyAnswer(string Key, long CreatedAt, long? ExpiresAt, long? LastUsedAt);

/// <summary>A source to make. Kind: website, app, server, file, shopify, woocommerce, webhook or form.</summary>
internal sealed record NewSource(string? Name, string? Kind);

/// <summary>What to change of a source; null stays.</summary>
internal sealed record SourceChange(string? Name, bool? Enabled);

/// <summary>Sources over HTTP, for administrators.</summary>
internal static class SourceEndpoints
{
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/sources").RequireAuthorization(Policies.Administer).WithTags("Sources");
        api.MapGet("", ListAsync);
        api.MapGet("{id:long}", Find);
        api.MapPost("", CreateAsync);
        api.MapPatch("{id:long}", ChangeAsync);
        api.MapGet("{id:long}/settings", Settings);
        api.MapPut("{id:long}/settings", SetAsync);
        api.MapGet("{id:long}/health", Health);
        api.MapGet("{id:long}/keys", Keys);
        api.MapPost("{id:long}/key", RotateKeyAsync);
        api.MapDelete("{id:long}/old-keys", ExpireOldKeysAsync);
        endpoints.MapGet("/api/rejected-keys", (Tallies tallies, CancellationToken ct) => tallies.RejectedKeysAsync(ct))
            .RequireAuthorization(Policies.Administer).WithTags("Sources");
    }

    private static async Task<IEnumerable<SourceAnswer>> ListAsync(Sources sources, Tallies tallies, CancellationToken ct) =>
        (await sources.ListAsync(ct)).Select(source => SourceAnswer.Of(source, tallies.Of(source.Id)));

    private static Results<Ok<SourceAnswer>, ProblemHttpResult> Find(long id, Sources sources, Tallies tallies) =>
        sources.Find(id) is { } source ? TypedResults.Ok(SourceAnswer.Of(source, tallies.Of(id))) : Refused.As(Sources.Unknown);

    private static async Task<Results<Created<SourceAnswer>, ProblemHttpResult>> CreateAsync(
        NewSource wanted, Sources sources, Tallies tallies, ClaimsPrincipal user, CancellationToken ct)
    {
        if (!Enum.TryParse<SourceKind>(wanted.Kind ?? nameof(SourceKind.Website), ignoreCase: true, out var kind) || !Enum.IsDefined(kind))
        {
            return Refused.As(new Problem("source.kind_unknown", "The kind must be website, app, server, file, shopify, woocommerce, webhook or form.", "kind"));
        }

        var outcome = await sources.CreateAsync(Actor.Of(user), wanted.Name ?? "", kind, ct);
        return outcome.Met(out var source)
            ? TypedResults.Created($"/api/sources/{source.Id}", SourceAnswer.Of(source, tallies.Of(source.Id)))
            : Refused.As(outcome.Problem!);
    }

    private static async Task<Results<Ok<SourceAnswer>, ProblemHttpResult>> ChangeAsync(
        long id, SourceChange change, Sources sources, Tallies tallies, ClaimsPrincipal user, CancellationToken ct)
    {
        var actor = Actor.Of(user);
        if (change.Name is { } name && (await sources.RenameAsync(actor, id, name, ct)).Problem is { } refused)
        {
            return Refused.As(refused);
        }

        if (change.Enabled is { } enabled && (await sources.SetEnabledAsync(actor, id, enabled, ct)).Problem is { } problem)
        {
            return Refused.As(problem);
        }

        return sources.Find(id) is { } source
            ? TypedResults.Ok(SourceAnswer.Of(source, tallies.Of(id)))
            : Refused.As(Sources.Unknown);
    }

    private static Results<Ok<SourceSettings>, ProblemHttpResult> Settings(long id, Sources sources) =>
        sources.Find(id) is { } source ? TypedResults.Ok(source.Settings) : Refused.As(Sources.Unknown);

    private static Results<Ok<SourceHealth>, ProblemHttpResult> Health(long id, Sources sources, SourceHealths health) =>
        sources.Find(id) is { } source ? TypedResults.Ok(health.Of(source)) : Refused.As(Sources.Unknown);

    private static Results<Ok<IEnumerable<KeyAnswer>>, ProblemHttpResult> Keys(long id, Sources sources, SourceMap map) =>
        sources.Find(id) is null
            ? Refused.As(Sources.Unknown)
            : TypedResults.Ok(map.KeysOf(id).Select(key => new KeyAnswer(key.Key, key.CreatedAt, key.ExpiresAt, key.LastUsedAt)));

    private static async Task<Results<Ok<SourceSettings>, ProblemHttpResult>> SetAsync(
        long id, WantedSettings wanted, Sources sources, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await sources.SetAsync(
            Actor.Of(user), id, new SourceSettings(wanted.Country, wanted.Rate, wanted.KeepsIp ?? false, wanted.Origins ?? [], wanted.TimeZone, wanted.Consent), ct);
        return outcome.Met(out var source) ? TypedResults.Ok(source.Settings) : Refused.As(outcome.Problem!);
    }

    private static async Task<Results<Ok<SourceAnswer>, ProblemHttpResult>> RotateKeyAsync(
        long id, Sources sources, Tallies tallies, ClaimsPrincipal user, CancellationToken ct) =>
        Answer(await sources.RotateKeyAsync(Actor.Of(user), id, ct), tallies);

    private static async Task<Results<Ok<SourceAnswer>, ProblemHttpResult>> ExpireOldKeysAsync(
        long id, Sources sources, Tallies tallies, ClaimsPrincipal user, CancellationToken ct) =>
        Answer(await sources.ExpireOldKeysAsync(Actor.Of(user), id, ct), tallies);

    private static Results<Ok<SourceAnswer>, ProblemHttpResult> Answer(Outcome<Source> outcome, Tallies tallies) =>
        outcome.Met(out var source) ? TypedResults.Ok(SourceAnswer.Of(source, tallies.Of(source.Id))) : Refused.As(outcome.Problem!);
}
