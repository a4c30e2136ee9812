using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>Sources and quarantine over HTTP.</summary>
public sealed class AdminApiTests
{
    private TestApp _app = null!;
    private HttpClient _owner = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await TestApp.StartAsync();
        _owner = (await LocalAccess.ConnectAsync(_app.Folder, default))!;
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        _owner.Dispose();
        await _app.DisposeAsync();
    }

    [TestCase("GET", "/api/sources")]
    [TestCase("POST", "/api/sources")]
    [TestCase("GET", "/api/rejected-keys")]
    [TestCase("GET", "/api/quarantine")]
    [TestCase("GET", "/api/quarantine/1/raw")]
    [TestCase("GET", "/api/quarantine/export")]
    [TestCase("POST", "/api/quarantine/1/replay")]
    [TestCase("DELETE", "/api/quarantine/1")]
    public async Task Nobody_gets_in_without_signing_in(string method, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = JsonContent.Create(new { }) };
        using var answer = await _app.Client.SendAsync(request);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task The_quarantine_is_exported_as_lines_of_JSON()
    {
        using var made = await _owner.PostAsJsonAsync("/api/sources", new { name = "Export", kind = "server" });
        var key = (await JsonAsync(made)).GetProperty("writeKey").GetString();
        (await _app.Client.PostAsJsonAsync("/v1/batch", new { writeKey = key, batch = new object[] { new { type = "track", userId = "ærlig" } } })).Dispose();
        using var answer = await _owner.GetAsync("/api/quarantine/export?reason=event.name_missing");
        var lines = (await answer.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.GetProperty("source").GetString() == "Export").ToList();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Content.Headers.ContentType!.MediaType, Is.EqualTo("application/x-ndjson"));
            Assert.That(lines.Select(line => line.GetProperty("body").GetString()), Is.EqualTo(new[] { """{"type":"track","userId":"ærlig"}""" }).Or.EqualTo(new[] { """{"type":"track","userId":"\u00E6rlig"}""" }));
            Assert.That(lines[0].GetProperty("reason").GetString(), Is.EqualTo("event.name_missing"));
        }
    }

    [Test]
    public async Task A_source_is_made_changed_and_counted()
    {
        using var made = await _owner.PostAsJsonAsync("/api/sources", new { name = "Till", kind = "server" });
        using var again = await _owner.PostAsJsonAsync("/api/sources", new { name = "till", kind = "server" });
        using var odd = await _owner.PostAsJsonAsync("/api/sources", new { name = "Odd", kind = "fax" });
        var source = await JsonAsync(made);
        var id = source.GetProperty("id").GetInt64();
        using var sent = await _app.Client.PostAsJsonAsync("/v1/page", new { userId = "u", writeKey = source.GetProperty("writeKey").GetString() });
        using var changed = await _owner.PatchAsJsonAsync($"/api/sources/{id}", new { name = "Old till", enabled = false });
        var after = await JsonAsync(changed);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(made.StatusCode, Is.EqualTo(HttpStatusCode.Created));
            Assert.That((again.StatusCode, (await JsonAsync(again)).GetProperty("code").GetString()), Is.EqualTo((HttpStatusCode.Conflict, "source.name_taken")));
            Assert.That((odd.StatusCode, (await JsonAsync(odd)).GetProperty("field").GetString()), Is.EqualTo((HttpStatusCode.UnprocessableEntity, "kind")));
            Assert.That(sent.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(after.GetProperty("name").GetString(), Is.EqualTo("Old till"));
            Assert.That(after.GetProperty("kind").GetString(), Is.EqualTo("server"));
            Assert.That(after.GetProperty("enabled").GetBoolean(), Is.False);
            Assert.That(after.GetProperty("stored").GetInt64(), Is.EqualTo(1));
        }
    }

    [Test]
    public async Task A_call_in_quarantine_is_shown_mended_and_gone()
    {
        using var made = await _owner.PostAsJsonAsync("/api/sources", new { name = "App", kind = "app" });
        var key = (await JsonAsync(made)).GetProperty("writeKey").GetString();
        using var bad = await _app.Client.PostAsJsonAsync("/v1/track?strict=1", new { userId = "u", writeKey = key });
        var reasons = await _owner.GetFromJsonAsync<JsonElement>("/api/quarantine/reasons");
        var items = await _owner.GetFromJsonAsync<JsonElement>("/api/quarantine?reason=event.name_missing");
        var id = items[0].GetProperty("id").GetInt64();
        var raw = await _owner.GetStringAsync($"/api/quarantine/{id}/raw");
        using var refused = await _owner.PostAsJsonAsync($"/api/quarantine/{id}/replay", new { });
        using var mended = await _owner.PostAsJsonAsync($"/api/quarantine/{id}/replay", new { body = "{\"userId\":\"u\",\"event\":\"Paid\"}" });
        using var gone = await _owner.DeleteAsync($"/api/quarantine/{id}");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(bad.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
            Assert.That(reasons[0].GetProperty("reason").GetString(), Is.EqualTo("event.name_missing"));
            Assert.That(raw, Is.EqualTo($"{{\"userId\":\"u\",\"writeKey\":\"{key}\"}}"));
            Assert.That((refused.StatusCode, (await JsonAsync(refused)).GetProperty("code").GetString()), Is.EqualTo((HttpStatusCode.UnprocessableEntity, "event.name_missing")));
            Assert.That(mended.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(gone.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        }
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage answer) =>
        JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
}
