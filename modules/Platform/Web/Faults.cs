using System.Text.Json;
using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Platform.Web;

/// <summary>
/// What a request is told when something broke: that it may try again, and nothing about the inside; or what is wrong with it, when it could
/// not be read.
/// </summary>
internal static class Faults
{
    /// <summary>The fault is the caller's, and nothing for the log.</summary>
    public static bool IsOfCaller(ExceptionHandlerSuppressDiagnosticsContext fault) => fault.Exception is BadHttpRequestException;

    public static Task AnswerAsync(HttpContext context)
    {
        if (context.Features.Get<IExceptionHandlerFeature>()?.Error is BadHttpRequestException unreadable)
        {
            return Unreadable(unreadable).ToHttp(unreadable.StatusCode).ExecuteAsync(context);
        }

        if (context.Features.Get<IExceptionHandlerFeature>()?.Error is StoreUnavailableException)
        {
            context.Response.Headers.RetryAfter = "5";
            return new Problem("store.unavailable", "The database cannot take this now. Try again in a moment.")
                .ToHttp(StatusCodes.Status503ServiceUnavailable).ExecuteAsync(context);
        }

        return new Problem("server.fault", "Something went wrong here; the log of the program says what.")
            .ToHttp(StatusCodes.Status500InternalServerError).ExecuteAsync(context);
    }

    private static Problem Unreadable(BadHttpRequestException fault) => fault.InnerException is JsonException { Path: { } path }
        ? new Problem("request.unreadable", $"The JSON cannot be used at {path}: it is broken there, has a member that is not known, or a value of another kind.", path)
        : new Problem("request.unreadable", fault.StatusCode switch
        {
            StatusCodes.Status413PayloadTooLarge => "The request is too large.",
            StatusCodes.Status415UnsupportedMediaType => "Send JSON, with the Content-Type application/json.",
            _ => "The request cannot be read: the body must be JSON, and what stands in the address of the right kind.",
        });
}
