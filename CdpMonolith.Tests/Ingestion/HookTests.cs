using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Receive;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>Webhooks of shops and of anybody, over real HTTP.</summary>
public sealed class HookTests
{
    private const string Secret = "a secret that only the shop knows";

    private const string Order =
        """
        {"id":450789469,"name":"#1001","email":"bob@example.com","phone":null,"created_at":"2026-11-20T10:00:00-05:00","processed_at":"2026-11-20T10:00:00-05:00",
         "updated_at":"2026-11-20T10:05:00-05:00","currency":"USD","total_price":"409.94","subtotal_price":"398.00","total_tax":"11.94","total_discounts":"10.00",
         "buyer_accepts_marketing":true,"discount_codes":[{"code":"TENOFF","amount":"10.00"}],"total_shipping_price_set":{"shop_money":{"amount":"5.00","currency_code":"USD"}},
         "customer":{"id":207119551,"email":"bob@example.com","first_name":"Bob","last_name":"Norman","default_address":{"city":"Ottawa","zip":"K2P0V6","country_code":"CA"}},
         "line_items":[{"id":1,"product_id":632910392,"sku":"IPOD-2008","title":"IPod Nano","variant_title":"8GB","vendor":"Apple","price":"199.00","quantity":2}]}
        """;

    private const string WooOrder =
        """
        {"id":727,"number":"727","status":"STATUS","currency":"EUR","total":"29.35","total_tax":"1.35","shipping_total":"10.00","discount_total":"0.00","customer_id":0,
         "date_created_gmt":"2026-11-20T16:00:00","date_modified_gmt":"2026-11-20T17:00:00","date_paid":"2026-11-20T16:01:00",
         "billing":{"first_name":"Åsa","last_name":"Doe","email":"asa@example.com","phone":"+4670123456","city":"Lund","postcode":"22100","country":"SE"},
         "line_items":[{"id":315,"name":"Album","product_id":93,"variation_id":0,"sku":"WOO-1","quantity":2,"price":9,"total":"18.00"}],"coupon_lines":[],"refunds":REFUNDS}
        """;

    private TestApp _app = null!;
    private int _number;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task An_order_of_Shopify_is_one_person_and_one_Order_Completed_however_often_it_comes()
    {
        var source = await SourceAsync(SourceKind.Shopify);
        for (var turn = 0; turn < 2; turn++)
        {
            Assert.That(await ShopifyAsync(source, "orders/create", "delivery-1", Order), Is.EqualTo(HttpStatusCode.OK));
        }

        // Another delivery of the same order: a webhook that was set up twice.
        await ShopifyAsync(source, "orders/create", "delivery-2", Order);
        await MapAsync();
        var track = EventsOf(source).Where(e => e.Type == CallType.Track).ToList();
        Assert.That(track.Select(e => e.Name), Is.EqualTo(new[] { "Order Completed" }));
        var properties = Json(track[0]).GetProperty("properties");
        Assert.Multiple(() =>
        {
            Assert.That(properties.GetProperty("total").GetDecimal(), Is.EqualTo(409.94m));
            Assert.That(properties.GetProperty("revenue").GetDecimal(), Is.EqualTo(398m));
            Assert.That(properties.GetProperty("shipping").GetDecimal(), Is.EqualTo(5m));
            Assert.That(properties.GetProperty("coupon").GetString(), Is.EqualTo("TENOFF"));
            Assert.That(properties.GetProperty("products")[0].GetRawText(), Is.EqualTo(
                """{"product_id":"632910392","sku":"IPOD-2008","name":"IPod Nano","variant":"8GB","brand":"Apple","price":199.00,"quantity":2}"""));
            Assert.That(DateTimeOffset.FromUnixTimeMilliseconds(track[0].OccurredAt), Is.EqualTo(DateTimeOffset.Parse("2026-11-20T15:00:00Z", CultureInfo.InvariantCulture)));
            Assert.That(Json(EventsOf(source)[0]).GetProperty("context").GetProperty("consent").GetProperty("decisions")[0].GetProperty("status").GetString(), Is.EqualTo("granted"));
            Assert.That(EventsOf(source)[0].Flags.HasFlag(EventFlags.HasConsent));
        });
    }

