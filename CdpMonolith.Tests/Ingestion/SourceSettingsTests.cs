using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>What administrators set of a source holds from the next call on.</summary>
public sealed class SourceSettingsTests
{
    private TestApp _app = null!;
    private int _number;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task An_IP_address_loses_its_last_part_unless_it_is_to_stay()
    {
        var source = await SourceAsync();
        const string Body = """{"userId":"u","event":"E","properties":{"ip":"203.0.113.77"},"context":{"page":{"ip":"203.0.113.77"},"ip":"203.0.113.77","locale":"en"}}""";
        (await SendAsync(source, Body)).Dispose();
        await SetAsync(source, new { keepsIp = true });
        (await SendAsync(source, Body)).Dispose();
        Assert.That(
            EventsOf(source).Select(e => Encoding.UTF8.GetString(e.Body)),
            Is.EqualTo(new[] { Body.Replace("\"ip\":\"203.0.113.77\",\"locale\"", "\"ip\":\"203.0.113.0\",\"locale\"", StringComparison.Ordinal), Body }));
    }

    [Test]
    public async Task An_IP_address_that_a_batch_says_for_all_loses_its_last_part_too()
    {
        var source = await SourceAsync();
        (await SendAsync(source, """{"batch":[{"type":"track","userId":"u","event":"E"}],"context":{"ip":"2001:db8:1:2:3:4:5:6"}}""", "batch")).Dispose();
        Assert.That(Encoding.UTF8.GetString(EventsOf(source).Single().Body), Does.Contain("\"ip\":\"2001:db8:1::\""));
    }

    [TestCase("203.0.113.77", "203.0.113.0")]
    [TestCase("203.0.113.0", null)]
    [TestCase("2001:db8:1:2:3:4:5:6", "2001:db8:1::")]
    [TestCase("::ffff:203.0.113.77", "203.0.113.0")]
    [TestCase(" 203.0.113.77 ", "203.0.113.0")]
    [TestCase("not an address", null)]
    [TestCase("", null)]
    public void An_address_is_cut(string text, string? cut) => Assert.That(IpAddresses.Cut(text), Is.EqualTo(cut));

