using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Secrets;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Activation.Endpoints;

/// <summary>
/// The receiving end of the demo, where a mailing tool would be: <c>/demo/receiver</c>. It takes messages that carry the signature
/// of one of our own webhooks to this address. There only with the setting <c>Demo</c>.
/// </summary>
internal static class DemoReceiver
{
    public const string Path = "/demo/receiver";
    private const int LargestBody = 64 * 1024;

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        if (endpoints.ServiceProvider.GetRequiredService<IConfiguration>().GetValue<bool>("Demo"))
        {
            // Before the page of the same address, which would take a POST too.
            endpoints.MapPost(Path, TakeAsync).AllowAnonymous().DisableAntiforgery().WithOrder(-1).ExcludeFromDescription();
        }
    }

    private static async Task<IResult> TakeAsync(
        HttpContext http, DestinationStore destinations, ISecrets secrets, DemoInbox inbox, TimeProvider clock, CancellationToken ct)
    {
        if (http.Request.ContentLength is null or > LargestBody)
        {
            return new Problem("demo.too_large", "A message has at most 64 kB.").ToHttp(StatusCodes.Status413PayloadTooLarge);
        }

        var body = new byte[http.Request.ContentLength.Value];
        await http.Request.Body.ReadExactlyAsync(body, ct);
        var headers = http.Request.Headers;
        var (id, timestamp, signature) = (
            headers[StandardWebhook.IdHeader].ToString(), headers[StandardWebhook.TimestampHeader].ToString(),
            headers[StandardWebhook.SignatureHeader].ToString());
        var known = (await destinations.ListAsync(ct))
            .Where(destination => destination.Setting(WebhookSettings.Url) is { } url && new Uri(url).AbsolutePath == Path)
            .Select(destination => secrets.Reveal(destination.Settings[WebhookSettings.Secret]));
        if (!known.Any(secret => StandardWebhook.Verify(secret, id, timestamp, signature, body, clock.GetUtcNow())))
        {
            return new Problem("demo.signature_wrong", "The message does not carry the signature of a webhook to this address.")
                .ToHttp(StatusCodes.Status401Unauthorized);
        }

        inbox.Add(id, body, clock.GetUtcNow().ToUnixTimeMilliseconds());
        return TypedResults.NoContent();
    }
}
