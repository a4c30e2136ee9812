using System.Text.Json.Nodes;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Calls about customers and orders of shops, in the names of Segment's e-commerce events, version 2.</summary>
internal static class ShopCalls
{
    /// <summary>Who it is: the shop's own id, e-mail address and phone number; null: nobody.</summary>
    /// <param name="country">Where the phone number belongs when it does not say it itself.</param>
    public static JsonObject? Context(string shop, string? customerId, string? email, string? phone, string? country)
    {
        if (customerId is null && email is null && phone is null)
        {
            return null;
        }

        var context = new JsonObject { ["library"] = new JsonObject { ["name"] = $"{shop} webhook" } };
        if (customerId is not null)
        {
            context["externalIds"] = new JsonArray(
                new JsonObject { ["id"] = customerId, ["type"] = $"{shop}_customer_id", ["collection"] = "users", ["encoding"] = "none" });
        }

        var traits = new JsonObject();
        traits.Put("email", email);
        traits.Put("phone", phone);
        traits.Put("country", phone is null ? null : country);
        if (traits.Count > 0)
        {
            context["traits"] = traits;
        }

        return context;
    }

    /// <param name="said">True: agreed; false: withdrew; null: nothing was decided.</param>
    /// <param name="at">When; null: with the call.</param>
    public static void Decide(JsonObject context, string shop, string purpose, string channel, bool? said, string? at)
    {
        if (said is not { } yes)
        {
            return;
        }

        if (context["consent"] is not JsonObject consent)
        {
            context["consent"] = consent = new JsonObject { ["decisions"] = new JsonArray() };
        }

        var decision = new JsonObject
        {
            ["purpose"] = purpose, ["channel"] = channel, ["status"] = yes ? "granted" : "withdrawn", ["source"] = shop,
        };
        decision.Put("at", at);
        ((JsonArray)consent["decisions"]!).Add(decision);
    }

    public static JsonObject Identify(string messageId, string? at, JsonObject context, JsonObject traits) =>
        Call("identify", messageId, at, context, "traits", traits);

    public static JsonObject Track(string name, string messageId, string? at, JsonObject context, JsonObject properties)
    {
        var call = Call("track", messageId, at, context, "properties", properties);
        call["event"] = name;
        return call;
    }

    private static JsonObject Call(string type, string messageId, string? at, JsonObject context, string member, JsonObject said)
    {
        var call = new JsonObject { ["type"] = type, ["messageId"] = messageId, ["context"] = context.DeepClone(), [member] = said };
        call.Put("timestamp", at);
        return call;
    }
}
