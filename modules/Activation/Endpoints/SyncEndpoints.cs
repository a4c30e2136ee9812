using System.Globalization;
using System.Security.Claims;
using CdpMonolith.Activation.Deliver;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Activation.Sync;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Activation.Endpoints;

/// <summary>A sync as the API shows it. Times are Unix ms.</summary>
/// <param name="State"><c>running</c>, <c>paused</c> or <c>new</c>.</param>
internal sealed record SyncAnswer(
    long Id, string Name, long SegmentId, long DestinationId, string Purpose, string Channel, IReadOnlyList<string> Identifiers,
    IReadOnlyList<MappedTrait> Traits, string State, SyncCounts Counts, long CreatedAt, long? StartedAt)
{
    public static SyncAnswer Of(SegmentSync sync, SyncCounts counts) => new(
        sync.Id, sync.Name, sync.SegmentId, sync.DestinationId, sync.Purpose, sync.Channel, sync.Mapping.Identifiers, sync.Mapping.Traits,
        sync.Active ? "running" : sync.StartedAt is null ? "new" : "paused", counts, sync.CreatedAt, sync.StartedAt);
}

/// <summary>A delivery as the API shows it. Times are Unix ms.</summary>
internal sealed record DeliveryAnswer(
    long Id, long ProfileId, string Change, string State, string? Reason, long? Status, long Tries, long? NextTryAt, string MessageId,
    long? ConsentRecordId, long ChangedAt, long? EndedAt)
{
    public static DeliveryAnswer Of(Delivery delivery) => new(
        delivery.Id, delivery.ProfileId, delivery.Change == DeliveryChange.Entered ? "entered" : "left", StateOf(delivery.State),
        delivery.Reason, delivery.HttpStatus, delivery.Tries, delivery.State == DeliveryState.Pending ? delivery.NextTryAt : null,
        delivery.MessageId, delivery.ConsentSeq, delivery.ChangedAt, delivery.EndedAt);

    private static string StateOf(DeliveryState state) => state switch
    {
        DeliveryState.Pending => "pending",
        DeliveryState.Delivered => "delivered",
        DeliveryState.Withheld => "withheld",
        DeliveryState.Parked => "parked",
        _ => "superseded",
    };
}

/// <summary>A page of deliveries, latest first.</summary>
/// <param name="Before">Give it as <c>before</c> for the next page; null: this was the last.</param>
internal sealed record DeliveriesAnswer(IEnumerable<DeliveryAnswer> Deliveries, long? Before);

/// <summary>How many are tried again.</summary>
internal sealed record RetryAnswer(long Count);

