using System.Text;
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
/// The tracking API, <c>/v1/*</c>: what Segment's and RudderStack's clients send to. See docs/tracking-api.md. The routes end
/// right after routing: no cookie, policy or redirect is for them.
/// </summary>
internal sealed partial class TrackingEndpoints(
    Acceptor acceptor, SourceMap sources, Tallies tallies, IOptions<IngestionOptions> options, ILogger<TrackingEndpoints> logger)
{
    private const string Post = "POST, OPTIONS";
    private const string Get = "GET, OPTIONS";

    private static readonly Refusal KeyMissing = new(
        "write_key.missing", "The request names no source: send the write key by Basic authentication or as writeKey in the body.", "writeKey");

    private static readonly Refusal KeyUnknown = new("write_key.unknown", "No source has this write key.", "writeKey");
    private static readonly Refusal Disabled = new("source.disabled", "This source is switched off.");
    private static readonly Refusal NoRoute = new("route.unknown", "The tracking API has no such path.");
    private static readonly Refusal NoMethod = new("method.not_allowed", "This path takes another method.");
    private static readonly Refusal Unavailable = new("store.unavailable", "The server cannot store events now; send this again later.");
    private static readonly Refusal Fault = new("server.fault", "The server made a mistake; its log has this requestId.");

    private readonly int _bytesAtMost = options.Value.BodyBytes;

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var tracking = endpoints.ServiceProvider.GetRequiredService<TrackingEndpoints>();
        foreach (var type in Enum.GetValues<CallType>())
        {
            var name = type.ToString().ToLowerInvariant();
            MapPost(name, new Arrival(type));
            MapPost(name[..1], new Arrival(type));
        }

        foreach (var name in new[] { "batch", "b", "import" })
        {
            MapPost(name, Arrival.Batch);
        }

        MapAny("/v1/m", http => tracking.DiscardAsync(http));
        MapAny("/v1/projects/{writeKey}/settings", http => tracking.SettingsAsync(http));
        MapAny("/v1/{**path}", http => tracking.UnknownAsync(http));

        void MapPost(string name, Arrival arrival) => MapAny($"/v1/{name}", http => tracking.TakeAsync(http, arrival));
        void MapAny(string pattern, RequestDelegate handle) => endpoints.Map(pattern, handle).AllowAnonymous().ShortCircuit();
    }

    private async Task TakeAsync(HttpContext http, Arrival arrival)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            await OtherMethodAsync(http, Post);
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

            await TakeAsync(http, arrival, body.Bytes);
        }
        catch (StoreUnavailableException)
        {
            LogUnavailable(http.TraceIdentifier);
            await Answers.LaterAsync(http, Unavailable);
        }
        catch (Exception fault) when (fault is not (BadHttpRequestException or IOException or OperationCanceledException) && !http.Response.HasStarted)
        {
            LogFault(http.TraceIdentifier, fault);
            await Answers.RefusedAsync(http, StatusCodes.Status500InternalServerError, Fault);
        }
    }

    private async Task TakeAsync(HttpContext http, Arrival arrival, ReadOnlyMemory<byte> body)
    {
        var (source, refusal) = ByHeader(http.Request);
        if (refusal is null)
        {
            var request = acceptor.Read(body, arrival);
            if (source is null)
            {
                (source, refusal) = ByBodyOrRest(http.Request, request);
            }

            if (source is not null)
            {
                if (!source.Enabled)
                {
                    refusal = Disabled;
                }
                else
                {
                    await acceptor.AcceptAsync(source, request, body, arrival);
                    await AnswerAsync(http, request, arrival);
                    return;
                }
            }

            if (request.Refusal is { } unreadable && refusal == KeyMissing)
            {
                await Answers.RefusedAsync(http, StatusCodes.Status400BadRequest, unreadable);
                return;
            }
        }

        await Answers.RefusedAsync(http, StatusCodes.Status401Unauthorized, refusal!);
    }

    private static Task AnswerAsync(HttpContext http, Request request, Arrival arrival)
    {
        if ((request.Refusal ?? (arrival.IsBatch ? null : request.Calls[0].Refusal)) is { } refusal)
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

    /// <summary>By Basic authentication. Neither: the header does not say.</summary>
    private (Source? Source, Refusal? Refusal) ByHeader(HttpRequest request)
    {
        var header = request.Headers.Authorization;
        if (header.Count != 1 || header[0] is not { } text)
        {
            return default;
        }

        return sources.FindByHeader(text) is { } source ? (source, null)
            : KeyOf(text) is { Length: > 0 } key ? Known(key)
            : default;
    }

    private (Source? Source, Refusal? Refusal) ByBodyOrRest(HttpRequest request, Request body)
    {
        var key = !body.WriteKey.IsEmpty ? Encoding.UTF8.GetString(body.WriteKey.Span)
            : request.Headers["X-Write-Key"] is { Count: > 0 } header ? header.ToString()
            : request.Query["writeKey"].ToString();
        return key.Length > 0 ? Known(key) : (null, KeyMissing);
    }

    private (Source? Source, Refusal? Refusal) Known(string key)
    {
        if (sources.FindByKey(key) is { } source)
        {
            return (source, null);
        }

        tallies.CountRejected(key);
        return (null, KeyUnknown);
    }

    /// <summary>The user name of Basic authentication; null: it is not that.</summary>
    private static string? KeyOf(string header)
    {
        if (!header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var packed = header.AsSpan(6).Trim();
        var bytes = new byte[packed.Length];
        if (!Convert.TryFromBase64Chars(packed, bytes, out var length))
        {
            return null;
        }

        var text = Encoding.UTF8.GetString(bytes, 0, length);
        return text.IndexOf(':', StringComparison.Ordinal) is var colon and >= 0 ? text[..colon] : text;
    }

    /// <summary>What analytics.js asks before it sends anything; it sends nothing unless it likes the answer.</summary>
    private Task SettingsAsync(HttpContext http)
    {
        if (!HttpMethods.IsGet(http.Request.Method))
        {
            return OtherMethodAsync(http, Get);
        }

        Answers.AllowOrigin(http);
        http.Response.Headers.AccessControlAllowOrigin = "*";
        var key = (string)http.Request.RouteValues["writeKey"]!;
        if (Known(key) is not ({ Enabled: true }, _))
        {
            return Answers.RefusedAsync(http, StatusCodes.Status404NotFound, KeyUnknown);
        }

        http.Response.Headers.CacheControl = "public, max-age=300";
        return Answers.WriteAsync(http, StatusCodes.Status200OK, json => ClientSettings.Write(json, key, http.Request));
    }

    /// <summary>The client's counts of itself: nothing here wants them.</summary>
    private static async Task DiscardMetricsAsync(HttpContext http)
    {
        Answers.AllowOrigin(http);
        await Answers.StoredAsync(http);
    }

    private Task DiscardAsync(HttpContext http) =>
        HttpMethods.IsPost(http.Request.Method) ? DiscardMetricsAsync(http) : OtherMethodAsync(http, Post);

    private Task UnknownAsync(HttpContext http)
    {
        if (HttpMethods.IsOptions(http.Request.Method))
        {
            return Answers.Preflight(http, "GET, POST, OPTIONS");
        }

        Answers.AllowOrigin(http);
        return Answers.RefusedAsync(http, StatusCodes.Status404NotFound, NoRoute);
    }

    private static Task OtherMethodAsync(HttpContext http, string allowed)
    {
        if (HttpMethods.IsOptions(http.Request.Method))
        {
            return Answers.Preflight(http, allowed);
        }

        http.Response.Headers.Allow = allowed;
        Answers.AllowOrigin(http);
        return Answers.RefusedAsync(http, StatusCodes.Status405MethodNotAllowed, NoMethod);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Request {RequestId} could not be stored now; the client was asked to come again")]
    private partial void LogUnavailable(string requestId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Request {RequestId} failed")]
    private partial void LogFault(string requestId, Exception fault);
}
