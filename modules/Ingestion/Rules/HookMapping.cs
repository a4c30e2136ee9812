using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>What a field of a webhook becomes. Stored by name.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<HookTarget>))]
internal enum HookTarget
{
    Nothing,
    UserId,
    AnonymousId,
    Email,
    Phone,
    Trait,
    Property,
    Event,
    Time,
    MessageId,
    Consent,
}

/// <summary>A field of a webhook.</summary>
/// <param name="Path">Such as <c>customer.emails[0]</c>.</param>
/// <param name="Name">Of the trait, the property or the purpose; else empty.</param>
internal sealed record HookField(string Path, HookTarget To, string Name = "");

/// <summary>How the webhooks of a source become calls.</summary>
/// <param name="Event">Name of what happened, where no field tells it; empty: no event, only who it is.</param>
internal sealed record HookMapping(string Event, IReadOnlyList<HookField> Fields)
{
    public const int FieldsAtMost = 200;

    public static readonly HookMapping Nothing = new("", []);

    public bool IsNothing => Fields.All(one => one.To == HookTarget.Nothing);

    public HookResult Map(Hook hook)
    {
        if (IsNothing)
        {
            return HookResult.Failed("hook.mapping_missing", "Nobody has said yet what its fields mean.");
        }

        var (context, said, traits, properties) = (new JsonObject(), new JsonObject(), new JsonObject(), new JsonObject());
        context["library"] = new JsonObject { ["name"] = "webhook" };
        var (name, messageId) = (Event, hook.Delivery);
        var contextTraits = new JsonObject();
        var place = new JsonObject();
        foreach (var field in Fields)
        {
            if (hook.Body.At(field.Path) is not { } value || HookFields.Text(value) is not { } text)
            {
                continue;
            }

            switch (field.To)
            {
                case HookTarget.UserId:
                    said["userId"] = text;
                    break;
                case HookTarget.AnonymousId:
                    said["anonymousId"] = text;
                    break;
                case HookTarget.Email or HookTarget.Phone:
                    traits[field.To == HookTarget.Email ? "email" : "phone"] = text;
                    contextTraits[field.To == HookTarget.Email ? "email" : "phone"] = text;
                    break;
                case HookTarget.Trait:
                    traits[field.Name] = JsonNode.Parse(value.GetRawText());
                    if (field.Name is "country" or "countryCode")
                    {
                        place[field.Name] = text;
                    }

                    break;
                case HookTarget.Property:
                    properties[field.Name] = JsonNode.Parse(value.GetRawText());
                    break;
                case HookTarget.Event:
                    name = text;
                    break;
                case HookTarget.Time:
                    said["timestamp"] = JsonNode.Parse(value.GetRawText());
                    break;
                case HookTarget.MessageId:
                    messageId = text;
                    break;
                case HookTarget.Consent:
                    ShopCalls.Decide(context, "webhook", field.Name, "any", Answer(text), null);
                    break;
            }
        }

        if (said["userId"] is null && said["anonymousId"] is null && contextTraits.Count == 0)
        {
            return HookResult.Nobody(null);
        }

        if (contextTraits.Count > 0)
        {
            // Where the phone number belongs when it does not say it itself.
            foreach (var (member, country) in place.Where(_ => contextTraits.ContainsKey("phone")).ToList())
            {
                contextTraits[member] = country?.DeepClone();
            }

            context["traits"] = contextTraits;
        }

        var calls = new List<JsonObject>();
        if (traits.Count > 0 || name.Length == 0)
        {
            calls.Add(Call("identify", $"{messageId}/who", "traits", traits));
        }

        if (name.Length > 0)
        {
            var track = Call("track", messageId, "properties", properties);
            track["event"] = name;
            calls.Add(track);
        }

        return HookResult.Of(null, calls);

        JsonObject Call(string type, string id, string member, JsonObject members)
        {
            var call = new JsonObject { ["type"] = type, ["messageId"] = id, ["context"] = context.DeepClone() };
            foreach (var (key, value) in said)
            {
                call[key] = value?.DeepClone();
            }

            call[member] = members;
            return call;
        }
    }

    /// <summary>What cannot be read is no answer, never a yes.</summary>
    private static bool? Answer(string text) => text.ToLowerInvariant() switch
    {
        "true" or "yes" or "1" or "on" or "subscribed" => true,
        "false" or "no" or "0" or "off" or "unsubscribed" => false,
        _ => null,
    };
}