/// <summary>Syncs, their deliveries and their files over HTTP.</summary>
internal static class SyncEndpoints
{
    private const int PageSize = 100;

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/syncs").WithTags("Syncs");
        api.MapGet("", ListAsync).RequireAuthorization(Policies.View);
        api.MapGet("{id:long}", FindAsync).RequireAuthorization(Policies.View);
        api.MapPost("", CreateAsync).RequireAuthorization(Policies.Market);
        api.MapPut("{id:long}", ChangeAsync).RequireAuthorization(Policies.Market);
        api.MapDelete("{id:long}", DeleteAsync).RequireAuthorization(Policies.Market);
        api.MapPost("{id:long}/start", StartAsync).RequireAuthorization(Policies.Market);
        api.MapPost("{id:long}/pause", PauseAsync).RequireAuthorization(Policies.Market);
        api.MapPost("{id:long}/retry", RetryAllAsync).RequireAuthorization(Policies.Market);
        api.MapPost("{id:long}/write", WriteAsync).RequireAuthorization(Policies.Analyse);
        api.MapPost("preview", PreviewAsync).RequireAuthorization(Policies.View);
        api.MapGet("{id:long}/deliveries", DeliveriesAsync).RequireAuthorization(Policies.View);
        api.MapGet("{id:long}/files", FilesAsync).RequireAuthorization(Policies.Analyse);
        endpoints.MapPost("/api/deliveries/{id:long}/retry", RetryAsync).WithTags("Syncs").RequireAuthorization(Policies.Market);
        endpoints.MapGet("/api/exports/{id:long}/file", DownloadAsync).WithTags("Syncs").RequireAuthorization(Policies.Analyse);
    }

    private static async Task<Ok<IEnumerable<SyncAnswer>>> ListAsync(SyncStore syncs, DeliveryStore deliveries, CancellationToken ct)
    {
        var counts = (await deliveries.CountsAsync(ct)).ToDictionary(count => count.SyncId);
        return TypedResults.Ok((await syncs.ListAsync(ct)).Select(
            sync => SyncAnswer.Of(sync, counts.GetValueOrDefault(sync.Id) ?? SyncCounts.None(sync.Id))));
    }

    private static async Task<Results<Ok<SyncAnswer>, ProblemHttpResult>> FindAsync(
        long id, Syncs syncs, DeliveryStore deliveries, CancellationToken ct) =>
        await syncs.FindAsync(id, ct) is { } sync ? TypedResults.Ok(await WithCountsAsync(sync, deliveries, ct)) : Unknown;

    /// <summary>
    /// POST /api/syncs { name, segmentId, destinationId, purpose, channel, identifiers?, traits?: [{ trait, field }] } answers 201;
    /// nothing is sent until POST /api/syncs/1/start. Errors: 400, 404 segment.unknown, destination.unknown, 409 sync.name_taken.
    /// </summary>
    private static async Task<Results<Created<SyncAnswer>, ProblemHttpResult>> CreateAsync(
        NewSync wanted, Syncs syncs, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await syncs.CreateAsync(wanted, Actor.Of(user), ct);
        return outcome.Match<Results<Created<SyncAnswer>, ProblemHttpResult>>(
            made => TypedResults.Created($"/api/syncs/{made.Id}", SyncAnswer.Of(made, SyncCounts.None(made.Id))), problem => Refused(problem));
    }

    private static async Task<Results<Ok<SyncAnswer>, ProblemHttpResult>> ChangeAsync(
        long id, NewSync wanted, Syncs syncs, DeliveryStore deliveries, ClaimsPrincipal user, CancellationToken ct) =>
        await AnswerAsync(await syncs.ChangeAsync(id, wanted, Actor.Of(user), ct), deliveries, ct);

    private static async Task<Results<Ok<SyncAnswer>, ProblemHttpResult>> DeleteAsync(
        long id, Syncs syncs, DeliveryStore deliveries, ClaimsPrincipal user, CancellationToken ct) =>
        await AnswerAsync(await syncs.DeleteAsync(id, Actor.Of(user), ct), deliveries, ct);

    private static async Task<Results<Ok<SyncAnswer>, ProblemHttpResult>> StartAsync(
        long id, Syncs syncs, DeliveryStore deliveries, ClaimsPrincipal user, CancellationToken ct) =>
        await AnswerAsync(await syncs.StartAsync(id, Actor.Of(user), ct), deliveries, ct);

    private static async Task<Results<Ok<SyncAnswer>, ProblemHttpResult>> PauseAsync(
        long id, Syncs syncs, DeliveryStore deliveries, ClaimsPrincipal user, CancellationToken ct) =>
        await AnswerAsync(await syncs.PauseAsync(id, Actor.Of(user), ct), deliveries, ct);

    /// <summary>POST /api/syncs/1/retry tries all parked deliveries again.</summary>
    private static async Task<Results<Ok<RetryAnswer>, ProblemHttpResult>> RetryAllAsync(
        long id, Syncs syncs, ClaimsPrincipal user, CancellationToken ct) => Answer(await syncs.RetryAllAsync(id, Actor.Of(user), ct));

    private static async Task<Results<Ok<RetryAnswer>, ProblemHttpResult>> RetryAsync(
        long id, Syncs syncs, ClaimsPrincipal user, CancellationToken ct) => Answer(await syncs.RetryAsync(id, Actor.Of(user), ct));

    /// <summary>POST /api/syncs/1/write writes a file of what is due and answers it; 409 export.nothing_new.</summary>
    private static async Task<Results<Ok<ExportFile>, ProblemHttpResult>> WriteAsync(
        long id, FileWriter files, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await files.WriteNowAsync(id, Actor.Of(user), ct);
        return outcome.Match<Results<Ok<ExportFile>, ProblemHttpResult>>(file => TypedResults.Ok(file), problem => Refused(problem));
    }

    /// <summary>POST /api/syncs/preview with the body of a new sync answers what it would do, and to whom it must not.</summary>
    private static async Task<Results<Ok<SyncPreview>, ProblemHttpResult>> PreviewAsync(
        NewSync wanted, Preview preview, DestinationStore destinations, CancellationToken ct)
    {
        var destination = await destinations.FindAsync(wanted.DestinationId, ct);
        return await preview.RunAsync(wanted, DestinationKind.Find(destination?.Kind) is not { OneByOne: false }, null, ct) is { } result
            ? TypedResults.Ok(result)
            : new Problem("segment.unknown", "There is no such segment.", "segmentId").ToHttp(StatusCodes.Status404NotFound);
    }

    /// <summary>GET /api/syncs/1/deliveries?state=withheld&amp;before=1234 answers a page, latest first.</summary>
    private static async Task<Results<Ok<DeliveriesAnswer>, ProblemHttpResult>> DeliveriesAsync(
        long id, string? state, long? before, Syncs syncs, DeliveryStore deliveries, CancellationToken ct)
    {
        if (await syncs.FindAsync(id, ct) is null)
        {
            return Unknown;
        }

        DeliveryState? wanted = null;
        if (state is not null)
        {
            if (!Enum.TryParse<DeliveryState>(state, ignoreCase: true, out var known) || !Enum.IsDefined(known))
            {
                return new Problem("delivery.state_unknown", "A state is pending, delivered, withheld, parked or superseded.", "state")
                    .ToHttp(StatusCodes.Status400BadRequest);
            }

            wanted = known;
        }

        var page = await deliveries.OfSyncAsync(id, wanted, before ?? long.MaxValue, PageSize, ct);
        return TypedResults.Ok(new DeliveriesAnswer(
            page.Select(DeliveryAnswer.Of), page.Count == PageSize ? page[^1].Id : null));
    }

    private static async Task<Ok<IReadOnlyList<ExportFile>>> FilesAsync(long id, ExportStore exports, CancellationToken ct) =>
        TypedResults.Ok(await exports.OfSyncAsync(id, PageSize, ct));

    /// <summary>GET /api/exports/3/file answers the file as an attachment. That it was taken is audited.</summary>
    private static async Task<Results<PhysicalFileHttpResult, ProblemHttpResult>> DownloadAsync(
        long id, ExportStore exports, Syncs syncs, FileWriter files, IStore store, IAudit audit, ClaimsPrincipal user, HttpContext http,
        CancellationToken ct)
    {
        if (await exports.FindAsync(id, ct) is not { Ready: true } file || !File.Exists(files.PathOf(file)))
        {
            return new Problem("export.unknown", "There is no such file.").ToHttp(StatusCodes.Status404NotFound);
        }

        await store.WriteAsync(
            write => audit.Record(write, Actor.Of(user), "export.downloaded", Syncs.Subject(file.SyncId), new { Export = id, Rows = file.RowCount }), ct);
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        var sync = await syncs.FindAsync(file.SyncId, ct);
        return TypedResults.PhysicalFile(files.PathOf(file), ContentTypeOf(file), $"{Plain(sync?.Name)}-{file.FileName}");
    }

    private static ProblemHttpResult Unknown =>
        new Problem("sync.unknown", "There is no such sync.").ToHttp(StatusCodes.Status404NotFound);

    private static string ContentTypeOf(ExportFile file) =>
        file.FileName.EndsWith(".ndjson", StringComparison.Ordinal) ? "application/x-ndjson" : "text/csv; charset=utf-8";

    /// <summary>Letters, digits and lines of a name: what every file system takes.</summary>
    private static string Plain(string? name)
    {
        var kept = string.Join('-', new string([.. (name ?? "").Select(c => char.IsLetterOrDigit(c) ? c : ' ')])
            .Split(' ', StringSplitOptions.RemoveEmptyEntries));
        return kept.Length == 0 ? "export" : kept.ToLower(CultureInfo.InvariantCulture);
    }

    private static async Task<SyncAnswer> WithCountsAsync(SegmentSync sync, DeliveryStore deliveries, CancellationToken ct) =>
        SyncAnswer.Of(sync, (await deliveries.CountsAsync(ct)).FirstOrDefault(count => count.SyncId == sync.Id) ?? SyncCounts.None(sync.Id));

    private static async Task<Results<Ok<SyncAnswer>, ProblemHttpResult>> AnswerAsync(
        Outcome<SegmentSync> outcome, DeliveryStore deliveries, CancellationToken ct) =>
        outcome.Met(out var sync) ? TypedResults.Ok(await WithCountsAsync(sync, deliveries, ct)) : Refused(outcome.Problem!);

    private static Results<Ok<RetryAnswer>, ProblemHttpResult> Answer(Outcome<long> outcome) =>
        outcome.Match<Results<Ok<RetryAnswer>, ProblemHttpResult>>(
            count => TypedResults.Ok(new RetryAnswer(count)), problem => Refused(problem));

    private static ProblemHttpResult Refused(Problem problem) => problem.ToHttp(problem.Code switch
    {
        "sync.unknown" or "segment.unknown" or "destination.unknown" or "delivery.unknown" => StatusCodes.Status404NotFound,
        "sync.name_taken" or "sync.has_deliveries" or "sync.paused" or "export.nothing_new" or "delivery.not_parked" => StatusCodes.Status409Conflict,
        _ => StatusCodes.Status400BadRequest,
    });
}
