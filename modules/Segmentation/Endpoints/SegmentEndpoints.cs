using System.Security.Claims;
using System.Text.Json;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Segmentation.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Segmentation.Endpoints;

/// <summary>A segment as the API shows it. Times are Unix ms.</summary>
/// <param name="Rule">See docs/segments.md.</param>
/// <param name="Size">People in it; null before the first evaluation.</param>
internal sealed record SegmentAnswer(
    long Id, string Name, string Description, int Version, JsonElement Rule, long? Size, long? EvaluatedAt, long CreatedAt)
{
    public static SegmentAnswer Of(Segment segment)
    {
        using var rule = JsonDocument.Parse(segment.Rule);
        return new SegmentAnswer(
            segment.Id, segment.Name, segment.Description, segment.Version, rule.RootElement.Clone(), segment.Size, segment.EvaluatedAt,
            segment.CreatedAt);
    }
}

/// <summary>A segment to make or to change.</summary>
/// <param name="Version">When changing: the version that was read; a newer one is then not overwritten.</param>
internal sealed record SegmentBody(string? Name, string? Description, JsonElement? Rule, int? Version)
{
    public WantedSegment Wanted => new(Name ?? "", Description, Rule?.GetRawText() ?? "", Version);
}

/// <summary>A rule to try.</summary>
/// <param name="AsOf">The moment to ask about, Unix ms; null: now.</param>
/// <param name="Sample">How many people to show, 0 to 100.</param>
internal sealed record PreviewBody(JsonElement? Rule, long? AsOf, int? Sample);

/// <summary>What a rule would give.</summary>
internal sealed record PreviewAnswer(int Count, int People, double Ms, long AsOf, IEnumerable<MemberAnswer> Sample);

/// <summary>Somebody in a segment.</summary>
/// <param name="Since">When they entered, Unix ms; null in a preview.</param>
internal sealed record MemberAnswer(long ProfileId, string Name, string? Email, long? Since);

/// <summary>A page of members.</summary>
/// <param name="Next">What to ask for as <c>after</c> next; null: there are no more.</param>
internal sealed record MembersAnswer(IEnumerable<MemberAnswer> Members, long? Next);

