using System.Security.Claims;
using System.Text;
using System.Text.RegularExpressions;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Receive;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>A webhook as the API shows it. ReceivedAt is Unix ms.</summary>
internal sealed record HookAnswer(
    long Id, string Topic, string Delivery, string State, string? Reason, string? Message, long Events, long ReceivedAt, string Body)
{
    public static HookAnswer Of(HookCallRow row) => new(
        row.Id, row.Topic, row.Delivery, row.State, row.Reason, row.Message, row.Events, row.ReceivedAt, Encoding.UTF8.GetString(row.Raw));
}

/// <summary>
/// Webhooks of shops and of anybody else: verified, kept as they came, answered with 200, and mapped afterwards. See docs/webhooks-in.md.
/// </summary>
internal sealed partial class HookEndpoints(Hooks hooks, Senders senders, IOptions<IngestionOptions> options, ILogger<HookEndpoints> logger)
{
    private const string Post = "POST, OPTIONS";
    private const int PageAtMost = 200;

    private static readonly Refusal NoHooks = new("hook.kind_wrong", "This write key is of a source that takes no webhooks.");
    private static readonly Refusal Disabled = new("source.disabled", "This source is switched off.");
    private static readonly Refusal Forged = new("hook.signature_wrong", "The signature is missing or wrong for the secret of this source.");
    private static readonly Refusal Unavailable = new("store.unavailable", "The server cannot store webhooks now; send this again later.");

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var taking = endpoints.ServiceProvider.GetRequiredService<HookEndpoints>();
        endpoints.MapForClients("/hooks/{writeKey}", http => taking.TakeAsync(http, (string)http.Request.RouteValues["writeKey"]!));
        endpoints.MapForClients("/v1/webhook", http => taking.TakeAsync(http, http.Request.Query["writeKey"].ToString()));

        var api = endpoints.MapGroup("/api/sources/{id:long}/webhook").RequireAuthorization(Policies.Administer).WithTags("Webhooks");
        api.MapGet("", FindAsync);
        api.MapPut("", SaveAsync);
        api.MapGet("received", ReceivedAsync);
        api.MapPost("received/map", (long id, Hooks hooks, ClaimsPrincipal user, CancellationToken ct) => hooks.MapAgainAsync(Actor.Of(user), id, 0, ct));
        api.MapPost("received/{call:long}/map", (long id, long call, Hooks hooks, ClaimsPrincipal user, CancellationToken ct) => hooks.MapAgainAsync(Actor.Of(user), id, call, ct));
        api.MapDelete("received/{call:long}", (long id, long call, Hooks hooks, ClaimsPrincipal user, CancellationToken ct) => hooks.RemoveAsync(Actor.Of(user), id, call, ct));
    }

    private async Task TakeAsync(HttpContext http, string key)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            await Answers.OtherMethodAsync(http, Post);
            return;
        }

        var (source, refusal) = senders.Known(key);
        refusal = source is null ? refusal : !Hooks.TakesHooks(source.Kind) ? NoHooks : !source.Enabled ? Disabled : null;
        if (refusal is not null)
        {
            await Answers.RefusedAsync(http, StatusCodes.Status401Unauthorized, refusal);
            return;
        }

        try
        {
            using var body = await BodyIntake.ReadAsync(http.Request, options.Value.BodyBytes);
            if (body.Refusal is { } unreadable)
            {
                await Answers.RefusedAsync(http, body.Status, unreadable);
            }
            else if (source!.Kind == SourceKind.WooCommerce && IsPing(body.Bytes))
            {
                // Sent unsigned when the webhook is saved; the shop switches it off unless the answer is 200.
                await Answers.StoredAsync(http);
            }
            else if (!await hooks.IsGenuineAsync(source, body.Bytes, name => http.Request.Headers[name] is [{ } value, ..] ? value : null))
            {
                LogForged(source.Id);
                await Answers.RefusedAsync(http, StatusCodes.Status401Unauthorized, Forged);
            }
            else
            {
                await hooks.TakeAsync(source, Header(http, TopicOf(source.Kind)) ?? "", DeliveryOf(source.Kind).Select(name => Header(http, name)).FirstOrDefault(id => id is not null), body.Bytes);
                await Answers.StoredAsync(http);
            }
        }
        catch (StoreUnavailableException fault)
        {
            await Answers.UnavailableAsync(http, Unavailable, fault);
        }
    }

    private static string TopicOf(SourceKind kind) => kind switch
    {
        SourceKind.Shopify => "X-Shopify-Topic",
        SourceKind.WooCommerce => "X-WC-Webhook-Topic",
        _ => "X-Webhook-Topic",
    };

    private static string[] DeliveryOf(SourceKind kind) => kind switch
    {
        SourceKind.Shopify => ["X-Shopify-Webhook-Id"],
        SourceKind.WooCommerce => ["X-WC-Webhook-Delivery-ID"],
        _ => ["webhook-id", "Idempotency-Key", "X-GitHub-Delivery"],
    };

    private static string? Header(HttpContext http, string name) => http.Request.Headers[name] is [{ Length: > 0 and <= 200 } value] ? value : null;

    private static bool IsPing(ReadOnlyMemory<byte> body) => body.Length < 40 && Ping().IsMatch(Encoding.ASCII.GetString(body.Span));

    private static async Task<Results<Ok<HookSettings>, ProblemHttpResult>> FindAsync(long id, Sources sources, Hooks hooks, CancellationToken ct) =>
        sources.Find(id) is { } source && Hooks.TakesHooks(source.Kind) ? TypedResults.Ok(await hooks.SettingsAsync(id, ct)) : NoneOf(id, sources);

    private static ProblemHttpResult NoneOf(long id, Sources sources) =>
        sources.Find(id) is null ? Refused.As(Sources.Unknown) : new Problem("hook.kind_wrong", "This kind of source takes no webhooks.").ToHttp(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<HookSettings>, ProblemHttpResult>> SaveAsync(
        long id, HookSettings wanted, Sources sources, Hooks hooks, ClaimsPrincipal user, CancellationToken ct)
    {
        if (sources.Find(id) is not { } source)
        {
            return Refused.As(Sources.Unknown);
        }

        var whole = wanted with
        {
            Proof = wanted.Proof ?? HookSettings.None, Header = wanted.Header ?? "", Purpose = wanted.Purpose ?? "", Mapping = wanted.Mapping ?? HookMapping.Nothing,
        };
        var outcome = await hooks.SaveAsync(Actor.Of(user), source, whole, ct);
        return outcome.Met(out var saved) ? TypedResults.Ok(saved) : Refused.As(outcome.Problem!);
    }

    private static async Task<IEnumerable<HookAnswer>> ReceivedAsync(
        long id, IStore store, CancellationToken ct, string? state = null, long before = long.MaxValue, int limit = 50) =>
        (await store.ReadAsync(read => HookStore.Calls(read, id, state, before, Math.Clamp(limit, 1, PageAtMost)), ct)).Select(HookAnswer.Of);

    [GeneratedRegex(@"^webhook_id=\d+\z")]
    private static partial Regex Ping();

    [LoggerMessage(Level = LogLevel.Warning, Message = "A webhook for source {SourceId} was refused: its signature is missing or wrong")]
    private partial void LogForged(long sourceId);
}
