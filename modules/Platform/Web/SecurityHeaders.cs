using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Platform.Web;

/// <summary>What every answer of the console tells browsers to refuse. The tracking API answers other sites and has none of it.</summary>
public static class SecurityHeaders
{
    /// <summary>In a content security policy: any website may show this answer in a frame.</summary>
    public const string AnyFrame = "frame-ancestors *";

    private const string NonceKey = "cdp.nonce";

    /// <summary>The value with which an inline script of this answer is let through.</summary>
    public static string NonceOf(HttpContext context) =>
        context.Items.TryGetValue(NonceKey, out var known) ? (string)known! : (string)(context.Items[NonceKey] = NewNonce())!;

    internal static Task Add(HttpContext context, RequestDelegate next)
    {
        if (IsTracking(context))
        {
            return next(context);
        }

        var nonce = NonceOf(context);
        context.Response.OnStarting(
            () =>
            {
                var headers = context.Response.Headers;
                headers.XContentTypeOptions = "nosniff";
                headers["Referrer-Policy"] = "no-referrer";
                headers["Cross-Origin-Opener-Policy"] = "same-origin";
                headers["Cross-Origin-Resource-Policy"] = "same-origin";
                headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()";
                if (string.IsNullOrEmpty(headers.ContentSecurityPolicy))
                {
                    headers.ContentSecurityPolicy = PolicyWith(nonce);
                }

                if (!headers.ContentSecurityPolicy.ToString().EndsWith(AnyFrame, StringComparison.Ordinal))
                {
                    headers.XFrameOptions = "DENY";
                }

                if (context.Request.IsHttps)
                {
                    headers.StrictTransportSecurity = "max-age=31536000";
                }

                // What was asked with a session is nobody else's; scripts, styles and pictures say for themselves.
                if (context.User.Identity?.IsAuthenticated == true
                    && (string.IsNullOrEmpty(headers.CacheControl) || context.Response.ContentType?.StartsWith("text/html", StringComparison.Ordinal) == true))
                {
                    headers.CacheControl = "no-store";
                }

                return Task.CompletedTask;
            });
        return next(context);
    }

    internal static bool IsTracking(HttpContext context) => context.Request.Path.StartsWithSegments("/v1", StringComparison.Ordinal);

    /// <remarks>
    /// Radzen and Blazor's reconnect box set style attributes, hence <c>'unsafe-inline'</c> for styles. <c>'self'</c> in
    /// <c>connect-src</c> covers the page's own WebSocket.
    /// </remarks>
    private static string PolicyWith(string nonce) =>
        $"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    private static string NewNonce() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
}
