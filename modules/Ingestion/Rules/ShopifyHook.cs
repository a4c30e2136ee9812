using System.Text.Json;
using System.Text.Json.Nodes;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// Webhooks of Shopify (shopify.dev/docs/api/webhooks; the bodies are those of its REST resources Order, Customer and Refund). What can
/// happen once to an order has a message id made of the order, so that a second delivery of it adds nothing.
/// </summary>
internal static class ShopifyHook
{
    public const string Shop = "shopify";

    public static HookResult Map(Hook hook) => hook.Topic switch
    {
        "orders/create" => Order(hook, "Order Completed", "completed"),
        "orders/paid" => Order(hook, "Order Paid", "paid"),
        "orders/updated" => Order(hook, "Order Updated", null),
        "orders/cancelled" => Order(hook, "Order Cancelled", "cancelled"),
        "customers/create" or "customers/update" => Customer(hook),
        "refunds/create" => Refund(hook),
        "app/uninstalled" => HookResult.Ignored,
        _ => HookResult.Unknown(hook.Topic),
    };

    private static HookResult Order(Hook hook, string name, string? once)
    {
        var order = hook.Body;
        if (order.Text("id") is not { } id)
        {
            return HookResult.Failed("hook.order_missing", "The order has no id.");
        }

        var customer = order.At("customer");
        var context = ShopCalls.Context(
            Shop, customer?.Text("id"), order.Text("email") ?? order.Text("contact_email") ?? customer?.Text("email"),
            order.Text("phone") ?? customer?.Text("phone") ?? order.Text("billing_address.phone"),
            order.Text("billing_address.country_code") ?? customer?.Text("default_address.country_code") ?? order.Text("shipping_address.country_code"));
        if (context is null)
        {
            return HookResult.Nobody(id);
        }

        var at = name switch
        {
            "Order Completed" => order.Text("processed_at") ?? order.Text("created_at"),
            "Order Cancelled" => order.Text("cancelled_at"),
            _ => order.Text("updated_at"),
        };
        var told = (JsonObject)context.DeepClone();
        if (once == "completed")
        {
            Decide(told, hook.Purpose, customer, order.Is("buyer_accepts_marketing") ? at : null);
        }

        var identify = ShopCalls.Identify($"{Shop}/{hook.Delivery}/who", at, told, Traits(customer ?? order.At("billing_address"), context));
        var track = ShopCalls.Track(name, once is null ? $"{Shop}/{hook.Delivery}" : $"{Shop}/order/{id}/{once}", at, context, Properties(order, id));
        return HookResult.Of(id, identify, track);
    }

    private static JsonObject Properties(JsonElement order, string id)
    {
        var said = new JsonObject { ["order_id"] = id };
        said.Put("order_number", order.Text("name") ?? order.Text("order_number"));
        said.Put("checkout_id", order.Text("checkout_id"));
        said.Put("affiliation", order.Text("source_name"));
        said.Put("total", order.Money("total_price"));
        said.Put("revenue", order.Money("subtotal_price"));
        said.Put("shipping", order.Money("total_shipping_price_set.shop_money.amount"));
        said.Put("tax", order.Money("total_tax"));
        said.Put("discount", order.Money("total_discounts"));
        said.Put("currency", order.Text("currency"));
        said.Put("coupon", order.Text("discount_codes[0].code"));
        said.Put("status", order.Text("financial_status"));
        said.Put("reason", order.Text("cancel_reason"));
        if (order.Is("test"))
        {
            said["test"] = true;
        }

        said["products"] = new JsonArray([.. order.Items("line_items").Select(line => Product(line, line.Text("quantity")))]);
        return said;
    }

    private static JsonObject Product(JsonElement line, string? quantity)
    {
        var product = new JsonObject();
        product.Put("product_id", line.Text("product_id") ?? line.Text("id"));
        product.Put("sku", line.Text("sku"));
        product.Put("name", line.Text("title") ?? line.Text("name"));
        product.Put("variant", line.Text("variant_title"));
        product.Put("brand", line.Text("vendor"));
        product.Put("price", line.Money("price"));
        product.Put("quantity", int.TryParse(quantity, out var count) ? count : null);
        return product;
    }

