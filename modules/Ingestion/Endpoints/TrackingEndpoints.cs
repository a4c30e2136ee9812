using System.Globalization;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>
/// The tracking API: what the clients of Segment, RudderStack and Jitsu send to. See docs/tracking-api.md. The routes end right
/// after routing: no cookie, policy or redirect is for them.
/// </summary>
internal sealed partial class TrackingEndpoints(
    Acceptor acceptor, Senders senders, Throttle throttle, IOptions<IngestionOptions> options,
    ILogger<TrackingEndpoints> logger)
{
    private const string Post = "POST, OPTIONS";

    /// <summary>Kept as identify; its identifiers stand elsewhere than in userId.</summary>
    private static readonly Arrival Merging = new(CallType.Identify, NeedsId: false);

    public static readonly Refusal Disabled = new("source.disabled", "This source is switched off.");
    private static readonly Refusal NoRoute = new("route.unknown", "The tracking API has no such path.");
    private static readonly Refusal Unavailable = new("store.unavailable", "The server cannot store events now; send this again later.");
    private static readonly Refusal TooFast = new("source.too_fast", "This source sends more events a second than it may; send this again later.");
    private static readonly Refusal ForeignOrigin = new("source.origin_refused", "Browsers may not send to this source from this website.");
    private static readonly Refusal Broken = new("request.broken", "The request broke off, came too slowly, or is not HTTP as it should be.");
    private static readonly Refusal Fault = new("server.fault", "The server made a mistake; its log has this requestId.");

    private readonly int _bytesAtMost = options.Value.BodyBytes;
    private readonly string _browserPath = options.Value.BrowserPath + "/b";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var tracking = endpoints.ServiceProvider.GetRequiredService<TrackingEndpoints>();
        foreach (var type in Enum.GetValues<CallType>())
        {
            var name = type.ToString().ToLowerInvariant();
            foreach (var path in new[] { $"/v1/{name}", $"/v1/{name[..1]}", $"/api/s/{name}", $"/api/s/s2s/{name}" })
            {
                MapPost(path, new Arrival(type));
            }
        }

        foreach (var path in new[] { "/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch", tracking._browserPath })
        {
            MapPost(path, Arrival.Batch);
        }

        MapPost("/v1/merge", Merging);
        endpoints.MapForClients("/v1/{**path}", UnknownAsync);

        void MapPost(string path, Arrival arrival) => endpoints.MapForClients(path, http => tracking.TakeAsync(http, arrival));
    }

    private async Task TakeAsync(HttpContext http, Arrival arrival)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            await Answers.OtherMethodAsync(http, Post);
            return;
        }

        Answers.AllowOrigin(http);
        try
        {
            using var body = await BodyIntake.ReadAsync(http.Request, _bytesAtMost);
            if (body.Refusal is { } unreadable)
            {
                await Answers.RefusedAsync(http, body.Status, unreadable);
                return;
            }

            var bytes = body.Bytes;
            if (arrival == Merging)
            {
                if (MergeCall.Body(bytes.Span) is not { } identify)
                {
                    await Answers.RefusedAsync(http, StatusCodes.Status400BadRequest, MergeCall.Unusable);
                    return;
                }

                bytes = identify;
            }

            await TakeAsync(http, arrival, bytes);
        }
        catch (StoreUnavailableException fault)
        {
            LogUnavailable(http.TraceIdentifier);
            await Answers.UnavailableAsync(http, Unavailable, fault);
        }
        catch (BadHttpRequestException fault) when (!http.Response.HasStarted)
        {
            await Answers.RefusedAsync(http, fault.StatusCode, Broken);
        }
        catch (Exception fault) when (fault is not (BadHttpRequestException or IOException or OperationCanceledException) && !http.Response.HasStarted)
        {
            LogFault(http.TraceIdentifier, fault);
            await Answers.RefusedAsync(http, StatusCodes.Status500InternalServerError, Fault);
        }
    }

    private async Task TakeAsync(HttpContext http, Arrival arrival, ReadOnlyMemory<byte> body)
    {
        var (source, refusal) = senders.ByHeader(http.Request);
        if (refusal is null)
        {
            var request = acceptor.Read(body, arrival);
            if (source is null)
            {
                (source, refusal) = senders.ByBodyOrRest(http.Request, request);
            }

            if (source is not null)
            {
                if (!source.Enabled)
                {
                    acceptor.Refuse(source, request, arrival, Disabled);
                    refusal = Disabled;
                }
                else if (http.Request.Headers.Origin is [{ } origin] && !Origins.Allow(source.Settings.Origins, origin.ToLowerInvariant()))
                {
                    acceptor.Refuse(source, request, arrival, ForeignOrigin);
                    await Answers.RefusedAsync(http, StatusCodes.Status403Forbidden, ForeignOrigin);
                    return;
                }
                else if (!throttle.Lets(source, request.Calls.Count))
                {
                    acceptor.TurnAway(source, request, arrival);
                    await Answers.LaterAsync(http, TooFast);
                    return;
                }
                else
                {
                    arrival = WithHeaders(http.Request, arrival);
                    await acceptor.AcceptAsync(source, request, body, arrival);
                    await AnswerAsync(http, request, arrival);
                    return;
                }
            }

            if (request.Refusal is { } unreadable && refusal == Senders.KeyMissing)
            {
                await Answers.RefusedAsync(http, StatusCodes.Status400BadRequest, unreadable);
                return;
            }
        }

        await Answers.RefusedAsync(http, StatusCodes.Status401Unauthorized, refusal!);
    }

    /// <summary>What the headers say of every call of the request.</summary>
    private static Arrival WithHeaders(HttpRequest request, Arrival arrival)
    {
        var headers = request.Headers;
        if (headers["Sec-GPC"] is ["1"])
        {
            arrival = arrival with { Flags = arrival.Flags | EventFlags.PrivacyControl | EventFlags.HasConsent };
        }

        return headers["X-Retry-Count"] is [{ } text] && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var tries) && tries > 0
            ? arrival with { IsRetry = true }
            : arrival;
    }

    /// <summary>
    /// A call that cannot be used is in quarantine, where it can be mended: the client, who would throw it away at 400, hears 200.
    /// Who asks for it by <c>?strict=1</c>, a developer, hears what is wrong.
    /// </summary>
    private static Task AnswerAsync(HttpContext http, Request request, Arrival arrival)
    {
        if ((request.Refusal ?? (arrival.IsBatch || http.Request.Query["strict"] != "1" ? null : request.Calls[0].Refusal)) is { } refusal)
        {
            return Answers.RefusedAsync(
                http,
                refusal.Code == "batch.too_many_events" ? StatusCodes.Status413PayloadTooLarge : StatusCodes.Status400BadRequest,
                refusal);
        }

        return http.Request.Headers["X-CDP-Verbose"] == "1"
            ? Answers.VerboseAsync(http, request.Calls)
            : Answers.StoredAsync(http);
    }

    private static Task UnknownAsync(HttpContext http)
    {
        if (HttpMethods.IsOptions(http.Request.Method))
        {
            return Answers.Preflight(http, "GET, POST, OPTIONS");
        }

        Answers.AllowOrigin(http);
        return Answers.RefusedAsync(http, StatusCodes.Status404NotFound, NoRoute);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Request {RequestId} could not be stored now; the client was asked to come again")]
    private partial void LogUnavailable(string requestId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Request {RequestId} failed")]
    private partial void LogFault(string requestId, Exception fault);
}