    [Test]
    public async Task A_refund_waits_for_its_order_and_is_then_of_the_same_customer()
    {
        var source = await SourceAsync(SourceKind.Shopify);
        const string refund =
            """{"id":509562969,"order_id":450789469,"created_at":"2026-11-21T10:00:00Z","note":"broken","transactions":[{"kind":"refund","amount":"199.00","currency":"USD"}],"refund_line_items":[{"quantity":1,"subtotal":199.0,"total_tax":0,"line_item":{"product_id":632910392,"title":"IPod Nano","price":"199.00"}}]}""";
        await ShopifyAsync(source, "refunds/create", "r-1", refund);
        await MapAsync();
        Assert.That((await CallsAsync(source)).Single().Reason, Is.EqualTo("hook.order_unknown"));
        await ShopifyAsync(source, "orders/create", "o-1", Order);
        await MapAsync();
        Assert.That(await _app.Get<Hooks>().MapAgainAsync(Actor.System, source.Id, 0, default), Is.EqualTo(1));
        await MapAsync();
        var refunded = Json(EventsOf(source).Single(e => e.Name == "Order Refunded"));
        Assert.That(refunded.GetProperty("properties").GetProperty("total").GetDecimal(), Is.EqualTo(199m));
        Assert.That(refunded.GetProperty("context").GetProperty("externalIds")[0].GetProperty("id").GetString(), Is.EqualTo("207119551"));
        Assert.That(refunded.GetProperty("context").TryGetProperty("consent", out _), Is.False);
    }

