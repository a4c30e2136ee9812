using System.Security.Claims;
using CdpMonolith.Activation.Deliver;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Activation.Sync;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Activation.Endpoints;

/// <summary>A destination as the API shows it. Secrets are never in it.</summary>
/// <param name="State"><c>active</c>, <c>paused</c> (by a user) or <c>stopped</c> (by us, see <paramref name="Reason"/>).</param>
/// <param name="Reason">Why we stopped it, such as <c>http.unauthorized</c>.</param>
internal sealed record DestinationAnswer(
    long Id, string Kind, string Name, IReadOnlyDictionary<string, string> Settings, string State, string? Reason, long? Status, long CreatedAt)
{
    public static DestinationAnswer Of(Destination destination) => new(
        destination.Id, destination.Kind, destination.Name,
        destination.Settings.Where(setting => DestinationKind.Find(destination.Kind)?.Field(setting.Key) is { Type: not SettingType.Secret })
            .ToDictionary(setting => setting.Key, setting => setting.Value),
        destination.Active ? "active" : destination.StopCode is null ? "paused" : "stopped", destination.StopCode, destination.StopStatus,
        destination.CreatedAt);
}

/// <summary>A name and settings to change to.</summary>
internal sealed record DestinationChange(string Name, Dictionary<string, string?>? Settings);

/// <summary>A secret, shown this once.</summary>
internal sealed record SecretAnswer(string Secret);

/// <summary>How a test message was received.</summary>
internal sealed record TrialAnswer(bool Arrived, int? Status, string? Reason, double Milliseconds);

/// <summary>Destinations over HTTP.</summary>
internal static class DestinationEndpoints
{
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/destinations").WithTags("Destinations");
        api.MapGet("", ListAsync).RequireAuthorization(Policies.View);
        api.MapGet("{id:long}", FindAsync).RequireAuthorization(Policies.View);
        api.MapPost("", CreateAsync).RequireAuthorization(Policies.Administer);
        api.MapPut("{id:long}", ChangeAsync).RequireAuthorization(Policies.Administer);
        api.MapDelete("{id:long}", DeleteAsync).RequireAuthorization(Policies.Administer);
        api.MapPost("{id:long}/pause", PauseAsync).RequireAuthorization(Policies.Administer);
        api.MapPost("{id:long}/resume", ResumeAsync).RequireAuthorization(Policies.Administer);
        api.MapPost("{id:long}/test", TestAsync).RequireAuthorization(Policies.Administer);
        api.MapPost("{id:long}/secret", RotateAsync).RequireAuthorization(Policies.Administer);
    }

    /// <summary>GET /api/destinations answers all of them.</summary>
    private static async Task<Ok<IEnumerable<DestinationAnswer>>> ListAsync(Destinations destinations, CancellationToken ct) =>
        TypedResults.Ok((await destinations.ListAsync(ct)).Select(DestinationAnswer.Of));

    private static async Task<Results<Ok<DestinationAnswer>, ProblemHttpResult>> FindAsync(
        long id, Destinations destinations, CancellationToken ct) =>
        await destinations.FindAsync(id, ct) is { } destination
            ? TypedResults.Ok(DestinationAnswer.Of(destination))
            : new Problem("destination.unknown", "There is no such destination.").ToHttp(StatusCodes.Status404NotFound);

    /// <summary>
    /// POST /api/destinations { kind: "webhook", name, settings: { url, secret?, allowLocal? } } or { kind: "file", name, settings:
    /// { format?, content?, everyMinutes?, delimiter?, byteOrderMark? } } answers 201. Errors: 400 setting.*, 409 destination.name_taken.
    /// </summary>
    private static async Task<Results<Created<DestinationAnswer>, ProblemHttpResult>> CreateAsync(
        NewDestination wanted, Destinations destinations, ClaimsPrincipal user, CancellationToken ct)
    {
        var complete = wanted with { Settings = wanted.Settings ?? new Dictionary<string, string?>() };
        var outcome = await destinations.CreateAsync(complete, Actor.Of(user), ct);
        return outcome.Match<Results<Created<DestinationAnswer>, ProblemHttpResult>>(
            made => TypedResults.Created($"/api/destinations/{made.Id}", DestinationAnswer.Of(made)), problem => Refused(problem));
    }

    /// <summary>PUT changes name and settings; a secret that is not given stays.</summary>
    private static async Task<Results<Ok<DestinationAnswer>, ProblemHttpResult>> ChangeAsync(
        long id, DestinationChange wanted, Destinations destinations, ClaimsPrincipal user, CancellationToken ct) =>
        Answer(await destinations.ChangeAsync(id, wanted.Name, wanted.Settings ?? [], Actor.Of(user), ct));

    /// <summary>DELETE answers the destination that was. Errors: 404, 409 destination.in_use.</summary>
    private static async Task<Results<Ok<DestinationAnswer>, ProblemHttpResult>> DeleteAsync(
        long id, Destinations destinations, ClaimsPrincipal user, CancellationToken ct) =>
        Answer(await destinations.DeleteAsync(id, Actor.Of(user), ct));

    private static async Task<Results<Ok<DestinationAnswer>, ProblemHttpResult>> PauseAsync(
        long id, Destinations destinations, ClaimsPrincipal user, CancellationToken ct) =>
        Answer(await destinations.PauseAsync(id, Actor.Of(user), ct));

    private static async Task<Results<Ok<DestinationAnswer>, ProblemHttpResult>> ResumeAsync(
        long id, Destinations destinations, Breakers breakers, ClaimsPrincipal user, CancellationToken ct)
    {
        breakers.Reset(id);
        return Answer(await destinations.ResumeAsync(id, Actor.Of(user), ct));
    }

    /// <summary>POST /api/destinations/1/test sends a message about nobody and answers how it was received.</summary>
    private static async Task<Results<Ok<TrialAnswer>, ProblemHttpResult>> TestAsync(
        long id, Trial trial, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await trial.RunAsync(id, Actor.Of(user), ct);
        return outcome.Match<Results<Ok<TrialAnswer>, ProblemHttpResult>>(
            result => TypedResults.Ok(new TrialAnswer(result.Arrived, result.Status, result.Reason, result.Took.TotalMilliseconds)),
            problem => Refused(problem));
    }

    /// <summary>POST /api/destinations/1/secret makes a new signing secret and answers it; the old one is signed with too for 24 hours.</summary>
    private static async Task<Results<Ok<SecretAnswer>, ProblemHttpResult>> RotateAsync(
        long id, Destinations destinations, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await destinations.RotateSecretAsync(id, Actor.Of(user), ct);
        return outcome.Match<Results<Ok<SecretAnswer>, ProblemHttpResult>>(
            secret => TypedResults.Ok(new SecretAnswer(secret)), problem => Refused(problem));
    }

    private static Results<Ok<DestinationAnswer>, ProblemHttpResult> Answer(Outcome<Destination> outcome) =>
        outcome.Match<Results<Ok<DestinationAnswer>, ProblemHttpResult>>(
            destination => TypedResults.Ok(DestinationAnswer.Of(destination)), problem => Refused(problem));

    private static ProblemHttpResult Refused(Problem problem) => problem.ToHttp(problem.Code switch
    {
        "destination.unknown" => StatusCodes.Status404NotFound,
        "destination.name_taken" or "destination.in_use" => StatusCodes.Status409Conflict,
        _ => StatusCodes.Status400BadRequest,
    });
}
