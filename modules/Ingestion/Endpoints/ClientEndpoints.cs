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
/// What clients ask for besides sending: their settings, a place for their counts of themselves, and the picture of e-mails and
/// pages without scripts, whose address is a call. See docs/tracking-api.md.
/// </summary>
internal sealed partial class ClientEndpoints(Acceptor acceptor, Senders senders, Throttle throttle, ILogger<ClientEndpoints> logger)
{
    private const string Post = "POST, OPTIONS";
    private const string Get = "GET, OPTIONS";

    /// <summary>One transparent point, 43 bytes.</summary>
    private static readonly byte[] Gif = Convert.FromBase64String("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7");

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var clients = endpoints.ServiceProvider.GetRequiredService<ClientEndpoints>();
        foreach (var type in Enum.GetValues<CallType>())
        {
            var arrival = new Arrival(type);
            var name = type.ToString().ToLowerInvariant();
            endpoints.MapForClients($"/v1/pixel/{name}", http => clients.PictureAsync(http, arrival));
            endpoints.MapForClients($"/pixel/v1/{name}", http => clients.PictureAsync(http, arrival));
        }

        endpoints.MapForClients("/v1/projects/{writeKey}/settings", clients.SettingsAsync);
        endpoints.MapForClients("/sourceConfig", clients.SourceConfigAsync);
        endpoints.MapForClients("/version", VersionAsync);
        endpoints.MapForClients("/v1/m", DiscardAsync);
        endpoints.MapForClients("/rsaMetrics", DiscardAsync);
    }

    /// <summary>
    /// A picture whatever comes, so that no broken one shows: what cannot be used is in quarantine. When the store takes nothing,
    /// the picture comes with 429, which browsers show all the same.
    /// </summary>
    private async Task PictureAsync(HttpContext http, Arrival arrival)
    {
        if (HttpMethods.IsGet(http.Request.Method))
        {
            try
            {
                var body = PixelCall.Body(http.Request.Query);
                var request = acceptor.Read(body, arrival);
                if (senders.ByBodyOrRest(http.Request, request).Source is { Enabled: true } source)
                {
                    if (!throttle.Lets(source, request.Calls.Count))
                    {
                        acceptor.TurnAway(source, request, arrival);
                        Answers.AskLater(http);
                        http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
                    }
                    else
                    {
                        await acceptor.AcceptAsync(source, request, body, arrival);
                    }
                }
            }
            catch (StoreUnavailableException)
            {
                LogUnavailable(http.TraceIdentifier);
                Answers.AskLater(http);
                http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
            }
        }

        http.Response.ContentType = "image/gif";
        http.Response.ContentLength = Gif.Length;
        http.Response.Headers.CacheControl = "no-store";
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            await http.Response.BodyWriter.WriteAsync(Gif);
        }
    }

    /// <summary>What analytics.js asks before it sends anything; it sends nothing unless it likes the answer.</summary>
    private Task SettingsAsync(HttpContext http)
    {
        if (!HttpMethods.IsGet(http.Request.Method))
        {
            return Answers.OtherMethodAsync(http, Get);
        }

        Answers.AllowOrigin(http);
        var key = (string)http.Request.RouteValues["writeKey"]!;
        var (source, unknown) = senders.Known(key);
        if (source is not { Enabled: true })
        {
            return Answers.RefusedAsync(http, StatusCodes.Status404NotFound, unknown ?? TrackingEndpoints.Disabled);
        }

        http.Response.Headers.CacheControl = "public, max-age=300";
        return Answers.WriteAsync(http, StatusCodes.Status200OK, json => ClientSettings.Write(json, key, http.Request));
    }

    /// <summary>What RudderStack's clients ask first.</summary>
    private Task SourceConfigAsync(HttpContext http)
    {
        if (!HttpMethods.IsGet(http.Request.Method))
        {
            return Answers.OtherMethodAsync(http, Get);
        }

        Answers.AllowOrigin(http);
        var (source, refusal) = senders.ByHeader(http.Request);
        if (source is null && refusal is null && http.Request.Query["writeKey"].ToString() is { Length: > 0 } key)
        {
            (source, refusal) = senders.Known(key);
        }

        if (source is null)
        {
            return Answers.RefusedAsync(http, StatusCodes.Status401Unauthorized, refusal ?? Senders.KeyMissing);
        }

        return Answers.WriteAsync(http, StatusCodes.Status200OK, json => SourceConfig.Write(json, source));
    }

    /// <summary>As RudderStack's server says it.</summary>
    private static Task VersionAsync(HttpContext http)
    {
        if (!HttpMethods.IsGet(http.Request.Method))
        {
            return Answers.OtherMethodAsync(http, Get);
        }

        Answers.AllowOrigin(http);
        var version = typeof(ClientEndpoints).Assembly.GetName().Version!.ToString(3);
        return Answers.WriteAsync(http, StatusCodes.Status200OK, json => json.WriteString("Version", version));
    }

    /// <summary>A client's counts of itself: nothing here wants them.</summary>
    private static Task DiscardAsync(HttpContext http)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            return Answers.OtherMethodAsync(http, Post);
        }

        Answers.AllowOrigin(http);
        return Answers.StoredAsync(http);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The call of picture {RequestId} could not be stored now")]
    private partial void LogUnavailable(string requestId);
}

internal static class ClientRoutes
{
    /// <summary>A route for every method, open to all over https, that ends right after routing.</summary>
    public static void MapForClients(this IEndpointRouteBuilder endpoints, string pattern, RequestDelegate handle)
    {
        var options = endpoints.ServiceProvider.GetRequiredService<IOptions<IngestionOptions>>().Value;
        endpoints.Map(pattern, options.AllowPlainHttp ? handle : PlainHttp.Refuse(handle)).AllowAnonymous().ShortCircuit();
    }
}