    [Test]
    public async Task A_wrong_signature_is_refused_and_counted_and_nothing_is_kept()
    {
        var source = await SourceAsync(SourceKind.Shopify);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/hooks/{source.WriteKey}") { Content = new StringContent(Order) };
        request.Headers.Add("X-Shopify-Hmac-SHA256", Sign(Order + " "));
        request.Headers.Add("X-Shopify-Topic", "orders/create");
        using var forged = await _app.Client.SendAsync(request);
        using var unsigned = await _app.Client.PostAsync($"/hooks/{source.WriteKey}", new StringContent(Order));
        Assert.That((forged.StatusCode, unsigned.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized)));
        Assert.That((await _app.Get<Hooks>().SettingsAsync(source.Id, default)).Refused, Is.GreaterThanOrEqualTo(1));
        Assert.That(await CallsAsync(source), Is.Empty);
    }

    [TestCase("themes/publish", "unknown")]
    [TestCase("app/uninstalled", "ignored")]
    public async Task What_is_not_known_is_kept_and_shown(string topic, string state)
    {
        var source = await SourceAsync(SourceKind.Shopify);
        Assert.That(await ShopifyAsync(source, topic, "d", """{"id":1}"""), Is.EqualTo(HttpStatusCode.OK));
        await MapAsync();
        var call = (await CallsAsync(source)).Single();
        Assert.That((call.State, Encoding.UTF8.GetString(call.Raw)), Is.EqualTo((state, """{"id":1}""")));
    }

    [Test]
    public async Task A_customer_of_Shopify_who_unsubscribed_has_withdrawn_and_one_never_asked_has_said_nothing()
    {
        var source = await SourceAsync(SourceKind.Shopify);
        const string customer = """{"id":7,"email":"EMAIL","first_name":"Ann","created_at":"2026-11-01T00:00:00Z","updated_at":"2026-11-02T00:00:00Z","email_marketing_consent":{"state":"STATE","consent_updated_at":"2026-11-02T00:00:00Z"}}""";
        foreach (var state in new[] { "subscribed", "unsubscribed", "not_subscribed", "pending" })
        {
            await ShopifyAsync(source, "customers/update", state, customer.Replace("STATE", state, StringComparison.Ordinal).Replace("EMAIL", $"{state}@example.com", StringComparison.Ordinal));
        }

        await MapAsync();
        var said = EventsOf(source).Select(e => Json(e).GetProperty("context").TryGetProperty("consent", out var consent) ? consent.GetProperty("decisions")[0].GetProperty("status").GetString() : null);
        Assert.That(said, Is.EqualTo(new[] { "granted", "withdrawn", null, null }));
    }

    [Test]
    public async Task An_order_of_Shopify_tells_what_its_customer_agreed_to_by_channel_and_when()
    {
        var source = await SourceAsync(SourceKind.Shopify);
        var order = Order.Replace("\"first_name\":\"Bob\"", """
            "phone":"613 555 0142","first_name":"Bob",
            "email_marketing_consent":{"state":"subscribed","consent_updated_at":"2026-10-01T00:00:00Z"},
            "sms_marketing_consent":{"state":"unsubscribed","consent_updated_at":"2026-10-02T00:00:00Z"}
            """, StringComparison.Ordinal);
        await ShopifyAsync(source, "orders/create", "1", order);
        await MapAsync();
        await _app.CatchUpAsync();
        var identify = Json(EventsOf(source).Single(e => e.Type == CallType.Identify));
        var people = _app.Get<CdpMonolith.Profiles.Contracts.IProfiles>();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Decisions(identify), Is.EqualTo(new[] { "email granted 2026-10-01T00:00:00Z", "sms withdrawn 2026-10-02T00:00:00Z" }));
            Assert.That(await people.FindAsync(new CdpMonolith.Profiles.Contracts.Identifier("phone", "+16135550142"), default), Is.Not.Null, "a number of the customer's country");
            Assert.That(await people.FindAsync(new CdpMonolith.Profiles.Contracts.Identifier("phone", "6135550142"), default), Is.Null);
        }
    }

    [TestCase("\"marketing_opt_in\"", "\"yes\"", "granted")]
    [TestCase("\"marketing_opt_in\"", "\"1\"", "granted")]
    [TestCase("\"accepts_marketing\"", "true", "granted")]
    [TestCase("\"_marketing_opt_in\"", "\"no\"", "withdrawn")]
    [TestCase("\"marketing_opt_in\"", "\"perhaps\"", null)]
    public async Task An_order_of_WooCommerce_tells_once_what_a_guest_agreed_to(string key, string value, string? status)
    {
        var source = await SourceAsync(SourceKind.WooCommerce);
        var order = WooOrder.Replace("STATUS", "processing", StringComparison.Ordinal).Replace("REFUNDS", "[]", StringComparison.Ordinal)
            .Replace("\"number\"", "\"meta_data\":[{\"id\":1,\"key\":" + key + ",\"value\":" + value + "}],\"number\"", StringComparison.Ordinal);
        await WooAsync(source, "order.created", "1", order);
        await WooAsync(source, "order.updated", "2", order);
        await MapAsync();
        Assert.That(
            EventsOf(source).Select(Json).SelectMany(Decisions), Is.EqualTo(status is null ? Array.Empty<string>() : [$"email {status} 2026-11-20T16:00:00Z"]));
    }

    [Test]
    public async Task A_phone_number_of_an_order_is_one_of_the_country_of_its_bill()
    {
        var source = await SourceAsync(SourceKind.WooCommerce);
        var order = WooOrder.Replace("STATUS", "processing", StringComparison.Ordinal).Replace("REFUNDS", "[]", StringComparison.Ordinal)
            .Replace("+4670123456", "912 34 999", StringComparison.Ordinal).Replace("\"SE\"", "\"NO\"", StringComparison.Ordinal)
            .Replace("asa@example.com", "kari.bill@example.com", StringComparison.Ordinal);
        await WooAsync(source, "order.created", "1", order);
        await MapAsync();
        await _app.CatchUpAsync();
        var people = _app.Get<CdpMonolith.Profiles.Contracts.IProfiles>();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await people.FindAsync(new CdpMonolith.Profiles.Contracts.Identifier("phone", "+4791234999"), default), Is.Not.Null);
            Assert.That(await people.FindAsync(new CdpMonolith.Profiles.Contracts.Identifier("phone", "91234999"), default), Is.Null, "neither from the order itself");
        }
    }

    [Test]
    public async Task Fields_are_picked_from_the_newest_webhook_that_can_be_read()
    {
        var source = (await _app.Get<Sources>().CreateAsync(Actor.System, $"Anybody {++_number}", SourceKind.Webhook, default)).Value;
        Assert.That(await _app.Get<Hooks>().NewestReadableAsync(source.Id, default), Is.Null);
        using var sent = await _app.Client.PostAsync($"/hooks/{source.WriteKey}", new StringContent("""{"a":1}"""));
        for (var n = 0; n < 30; n++)
        {
            using var broken = await _app.Client.PostAsync($"/hooks/{source.WriteKey}", new StringContent("{"));
        }

        var readable = (await CallsAsync(source))[^1];
        Assert.That(await _app.Get<Hooks>().NewestReadableAsync(source.Id, default), Is.EqualTo(readable.Id));
    }

    [Test]
    public void Every_field_that_is_offered_gives_its_value_whatever_its_name()
    {
        using var json = JsonDocument.Parse("""{"utm.source":"ad","a[0]":{"b\\c.d":[1,{"e.f":2}]},"":3,"g":{"":4,"h":5}}""");
        var leaves = HookFields.Leaves(json.RootElement);
        Assert.That(leaves.Select(leaf => leaf.Path), Is.EqualTo(new[] { @"utm\.source", @"a\[0].b\\c\.d[0]", @"a\[0].b\\c\.d[1].e\.f", "g.h" }));
        Assert.That(leaves.Select(leaf => json.RootElement.Text(leaf.Path)), Is.EqualTo(new[] { "ad", "1", "2", "5" }));
    }

    [Test]
    public async Task WooCommerce_sends_the_whole_order_each_time_and_each_thing_happens_once()
    {
        var source = await SourceAsync(SourceKind.WooCommerce);
        await WooAsync(source, "order.created", "1", WooOrder.Replace("STATUS", "pending", StringComparison.Ordinal).Replace("REFUNDS", "[]", StringComparison.Ordinal));
        await WooAsync(source, "order.updated", "2", WooOrder.Replace("STATUS", "processing", StringComparison.Ordinal).Replace("REFUNDS", "[]", StringComparison.Ordinal));
        await WooAsync(source, "order.updated", "3", WooOrder.Replace("STATUS", "completed", StringComparison.Ordinal).Replace("REFUNDS", "[]", StringComparison.Ordinal));
        var refunded = WooOrder.Replace("STATUS", "refunded", StringComparison.Ordinal).Replace("REFUNDS", """[{"id":800,"reason":"late","total":"-29.35"}]""", StringComparison.Ordinal);
        await WooAsync(source, "order.updated", "4", refunded);
        await WooAsync(source, "order.updated", "5", refunded);
        using var ping = await _app.Client.PostAsync($"/hooks/{source.WriteKey}", new StringContent("webhook_id=12"));
        await MapAsync();
        var names = EventsOf(source).Where(e => e.Type == CallType.Track).Select(e => e.Name).ToList();
        Assert.That(names, Is.EqualTo(new[] { "Order Updated", "Order Completed", "Order Updated", "Order Updated", "Order Refunded", "Order Updated", "Order Updated" }));
        Assert.That(Json(EventsOf(source).Single(e => e.Name == "Order Refunded")).GetProperty("properties").GetProperty("total").GetDecimal(), Is.EqualTo(29.35m));
        Assert.That(ping.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await CallsAsync(source), Has.Count.EqualTo(5));
    }

    [Test]
    public async Task A_webhook_of_anybody_waits_for_its_mapping_and_is_then_mapped_again()
    {
        var source = (await _app.Get<Sources>().CreateAsync(Actor.System, $"Anybody {++_number}", SourceKind.Webhook, default)).Value;
        const string body = """{"form":"Contact","person":{"mails":["eva@example.com"],"plan":"gold"},"when":"2026-11-20T10:00:00Z","agreed":"yes","score":9}""";
        using var sent = await _app.Client.PostAsync($"/hooks/{source.WriteKey}", new StringContent(body));
        using var broken = await _app.Client.PostAsync($"/v1/webhook?writeKey={source.WriteKey}", new StringContent("{"));
        await MapAsync();
        Assert.That((await CallsAsync(source)).Select(call => call.Reason), Is.EqualTo(new[] { "hook.not_json", "hook.mapping_missing" }));

        using var admin = await _app.UserAsync(Roles.Admin);
        var api = $"/api/sources/{source.Id}/webhook";
        var wanted = new
        {
            proof = "token", header = "X-Token", secret = Secret, purpose = "marketing",
            mapping = new
            {
                @event = "Form Sent",
                fields = new[]
                {
                    new { path = "person.mails[0]", to = "Email", name = "" }, new { path = "person.plan", to = "Trait", name = "plan" },
                    new { path = "score", to = "Property", name = "score" }, new { path = "when", to = "Time", name = "" },
                    new { path = "agreed", to = "Consent", name = "newsletter" }, new { path = "none.such", to = "Property", name = "none" },
                },
            },
        };
        using var saved = await admin.PutAsJsonAsync(api, wanted);
        Assert.That(saved.StatusCode, Is.EqualTo(HttpStatusCode.OK), await saved.Content.ReadAsStringAsync());
        Assert.That(await saved.Content.ReadAsStringAsync(), Does.Not.Contain(Secret).And.Contain("\"hasSecret\":true"));
        using var again = await admin.PostAsync($"{api}/received/map", null);
        await MapAsync();
        var events = EventsOf(source);
        Assert.That(events.Select(e => $"{e.Type} {e.Name}".TrimEnd()), Is.EqualTo(new[] { "Identify", "Track Form Sent" }));
        Assert.That(Json(events[1]).GetProperty("properties").GetRawText(), Is.EqualTo("""{"score":9}"""));
        Assert.That(Json(events[1]).GetProperty("context").GetProperty("traits").GetProperty("email").GetString(), Is.EqualTo("eva@example.com"));

        using var unknown = await _app.Client.PostAsync($"/hooks/{source.WriteKey}", new StringContent(body));
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/hooks/{source.WriteKey}") { Content = new StringContent(body) };
        request.Headers.Add("X-Token", Secret);
        using var known = await _app.Client.SendAsync(request);
        Assert.That((unknown.StatusCode, known.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.OK)));
    }

    [Test]
    public async Task A_write_key_of_a_website_takes_no_webhooks_and_a_shop_needs_a_secret()
    {
        var website = (await _app.Get<Sources>().CreateAsync(Actor.System, $"Website {++_number}", SourceKind.Website, default)).Value;
        var shop = (await _app.Get<Sources>().CreateAsync(Actor.System, $"Shop {++_number}", SourceKind.Shopify, default)).Value;
        using var wrong = await _app.Client.PostAsync($"/hooks/{website.WriteKey}", new StringContent("{}"));
        Assert.That(wrong.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        var saved = await _app.Get<Hooks>().SaveAsync(Actor.System, shop, HookSettings.Default with { Proof = HookSettings.Hmac }, default);
        Assert.That(saved.Problem?.Code, Is.EqualTo("hook.secret_missing"));
    }

    [TestCase("""{"id":1,"email":"a@example.com","total_price":"1e400","line_items":[{"price":"x","quantity":"many"}]}""", "done")]
    [TestCase("""{"id":1,"email":"\ud800","total_price":"1"}""", "failed")]
    [TestCase("""{"id":1,"line_items":7,"customer":[]}""", "failed")]
    [TestCase("[]", "failed")]
    [TestCase("", "failed")]
    public async Task An_order_that_is_not_what_it_should_be_stops_nothing(string body, string state)
    {
        var source = await SourceAsync(SourceKind.Shopify);
        Assert.That(await ShopifyAsync(source, "orders/create", "odd", body), Is.EqualTo(HttpStatusCode.OK));
        await ShopifyAsync(source, "orders/create", "even", Order);
        await MapAsync();
        Assert.That((await CallsAsync(source)).Select(call => call.State), Is.EqualTo(new[] { "done", state }));
    }

    [TestCase("a.b[1].c", "7")]
    [TestCase("a.b[2]", null)]
    [TestCase("a.b[1].c.d", null)]
    [TestCase("a.b[x]", null)]
    [TestCase("n", null)]
    public void A_path_finds_its_value_or_nothing(string path, string? value)
    {
        using var json = JsonDocument.Parse("""{"a":{"b":[1,{"c":7}]},"n":null}""");
        Assert.That(json.RootElement.Text(path), Is.EqualTo(value));
    }

    private async Task<Source> SourceAsync(SourceKind kind)
    {
        var source = (await _app.Get<Sources>().CreateAsync(Actor.System, $"{kind} {++_number}", kind, default)).Value;
        var saved = await _app.Get<Hooks>().SaveAsync(Actor.System, source, HookSettings.Default with { Proof = HookSettings.Hmac, Secret = Secret }, default);
        Assert.That(saved.Problem, Is.Null);
        return source;
    }

    private Task<HttpStatusCode> ShopifyAsync(Source source, string topic, string delivery, string body) => SendAsync(
        source, body, ("X-Shopify-Hmac-SHA256", Sign(body)), ("X-Shopify-Topic", topic), ("X-Shopify-Webhook-Id", delivery));

    private Task<HttpStatusCode> WooAsync(Source source, string topic, string delivery, string body) => SendAsync(
        source, body, ("X-WC-Webhook-Signature", Sign(body)), ("X-WC-Webhook-Topic", topic), ("X-WC-Webhook-Delivery-ID", delivery));

    private async Task<HttpStatusCode> SendAsync(Source source, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/hooks/{source.WriteKey}") { Content = new StringContent(body) };
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var answer = await _app.Client.SendAsync(request);
        return answer.StatusCode;
    }

    private static string Sign(string body) => Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(body)));

    private static List<string> Decisions(JsonElement call) =>
        call.GetProperty("context").TryGetProperty("consent", out var consent)
            ? [.. consent.GetProperty("decisions").EnumerateArray().Select(one => $"{one.GetProperty("channel")} {one.GetProperty("status")} {one.GetProperty("at")}")]
            : [];

    private Task MapAsync() => _app.Get<HookMapper>().MapWaitingAsync(default);

    private Task<IReadOnlyList<HookCallRow>> CallsAsync(Source source) =>
        _app.Get<IStore>().ReadAsync(read => HookStore.Calls(read, source.Id, null, long.MaxValue, 100), default);

    private List<Event> EventsOf(Source source) => [.. _app.Get<IEventLog>().Read(0, 10_000).Where(e => e.SourceId == source.Id)];

    private static JsonElement Json(Event call) => JsonDocument.Parse(call.Body).RootElement;
}
