using System.Globalization;
using System.Text.Json;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Consent.Rules;

/// <summary>A decision that a call tells of.</summary>
/// <param name="Spelled">The purpose as the sender writes it.</param>
internal sealed record ToldDecision(
    string Purpose, string Spelled, string Channel, ConsentStatus Status, long OccurredAt, string? TextVersion, string? Source);

/// <summary>What a call says about consent.</summary>
/// <param name="Decisions">Decisions, each of its own.</param>
/// <param name="State">What its sender says with every call, by purpose; for any channel.</param>
/// <param name="StateAt">When the state was given at the earliest, Unix ms: a call may have happened before its person was asked, and wait for the answer.</param>
/// <param name="IsUpdate">The call is about a change of the state: what is in it was decided then, what is missing is a no.</param>
/// <param name="Teller">Who keeps saying the state: the source and a digest of the anonymous id.</param>
/// <param name="Page">Address of the page, without query, fragment and credentials.</param>
internal sealed record Told(
    IReadOnlyList<ToldDecision> Decisions, IReadOnlyDictionary<string, (string Spelled, ConsentStatus Status)> State, long StateAt,
    bool IsUpdate, string Teller, string? Page)
{
    public bool IsNothing => Decisions.Count == 0 && State.Count == 0 && !IsUpdate;
}

/// <summary>
/// Finds consent in a call: <c>context.consent.categoryPreferences</c> (Segment), <c>context.consentManagement</c> (RudderStack) and
/// <c>context.consent.decisions</c> (ours; what an import makes); and Global Privacy Control, which a browser says by a header. What cannot be read is never taken for a yes.
/// </summary>
internal static class CallReader
{
    /// <summary>The purpose that Global Privacy Control says no to: sale and sharing for advertising.</summary>
    public const string AdSharing = "ad_sharing";

    public const string UpdateEvent = "Segment Consent Preference Updated";
    private const int MostPerCall = 100;

    public static Told Read(Event call)
    {
        using var document = Context(call.Body);
        var context = document is { RootElement.ValueKind: JsonValueKind.Object } ? document.RootElement : (JsonElement?)null;
        var consent = Object(context, "consent");
        var state = new Dictionary<string, (string, ConsentStatus)>();
        foreach (var preference in Members(Object(consent, "categoryPreferences")))
        {
            if (preference.Value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            {
                Say(state, preference.Name, preference.Value.GetBoolean() ? ConsentStatus.Granted : ConsentStatus.Denied);
            }
        }

        var management = Object(context, "consentManagement");
        foreach (var allowed in Texts(management, "allowedConsentIds"))
        {
            Say(state, allowed, ConsentStatus.Granted);
        }

        foreach (var denied in Texts(management, "deniedConsentIds"))
        {
            Say(state, denied, ConsentStatus.Denied);
        }

        if (call.Flags.HasFlag(EventFlags.PrivacyControl)
            || (context is { } said && said.TryGetProperty("globalPrivacyControl", out var control) && control.ValueKind == JsonValueKind.True))
        {
            Say(state, AdSharing, ConsentStatus.Denied);
        }

        return new Told(
            Decisions(consent, call), state, Math.Max(call.OccurredAt, Moment(Text(consent, "answeredAt"), call)),
            call is { Type: CallType.Track, Name: UpdateEvent } && Object(consent, "categoryPreferences") is not null,
            TellerOf(call), PageOf(context));
    }

    /// <summary>An address as evidence keeps it; null when it is none, or when it seems to hold an e-mail address.</summary>
    public static string? Address(string? url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? Words.Evidence($"{uri.Scheme}://{uri.Authority}{uri.AbsolutePath}".Replace("%40", "@", StringComparison.OrdinalIgnoreCase))
            : null;

    /// <summary>The call's context, without the rest of it being taken apart; null when it has none.</summary>
    private static JsonDocument? Context(byte[] body)
    {
        var reader = new Utf8JsonReader(body);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isContext = reader.ValueTextEquals("context"u8);
            reader.Read();
            if (isContext)
            {
                return JsonDocument.ParseValue(ref reader);
            }

            reader.Skip();
        }

        return null;
    }

    private static void Say(Dictionary<string, (string Spelled, ConsentStatus Status)> state, string spelled, ConsentStatus status)
    {
        if (Words.Key(spelled) is not { } key || (state.Count >= MostPerCall && !state.ContainsKey(key)))
        {
            return;
        }

        // Said twice in one call, a no counts.
        if (!state.TryGetValue(key, out var before) || before.Status < status)
        {
            state[key] = (spelled.Trim(), status);
        }
    }

    private static List<ToldDecision> Decisions(JsonElement? consent, Event call)
    {
        var decisions = new List<ToldDecision>();
        foreach (var decision in Items(consent, "decisions").Take(MostPerCall))
        {
            var spelled = Text(decision, "purpose");
            if (Words.Key(spelled) is { } purpose && Words.Status(Text(decision, "status")) is { } status)
            {
                decisions.Add(new ToldDecision(
                    purpose, spelled!.Trim(), Words.Channel(Text(decision, "channel")), status,
                    Moment(Text(decision, "at"), call), Words.Evidence(Text(decision, "textVersion")), Words.Evidence(Text(decision, "source"))));
            }
        }

        return decisions;
    }

    /// <summary>When it was decided; never later than we heard of it, so that no decision can hold for ever.</summary>
    private static long Moment(string? at, Event call)
    {
        const DateTimeStyles utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        var told = DateTimeOffset.TryParse(at, CultureInfo.InvariantCulture, utc, out var moment)
            ? moment.ToUnixTimeMilliseconds()
            : call.OccurredAt;
        return Math.Min(told, call.ReceivedAt);
    }

    private static string TellerOf(Event call) => call.AnonymousId is { } browser
        ? string.Create(CultureInfo.InvariantCulture, $"{call.SourceId}:{Words.Digest(browser)}")
        : string.Create(CultureInfo.InvariantCulture, $"{call.SourceId}");

    private static string? PageOf(JsonElement? context) => Address(Text(Object(context, "page"), "url"));

    private static JsonElement? Object(JsonElement? parent, string name) =>
        parent is { ValueKind: JsonValueKind.Object } there && there.TryGetProperty(name, out var found)
        && found.ValueKind == JsonValueKind.Object ? found : null;

    private static IEnumerable<JsonProperty> Members(JsonElement? element) =>
        element is { } there ? there.EnumerateObject() : [];

    private static IEnumerable<JsonElement> Items(JsonElement? parent, string name) =>
        parent is { } there && there.TryGetProperty(name, out var found) && found.ValueKind == JsonValueKind.Array
            ? found.EnumerateArray()
            : [];

    private static IEnumerable<string> Texts(JsonElement? parent, string name) =>
        Items(parent, name).Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!);

    private static string? Text(JsonElement? parent, string name) =>
        parent is { ValueKind: JsonValueKind.Object } there && there.TryGetProperty(name, out var found)
        && found.ValueKind == JsonValueKind.String ? found.GetString() : null;
}
