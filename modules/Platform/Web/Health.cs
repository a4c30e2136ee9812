using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Platform.Web;

/// <summary>
/// GET /health: 200 <c>ok</c> when the store answers, 503 <c>store</c> when it does not. For load balancers and
/// watchdogs; needs no sign-in and tells nothing else. GET /robots.txt: nothing here is for search engines.
/// </summary>
internal static class Health
{
    public static void MapHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/health", AnswerAsync).AllowAnonymous();
        endpoints.MapGet("/robots.txt", () => TypedResults.Text("User-agent: *\nDisallow: /\n")).AllowAnonymous();
    }

    private static async Task<ContentHttpResult> AnswerAsync(IStore store, CancellationToken ct)
    {
        try
        {
            await store.ReadAsync(read => read.Scalar<long>("SELECT COUNT(*) FROM platform_cursor"), ct);
            return TypedResults.Text("ok");
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            return TypedResults.Text("store", statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }
}