    [Test]
    public async Task Beyond_its_rate_a_source_is_asked_to_wait_and_nothing_is_half_taken()
    {
        var source = await SourceAsync();
        await SetAsync(source, new { rate = 1 });
        var batch = "{\"batch\":[" + string.Join(',', Enumerable.Range(0, 20).Select(n => $"{{\"type\":\"page\",\"userId\":\"u{n}\"}}")) + "]}";
        using var first = await SendAsync(source, batch, "batch");
        using var second = await SendAsync(source, batch, "batch");
        await SetAsync(source, new { rate = 0 });
        using var third = await SendAsync(source, batch, "batch");
        var told = JsonDocument.Parse(await second.Content.ReadAsStringAsync()).RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(new[] { first.StatusCode, second.StatusCode, third.StatusCode }, Is.EqualTo(new[] { HttpStatusCode.OK, HttpStatusCode.TooManyRequests, HttpStatusCode.OK }));
            Assert.That(second.Headers.RetryAfter!.Delta!.Value.TotalSeconds, Is.InRange(60, 300));
            Assert.That(told.GetProperty("code").GetString(), Is.EqualTo("source.too_fast"));
            Assert.That(EventsOf(source), Has.Count.EqualTo(40));
        }
    }

    [TestCase("https://shop.example", true)]
    [TestCase("https://SHOP.example", true)]
    [TestCase("https://www.club.example", true)]
    [TestCase("https://a.b.club.example", true)]
    [TestCase("https://club.example", false)]
    [TestCase("http://shop.example", false)]
    [TestCase("https://shop.example.evil.example", false)]
    [TestCase("https://evilclub.example", false)]
    [TestCase("null", false)]
    [TestCase(null, true)]
    public async Task Browsers_may_send_from_the_websites_that_the_source_names(string? origin, bool allowed)
    {
        var source = await SourceAsync();
        await SetAsync(source, new { origins = new[] { "https://shop.example/", " https://*.Club.example" } });
        using var answer = await SendAsync(source, """{"userId":"u","event":"E"}""", origin: origin);
        Assert.That(answer.StatusCode, Is.EqualTo(allowed ? HttpStatusCode.OK : HttpStatusCode.Forbidden));
        Assert.That(EventsOf(source), Has.Count.EqualTo(allowed ? 1 : 0));
        Assert.That(_app.Get<Tallies>().Of(source.Id).Refused, Is.EqualTo(allowed ? 0 : 1));
    }

    [Test]
    public async Task What_a_source_refuses_is_counted_and_seen_by_who_watches()
    {
        var source = await SourceAsync();
        await SetAsync(source, new { origins = new[] { "https://shop.example" } });
        using var watch = _app.Get<LiveFeed>().Follow(source.Id);
        (await SendAsync(source, """{"userId":"u","event":"E"}""", origin: "https://shop.exmaple")).Dispose();
        await _app.Get<Sources>().SetEnabledAsync(Actor.System, source.Id, false, default);
        (await SendAsync(source, """{"userId":"u","event":"F"}""")).Dispose();
        using var nobody = await _app.Client.PostAsync("/v1/track", new StringContent("""{"userId":"u","event":"E"}"""));
        using var admin = await _app.UserAsync(Roles.Admin);
        var rejected = await admin.GetFromJsonAsync<JsonElement>("/api/rejected-keys");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_app.Get<Tallies>().Of(source.Id).Refused, Is.EqualTo(2));
            Assert.That(
                watch.Newest(10).Select(call => (call.Verdict, call.Name, call.Reason)),
                Is.EqualTo(new[] { (LiveVerdict.Refused, "F", "source.disabled"), (LiveVerdict.Refused, "E", "source.origin_refused") }));
            Assert.That(nobody.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
            Assert.That(rejected.EnumerateArray().Single(key => key.GetProperty("writeKey").GetString() == "").GetProperty("calls").GetInt64(), Is.Positive);
        }
    }

    [Test]
    public async Task Consent_can_be_asked_only_for_a_purpose_that_there_is()
    {
        var source = await SourceAsync();
        using var admin = await _app.UserAsync(Roles.Admin);
        using var mistyped = await admin.PutAsJsonAsync($"/api/sources/{source.Id}/settings", new { consent = "analytcs" });
        (await admin.PostAsJsonAsync("/api/consent/purposes", new { name = "Analytics" })).EnsureSuccessStatusCode().Dispose();
        using var known = await admin.PutAsJsonAsync($"/api/sources/{source.Id}/settings", new { consent = "Analytics" });
        Assert.That((mistyped.StatusCode, known.StatusCode), Is.EqualTo((HttpStatusCode.UnprocessableEntity, HttpStatusCode.OK)));
        Assert.That((await mistyped.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(), Is.EqualTo("source.consent_unknown"));
        Assert.That(_app.Get<Sources>().Find(source.Id)!.Settings.Consent, Is.EqualTo("analytics"));
    }

    [TestCase("{\"rat\":1}", "$.rat")]
    [TestCase("{\"rate\":\"many\"}", "$.rate")]
    [TestCase("{\"rate\":1", "$.rate")]
    public async Task What_cannot_be_read_is_told_with_its_place_and_changes_nothing(string body, string field)
    {
        var source = await SourceAsync();
        await SetAsync(source, new { rate = 7 });
        using var admin = await _app.UserAsync(Roles.Admin);
        using var answer = await admin.PutAsync($"/api/sources/{source.Id}/settings", new StringContent(body, Encoding.UTF8, "application/json"));
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That((answer.StatusCode, problem.GetProperty("code").GetString()), Is.EqualTo((HttpStatusCode.BadRequest, "request.unreadable")));
        Assert.That(problem.GetProperty("field").GetString(), Does.StartWith(field));
        Assert.That(_app.Get<Sources>().Find(source.Id)!.Settings.Rate, Is.EqualTo(7));
    }

    [Test]
    public async Task Its_country_says_where_phone_numbers_belong()
    {
        var source = await SourceAsync();
        await SetAsync(source, new { country = "no" });
        Assert.That(_app.Get<ISourceCountries>().Of(source.Id), Is.EqualTo("NO"));
        Assert.That(_app.Get<ISourceCountries>().Of(source.Id + 1000), Is.Null);
    }

    [Test]
    public async Task Health_and_keys_are_told_over_the_API()
    {
        var source = await SourceAsync();
        (await SendAsync(source, """{"userId":"u","event":"E"}""")).Dispose();
        using var admin = await _app.UserAsync(Roles.Admin);
        var health = await admin.GetFromJsonAsync<JsonElement>($"/api/sources/{source.Id}/health");
        var keys = await admin.GetFromJsonAsync<JsonElement>($"/api/sources/{source.Id}/keys");
        using var viewer = await _app.UserAsync(Roles.Marketer);
        using var forbidden = await viewer.GetAsync($"/api/sources/{source.Id}/keys");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(health.GetProperty("lastEventAt").GetInt64(), Is.Positive);
            Assert.That(health.GetProperty("isQuiet").GetBoolean(), Is.False);
            Assert.That(health.GetProperty("usualHours").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(keys[0].GetProperty("lastUsedAt").GetInt64(), Is.Positive);
            Assert.That(forbidden.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        }
    }

    [Test]
    public async Task What_cannot_be_is_refused_with_its_field()
    {
        var source = await SourceAsync();
        using var admin = await _app.UserAsync(Roles.Admin);
        foreach (var (wrong, field) in new (object, string)[]
        {
            (new { country = "XX" }, "country"), (new { rate = -1 }, "rate"), (new { rate = 2_000_000 }, "rate"), (new { origins = new[] { "shop" } }, "origins"),
            (new { origins = new[] { "https://shop.example/path" } }, "origins"), (new { origins = new[] { "*" } }, "origins"),
            (new { timeZone = "Mars/Olympus" }, "timeZone"), (new { consent = new string('x', 81) }, "consent"),
        })
        {
            using var answer = await admin.PutAsJsonAsync($"/api/sources/{source.Id}/settings", wrong);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.UnprocessableEntity));
            Assert.That((await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("field").GetString(), Is.EqualTo(field));
        }

        using var marketer = await _app.UserAsync(Roles.Marketer);
        using var forbidden = await marketer.PutAsJsonAsync($"/api/sources/{source.Id}/settings", new { rate = 1 });
        Assert.That(forbidden.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        await SetAsync(source, new { rate = 7 });
        Assert.That(
            (await _app.Get<IAudit>().ReadAsync(long.MaxValue, 10, null, default)).Any(entry => entry.Action == "source.settings_changed" && entry.Subject == $"source:{source.Id}"));
    }

    [Test]
    public async Task With_little_space_left_nothing_is_taken_and_senders_come_again()
    {
        await using var full = await TestApp.StartAsync(null, null, "--Store:FreeMiB=1048576");
        var source = (await full.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Website, default)).Value;
        using var answer = await SendAsync(source, """{"userId":"u","event":"E"}""", app: full);
        using var broken = await SendAsync(source, "not JSON", app: full);
        Assert.That(new[] { answer.StatusCode, broken.StatusCode }, Is.All.EqualTo(HttpStatusCode.TooManyRequests));
        Assert.That(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, Is.InRange(60, 300));
        Assert.That(full.Get<IEventLog>().Read(0, 10), Is.Empty);
    }

    private async Task<Source> SourceAsync() =>
        (await _app.Get<Sources>().CreateAsync(Actor.System, $"Source {++_number}", SourceKind.Website, default)).Value;

    private async Task SetAsync(Source source, object settings)
    {
        using var admin = await _app.UserAsync(Roles.Admin);
        using var answer = await admin.PutAsJsonAsync($"/api/sources/{source.Id}/settings", settings);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), await answer.Content.ReadAsStringAsync());
    }

    private async Task<HttpResponseMessage> SendAsync(Source source, string body, string path = "track", string? origin = null, TestApp? app = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/{path}") { Content = new StringContent(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(source.WriteKey + ":")));
        if (origin is not null)
        {
            request.Headers.Add("Origin", origin);
        }

        return await (app ?? _app).Client.SendAsync(request);
    }

    private List<Event> EventsOf(Source source) => [.. _app.Get<IEventLog>().Read(0, 10_000).Where(e => e.SourceId == source.Id)];
}
