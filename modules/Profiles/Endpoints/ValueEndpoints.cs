using System.Security.Claims;
using System.Text;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Unify;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Profiles.Endpoints;

/// <summary>A table as the API shows it.</summary>
/// <param name="ChangedAt">Unix ms.</param>
/// <param name="Settling">People are being brought in line with it.</param>
/// <param name="Unmatched">Values that it does not know, the most frequent first.</param>
internal sealed record ValueTableAnswer(
    string Trait, IReadOnlyList<StandardValue> Values, long ChangedAt, string ChangedBy, bool Settling, IReadOnlyList<TraitValue> Unmatched);

/// <summary>What a table should be.</summary>
internal sealed record ValueTableWanted(IReadOnlyList<StandardValue>? Values);

/// <summary>Tables of values over HTTP. See docs/standardisation.md.</summary>
internal static class ValueEndpoints
{
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/values").WithTags("Values");
        api.MapGet("", async (ValueTables tables, CancellationToken ct) => (await tables.ListAsync(ct)).Select(Answer)).RequireAuthorization(Policies.View);
        api.MapGet("{trait}", FindAsync).RequireAuthorization(Policies.View);
        api.MapPut("{trait}", PutAsync).RequireAuthorization(Policies.Market);
        api.MapDelete("{trait}", RemoveAsync).RequireAuthorization(Policies.Market);
        api.MapGet("{trait}/csv", ExportAsync).RequireAuthorization(Policies.View);
        api.MapPut("{trait}/csv", ImportAsync).RequireAuthorization(Policies.Market);
    }

    private static async Task<Results<Ok<ValueTableAnswer>, ProblemHttpResult>> FindAsync(string trait, ValueTables tables, CancellationToken ct) =>
        await tables.FindAsync(trait, ct) is { } view ? TypedResults.Ok(Answer(view)) : ValueTables.Unknown.ToHttp(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<ValueTable>, ProblemHttpResult>> PutAsync(
        string trait, ValueTableWanted wanted, ValueTables tables, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await tables.PutAsync(Actor.Of(user), new ValueTable(trait, wanted.Values ?? []), ct);
        return outcome.Met(out var table) ? TypedResults.Ok(table) : outcome.Problem!.ToHttp(StatusCodes.Status422UnprocessableEntity);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> RemoveAsync(string trait, ValueTables tables, ClaimsPrincipal user, CancellationToken ct) =>
        await tables.RemoveAsync(Actor.Of(user), trait, ct) is { } problem ? problem.ToHttp(StatusCodes.Status404NotFound) : TypedResults.NoContent();

    private static async Task<Results<FileContentHttpResult, ProblemHttpResult>> ExportAsync(string trait, ValueTables tables, CancellationToken ct) =>
        await tables.FindAsync(trait, ct) is { } view
            ? TypedResults.File([0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(ValueCsv.Write(view.Kept.Table))], "text/csv; charset=utf-8", $"values-{trait}.csv")
            : ValueTables.Unknown.ToHttp(StatusCodes.Status404NotFound);

    /// <summary>Puts what the file says in place of the table; with one faulty row nothing is changed.</summary>
    private static async Task<Results<Ok<ValueTable>, ProblemHttpResult>> ImportAsync(
        string trait, HttpRequest request, ValueTables tables, ClaimsPrincipal user, CancellationToken ct)
    {
        using var body = new MemoryStream();
        var buffer = new byte[1 << 16];
        int got;
        while ((got = await request.Body.ReadAsync(buffer, ct)) > 0)
        {
            if (body.Length + got > ValueCsv.BytesAtMost)
            {
                return new Problem("values.file_too_large", "The file has more than 4 MiB.").ToHttp(StatusCodes.Status413PayloadTooLarge);
            }

            body.Write(buffer, 0, got);
        }

        var (values, faults) = ValueCsv.Read(body.ToArray());
        if (faults.Count > 0)
        {
            return TypedResults.Problem(
                title: "The file has rows that cannot be taken; nothing was changed.", statusCode: StatusCodes.Status422UnprocessableEntity,
                extensions: new Dictionary<string, object?> { ["code"] = "values.rows_faulty", ["field"] = "file", ["errors"] = faults });
        }

        var outcome = await tables.PutAsync(Actor.Of(user), new ValueTable(trait, values), ct);
        return outcome.Met(out var table) ? TypedResults.Ok(table) : outcome.Problem!.ToHttp(StatusCodes.Status422UnprocessableEntity);
    }

    private static ValueTableAnswer Answer(ValueTableView view) => new(
        view.Kept.Table.Trait, view.Kept.Table.Values, view.Kept.ChangedAt, view.Kept.ChangedBy, view.IsSettling, view.Unmatched);
}
