using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Platform.Accounts;

/// <summary>
/// Names the cookie <c>__Host-…</c> on https, so that no neighbouring host can set it; browsers refuse that name on plain
/// http, which is for the machine itself only.
/// </summary>
internal sealed class SchemeCookies : ICookieManager
{
    private readonly ChunkingCookieManager _cookies = new();

    public string? GetRequestCookie(HttpContext context, string key) => _cookies.GetRequestCookie(context, NameOf(context, key));

    public void AppendResponseCookie(HttpContext context, string key, string? value, CookieOptions options) =>
        _cookies.AppendResponseCookie(context, NameOf(context, key), value, options);

    public void DeleteCookie(HttpContext context, string key, CookieOptions options) =>
        _cookies.DeleteCookie(context, NameOf(context, key), options);

    private static string NameOf(HttpContext context, string key) => context.Request.IsHttps ? $"__Host-{key}" : key;
}
