using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Platform.Web;

/// <summary>What a request is told when something broke: that it may try again, and nothing about the inside.</summary>
internal static class Faults
{
    public static Task AnswerAsync(HttpContext context)
    {
        if (context.Features.Get<IExceptionHandlerFeature>()?.Error is StoreUnavailableException)
        {
            context.Response.Headers.RetryAfter = "5";
            return new Problem("store.unavailable", "The database cannot take this now. Try again in a moment.")
                .ToHttp(StatusCodes.Status503ServiceUnavailable).ExecuteAsync(context);
        }

        return new Problem("server.fault", "Something went wrong here; the log of the program says what.")
            .ToHttp(StatusCodes.Status500InternalServerError).ExecuteAsync(context);
    }
}
