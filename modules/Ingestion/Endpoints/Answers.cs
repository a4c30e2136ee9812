using System.Text.Json;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>Answers of the tracking API, in the shapes that the field's clients read.</summary>
internal static class Answers
{
    private const string Json = "application/json";
    private static readonly byte[] Success = [.. "{\"success\":true}"u8];
    private static readonly Refusal StoreFaulty = new("store.faulty", "The database is faulty; whoever runs this server must look at it.");
    private static readonly Refusal NoMethod = new("method.not_allowed", "This path takes another method.");

    /// <summary>Exactly 200: some clients take any other 2xx for a failure and send again without end.</summary>
    public static Task StoredAsync(HttpContext http) => WriteAsync(http, StatusCodes.Status200OK, Success);

    /// <summary>As <see cref="StoredAsync"/>, with what became of each call.</summary>
    public static Task VerboseAsync(HttpContext http, IReadOnlyList<Call> calls) => WriteAsync(http, StatusCodes.Status200OK, json =>
    {
        json.WriteBoolean("success", true);
        json.WriteNumber("stored", calls.Count(call => call.Refusal is null && !call.IsDuplicate));
        json.WriteNumber("duplicates", calls.Count(call => call.IsDuplicate));
        json.WriteNumber("blocked", calls.Count(call => call.Refusal == Refusal.ConsentMissing));
        json.WriteStartArray("quarantined");
        for (var index = 0; index < calls.Count; index++)
        {
            if (calls[index].Refusal is { } refusal && refusal != Refusal.ConsentMissing)
            {
                json.WriteStartObject();
                json.WriteNumber("index", index);
                WriteRefusal(json, refusal);
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
    });

    /// <summary>
    /// The error object. Python's client wants <c>code</c> and <c>message</c>, Ruby's wants <c>error</c>; a missing one breaks them.
    /// </summary>
    public static Task RefusedAsync(HttpContext http, int status, Refusal refusal) => WriteAsync(http, status, json =>
    {
        json.WriteBoolean("success", false);
        WriteRefusal(json, refusal);
        json.WriteString("error", refusal.Code);
        json.WriteString("requestId", http.TraceIdentifier);
    });

    /// <summary>
    /// Later, please. 429 and not 503: with it today's clients wait longest before they throw events away, two and a half hours
    /// at the longest wait; the wait differs from client to client so that they do not all come back at once.
    /// </summary>
    public static Task LaterAsync(HttpContext http, Refusal refusal)
    {
        AskLater(http);
        return RefusedAsync(http, StatusCodes.Status429TooManyRequests, refusal);
    }

    /// <summary>The store could not take it: later, please, or, where no waiting helps, that it is faulty.</summary>
    public static Task UnavailableAsync(HttpContext http, Refusal refusal, StoreUnavailableException fault)
    {
        if (!fault.IsFinal)
        {
            return LaterAsync(http, refusal);
        }

        http.Response.Headers.RetryAfter = "60";
        return RefusedAsync(http, StatusCodes.Status503ServiceUnavailable, StoreFaulty);
    }

    public static void AskLater(HttpContext http)
    {
        var seconds = Random.Shared.Next(60, 301);
        http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        http.Response.Headers["X-RateLimit-Reset"] = http.Response.Headers.RetryAfter;
    }

    /// <summary>Lets a page of any shop read the answer.</summary>
    public static void AllowOrigin(HttpContext http)
    {
        if (http.Request.Headers.Origin.Count > 0)
        {
            Allow(http);
            http.Response.Headers.AccessControlExposeHeaders = "Retry-After, X-RateLimit-Reset";
        }
    }

    public static Task OtherMethodAsync(HttpContext http, string allowed)
    {
        if (HttpMethods.IsOptions(http.Request.Method))
        {
            return Preflight(http, allowed);
        }

        http.Response.Headers.Allow = allowed;
        AllowOrigin(http);
        return RefusedAsync(http, StatusCodes.Status405MethodNotAllowed, NoMethod);
    }

    /// <summary>What a browser asks before it sends.</summary>
    public static Task Preflight(HttpContext http, string methods)
    {
        var headers = http.Response.Headers;
        Allow(http);
        headers.AccessControlAllowMethods = methods;
        headers.AccessControlAllowHeaders = http.Request.Headers.AccessControlRequestHeaders;
        headers.AccessControlMaxAge = "86400";
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    public static Task WriteAsync(HttpContext http, int status, Action<Utf8JsonWriter> members)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return WriteAsync(http, status, bytes.ToArray());
    }

    /// <summary>
    /// By name and not by <c>*</c>, which browsers refuse to clients that send with credentials. That is safe, because nothing here
    /// looks at cookies: what a page may do, anybody may who has the write key.
    /// </summary>
    private static void Allow(HttpContext http)
    {
        var headers = http.Response.Headers;
        headers.AccessControlAllowOrigin = http.Request.Headers.Origin is { Count: > 0 } origin ? origin : "*";
        headers.AccessControlAllowCredentials = "true";
        headers.Vary = "Origin";
    }

    private static Task WriteAsync(HttpContext http, int status, byte[] body)
    {
        var response = http.Response;
        response.StatusCode = status;
        response.ContentType = Json;
        response.ContentLength = body.Length;
        return response.BodyWriter.WriteAsync(body).AsTask();
    }

    private static void WriteRefusal(Utf8JsonWriter json, Refusal refusal)
    {
        json.WriteString("code", refusal.Code);
        json.WriteString("message", refusal.Message);
        if (refusal.Field is { } field)
        {
            json.WriteString("field", field);
        }
    }
}
