using System.Security.Claims;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>A call in quarantine, without its bytes. Times are Unix ms.</summary>
internal sealed record QuarantinedAnswer(
    long Id, long SourceId, string Reason, string Message, string? Field, string Route, long RawBytes, bool HeadOnly,
    long ReceivedAt, long? ImportId, long Tries)
{
    public static QuarantinedAnswer Of(Quarantined item) => new(
        item.Id, item.SourceId, item.Reason, item.Message, item.Field, item.Route, item.RawBytes, item.IsHeadOnly,
        item.ReceivedAt, item.ImportId, item.Tries);
}

/// <summary>A line of the export.</summary>
internal sealed record QuarantineLine(
    long Id, long ReceivedAt, long SourceId, string Source, string Reason, string Message, string? Field, string Route, long RawBytes,
    bool HeadOnly, string? Envelope, string? Body, string? Base64);

/// <summary>A call as it should have been; null: as it was sent.</summary>
internal sealed record Mended(string? Body);

/// <summary>The quarantine over HTTP, for administrators.</summary>
internal static class QuarantineEndpoints
{
    private const int PageAtMost = 500;
    private static readonly byte[] LineEnd = [(byte)'\n'];
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/quarantine").RequireAuthorization(Policies.Administer).WithTags("Quarantine");
        api.MapGet("", ReadAsync);
        api.MapGet("reasons", (QuarantineStore quarantine, CancellationToken ct, long? sourceId = null) => quarantine.CountsAsync(sourceId, ct));
        api.MapGet("export", ExportAsync);
        api.MapGet("{id:long}/raw", RawAsync);
        api.MapPost("{id:long}/replay", ReplayAsync);
        api.MapPost("reasons/{reason}/replay", ReplayAllAsync);
        api.MapDelete("{id:long}", DismissAsync);
        api.MapDelete("reasons/{reason}", DismissAllAsync);
    }

    private static async Task<IEnumerable<QuarantinedAnswer>> ReadAsync(
        QuarantineStore quarantine, CancellationToken ct, string? reason = null, long? sourceId = null, long before = long.MaxValue, int limit = 50) =>
        (await quarantine.ReadAsync(reason, sourceId, before, Math.Clamp(limit, 1, PageAtMost), ct)).Select(QuarantinedAnswer.Of);

    /// <summary>One JSON object a line; what is no text is in <c>base64</c> instead of <c>body</c>.</summary>
    private static async Task ExportAsync(HttpContext http, QuarantineDesk desk, ISources sources, string? reason = null)
    {
        http.Response.ContentType = "application/x-ndjson";
        http.Response.Headers.ContentDisposition = "attachment; filename=\"quarantine.ndjson\"";
        http.Response.Headers.CacheControl = "no-store";
        await foreach (var item in desk.ExportAsync(Actor.Of(http.User), reason, http.RequestAborted))
        {
            var isText = Utf8.IsValid(item.Raw);
            await JsonSerializer.SerializeAsync(
                http.Response.Body,
                new QuarantineLine(
                    item.Id, item.ReceivedAt, item.SourceId, sources.NameOf(item.SourceId), item.Reason, item.Message, item.Field, item.Route, item.RawBytes,
                    item.IsHeadOnly, item.Envelope, isText ? Encoding.UTF8.GetString(item.Raw) : null, isText ? null : Convert.ToBase64String(item.Raw)),
                Json, http.RequestAborted);
            await http.Response.Body.WriteAsync(LineEnd, http.RequestAborted);
        }
    }

    private static async Task<Results<FileContentHttpResult, ProblemHttpResult>> RawAsync(long id, QuarantineStore quarantine, CancellationToken ct) =>
        await quarantine.FindAsync(id, ct) is { } item
            ? TypedResults.File(item.Raw, "application/octet-stream", FormattableString.Invariant($"quarantine-{id}.json"))
            : Refused.As(QuarantineDesk.Unknown);

    private static async Task<Results<Ok<ReplayCount>, ProblemHttpResult>> ReplayAsync(
        long id, Mended? mended, QuarantineDesk desk, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await desk.ReplayAsync(Actor.Of(user), id, mended?.Body, ct);
        return outcome.Met(out var count) ? TypedResults.Ok(count) : Refused.As(outcome.Problem!);
    }

    private static Task<ReplayCount> ReplayAllAsync(string reason, QuarantineDesk desk, ClaimsPrincipal user, CancellationToken ct) =>
        desk.ReplayAllAsync(Actor.Of(user), reason, ct);

    private static async Task<Results<NoContent, ProblemHttpResult>> DismissAsync(
        long id, QuarantineDesk desk, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await desk.DismissAsync(Actor.Of(user), id, ct);
        return outcome.Problem is { } problem ? Refused.As(problem) : TypedResults.NoContent();
    }

    private static async Task<Ok<int>> DismissAllAsync(
        string reason, QuarantineDesk desk, ClaimsPrincipal user, CancellationToken ct) =>
        TypedResults.Ok(await desk.DismissAllAsync(Actor.Of(user), reason, ct));
}
