using System.Globalization;
using System.Text.Json;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Activation.Rules;

/// <summary>What a message says of a segment.</summary>
internal sealed record SegmentName(long Id, string Name);

/// <summary>What leaves about a person.</summary>
/// <param name="MergedInto">Left only: the person that this profile has become part of.</param>
/// <param name="Person">Null: nobody we know any more; then only the id leaves.</param>
/// <param name="Record">The ledger entry that allows it; null on a removal.</param>
internal sealed record Message(
    DeliveryChange Change, DateTimeOffset ChangedAt, SegmentName Segment, long ProfileId, long? MergedInto, Person? Person,
    string Purpose, string Channel, ConsentEntry? Record);

/// <summary>The body of a webhook, and the values of a row.</summary>
internal static class Payload
{
    public static byte[] Json(Message message, SyncMapping mapping)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type", message.Change == DeliveryChange.Entered ? "segment.entered" : "segment.left");
            json.WriteString("timestamp", Iso(message.ChangedAt));
            json.WriteStartObject("data");
            json.WriteStartObject("segment");
            json.WriteNumber("id", message.Segment.Id);
            json.WriteString("name", message.Segment.Name);
            json.WriteEndObject();
            json.WriteNumber("profileId", message.ProfileId);
            if (message.MergedInto is { } survivor)
            {
                json.WriteNumber("mergedInto", survivor);
            }

            WritePerson(json, message, mapping);
            WriteConsent(json, message);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    /// <summary>Names of a row's columns.</summary>
    public static IReadOnlyList<string> Columns(SyncMapping mapping) =>
    [
        "change", "changed_at", "profile_id", .. mapping.Identifiers, .. mapping.Traits.Select(trait => trait.Field),
        "purpose", "channel", "consent_record_id", "consent_status", "consent_text_version", "consent_decided_at",
    ];

    /// <summary>A row's values in the order of <see cref="Columns"/>, as JSON values; null where there is none.</summary>
    public static IReadOnlyList<JsonElement?> Row(Message message, SyncMapping mapping)
    {
        using var golden = JsonDocument.Parse(message.Person?.Golden.Traits ?? "{}"u8.ToArray());
        return
        [
            Value(message.Change == DeliveryChange.Entered ? "entered" : "left"),
            Value(Iso(message.ChangedAt)),
            Value(message.ProfileId),
            .. mapping.Identifiers.Select(type => Value(message.Person?.Identifiers.FirstOrDefault(i => i.Type == type).Value)),
            .. mapping.Traits.Select(trait =>
                golden.RootElement.TryGetProperty(trait.Trait, out var found) && found.ValueKind != JsonValueKind.Null ? found.Clone() : (JsonElement?)null),
            Value(message.Purpose),
            Value(message.Channel),
            Value(message.Record?.Seq),
            Value(message.Record is { } record ? Status(record) : null),
            Value(message.Record is { } shown ? TextVersion(shown) : null),
            Value(message.Record is { } decided ? Iso(DateTimeOffset.FromUnixTimeMilliseconds(decided.OccurredAt)) : null),
        ];
    }

    /// <summary>A JSON value as a cell shows it.</summary>
    public static string Text(JsonElement? value) => value switch
    {
        null => "",
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { } other => other.GetRawText(),
    };

    public static string Iso(DateTimeOffset moment) =>
        moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static void WritePerson(Utf8JsonWriter json, Message message, SyncMapping mapping)
    {
        json.WriteStartArray("identifiers");
        foreach (var identifier in message.Person is { } known && message.MergedInto is null ? mapping.Of(known) : [])
        {
            json.WriteStartObject();
            json.WriteString("type", identifier.Type);
            json.WriteString("value", identifier.Value);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (message.Change == DeliveryChange.Left)
        {
            // A removal needs to say who, not what they are like.
            return;
        }

        json.WriteStartObject("traits");
        using var golden = JsonDocument.Parse(message.Person?.Golden.Traits ?? "{}"u8.ToArray());
        foreach (var trait in mapping.Traits)
        {
            if (golden.RootElement.TryGetProperty(trait.Trait, out var value))
            {
                json.WritePropertyName(trait.Field);
                value.WriteTo(json);
            }
        }

        json.WriteEndObject();
    }

    private static void WriteConsent(Utf8JsonWriter json, Message message)
    {
        json.WriteStartObject("consent");
        json.WriteString("purpose", message.Purpose);
        json.WriteString("channel", message.Channel);
        if (message.Record is { } record)
        {
            json.WriteNumber("recordId", record.Seq);
            json.WriteString("status", Status(record));
            json.WriteString("at", Iso(DateTimeOffset.FromUnixTimeMilliseconds(record.OccurredAt)));
        }

        json.WriteEndObject();
    }

    private static string Status(ConsentEntry record) => record.Status switch
    {
        ConsentStatus.Granted => "granted",
        ConsentStatus.Denied => "denied",
        _ => "withdrawn",
    };

    private static string? TextVersion(ConsentEntry record)
    {
        using var evidence = JsonDocument.Parse(record.Evidence);
        return evidence.RootElement.TryGetProperty("textVersion", out var version) ? version.GetString() : null;
    }

    private static JsonElement? Value<T>(T value) => value is null ? null : JsonSerializer.SerializeToElement(value);
}
