using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Receive;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>How often each answer was given. Sent counts the forms.</summary>
internal sealed record FormCountsAnswer(long Sent, IEnumerable<FormCount> Answers);

/// <summary>
/// Hosted forms, as a page of their own or in a frame of any website. They work without scripts. See docs/forms.md.
/// </summary>
internal sealed partial class FormEndpoints(Forms forms, Senders senders, Throttle throttle, FormPage page, ILogger<FormEndpoints> logger)
{
    private const string GetOrPost = "GET, POST";
    private const int BodyBytes = 1 << 18;
    private const int ValuesAtMost = 500;
    private const int IdLength = 32;
    private const int AddressAtMost = 2000;

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var served = endpoints.ServiceProvider.GetRequiredService<FormEndpoints>();
        endpoints.MapForClients("/f/{writeKey}", served.ServeAsync);

        var api = endpoints.MapGroup("/api/sources/{id:long}/form").RequireAuthorization(Policies.Administer).WithTags("Forms");
        api.MapGet("", FindAsync);
        api.MapPut("", SaveAsync);
        api.MapGet("answers", AnswersAsync);
        endpoints.MapGet("/api/consent-texts/{textVersion}", WordingAsync).RequireAuthorization(Policies.View).WithTags("Forms");
    }

    private async Task ServeAsync(HttpContext http)
    {
        var query = http.Request.Query;
        var inFrame = query.ContainsKey("embed");
        var (source, _) = senders.Known((string)http.Request.RouteValues["writeKey"]!);
        if (source is not { Kind: SourceKind.Form, Enabled: true } || await forms.FindAsync(source.Id, http.RequestAborted) is not { } form)
        {
            await page.WriteAsync(http, StatusCodes.Status404NotFound, inFrame, page.Closed());
        }
        else if (HttpMethods.IsPost(http.Request.Method))
        {
            await TakeAsync(http, source, form, inFrame);
        }
        else if (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method))
        {
            var filled = new FormFilled(
                Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdLength / 2)), Short(query["aid"]), Address(http.Request.Headers.Referer), null,
                new Dictionary<string, IReadOnlyList<string>>());
            await page.WriteAsync(http, StatusCodes.Status200OK, inFrame, query.ContainsKey("sent") ? page.Thanks(form) : page.Form(form, filled, null, null));
        }
        else
        {
            http.Response.Headers.Allow = GetOrPost;
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        }
    }

    private async Task TakeAsync(HttpContext http, Source source, FormDefinition form, bool inFrame)
    {
        if (!http.Request.HasFormContentType)
        {
            await page.WriteAsync(http, StatusCodes.Status415UnsupportedMediaType, inFrame, page.Form(form, Empty(), null, FormPage.Trouble.NotAForm));
            return;
        }

        using var body = await BodyIntake.ReadAsync(http.Request, BodyBytes);
        if (body.Refusal is not null)
        {
            await page.WriteAsync(http, body.Status, inFrame, page.Form(form, Empty(), null, FormPage.Trouble.TooLarge));
            return;
        }

        var values = QueryHelpers.ParseQuery(Encoding.UTF8.GetString(body.Bytes.Span));
        if (values.Count > ValuesAtMost || One("id") is not { Length: IdLength } id || !id.All(char.IsAsciiHexDigitLower))
        {
            await page.WriteAsync(http, StatusCodes.Status400BadRequest, inFrame, page.Form(form, Empty(), null, FormPage.Trouble.NotAForm));
            return;
        }

        var filled = new FormFilled(
            id, Short(One("aid")), Address(One("page")), Short(http.Request.Headers.UserAgent),
            values.ToDictionary(value => value.Key, value => (IReadOnlyList<string>)[.. value.Value.OfType<string>()]));

        // A field that people do not see: who fills it in is a program.
        var faults = filled.Check(form);
        var trouble = One(FormPage.Trap) is { Length: > 0 } ? FormPage.Trouble.Robot : faults.Count > 0 ? FormPage.Trouble.Faults : (FormPage.Trouble?)null;
        if (trouble is null && !throttle.Lets(source, 1))
        {
            Answers.AskLater(http);
            await page.WriteAsync(http, StatusCodes.Status429TooManyRequests, inFrame, page.Form(form, filled, null, FormPage.Trouble.Later));
            return;
        }

        if (trouble is null)
        {
            try
            {
                trouble = await forms.TakeAsync(source, form, filled) ? null : FormPage.Trouble.Empty;
            }
            catch (StoreUnavailableException)
            {
                LogUnavailable(source.Id);
                Answers.AskLater(http);
                await page.WriteAsync(http, StatusCodes.Status503ServiceUnavailable, inFrame, page.Form(form, filled, null, FormPage.Trouble.Later));
                return;
            }
        }

        if (trouble is not null)
        {
            await page.WriteAsync(http, StatusCodes.Status422UnprocessableEntity, inFrame, page.Form(form, filled, faults, trouble));
            return;
        }

        // By another request, so that loading the page again sends nothing again.
        http.Response.StatusCode = StatusCodes.Status303SeeOther;
        http.Response.Headers.Location = inFrame ? "?sent&embed" : "?sent";

        string? One(string name) => values.TryGetValue(name, out var given) && given.Count == 1 ? given[0] : null;

        FormFilled Empty() => new(
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdLength / 2)), null, null, null, new Dictionary<string, IReadOnlyList<string>>());
    }

    private static string? Short(string? text) => text is { Length: > 0 and <= 512 } ? text : null;

    private static string? Address(string? text) =>
        text is { Length: > 0 and <= AddressAtMost } && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? text : null;

    private static async Task<Results<Ok<FormDefinition>, ProblemHttpResult>> FindAsync(long id, Forms forms, Sources sources, CancellationToken ct) =>
        await forms.FindAsync(id, ct) is { } form ? TypedResults.Ok(form)
        : Refused.As(sources.Find(id) is null ? Sources.Unknown : new Problem("form.unknown", "This source has no form yet."));

    private static async Task<Results<Ok<FormDefinition>, ProblemHttpResult>> SaveAsync(
        long id, FormDefinition wanted, Sources sources, Forms forms, ClaimsPrincipal user, CancellationToken ct)
    {
        if (sources.Find(id) is not { } source)
        {
            return Refused.As(Sources.Unknown);
        }

        var outcome = await forms.SaveAsync(Actor.Of(user), source, wanted, ct);
        return outcome.Met(out var saved) ? TypedResults.Ok(saved) : Refused.As(outcome.Problem!);
    }

    private static async Task<FormCountsAnswer> AnswersAsync(long id, Forms forms, CancellationToken ct)
    {
        var counts = await forms.CountsAsync(id, ct);
        return new FormCountsAnswer(counts.FirstOrDefault(count => count.Question.Length == 0)?.Given ?? 0, counts.Where(count => count.Question.Length > 0));
    }

    private static async Task<Results<Ok<ConsentText>, ProblemHttpResult>> WordingAsync(string textVersion, Forms forms, CancellationToken ct) =>
        await forms.WordingAsync(textVersion, ct) is { } wording
            ? TypedResults.Ok(new ConsentText(textVersion, wording))
            : Refused.As(new Problem("consent_text.unknown", "No form had this wording.", "textVersion"));

    [LoggerMessage(Level = LogLevel.Warning, Message = "A form of source {SourceId} could not be stored; its sender was asked to send it again")]
    private partial void LogUnavailable(long sourceId);
}

/// <summary>The words behind a text version of a consent record.</summary>
internal sealed record ConsentText(string TextVersion, string Wording);
