using System.Globalization;
using CdpMonolith.Platform;

namespace CdpMonolith.Activation.Rules;

/// <summary>Whether the settings of a destination make sense, said in the words of the form.</summary>
internal static class SettingsCheck
{
    private const int LongestText = 2000;

    /// <summary>The settings with defaults in the place of what is not given, and only those that the kind knows.</summary>
    public static Outcome<Dictionary<string, string>> Complete(DestinationKind kind, IReadOnlyDictionary<string, string?> given)
    {
        var complete = new Dictionary<string, string>();
        foreach (var field in kind.Fields)
        {
            var value = given.GetValueOrDefault(field.Key)?.Trim();
            if (string.IsNullOrEmpty(value))
            {
                if (field.Required)
                {
                    return Refused("setting.missing", "This setting is needed.", field);
                }

                if (field.Default is { } usual)
                {
                    complete[field.Key] = usual;
                }

                continue;
            }

            if (Refusal(field, value) is { } problem)
            {
                return problem;
            }

            complete[field.Key] = value;
        }

        return kind == DestinationKind.Webhook && Address(complete) is { } wrong ? wrong : complete;
    }

    private static Problem? Refusal(SettingField field, string value) => field.Type switch
    {
        _ when value.Length > LongestText => Refused("setting.too_long", $"At most {LongestText} characters.", field),
        SettingType.Switch when value is not ("true" or "false") => Refused("setting.not_a_switch", "Either true or false.", field),
        SettingType.Choice when !field.Choices!.Contains(value) =>
            Refused("setting.not_a_choice", $"One of {string.Join(", ", field.Choices!)}.", field),
        SettingType.Number when !int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                                || number < field.Least || number > field.Most =>
            Refused("setting.out_of_range", $"A whole number from {field.Least} to {field.Most}.", field),
        SettingType.Secret when !StandardWebhook.IsSecret(value) =>
            Refused("setting.not_a_secret", "A signing secret is whsec_ and 24 to 64 bytes in base64; leave it empty to have one made.", field),
        _ => null,
    };

    private static Problem? Address(Dictionary<string, string> settings)
    {
        var field = DestinationKind.Webhook.Field(WebhookSettings.Url)!;
        if (!Uri.TryCreate(settings[WebhookSettings.Url], UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "http"))
        {
            return Refused("setting.not_an_address", "Give a full address, such as https://example.com/hook.", field);
        }

        if (uri.UserInfo.Length > 0)
        {
            return Refused("setting.address_with_password", "Leave user name and password out of the address: requests are signed.", field);
        }

        return uri.Scheme == "http" && settings.GetValueOrDefault(WebhookSettings.AllowLocal) != "true"
            ? Refused("setting.not_https", "The address must begin with https, unless local addresses are allowed.", field)
            : null;
    }

    private static Problem Refused(string code, string message, SettingField field) => new(code, message, field.Key);
}
