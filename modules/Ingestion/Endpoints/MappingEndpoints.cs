using System.Security.Claims;
using System.Text.Json;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>A saved mapping as the API shows it.</summary>
internal sealed record MappingAnswer(
    long Id, string Name, IReadOnlyList<string> Header, JsonElement Mapping, string Encoding, string Delimiter, bool HasHeader,
    CsvQuote Quote, long? SourceId, long SavedAt, string Actor)
{
    public static MappingAnswer Of(SavedMapping saved) => new(
        saved.Id, saved.Name, saved.Header, JsonSerializer.Deserialize<JsonElement>(saved.Mapping.ToJson()), saved.Shape.Encoding,
        saved.Shape.Delimiter.ToString(), saved.Shape.HasHeader, saved.Shape.Quote, saved.SourceId, saved.SavedAt, saved.Actor);
}

/// <summary>A mapping to keep.</summary>
/// <param name="FileId">The file that it was made for; its columns and the way it is written are kept with it.</param>
/// <param name="Header">The columns, where there is no file.</param>
/// <param name="Mapping">As for an import.</param>
/// <param name="Replace">One of that name is overwritten.</param>
internal sealed record MappingBody(
    string? Name, long? FileId, IReadOnlyList<string>? Header, JsonElement? Mapping, string? Map, string? Encoding, string? Delimiter, bool? HasHeader, CsvQuote? Quote,
    long? SourceId, bool Replace);

/// <summary>Saved mappings over HTTP.</summary>
internal static class MappingEndpoints
{
    private static readonly CsvShape Usual = new("utf-8", ',', HasHeader: true, 0);

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/mappings").WithTags("Mappings").RequireAuthorization(Policies.Analyse);
        api.MapGet("", async (SavedMappings use, CancellationToken ct) => (await use.ListAsync(ct)).Select(MappingAnswer.Of));
        api.MapGet("{id:long}", FindAsync);
        api.MapPost("", SaveAsync);
        api.MapPut("{id:long}", ChangeAsync);
        api.MapDelete("{id:long}", DeleteAsync);
    }

    private static async Task<Results<Ok<MappingAnswer>, ProblemHttpResult>> FindAsync(long id, SavedMappings use, CancellationToken ct) =>
        await use.FindAsync(id, ct) is { } saved ? TypedResults.Ok(MappingAnswer.Of(saved)) : Refused(SavedMappings.Unknown);

    /// <summary>POST { name, fileId | header, mapping | map, sourceId, replace } answers 201. Errors: 422 mapping.*, 409 mapping.name_taken.</summary>
    private static async Task<Results<Created<MappingAnswer>, ProblemHttpResult>> SaveAsync(
        MappingBody body, SavedMappings use, Imports imports, ClaimsPrincipal user, CancellationToken ct)
    {
        var wish = await WishAsync(body, imports, ct);
        if (!wish.Met(out var wanted))
        {
            return Refused(wish.Problem!);
        }

        return (await use.SaveAsync(Actor.Of(user), wanted, body.Replace, ct)).Match<Results<Created<MappingAnswer>, ProblemHttpResult>>(
            saved => TypedResults.Created(FormattableString.Invariant($"/api/mappings/{saved.Id}"), MappingAnswer.Of(saved)), problem => Refused(problem));
    }

    private static async Task<Results<Ok<MappingAnswer>, ProblemHttpResult>> ChangeAsync(
        long id, MappingBody body, SavedMappings use, Imports imports, ClaimsPrincipal user, CancellationToken ct)
    {
        var wish = await WishAsync(body, imports, ct);
        return wish.Met(out var wanted) ? Answer(await use.ChangeAsync(Actor.Of(user), id, wanted, ct)) : Refused(wish.Problem!);
    }

    /// <summary>DELETE answers 200 with what it was. Errors: 409 mapping.in_use.</summary>
    private static async Task<Results<Ok<MappingAnswer>, ProblemHttpResult>> DeleteAsync(long id, SavedMappings use, ClaimsPrincipal user, CancellationToken ct) =>
        Answer(await use.DeleteAsync(Actor.Of(user), id, ct));

    private static async Task<Outcome<MappingWish>> WishAsync(MappingBody body, Imports imports, CancellationToken ct)
    {
        var mapping = body.Mapping is { ValueKind: JsonValueKind.Object } json ? ImportMapping.Parse(json.GetRawText()) : ImportMapping.ParseShort(body.Map ?? "");
        if (!mapping.Met(out var columns))
        {
            return mapping.Problem!;
        }

        var (header, written) = ((body.Header ?? [.. columns.Columns.Keys]).ToList(), Usual);
        if (body.FileId is { } fileId)
        {
            var found = await imports.InspectAsync(fileId, ct);
            if (!found.Met(out var file))
            {
                return found.Problem!;
            }

            (header, written) = ([.. file.Header], file.File.Shape);
        }

        return written.With(body.Encoding, body.Delimiter, body.HasHeader, body.Quote).Match<Outcome<MappingWish>>(
            said => new MappingWish(body.Name ?? "", header, columns, said, body.SourceId), problem => problem);
    }

    private static Results<Ok<MappingAnswer>, ProblemHttpResult> Answer(Outcome<SavedMapping> outcome) =>
        outcome.Match<Results<Ok<MappingAnswer>, ProblemHttpResult>>(saved => TypedResults.Ok(MappingAnswer.Of(saved)), problem => Refused(problem));

    private static ProblemHttpResult Refused(Problem problem) => problem.ToHttp(problem.Code switch
    {
        "mapping.unknown" or "file.unknown" => StatusCodes.Status404NotFound,
        "mapping.name_taken" or "mapping.in_use" => StatusCodes.Status409Conflict,
        _ => StatusCodes.Status422UnprocessableEntity,
    });
}
