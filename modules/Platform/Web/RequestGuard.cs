using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CdpMonolith.Platform.Web;

/// <summary>
/// Refuses requests that another site made a browser send: those with a foreign <c>Origin</c>, and changes with a
/// session's cookie but without its antiforgery token. The tracking API takes no cookies and is not concerned.
/// </summary>
internal static class RequestGuard
{
    private const string TokenHeader = "RequestVerificationToken";

    /// <summary>
    /// Pages that lose their connection because the program stops come back at once; a connection taken then would keep
    /// the program from stopping.
    /// </summary>
    public static Task RefuseCircuitsWhenStopping(HttpContext context, RequestDelegate next)
    {
        if (IsCircuit(context) && context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        }

        return next(context);
    }

    /// <summary>Before anything else: where does it come from?</summary>
    public static Task CheckOrigin(HttpContext context, RequestDelegate next)
    {
        return SecurityHeaders.IsTracking(context) || (IsWebSocket(context) ? IsOwnSocket(context) : IsSafe(context) || IsOwn(context))
            ? next(context)
            : Refuse(context, new Problem("request.foreign_origin", "Requests that change something must come from the console itself."));
    }

    /// <summary>After sign-in is known; other ways of signing in than by cookie do not come by themselves. Forms are checked where their fields are read; everything else carries the token in a header.</summary>
    public static async Task CheckToken(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        if (IsSafe(context) || SecurityHeaders.IsTracking(context) || context.User.Identity?.AuthenticationType != IdentityConstants.ApplicationScheme
            || IsCircuit(context)
            || context.GetEndpoint()?.Metadata.GetMetadata<IAntiforgeryMetadata>() is { RequiresValidation: true })
        {
            await next(context);
            return;
        }

        if (string.IsNullOrEmpty(request.Headers[TokenHeader])
            || !await context.RequestServices.GetRequiredService<IAntiforgery>().IsRequestValidAsync(context))
        {
            await Refuse(context, new Problem("request.no_token", $"Send the antiforgery token in the header {TokenHeader}."));
            return;
        }

        await next(context);
    }

    private static bool IsCircuit(HttpContext context) => context.Request.Path.StartsWithSegments("/_blazor", StringComparison.Ordinal);

    private static bool IsSafe(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method) || HttpMethods.IsOptions(context.Request.Method);

    private static bool IsWebSocket(HttpContext context) =>
        context.Request.Headers.Upgrade.ToString().Contains("websocket", StringComparison.OrdinalIgnoreCase) || context.Request.Method == "CONNECT";

    /// <summary>
    /// By what the browser says of the request, and where it says nothing, by its origin. Our own forms come with the origin
    /// <c>null</c>, since the pages send no referrer; their token is checked later.
    /// </summary>
    private static bool IsOwn(HttpContext context)
    {
        var origin = context.Request.Headers.Origin.ToString();
        return context.Request.Headers["Sec-Fetch-Site"].ToString() is { Length: > 0 } site
            ? site is "same-origin" or "none"
            : origin is "" or "null" || IsOwn(context, origin);
    }

    /// <summary>Browsers always say where a WebSocket is opened from.</summary>
    private static bool IsOwnSocket(HttpContext context) =>
        context.Request.Headers.Origin.ToString() is var origin && (origin.Length == 0 || IsOwn(context, origin));

    /// <summary>Compares host and port; the scheme may differ behind a proxy that ends TLS.</summary>
    private static bool IsOwn(HttpContext context, string origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri)
        && string.Equals(uri.Authority, new HostString(context.Request.Host.Value ?? "").ToUriComponent(), StringComparison.OrdinalIgnoreCase);

    private static Task Refuse(HttpContext context, Problem problem) =>
        problem.ToHttp(StatusCodes.Status403Forbidden).ExecuteAsync(context);
}
