using System.Security.Claims;
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
    }

    private static async Task<Results<Ok<ValueTableAnswer>, NotFound>> FindAsync(string trait, ValueTables tables, CancellationToken ct) =>
        await tables.FindAsync(trait, ct) is { } view ? TypedResults.Ok(Answer(view)) : TypedResults.NotFound();

    private static async Task<Results<Ok<ValueTable>, ProblemHttpResult>> PutAsync(
        string trait, ValueTableWanted wanted, ValueTables tables, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await tables.PutAsync(Actor.Of(user), new ValueTable(trait, wanted.Values ?? []), ct);
        return outcome.Met(out var table) ? TypedResults.Ok(table) : outcome.Problem!.ToHttp(StatusCodes.Status422UnprocessableEntity);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> RemoveAsync(string trait, ValueTables tables, ClaimsPrincipal user, CancellationToken ct) =>
        await tables.RemoveAsync(Actor.Of(user), trait, ct) is { } problem ? problem.ToHttp(StatusCodes.Status404NotFound) : TypedResults.NoContent();

    private static ValueTableAnswer Answer(ValueTableView view) => new(
        view.Kept.Table.Trait, view.Kept.Table.Values, view.Kept.ChangedAt, view.Kept.ChangedBy, view.IsSettling, view.Unmatched);
}
