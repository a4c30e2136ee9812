using System.Security.Claims;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Catalogue;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>A way of straying as the API shows it.</summary>
/// <param name="Member">Empty: the event itself.</param>
/// <param name="Kind">eventUnplanned, memberUnplanned, missing, type, value or pattern.</param>
/// <param name="LastAt">Unix ms.</param>
internal sealed record ViolationAnswer(
    CallType Type, string Event, string Member, ViolationKind Kind, PlanAction Action, long Hour, long Day, long Week, long LastAt, long SourceId, string? Sample);

/// <summary>The tracking plan over HTTP. See docs/plan.md.</summary>
internal static class PlanEndpoints
{
    private const int BodyBytes = 4 * 1024 * 1024;

    private static readonly Problem TypeUnknown = new("plan.type_unusable", "The type is track, page, screen, identify or group.", "type");

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var reading = endpoints.MapGroup("/api/plan").RequireAuthorization(Policies.View).WithTags("Tracking plan");
        reading.MapGet("", (Plans plans) => Json(plans.Kept.Plan));
        reading.MapGet("export", (Plans plans) => Results.File(
            JsonSerializer.SerializeToUtf8Bytes(plans.Kept.Plan, PlanStore.Json), "application/json", "tracking-plan.json"));
        reading.MapGet("draft", DraftAsync);
        reading.MapGet("violations", async (Violations violations, CancellationToken ct) => Json((await violations.ReadAsync(ct)).Select(Answer)));

        var changing = endpoints.MapGroup("/api/plan").RequireAuthorization(Policies.Administer).WithTags("Tracking plan");
        changing.MapPut("", ReplaceAsync);
        changing.MapPut("event", PutAsync);
        changing.MapDelete("event", RemoveAsync);
    }

    private static async Task<IResult> DraftAsync(string? type, string? name, CatalogueReader catalogue, CancellationToken ct) =>
        TypeOf(type) is not { } call ? Refused.As(TypeUnknown)
        : await catalogue.FindAsync(call, name ?? "", ct) is { } seen ? Json(PlanDraft.Of(seen))
        : Refused.As(CatalogueEndpoints.EventUnknown);

    private static async Task<IResult> ReplaceAsync(HttpRequest request, Plans plans, ClaimsPrincipal user, CancellationToken ct)
    {
        var (wanted, problem) = await ReadAsync<TrackingPlan>(request, ct);
        return problem is not null ? Refused.As(problem) : Answer(await plans.ReplaceAsync(Actor.Of(user), wanted!, ct));
    }

    private static async Task<IResult> PutAsync(HttpRequest request, Plans plans, ClaimsPrincipal user, CancellationToken ct)
    {
        var (wanted, problem) = await ReadAsync<PlannedEvent>(request, ct);
        return problem is not null ? Refused.As(problem) : Answer(await plans.PutAsync(Actor.Of(user), wanted!, ct));
    }

    private static async Task<IResult> RemoveAsync(string? type, string? name, Plans plans, ClaimsPrincipal user, CancellationToken ct) =>
        TypeOf(type) is { } call ? Answer(await plans.RemoveAsync(Actor.Of(user), call, name ?? "", ct)) : Refused.As(TypeUnknown);

    private static async Task<(T? Wanted, Problem? Problem)> ReadAsync<T>(HttpRequest request, CancellationToken ct)
        where T : class
    {
        if (request.ContentLength > BodyBytes)
        {
            return (null, new Problem("plan.too_large", "A plan has at most 4 MiB."));
        }

        try
        {
            return await JsonSerializer.DeserializeAsync<T>(request.Body, PlanStore.Json, ct) is { } wanted
                ? (wanted, null)
                : (null, new Problem("plan.not_json", "The body must be a JSON object."));
        }
        catch (JsonException fault)
        {
            return (null, new Problem("plan.not_json", $"The body is no plan; it goes wrong at {fault.Path ?? "$"}, line {fault.LineNumber + 1}.", fault.Path));
        }
    }

    private static IResult Answer(Outcome<KeptPlan> outcome) => outcome.Met(out var kept) ? Json(kept.Plan) : Refused.As(outcome.Problem!);

    private static ViolationAnswer Answer(SeenViolation seen) => new(
        seen.Key.Type, seen.Key.Event, seen.Key.Member, seen.Key.Kind, seen.Action, seen.Hour, seen.Day, seen.Week, seen.LastAt, seen.SourceId, seen.Sample);

    private static IResult Json<T>(T answer) => Results.Json(answer, PlanStore.Json);

    private static CallType? TypeOf(string? type) =>
        Enum.TryParse<CallType>(type ?? nameof(CallType.Track), ignoreCase: true, out var call) && Enum.IsDefined(call) ? call : null;
}
