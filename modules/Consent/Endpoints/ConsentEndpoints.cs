using System.Security.Claims;
using System.Text.Json;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Decide;
using CdpMonolith.Consent.Rules;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using CdpMonolith.Profiles.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Consent.Endpoints;

/// <summary>A ledger entry as the API shows it. Times are Unix ms.</summary>
internal sealed record RecordAnswer(
    long Id, long ProfileId, string Purpose, string Channel, string Status, long OccurredAt, long RecordedAt, JsonElement Evidence)
{
    public static RecordAnswer Of(ConsentEntry entry) => new(
        entry.Seq, entry.ProfileId, entry.Purpose, entry.Channel, Words.Of(entry.Status), entry.OccurredAt, entry.RecordedAt,
        JsonElement.Parse(entry.Evidence));
}

/// <summary>May this person be reached for this purpose on this channel?</summary>
/// <param name="Reason"><c>consent.granted</c>, <c>consent.denied</c>, <c>consent.withdrawn</c> or <c>consent.never_asked</c>.</param>
/// <param name="Record">The entry that decides; null: never asked, which counts as no.</param>
internal sealed record ReachAnswer(string Purpose, string Channel, bool Allowed, string Reason, RecordAnswer? Record);

/// <summary>What is known of a person's consent.</summary>
/// <param name="ProfileId">The canonical profile.</param>
internal sealed record PersonAnswer(long ProfileId, IEnumerable<ReachAnswer> Standings, IEnumerable<RecordAnswer> History);

/// <summary>A decision to record.</summary>
/// <param name="ProfileId">Any profile of the person; or give <paramref name="Identifier"/>.</param>
/// <param name="Identifier">As <c>type:value</c>, such as <c>email:ann@example.com</c>; need not be normalised.</param>
/// <param name="Channel">Left out: any.</param>
/// <param name="Status"><c>granted</c>, <c>denied</c> or <c>withdrawn</c>.</param>
/// <param name="OccurredAt">When the person decided, Unix ms; left out: now.</param>
/// <param name="Method"><c>form</c>, <c>conversation</c>, <c>phone</c>, <c>message</c>, <c>letter</c> or <c>other</c>.</param>
internal sealed record DecisionWanted(
    long? ProfileId, string? Identifier, string? Purpose, string? Channel, string? Status, long? OccurredAt, string? Method,
    string? TextVersion, string? Note);

