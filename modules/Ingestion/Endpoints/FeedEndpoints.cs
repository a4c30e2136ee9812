using System.Security.Claims;
using CdpMonolith.Ingestion.Fetch;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>A feed as the API shows it. Secrets are never in it. Times are Unix ms.</summary>
/// <param name="State"><c>on</c>, <c>paused</c> by somebody, or <c>stopped</c> by the program.</param>
/// <param name="NextRunAt">Null while it does not run.</param>
internal sealed record FeedAnswer(
    long Id, string Name, string Kind, string Place, string Pattern, string Proof, string ProofName, bool HasSecret, string Cron, long MappingId,
    long SourceId, string Afterwards, string State, bool IsRunning, long? NextRunAt, long? LastRunAt, long? LastTakenAt, long Taken, long Failures,
    string? ErrorCode, string? Error, long? ErrorAt)
{
    public static FeedAnswer Of(Feed feed, Feeds use) => new(
        feed.Id, feed.Name, feed.Kind, feed.Place, feed.Pattern, feed.Proof, feed.ProofName, feed.Secret is not null, feed.Cron, feed.MappingId,
        feed.SourceId, feed.Afterwards, feed.State, use.IsRunning(feed.Id), feed.NextRunAt, feed.LastRunAt, feed.LastTakenAt, feed.Taken,
        feed.Failures, feed.ErrorCode, feed.Error, feed.ErrorAt);
}

/// <summary>Feeds over HTTP.</summary>
internal static class FeedEndpoints
{
    private const int FilesShown = 200;

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/feeds").WithTags("Feeds").RequireAuthorization(Policies.Administer);
        api.MapGet("", async (Feeds use, CancellationToken ct) => (await use.ListAsync(ct)).Select(feed => FeedAnswer.Of(feed, use)));
        api.MapGet("{id:long}", async Task<Results<Ok<FeedAnswer>, ProblemHttpResult>> (long id, Feeds use, CancellationToken ct) =>
            await use.FindAsync(id, ct) is { } feed ? TypedResults.Ok(FeedAnswer.Of(feed, use)) : Refused(Feeds.Unknown));
        api.MapGet("{id:long}/files", async (long id, Feeds use, CancellationToken ct, int limit = 50) =>
            await use.FilesAsync(id, Math.Clamp(limit, 1, FilesShown), ct));
        api.MapPost("", CreateAsync);
        api.MapPut("{id:long}", async (long id, FeedWish wanted, Feeds use, ClaimsPrincipal user, CancellationToken ct) =>
            Answer(await use.ChangeAsync(Actor.Of(user), id, wanted, ct), use));
        api.MapPost("{id:long}/run", async (long id, Feeds use, ClaimsPrincipal user, CancellationToken ct) =>
            Answer(await use.RunNowAsync(Actor.Of(user), id, ct), use));
        api.MapPost("{id:long}/pause", async (long id, Feeds use, ClaimsPrincipal user, CancellationToken ct) =>
            Answer(await use.PauseAsync(Actor.Of(user), id, ct), use));
        api.MapPost("{id:long}/resume", async (long id, Feeds use, ClaimsPrincipal user, CancellationToken ct) =>
            Answer(await use.ResumeAsync(Actor.Of(user), id, ct), use));
        api.MapDelete("{id:long}", async (long id, Feeds use, ClaimsPrincipal user, CancellationToken ct) =>
            Answer(await use.DeleteAsync(Actor.Of(user), id, ct), use));
    }

    /// <summary>
    /// POST { name, kind: "folder", place, pattern, cron, mappingId, sourceId, afterwards } or { name, kind: "https", place, proof,
    /// proofName, secret, cron, mappingId, sourceId } answers 201. Errors: 422 feed.*, job.*; 409 feed.name_taken.
    /// </summary>
    private static async Task<Results<Created<FeedAnswer>, ProblemHttpResult>> CreateAsync(FeedWish wanted, Feeds use, ClaimsPrincipal user, CancellationToken ct) =>
        (await use.CreateAsync(Actor.Of(user), wanted, ct)).Match<Results<Created<FeedAnswer>, ProblemHttpResult>>(
            made => TypedResults.Created(FormattableString.Invariant($"/api/feeds/{made.Id}"), FeedAnswer.Of(made, use)), problem => Refused(problem));

    private static Results<Ok<FeedAnswer>, ProblemHttpResult> Answer(Outcome<Feed> outcome, Feeds use) =>
        outcome.Match<Results<Ok<FeedAnswer>, ProblemHttpResult>>(feed => TypedResults.Ok(FeedAnswer.Of(feed, use)), problem => Refused(problem));

    private static ProblemHttpResult Refused(Problem problem) => problem.ToHttp(problem.Code switch
    {
        "feed.unknown" => StatusCodes.Status404NotFound,
        "feed.name_taken" or "feed.not_on" => StatusCodes.Status409Conflict,
        _ => StatusCodes.Status422UnprocessableEntity,
    });
}
