using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>
/// Whoever sends over plain http from the internet is told so instead of being redirected: many clients take a redirect for success
/// and lose what they sent, and by then their write key and their customers' data have crossed the internet in the clear.
/// </summary>
/// <remarks>
/// It keeps honest clients from a wrong setting and no attacker from anything: <c>X-Forwarded-Proto</c>, with which a proxy says that
/// it was spoken to over https, is believed from everyone.
/// </remarks>
internal static class PlainHttp
{
    private static readonly Refusal Refused = new(
        "http.not_secure", "Over the internet this server takes https alone: send to its https:// address. Its owner can allow http with Ingestion:AllowPlainHttp.");

    /// <summary>Answers 403 where a request came from a public address without https, and otherwise does what was asked.</summary>
    public static RequestDelegate Refuse(RequestDelegate handle) => http =>
    {
        if (http.Request.IsHttps || http.Connection.RemoteIpAddress is not { } from || !NetworkGuard.Allows(from, allowLocal: false))
        {
            return handle(http);
        }

        Answers.AllowOrigin(http);
        return Answers.RefusedAsync(http, StatusCodes.Status403Forbidden, Refused);
    };
}
