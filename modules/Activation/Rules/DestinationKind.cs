namespace CdpMonolith.Activation.Rules;

internal enum SettingType
{
    Text,

    /// <summary>Kept protected and never shown again without being asked for.</summary>
    Secret,
    Switch,
    Number,
    Choice,
}

/// <summary>
/// A setting as the console draws it: its label is the text <c>Setting.kind.key</c>, its help <c>Setting.kind.key.Help</c>, a
/// choice's <c>Setting.kind.key.choice</c>.
/// </summary>
internal sealed record SettingField(
    string Key, SettingType Type, bool Required = false, string? Default = null, IReadOnlyList<string>? Choices = null,
    int Least = 0, int Most = int.MaxValue);

/// <summary>A kind of destination and what it wants to know.</summary>
/// <param name="Icon">Name of a Material Symbols icon.</param>
/// <param name="OneByOne">True: a message for each change. False: changes are gathered into files.</param>
internal sealed record DestinationKind(string Key, string Icon, bool OneByOne, IReadOnlyList<SettingField> Fields)
{
    public static DestinationKind Webhook { get; } = new(
        "webhook", "webhook", true,
        [
            new(WebhookSettings.Url, SettingType.Text, Required: true),
            new(WebhookSettings.Secret, SettingType.Secret),
            new(WebhookSettings.AllowLocal, SettingType.Switch, Default: "false"),
        ]);

    public static DestinationKind File { get; } = new(
        "file", "download", false,
        [
            new(FileSettings.Format, SettingType.Choice, Default: "csv", Choices: ["csv", "ndjson"]),
            new(FileSettings.Content, SettingType.Choice, Default: "changes", Choices: ["changes", "everyone"]),
            new(FileSettings.EveryMinutes, SettingType.Number, Default: "60", Least: 0, Most: 44_640),
            new(FileSettings.Delimiter, SettingType.Choice, Default: "comma", Choices: ["comma", "semicolon", "tab"]),
            new(FileSettings.ByteOrderMark, SettingType.Switch, Default: "true"),
        ]);

    public static IReadOnlyList<DestinationKind> All { get; } = [Webhook, File];

    public static DestinationKind? Find(string? key) => All.FirstOrDefault(kind => kind.Key == key);

    /// <summary>Null: not a setting of the form.</summary>
    public SettingField? Field(string key) => Fields.FirstOrDefault(field => field.Key == key);
}

internal static class WebhookSettings
{
    public const string Url = "url";
    public const string Secret = "secret";
    public const string AllowLocal = "allowLocal";

    /// <summary>Set by us: the secret before the last rotation, and until when we sign with it too (Unix ms).</summary>
    public const string OldSecret = "oldSecret";
    public const string OldSecretUntil = "oldSecretUntil";
}

internal static class FileSettings
{
    public const string Format = "format";
    public const string Content = "content";
    public const string EveryMinutes = "everyMinutes";
    public const string Delimiter = "delimiter";
    public const string ByteOrderMark = "byteOrderMark";
}
