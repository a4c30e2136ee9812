using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Segmentation;

/// <summary>Segments over real HTTP.</summary>
public sealed class ApiTests
{
    private static readonly object Gold = new { version = 1, match = new { kind = "trait", trait = "plan", op = "equals", value = "gold" } };

    private TestApp _app = null!;
    private HttpClient _mia = null!;

    [SetUp]
    public async Task Open()
    {
        _app = await TestApp.StartAsync();
        _mia = await _app.UserAsync(Roles.Marketer);
        var source = (await _app.Get<Sources>().CreateAsync(Actor.CommandLine, "Web shop", SourceKind.Website, default)).Value;
        var calls = new[] { "ann", "ben", "=cmd()" }.Select(name => new
        {
            type = "identify", messageId = $"m-{name}", userId = name, traits = new { plan = name == "ben" ? "basic" : "gold", name = $"{name}, X", email = $"{name.Trim('=', '(', ')')}@example.com" },
        });
        var body = JsonSerializer.SerializeToUtf8Bytes(new { batch = calls, writeKey = source.WriteKey });
        using var sent = await _app.Client.PostAsync("/v1/batch", new ByteArrayContent(body));
        Assert.That(sent.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await _app.CatchUpAsync();
    }

    [TearDown]
    public async Task Close()
    {
        _mia.Dispose();
        await _app.DisposeAsync();
    }

    [Test]
    public async Task A_segment_is_made_read_changed_and_deleted()
    {
        using var made = await _mia.PostAsJsonAsync("/api/segments", new { name = "Gold", rule = Gold });
        var created = await made.Content.ReadFromJsonAsync<JsonElement>();
        var id = created.GetProperty("id").GetInt64();
        using var changed = await _mia.PutAsJsonAsync($"/api/segments/{id}", new { name = "Golden", description = "By plan", rule = Gold, version = 1 });
        var read = await _mia.GetFromJsonAsync<JsonElement>($"/api/segments/{id}");
        using var deleted = await _mia.DeleteAsync($"/api/segments/{id}");
        using var gone = await _mia.GetAsync($"/api/segments/{id}");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((made.StatusCode, made.Headers.Location?.ToString()), Is.EqualTo((HttpStatusCode.Created, $"/api/segments/{id}")));
            Assert.That((created.GetProperty("size").GetInt64(), created.GetProperty("version").GetInt32()), Is.EqualTo((2, 1)));
            Assert.That(changed.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That((read.GetProperty("name").GetString(), read.GetProperty("version").GetInt32()), Is.EqualTo(("Golden", 1)));
            Assert.That(read.GetProperty("rule").GetProperty("match").GetProperty("trait").GetString(), Is.EqualTo("plan"));
            Assert.That((deleted.StatusCode, gone.StatusCode), Is.EqualTo((HttpStatusCode.NoContent, HttpStatusCode.NotFound)));
        }
    }

    [Test]
    public async Task A_rule_is_tried_without_saving_it()
    {
        using var tried = await _mia.PostAsJsonAsync("/api/segments/preview", new { rule = Gold });
        var answer = await tried.Content.ReadFromJsonAsync<JsonElement>();
        using var refused = await _mia.PostAsJsonAsync("/api/segments/preview", new { rule = new { version = 1, match = new { kind = "trait", op = "exists" } } });
        var problem = await refused.Content.ReadFromJsonAsync<JsonElement>();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((answer.GetProperty("count").GetInt32(), answer.GetProperty("people").GetInt32()), Is.EqualTo((2, 3)));
            Assert.That(answer.GetProperty("sample").GetArrayLength(), Is.EqualTo(2));
            Assert.That(
                (refused.StatusCode, problem.GetProperty("code").GetString(), problem.GetProperty("field").GetString()),
                Is.EqualTo((HttpStatusCode.BadRequest, "rule.field_missing", "rule.match.trait")));
        }
    }

    [Test]
    public async Task Members_come_in_pages()
    {
        var id = await MakeAsync();
        var first = await _mia.GetFromJsonAsync<JsonElement>($"/api/segments/{id}/members?limit=1");
        var second = await _mia.GetFromJsonAsync<JsonElement>($"/api/segments/{id}/members?limit=1&after={first.GetProperty("next")}");
        Assert.That(
            new[] { first, second }.SelectMany(page => page.GetProperty("members").EnumerateArray()).Select(member => member.GetProperty("email").GetString()),
            Is.EqualTo(new[] { "ann@example.com", "cmd@example.com" }));
    }

    [Test]
    public async Task An_export_is_a_safe_file_and_on_record()
    {
        var id = await MakeAsync();
        using var csv = await _mia.GetAsync($"/api/segments/{id}/export");
        var lines = (await csv.Content.ReadAsStringAsync()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var json = (await _mia.GetStringAsync($"/api/segments/{id}/export?format=ndjson")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var audited = await _app.Get<IAudit>().ReadAsync(long.MaxValue, 5, "segment.exported", default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(lines[0], Is.EqualTo("profileId,name,userId,email,phone,since"));
            Assert.That(lines, Has.Length.EqualTo(3));
            Assert.That(lines[2], Does.Contain("\"'=cmd(), X\",'=cmd(),cmd@example.com"));
            Assert.That(csv.Content.Headers.ContentDisposition?.FileName, Is.EqualTo($"segment-{id}.csv"));
            Assert.That(json.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("traits").GetProperty("plan").GetString()), Is.All.EqualTo("gold"));
            Assert.That(audited.Select(entry => (entry.Actor, entry.Subject)), Is.EqualTo(new[] { (TestUsers.EmailOf(Roles.Marketer), $"segment:{id}"), (TestUsers.EmailOf(Roles.Marketer), $"segment:{id}") }));
        }
    }

    [Test]
    public async Task Who_may_only_look_cannot_change_or_take_away()
    {
        var id = await MakeAsync();
        using var viewer = await _app.UserAsync(Roles.Viewer);
        using var made = await viewer.PostAsJsonAsync("/api/segments", new { name = "Mine", rule = Gold });
        using var taken = await viewer.GetAsync($"/api/segments/{id}/export");
        using var seen = await viewer.GetAsync($"/api/segments/{id}");
        Assert.That(
            (made.StatusCode, taken.StatusCode, seen.StatusCode),
            Is.EqualTo((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden, HttpStatusCode.OK)));
    }

    private async Task<long> MakeAsync() => (await _app.Get<Segments>().CreateAsync(
        new WantedSegment("Gold", null, JsonSerializer.Serialize(Gold)), Actor.CommandLine, default)).Value.Id;
}
