using System.Globalization;
using System.Security.Cryptography;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Platform.Secrets;

namespace CdpMonolith.Activation.Deliver;

/// <summary>Sends signed messages to webhooks.</summary>
internal sealed class WebhookSender(Outgoing outgoing, ISecrets secrets, TimeProvider clock)
{
    /// <param name="messageId">The same for every try of a message: what a receiver knows a repetition by.</param>
    public async Task<Verdict> SendAsync(Destination destination, string messageId, ReadOnlyMemory<byte> body, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        string[] signedWith;
        try
        {
            signedWith = [.. SecretsOf(destination, now.ToUnixTimeMilliseconds()).Select(secrets.Reveal)];
        }
        catch (CryptographicException)
        {
            return new Verdict(Next.Stop, Reasons.SecretUnreadable, null);
        }

        var seconds = now.ToUnixTimeSeconds();
        return await outgoing.PostAsync(
            new Uri(destination.Settings[WebhookSettings.Url]), destination.Setting(WebhookSettings.AllowLocal) == "true", body,
            [
                (StandardWebhook.IdHeader, messageId),
                (StandardWebhook.TimestampHeader, seconds.ToString(CultureInfo.InvariantCulture)),
                (StandardWebhook.SignatureHeader, StandardWebhook.Sign(signedWith, messageId, seconds, body.Span)),
            ], ct);
    }

    private static IEnumerable<string> SecretsOf(Destination destination, long now)
    {
        yield return destination.Settings[WebhookSettings.Secret];
        if (destination.Setting(WebhookSettings.OldSecret) is { } old
            && long.TryParse(
                destination.Setting(WebhookSettings.OldSecretUntil), NumberStyles.None, CultureInfo.InvariantCulture, out var until)
            && until > now)
        {
            yield return old;
        }
    }
}
