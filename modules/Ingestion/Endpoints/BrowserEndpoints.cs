using System.Security.Claims;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>
/// The first-party script, under a path that says nothing of what it is for and under the one that Segment's loader asks for; and
/// its settings, for administrators. See docs/browser.md.
/// </summary>
internal sealed class BrowserEndpoints(BrowserScript script, BrowserTags tags, Senders senders, IOptions<IngestionOptions> options)
{
    private const string Get = "GET, OPTIONS";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var browser = endpoints.ServiceProvider.GetRequiredService<BrowserEndpoints>();
        endpoints.MapForClients($"{browser.Path}/{{writeKey}}.js", http => browser.ServeAsync(http, "cdp", byLoader: false));
        endpoints.MapForClients("/analytics.js/v1/{writeKey}/analytics.min.js", http => browser.ServeAsync(http, "analytics", byLoader: true));
        var api = endpoints.MapGroup("/api/sources/{id:long}/browser").RequireAuthorization(Policies.Administer).WithTags("Sources");
        api.MapGet("", (long id, Sources sources) => Find(id, sources, browser));
        api.MapPut("", (long id, BrowserSettings wanted, ClaimsPrincipal user, CancellationToken ct) => browser.SaveAsync(id, wanted, user, ct));
    }

    private string Path => options.Value.BrowserPath;

    /// <param name="byLoader">Segment's loader sends the first page call itself.</param>
    private async Task ServeAsync(HttpContext http, string name, bool byLoader)
    {
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            await Answers.OtherMethodAsync(http, Get);
            return;
        }

        var key = (string)http.Request.RouteValues["writeKey"]!;
        var headers = http.Response.Headers;
        headers.AccessControlAllowOrigin = "*";
        headers["Cross-Origin-Resource-Policy"] = "cross-origin";
        headers.XContentTypeOptions = "nosniff";
        if (senders.Known(key).Source is not { } source)
        {
            await Answers.RefusedAsync(http, StatusCodes.Status404NotFound, Senders.KeyUnknown);
            return;
        }

        var settings = tags.Of(source.Id);
        var served = script.For(
            key, byLoader ? settings with { PageViews = false } : settings, Path, name, http.Request.Headers["Sec-GPC"] == "1");
        headers.CacheControl = "public, max-age=300";
        headers.Vary = "Accept-Encoding, Sec-GPC";
        headers.ETag = served.Tag;
        if (http.Request.Headers.IfNoneMatch.Contains(served.Tag))
        {
            http.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        var accepted = http.Request.Headers.AcceptEncoding.ToString();
        var (bytes, coding) = accepted.Contains("br", StringComparison.Ordinal) ? (served.Brotli, "br")
            : accepted.Contains("gzip", StringComparison.Ordinal) ? (served.Gzip, "gzip")
            : (served.Plain, null);
        headers.ContentEncoding = coding;
        http.Response.ContentType = "text/javascript; charset=utf-8";
        http.Response.ContentLength = bytes.Length;
        if (HttpMethods.IsGet(http.Request.Method))
        {
            await http.Response.BodyWriter.WriteAsync(bytes);
        }
    }

    private static Results<Ok<BrowserSettings>, ProblemHttpResult> Find(long id, Sources sources, BrowserEndpoints browser) =>
        sources.Find(id) is null ? Refused.As(Sources.Unknown) : TypedResults.Ok(browser.Settings(id));

    private BrowserSettings Settings(long id) => tags.Of(id);

    private async Task<Results<Ok<BrowserSettings>, ProblemHttpResult>> SaveAsync(
        long id, BrowserSettings wanted, ClaimsPrincipal user, CancellationToken ct)
    {
        var outcome = await tags.SaveAsync(Actor.Of(user), id, wanted with { Purpose = wanted.Purpose ?? "" }, ct);
        return outcome.Met(out var saved) ? TypedResults.Ok(saved) : Refused.As(outcome.Problem!);
    }
}
