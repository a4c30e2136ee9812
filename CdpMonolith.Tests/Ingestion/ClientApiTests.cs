using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>What RudderStack's and Jitsu's clients, e-mails and old shops need beside the routes of the tracking API.</summary>
public sealed class ClientApiTests
{
    private TestApp _app = null!;
    private Source _source = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await TestApp.StartAsync();
        _source = (await _app.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Website, default)).Value;
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("Basic", true, 200)]
    [TestCase("query", true, 200)]
    [TestCase("Basic", false, 401)]
    [TestCase("none", true, 401)]
    public async Task RudderStacks_clients_get_the_configuration_of_their_source(string way, bool known, int status)
    {
        var key = known ? _source.WriteKey : "nobody";
        using var request = new HttpRequestMessage(HttpMethod.Get, way == "query" ? $"/sourceConfig/?p=web&writeKey={key}" : "/sourceConfig/?p=web");
        request.Headers.Authorization = way == "Basic" ? Basic(key) : null;
        using var answer = await _app.Client.SendAsync(request);
        var config = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        if (status == 200)
        {
            var source = config.GetProperty("source");
            Assert.That(
                (source.GetProperty("writeKey").GetString(), source.GetProperty("enabled").GetBoolean(), source.GetProperty("destinations").GetArrayLength(), source.GetProperty("config").ValueKind),
                Is.EqualTo((_source.WriteKey, true, 0, JsonValueKind.Object)));
        }
    }

    [TestCase(null, "http")]
    [TestCase("https", "https")]
    [TestCase("https, http", "https")]
    public async Task Behind_a_proxy_that_ends_https_clients_and_people_are_sent_to_https(string? forwarded, string scheme)
    {
        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = _app.Client.BaseAddress };
        browser.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        if (forwarded is not null)
        {
            browser.DefaultRequestHeaders.Add("X-Forwarded-Proto", forwarded);
        }

        var settings = await browser.GetFromJsonAsync<JsonElement>($"/v1/projects/{_source.WriteKey}/settings");
        using var page = await browser.GetAsync("/");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(settings.GetProperty("integrations").GetProperty("Segment.io").GetProperty("protocol").GetString(), Is.EqualTo(scheme));
            Assert.That(new Uri(browser.BaseAddress!, page.Headers.Location!).Scheme, Is.EqualTo(page.Headers.Location!.IsAbsoluteUri ? scheme : "http"));
            Assert.That(page.Headers.Contains("Strict-Transport-Security"), Is.EqualTo(scheme == "https"));
        }
    }

    [TestCase("""[{"type":"email","value":"a@example.com"},{"type":"userId","value":"m-1"}]""", 200)]
    [TestCase("""[{"type":"email","value":"a@example.com"}]""", 400)]
    [TestCase("""[{"type":"email","value":""},{"type":"userId","value":"m-1"}]""", 400)]
    [TestCase("\"email\"", 400)]
    public async Task RudderStacks_merge_joins_two_identifiers(string properties, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/merge") { Content = new StringContent($$"""{"type":"merge","messageId":"merge-{{properties.Length}}","mergeProperties":{{properties}}}""") };
        request.Headers.Authorization = Basic(_source.WriteKey);
        using var answer = await _app.Client.SendAsync(request);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        if (status == 200)
        {
            var call = Stored($"merge-{properties.Length}").Single();
            Assert.That(Encoding.UTF8.GetString(call.Body), Does.Contain("\"type\":\"user_id\"").And.Contain("mergeProperties"));
        }
    }

    [TestCase("/api/s/track")]
    [TestCase("/api/s/s2s/track")]
    public async Task Jitsus_clients_name_their_source_in_a_header_and_mask_it_in_the_body(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new ByteArrayContent(Body("{'type':'track','event':'E','anonymousId':'a','writeKey':'***','messageId':'jitsu-" + path.Length + ".'}")),
        };
        request.Headers.Add("X-Write-Key", _source.WriteKey + ":secret");
        using var answer = await _app.Client.SendAsync(request);
        Assert.That((answer.StatusCode, Stored($"jitsu-{path.Length}.").Count), Is.EqualTo((HttpStatusCode.OK, 1)));
    }

    [TestCase("/v1/pixel/track", "data=eyJldmVudCI6IkEiLCJ1c2VySWQiOiJ1IiwibWVzc2FnZUlkIjoicGl4ZWwtMSJ9&writeKey=KEY", "pixel-1", "{\"event\":\"A\",\"userId\":\"u\",\"messageId\":\"pixel-1\"}")]
    [TestCase("/v1/pixel/track", "writeKey=KEY&event=A&userId=007&messageId=pixel-2&properties.revenue=12.50&properties.sku=007&properties.gift=true&context.page.title=a+b", "pixel-2",
        "{\"writeKey\":\"KEY\",\"event\":\"A\",\"userId\":\"007\",\"messageId\":\"pixel-2\",\"properties\":{\"revenue\":12.50,\"sku\":\"007\",\"gift\":true},\"context\":{\"page\":{\"title\":\"a b\"}}}")]
    [TestCase("/pixel/v1/page", "writeKey=KEY&anonymousId=a&messageId=pixel-3&name=Shoes&name.x=1", "pixel-3",
        "{\"writeKey\":\"KEY\",\"anonymousId\":\"a\",\"messageId\":\"pixel-3\",\"name\":\"Shoes\",\"name.x\":\"1\"}")]
    public async Task The_address_of_a_picture_is_a_call(string path, string query, string messageId, string body)
    {
        using var answer = await _app.Client.GetAsync($"{path}?{query.Replace("KEY", _source.WriteKey, StringComparison.Ordinal)}");
        var stored = Stored(messageId);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(answer.Content.Headers.ContentType!.MediaType, Is.EqualTo("image/gif"));
            Assert.That(answer.Headers.CacheControl!.NoStore, Is.True);
            Assert.That((await answer.Content.ReadAsByteArrayAsync()).Take(6), Is.EqualTo("GIF89a"u8.ToArray()));
            Assert.That(stored.Select(call => Encoding.UTF8.GetString(call.Body)), Is.EqualTo(new[] { body.Replace("KEY", _source.WriteKey, StringComparison.Ordinal) }));
        }
    }

    [TestCase("writeKey=KEY&event=A", "event.id_missing")]
    [TestCase("writeKey=KEY&userId=u", "event.name_missing")]
    [TestCase("writeKey=KEY&data=bm90IGpzb24", "body.not_json")]
    public async Task A_picture_whose_call_is_unusable_shows_all_the_same_and_the_call_is_in_quarantine(string query, string reason)
    {
        var before = await CountAsync();
        using var answer = await _app.Client.GetAsync($"/v1/pixel/track?{query.Replace("KEY", _source.WriteKey, StringComparison.Ordinal)}");
        Assert.That((answer.StatusCode, answer.Content.Headers.ContentType!.MediaType, await CountAsync()), Is.EqualTo((HttpStatusCode.OK, "image/gif", before + 1)));

        async Task<int> CountAsync() =>
            (await _app.Get<QuarantineStore>().ReadAsync(null, null, long.MaxValue, 1000, default)).Count(aside => aside.Reason == reason);
    }

    [TestCase("/v1/m")]
    [TestCase("/rsaMetrics")]
    public async Task What_a_client_counts_of_itself_is_dropped(string path)
    {
        using var answer = await _app.Client.PostAsync(path, new StringContent("{\"series\":[]}"));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Search_engines_are_sent_away() =>
        Assert.That(await _app.Client.GetStringAsync("/robots.txt"), Does.Contain("Disallow: /"));

    [TestCase("'name':'A','properties':{'name':'B'}", "A")]
    [TestCase("'properties':{'name':'B'}", "B")]
    [TestCase("'properties':{'n\\u0061me':'\\u0042'}", "B")]
    [TestCase("'properties':{'deeper':{'name':'B'}}", null)]
    [TestCase("'properties':{'name':{'name':'B'}},'context':{'name':'C'}", null)]
    public async Task A_page_has_its_name_beside_its_properties_or_among_them(string members, string? name)
    {
        var id = $"page-{Guid.CreateVersion7()}";
        using var answer = await SendAsync("page", "{'userId':'u','messageId':'" + id + "'," + members + "}");
        Assert.That(Stored(id).Single().Name, Is.EqualTo(name));
    }

    [TestCase("Completed Order", "Order Completed", EventFlags.Renamed)]
    [TestCase("Viewed Product Category", "Product List Viewed", EventFlags.Renamed)]
    [TestCase("Added Product", "Product Added", EventFlags.Renamed)]
    [TestCase("Order Completed", "Order Completed", EventFlags.None)]
    [TestCase("Completed Orders", "Completed Orders", EventFlags.None)]
    public async Task The_first_names_of_shop_events_are_taken_for_those_of_today_and_kept_as_sent(string sent, string name, EventFlags flags)
    {
        using var answer = await SendAsync("track", "{'userId':'u','event':'" + sent + "','messageId':'name-" + sent + ".'}");
        var stored = Stored($"name-{sent}.").Single();
        Assert.That((stored.Name, stored.Flags, Encoding.UTF8.GetString(stored.Body)), Is.EqualTo((name, flags, Encoding.UTF8.GetString(Body("{'userId':'u','event':'" + sent + "','messageId':'name-" + sent + ".'}")))));
    }

    private static byte[] Body(string text) => Encoding.UTF8.GetBytes(text.Replace('\'', '"'));

    private static AuthenticationHeaderValue Basic(string key) => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(key + ":")));

    private async Task<HttpResponseMessage> SendAsync(string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/{path}") { Content = new ByteArrayContent(Body(body)) };
        request.Headers.Authorization = Basic(_source.WriteKey);
        return await _app.Client.SendAsync(request);
    }

    private List<Event> Stored(string messageId) =>
        [.. _app.Get<IEventLog>().Read(0, 1000).Where(e => e.MessageId.StartsWith(messageId, StringComparison.Ordinal))];
}