/// <summary>Segments over HTTP.</summary>
internal static class SegmentEndpoints
{
    private const int MostAtOnce = 1000;
    private static readonly Problem NotFound = new("segment.not_found", "There is no such segment.");

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/segments").WithTags("Segments");
        api.MapGet("", ListAsync).RequireAuthorization(Policies.View);
        api.MapGet("{id:long}", FindAsync).RequireAuthorization(Policies.View);
        api.MapGet("{id:long}/members", MembersAsync).RequireAuthorization(Policies.View);
        api.MapGet("{id:long}/export", ExportAsync).RequireAuthorization(Policies.Analyse);
        api.MapPost("preview", PreviewAsync).RequireAuthorization(Policies.View);
        api.MapPost("", CreateAsync).RequireAuthorization(Policies.Market);
        api.MapPut("{id:long}", UpdateAsync).RequireAuthorization(Policies.Market);
        api.MapDelete("{id:long}", DeleteAsync).RequireAuthorization(Policies.Market);
    }

    private static async Task<IEnumerable<SegmentAnswer>> ListAsync(Segments segments, CancellationToken ct) =>
        (await segments.ListAsync(ct)).Select(SegmentAnswer.Of);

    private static async Task<Results<Ok<SegmentAnswer>, ProblemHttpResult>> FindAsync(long id, Segments segments, CancellationToken ct) =>
        await segments.FindAsync(id, ct) is { } segment ? TypedResults.Ok(SegmentAnswer.Of(segment)) : Refused(NotFound);

    private static async Task<Results<Created<SegmentAnswer>, ProblemHttpResult>> CreateAsync(
        SegmentBody body, Segments segments, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await segments.CreateAsync(body.Wanted, Actor.Of(user), ct);
        return outcome.Match<Results<Created<SegmentAnswer>, ProblemHttpResult>>(
            segment => TypedResults.Created($"/api/segments/{segment.Id}", SegmentAnswer.Of(segment)), problem => Refused(problem));
    }

    private static async Task<Results<Ok<SegmentAnswer>, ProblemHttpResult>> UpdateAsync(
        long id, SegmentBody body, Segments segments, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await segments.UpdateAsync(id, body.Wanted, Actor.Of(user), ct);
        return outcome.Match<Results<Ok<SegmentAnswer>, ProblemHttpResult>>(
            segment => TypedResults.Ok(SegmentAnswer.Of(segment)), problem => Refused(problem));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(
        long id, Segments segments, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await segments.DeleteAsync(id, Actor.Of(user), ct);
        return outcome.Match<Results<NoContent, ProblemHttpResult>>(_ => TypedResults.NoContent(), problem => Refused(problem));
    }

    private static async Task<Results<Ok<PreviewAnswer>, ProblemHttpResult>> PreviewAsync(
        PreviewBody body, Preview preview, IProfiles profiles, CancellationToken ct)
    {
        var outcome = preview.Try(body.Rule?.GetRawText() ?? "", null, body.AsOf, Math.Clamp(body.Sample ?? 10, 0, 100));
        if (!outcome.Met(out var result))
        {
            return Refused(outcome.Problem! with { Field = $"rule.{outcome.Problem!.Field}".TrimEnd('.') });
        }

        var people = await profiles.FindAsync(result.Sample, ct);
        return TypedResults.Ok(new PreviewAnswer(
            result.Count, result.People, Math.Round(result.Ms, 2), result.AsOf, people.Select(person => Member(person, null))));
    }

    /// <summary>GET /api/segments/3/members?after=0&amp;limit=100, ascending by profile.</summary>
    private static async Task<Results<Ok<MembersAnswer>, ProblemHttpResult>> MembersAsync(
        long id, Segments segments, MemberStore store, IProfiles profiles, CancellationToken ct, long after = 0, int limit = 100)
    {
        if (await segments.FindAsync(id, ct) is null)
        {
            return Refused(NotFound);
        }

        var size = Math.Clamp(limit, 1, MostAtOnce);
        var page = await store.MembersWithSinceAsync(id, after, size, ct);
        var people = (await profiles.FindAsync([.. page.Select(member => member.ProfileId)], ct)).ToDictionary(person => person.ProfileId);
        return TypedResults.Ok(new MembersAnswer(
            page.Where(member => people.ContainsKey(member.ProfileId)).Select(member => Member(people[member.ProfileId], member.Since)),
            page.Count == size ? page[^1].ProfileId : null));
    }

    /// <summary>GET /api/segments/3/export?format=csv or ndjson: a file of all members. It is put on record.</summary>
    private static async Task<Results<PushStreamHttpResult, ProblemHttpResult>> ExportAsync(
        long id, Segments segments, Export export, ClaimsPrincipal user, CancellationToken ct, string format = "csv")
    {
        if (format is not ("csv" or "ndjson"))
        {
            return Refused(new Problem("export.format_unknown", "The format must be csv or ndjson.", "format"));
        }

        if (await segments.FindAsync(id, ct) is not { } segment)
        {
            return Refused(NotFound);
        }

        var actor = Actor.Of(user);
        return TypedResults.Stream(
            into => export.WriteAsync(segment, format == "csv", into, actor, ct),
            format == "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson",
            FormattableString.Invariant($"segment-{id}.{format}"));
    }

    private static MemberAnswer Member(Person person, long? since) => new(person.ProfileId, person.DisplayName, person.Email, since);

    private static ProblemHttpResult Refused(Problem problem) => problem.ToHttp(problem.Code switch
    {
        "segment.not_found" => StatusCodes.Status404NotFound,
        "segment.name_taken" or "segment.in_use" or "segment.changed_meanwhile" => StatusCodes.Status409Conflict,
        "segmentation.loading" => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status400BadRequest,
    });
}