/// <summary>Consent over HTTP.</summary>
internal static class ConsentEndpoints
{
    private static readonly Problem NoPerson = new("profile.not_found", "There is no such person.", "profileId");

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/consent").WithTags("Consent");
        api.MapGet("purposes", ListAsync).RequireAuthorization(Policies.View);
        api.MapPost("purposes", CreateAsync).RequireAuthorization(Policies.Market);
        api.MapPut("purposes/{key}", DescribeAsync).RequireAuthorization(Policies.Market);
        api.MapGet("{profileId:long}", OfPersonAsync).RequireAuthorization(Policies.View);
        api.MapPost("", RecordAsync).RequireAuthorization(Policies.Market);
    }

    /// <summary>GET /api/consent/purposes answers the register: key, name, description, and whether it was only seen in a call.</summary>
    private static async Task<Ok<IReadOnlyList<Purpose>>> ListAsync(IConsent consent, CancellationToken ct) =>
        TypedResults.Ok(await consent.PurposesAsync(ct));

    /// <summary>POST /api/consent/purposes { key?, name, description? } answers 201. Errors: 400 purpose.*, 409 purpose.key_taken.</summary>
    private static async Task<Results<Created<Purpose>, ProblemHttpResult>> CreateAsync(
        NewPurpose wanted, Purposes purposes, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await purposes.CreateAsync(wanted, Actor.Of(user), ct);
        return outcome.Match<Results<Created<Purpose>, ProblemHttpResult>>(
            purpose => TypedResults.Created($"/api/consent/purposes/{Uri.EscapeDataString(purpose.Key)}", purpose), problem => Refused(problem));
    }

    /// <summary>PUT /api/consent/purposes/newsletter { name, description? } says what a purpose means. Errors: 400, 404 purpose.unknown.</summary>
    private static async Task<Results<Ok<Purpose>, ProblemHttpResult>> DescribeAsync(
        string key, NewPurpose wanted, Purposes purposes, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await purposes.DescribeAsync(key, wanted.Name, wanted.Description, Actor.Of(user), ct);
        return outcome.Match<Results<Ok<Purpose>, ProblemHttpResult>>(purpose => TypedResults.Ok(purpose), problem => Refused(problem));
    }

    /// <summary>
    /// GET /api/consent/7 answers where the person stands and the history; with ?purpose=newsletter&amp;channel=email only that
    /// question. 404 profile.not_found.
    /// </summary>
    private static async Task<Results<Ok<PersonAnswer>, Ok<ReachAnswer>, ProblemHttpResult>> OfPersonAsync(
        long profileId, string? purpose, string? channel, Answers answers, IProfiles profiles, CancellationToken ct)
    {
        if (profiles.CanonicalOf(profileId) is not { } canonicalId)
        {
            return NoPerson.ToHttp(StatusCodes.Status404NotFound);
        }

        if (Words.Key(purpose) is { } asked)
        {
            var answer = answers.MayReach([canonicalId], asked, Words.Channel(channel))[canonicalId];
            return TypedResults.Ok(new ReachAnswer(
                asked, Words.Channel(channel), answer.Allowed, answer.Reason,
                answer.RecordSeq is { } seq ? RecordAnswer.Of(answers.Records([seq])[0]) : null));
        }

        var person = (await answers.OfPersonAsync(profileId, ct))!;
        return TypedResults.Ok(new PersonAnswer(
            person.CanonicalId,
            person.Standings.Select(standing => new ReachAnswer(
                standing.Purpose, standing.Channel, standing.Answer.Allowed, standing.Answer.Reason,
                standing.Record is { } record ? RecordAnswer.Of(record) : null)),
            person.History.Select(RecordAnswer.Of)));
    }

    /// <summary>
    /// POST /api/consent records a decision that reached you another way and answers 201 with the ledger entry.
    /// Errors: 400 consent.*, channel.unknown, identifier.not_readable; 404 profile.not_found, purpose.unknown; 409
    /// consent.already_recorded.
    /// </summary>
    private static async Task<Results<Created<RecordAnswer>, ProblemHttpResult>> RecordAsync(
        DecisionWanted wanted, Decisions decisions, IProfiles profiles, ClaimsPrincipal user, CancellationToken ct)
    {
        var profileId = wanted.ProfileId;
        if (profileId is null)
        {
            if (wanted.Identifier?.Split(':', 2) is not [{ Length: > 0 } type, { Length: > 0 } value])
            {
                return new Problem("identifier.not_readable", "Give profileId, or identifier as type:value.", "identifier")
                    .ToHttp(StatusCodes.Status400BadRequest);
            }

            profileId = (await profiles.FindAsync(new Identifier(type, value), ct))?.ProfileId;
        }

        if (profileId is not { } known)
        {
            return NoPerson.ToHttp(StatusCodes.Status404NotFound);
        }

        var outcome = await decisions.RecordAsync(
            new NewDecision(
                known, Words.Key(wanted.Purpose) ?? "", Words.Channel(wanted.Channel), Words.Status(wanted.Status) ?? default,
                wanted.OccurredAt, wanted.Method ?? "other", wanted.TextVersion, wanted.Note), Actor.Of(user), ct);
        return outcome.Match<Results<Created<RecordAnswer>, ProblemHttpResult>>(
            entry => TypedResults.Created($"/api/consent/{entry.ProfileId}", RecordAnswer.Of(entry)), problem => Refused(problem));
    }

    private static ProblemHttpResult Refused(Problem problem) => problem.ToHttp(problem.Code switch
    {
        "purpose.key_taken" or "consent.already_recorded" => StatusCodes.Status409Conflict,
        "purpose.unknown" or "profile.unknown" => StatusCodes.Status404NotFound,
        _ => StatusCodes.Status400BadRequest,
    });
}
