using System.Text.Json;
using System.Text.Json.Nodes;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// Webhooks of WooCommerce (woocommerce.github.io/woocommerce-rest-api-docs: bodies are those of its REST API, version 3). It sends
/// the whole order at each change, so what can happen once to an order has a message id made of the order.
/// </summary>
internal static class WooHook
{
    public const string Shop = "woocommerce";

    public static HookResult Map(Hook hook) => hook.Topic switch
    {
        "order.created" or "order.updated" or "order.restored" => Order(hook),
        "customer.created" or "customer.updated" => Customer(hook),
        "order.deleted" or "customer.deleted" or "action.wc_webhook_ping" => HookResult.Ignored,
        _ when hook.Topic.StartsWith("product.", StringComparison.Ordinal) || hook.Topic.StartsWith("coupon.", StringComparison.Ordinal) => HookResult.Ignored,
        _ => HookResult.Unknown(hook.Topic),
    };

    private static HookResult Order(Hook hook)
    {
        var order = hook.Body;
        if (order.Text("id") is not { } id)
        {
            return HookResult.Failed("hook.order_missing", "The order has no id.");
        }

        // Customer 0 is a guest.
        var customer = order.Text("customer_id") is { } known and not "0" ? known : null;
        if (ShopCalls.Context(Shop, customer, order.Text("billing.email"), order.Text("billing.phone"), order.Text("billing.country")) is not { } context)
        {
            return HookResult.Nobody(id);
        }

        var calls = new List<JsonObject>
        {
            ShopCalls.Identify($"{Shop}/{hook.Delivery}/who", Utc(order, "date_modified"), context, Traits(order.At("billing"), order, context)),
        };
        var status = order.Text("status");
        if (status is "processing" or "completed" or "on-hold" or "refunded" or "cancelled")
        {
            // Also of one that was cancelled meanwhile, in case its first webhook was lost; the message id says whether it was.
            if (status != "cancelled" || order.Text("date_paid") is not null)
            {
                calls.Add(Track("Order Completed", $"order/{id}/completed", Utc(order, "date_created"), Properties(order, id)));
            }

            if (status == "cancelled")
            {
                calls.Add(Track("Order Cancelled", $"order/{id}/cancelled", Utc(order, "date_modified"), Properties(order, id)));
            }
        }

        foreach (var refund in order.Items("refunds"))
        {
            var said = new JsonObject { ["order_id"] = id };
            said.Put("refund_id", refund.Text("id"));
            said.Put("total", refund.Money("total") is { } total ? JsonValue.Create(Math.Abs((decimal)total)) : null);
            said.Put("currency", order.Text("currency"));
            said.Put("reason", refund.Text("reason"));
            calls.Add(Track("Order Refunded", $"refund/{refund.Text("id")}", Utc(order, "date_modified"), said));
        }

        if (hook.Topic == "order.updated" || calls.Count == 1)
        {
            calls.Add(Track("Order Updated", hook.Delivery, Utc(order, "date_modified"), Properties(order, id)));
        }

        // What was ticked at the checkout was said then, however often the order comes again.
        var told = (JsonObject)context.DeepClone();
        if (Decide(told, order, hook.Purpose, Utc(order, "date_created")) is { } answer)
        {
            calls.Add(ShopCalls.Identify(
                $"{Shop}/order/{id}/consent/{answer}", Utc(order, "date_created"), told, context["traits"]?.DeepClone() as JsonObject ?? []));
        }

        return HookResult.Of(id, calls);

        JsonObject Track(string name, string messageId, string? at, JsonObject said) => ShopCalls.Track(name, $"{Shop}/{messageId}", at, context, said);
    }

    private static JsonObject Properties(JsonElement order, string id)
    {
        var said = new JsonObject { ["order_id"] = id };
        said.Put("order_number", order.Text("number"));
        said.Put("status", order.Text("status"));
        said.Put("total", order.Money("total"));
        var goods = order.Items("line_items").Select(line => line.Money("total")).ToList();
        said.Put("revenue", goods.Count > 0 && goods.All(amount => amount is not null) ? JsonValue.Create(goods.Sum(amount => (decimal)amount!)) : null);
        said.Put("shipping", order.Money("shipping_total"));
        said.Put("tax", order.Money("total_tax"));
        said.Put("discount", order.Money("discount_total"));
        said.Put("currency", order.Text("currency"));
        said.Put("coupon", order.Text("coupon_lines[0].code"));
        said["products"] = new JsonArray([.. order.Items("line_items").Select(Product)]);
        return said;
    }

    private static JsonNode Product(JsonElement line)
    {
        var product = new JsonObject();
        product.Put("product_id", line.Text("product_id"));
        product.Put("sku", line.Text("sku"));
        product.Put("name", line.Text("name"));
        product.Put("variant", line.Text("variation_id") is { } variant and not "0" ? variant : null);
        product.Put("price", line.Money("price"));
        product.Put("quantity", int.TryParse(line.Text("quantity"), out var count) ? count : null);
        return product;
    }

    private static HookResult Customer(Hook hook)
    {
        var customer = hook.Body;
        var email = customer.Text("email") ?? customer.Text("billing.email");
        if (ShopCalls.Context(Shop, customer.Text("id"), email, customer.Text("billing.phone"), customer.Text("billing.country")) is not { } context)
        {
            return HookResult.Nobody(null);
        }

        Decide(context, customer, hook.Purpose, Utc(customer, "date_modified"));
        var at = hook.Topic == "customer.created" ? Utc(customer, "date_created") : Utc(customer, "date_modified");
        return HookResult.Of(null, ShopCalls.Identify($"{Shop}/{hook.Delivery}", at, context, Traits(customer.At("billing"), customer, context)));
    }

    /// <summary>Where the shop asks at all, an add-on keeps the answer among the meta data of the customer or the order.</summary>
    /// <returns>The answer, in which a no counts before a yes; null: there is none.</returns>
    private static string? Decide(JsonObject context, JsonElement of, string purpose, string? at)
    {
        var said = of.Items("meta_data")
            .Where(meta => meta.Text("key") is "marketing_opt_in" or "_marketing_opt_in" or "accepts_marketing" or "_accepts_marketing")
            .Select(meta => meta.Text("value")?.ToLowerInvariant() switch
            {
                "yes" or "true" or "1" or "on" => true,
                "no" or "false" or "0" or "off" => false,
                _ => (bool?)null,
            }).OfType<bool>().ToList();
        if (said.Count == 0)
        {
            return null;
        }

        ShopCalls.Decide(context, Shop, purpose, "email", said.TrueForAll(one => one), at);
        return said.TrueForAll(one => one) ? "yes" : "no";
    }

    private static JsonObject Traits(JsonElement? billing, JsonElement person, JsonObject context)
    {
        var traits = context["traits"]?.DeepClone() as JsonObject ?? [];
        traits.Put("firstName", person.Text("first_name") ?? billing?.Text("first_name"));
        traits.Put("lastName", person.Text("last_name") ?? billing?.Text("last_name"));
        traits.Put("company", billing?.Text("company"));
        traits.Put("city", billing?.Text("city"));
        traits.Put("postalCode", billing?.Text("postcode"));
        traits.Put("country", billing?.Text("country"));
        return traits;
    }

    /// <summary>Its times in UTC come without a zone.</summary>
    private static string? Utc(JsonElement of, string name) => of.Text($"{name}_gmt") is { } utc ? utc.TrimEnd('Z') + "Z" : null;
}