    private static HookResult Customer(Hook hook)
    {
        var customer = hook.Body;
        var country = customer.Text("default_address.country_code");
        if (ShopCalls.Context(Shop, customer.Text("id"), customer.Text("email"), customer.Text("phone"), country) is not { } context)
        {
            return HookResult.Nobody(null);
        }

        Decide(context, hook.Purpose, customer, null);

        var at = hook.Topic == "customers/create" ? customer.Text("created_at") : customer.Text("updated_at");
        return HookResult.Of(null, ShopCalls.Identify($"{Shop}/{hook.Delivery}", at, context, Traits(customer, context)));
    }

    /// <summary>What the customer agreed to, by e-mail and by text message, with the time when it was said.</summary>
    /// <param name="ticked">When the box of the order was ticked; null: it was not, or there is no order.</param>
    private static void Decide(JsonObject context, string purpose, JsonElement? customer, string? ticked)
    {
        foreach (var channel in new[] { "email", "sms" })
        {
            // not_subscribed was never asked, pending has not confirmed: neither is an answer.
            bool? said = customer?.Text($"{channel}_marketing_consent.state") switch
            {
                "subscribed" => true,
                "unsubscribed" or "redacted" => false,
                null when channel == "email" && (ticked is not null || customer?.Is("accepts_marketing") == true) => true,
                _ => null,
            };
            ShopCalls.Decide(
                context, Shop, purpose, channel, said,
                customer?.Text($"{channel}_marketing_consent.consent_updated_at") ?? ticked ?? customer?.Text("accepts_marketing_updated_at"));
        }
    }

    private static HookResult Refund(Hook hook)
    {
        var refund = hook.Body;
        if (refund.Text("id") is not { } id || refund.Text("order_id") is not { } order)
        {
            return HookResult.Failed("hook.order_missing", "The refund has no id or no order_id.");
        }

        if (hook.ContextOfOrder(order) is not { } context)
        {
            return HookResult.Failed("hook.order_unknown", "A refund names no customer, and its order has not come by this webhook. Map it again once it has.", order);
        }

        var said = new JsonObject { ["order_id"] = order, ["refund_id"] = id };
        var paid = refund.Items("transactions").Where(t => t.Text("kind") is null or "refund").ToList();
        said.Put("total", paid.Count > 0
            ? JsonValue.Create(paid.Sum(t => (decimal?)t.Money("amount") ?? 0m))
            : JsonValue.Create(refund.Items("refund_line_items").Sum(line => ((decimal?)line.Money("subtotal") ?? 0m) + ((decimal?)line.Money("total_tax") ?? 0m))));
        said.Put("currency", paid.Select(t => t.Text("currency")).FirstOrDefault(c => c is not null));
        said.Put("reason", refund.Text("note"));
        said["products"] = new JsonArray(
            [.. refund.Items("refund_line_items").Where(line => line.At("line_item") is not null).Select(line => Product(line.At("line_item")!.Value, line.Text("quantity")))]);
        return HookResult.Of(order, ShopCalls.Track("Order Refunded", $"{Shop}/refund/{id}", refund.Text("processed_at") ?? refund.Text("created_at"), context, said));
    }

    private static JsonObject Traits(JsonElement? person, JsonObject context)
    {
        var traits = context["traits"]?.DeepClone() as JsonObject ?? [];
        if (person is not { } who)
        {
            return traits;
        }

        traits.Put("firstName", who.Text("first_name"));
        traits.Put("lastName", who.Text("last_name"));
        var place = who.At("default_address") ?? who;
        traits.Put("company", place.Text("company"));
        traits.Put("city", place.Text("city"));
        traits.Put("postalCode", place.Text("zip"));
        traits.Put("country", place.Text("country_code"));
        traits.Put("language", who.Text("locale"));
        traits.Put("tags", who.Text("tags"));
        return traits;
    }
}
