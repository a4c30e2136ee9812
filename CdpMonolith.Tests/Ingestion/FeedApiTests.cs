using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>Saved mappings and feeds over HTTP.</summary>
public sealed class FeedApiTests
{
    private TempFolder _drop = null!;
    private TestApp _app = null!;
    private HttpClient _owner = null!;
    private long _source;
    private long _mapping;

    [OneTimeSetUp]
    public async Task Start()
    {
        _drop = new TempFolder("sqlite");
        _app = await TestApp.StartAsync(args: [$"--Feeds:Root={_drop.Path}", "--Feeds:StableSeconds=1"]);
        _owner = (await LocalAccess.ConnectAsync(_app.Folder, default))!;
        _source = (await SentAsync(HttpMethod.Post, "/api/sources", new { name = "CRM", kind = "file" }, HttpStatusCode.Created)).GetProperty("id").GetInt64();
        _mapping = (await SentAsync(
            HttpMethod.Post, "/api/mappings", new { name = "Contacts", header = new[] { "Id", "Email" }, map = "Id=userId,Email=email", sourceId = _source },
            HttpStatusCode.Created)).GetProperty("id").GetInt64();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        _owner.Dispose();
        await _app.DisposeAsync();
        _drop.Dispose();
    }

    [TestCase("GET", "/api/feeds")]
    [TestCase("POST", "/api/feeds")]
    [TestCase("GET", "/api/feeds/1")]
    [TestCase("GET", "/api/feeds/1/files")]
    [TestCase("PUT", "/api/feeds/1")]
    [TestCase("DELETE", "/api/feeds/1")]
    [TestCase("POST", "/api/feeds/1/run")]
    [TestCase("POST", "/api/feeds/1/pause")]
    [TestCase("POST", "/api/feeds/1/resume")]
    [TestCase("GET", "/api/mappings")]
    [TestCase("POST", "/api/mappings")]
    [TestCase("GET", "/api/mappings/1")]
    [TestCase("PUT", "/api/mappings/1")]
    [TestCase("DELETE", "/api/mappings/1")]
    public async Task Nobody_gets_in_without_signing_in(string method, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = JsonContent.Create(new { }) };
        using var answer = await _app.Client.SendAsync(request);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [TestCase(Roles.Marketer, HttpStatusCode.OK, HttpStatusCode.Forbidden)]
    [TestCase(Roles.Viewer, HttpStatusCode.Forbidden, HttpStatusCode.Forbidden)]
    public async Task Analysts_keep_mappings_and_administrators_feeds(string role, HttpStatusCode mappings, HttpStatusCode feeds)
    {
        using var client = await _app.UserAsync(role);
        using var first = await client.GetAsync("/api/mappings");
        using var second = await client.GetAsync("/api/feeds");
        Assert.That((first.StatusCode, second.StatusCode), Is.EqualTo((mappings, feeds)));
    }

    [Test]
    public async Task A_folder_feed_brings_in_what_is_dropped_and_can_be_paused_changed_and_deleted()
    {
        Directory.CreateDirectory(_drop.PathOf("crm"));
        var wish = new { name = "Drop", kind = "folder", place = "crm", pattern = "*.csv", cron = "0 0 3 * * ?", mappingId = _mapping, sourceId = _source };
        var made = await SentAsync(HttpMethod.Post, "/api/feeds", wish, HttpStatusCode.Created);
        var path = $"/api/feeds/{made.GetProperty("id").GetInt64()}";
        await SentAsync(HttpMethod.Post, "/api/feeds", wish, HttpStatusCode.Conflict);
        await File.WriteAllTextAsync(Path.Combine(_drop.PathOf("crm"), "a.csv"), "Id,Email\nu1,ann@example.com\nu2,nobody\n");
        await SentAsync(HttpMethod.Post, $"{path}/run", null, HttpStatusCode.OK);

        var file = await UntilAsync(async () => (await SentAsync(HttpMethod.Get, $"{path}/files", null, HttpStatusCode.OK)) is { } files && files.GetArrayLength() > 0 ? files[0] : (JsonElement?)null);
        var id = file.GetProperty("importId").GetInt64();
        var import = await UntilAsync(async () => (await SentAsync(HttpMethod.Get, $"/api/imports/{id}", null, HttpStatusCode.OK)) is { } found && found.GetProperty("state").GetString() == "Done" ? found : (JsonElement?)null);
        Assert.That((import.GetProperty("stored").GetInt64(), import.GetProperty("rejected").GetInt64(), import.GetProperty("fileName").GetString()), Is.EqualTo((1L, 1L, "a.csv")));

        Assert.That((await SentAsync(HttpMethod.Post, $"{path}/pause", null, HttpStatusCode.OK)).GetProperty("state").GetString(), Is.EqualTo("paused"));
        await SentAsync(HttpMethod.Post, $"{path}/run", null, HttpStatusCode.Conflict);
        var changed = await SentAsync(HttpMethod.Put, path, new { name = "Drop", place = "crm", pattern = "c-*.csv", cron = "0 0 4 * * ?", mappingId = _mapping, sourceId = _source, afterwards = "leave" }, HttpStatusCode.OK);
        Assert.That((changed.GetProperty("pattern").GetString(), changed.GetProperty("afterwards").GetString(), changed.GetProperty("state").GetString()), Is.EqualTo(("c-*.csv", "leave", "paused")));
        Assert.That((await SentAsync(HttpMethod.Post, $"{path}/resume", null, HttpStatusCode.OK)).GetProperty("state").GetString(), Is.EqualTo("on"));
        Assert.That(Code(await SentAsync(HttpMethod.Delete, $"/api/mappings/{_mapping}", null, HttpStatusCode.Conflict)), Is.EqualTo("mapping.in_use"));
        await SentAsync(HttpMethod.Delete, path, null, HttpStatusCode.OK);
        await SentAsync(HttpMethod.Get, path, null, HttpStatusCode.NotFound);
        using var undone = await _owner.PostAsync($"/api/imports/{id}/undo", null);
        Assert.That(undone.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [TestCase("http://example.com/a.csv", "none", "", "", "feed.not_https", "place")]
    [TestCase("file:///etc/passwd", "none", "", "", "feed.not_https", "place")]
    [TestCase("https://me:secret@example.com/a.csv", "none", "", "", "feed.address_with_password", "place")]
    [TestCase("https://example.com/a.csv", "header", "Host", "x", "feed.header_malformed", "proofName")]
    [TestCase("https://example.com/a.csv", "header", "X Y", "x", "feed.header_malformed", "proofName")]
    [TestCase("https://example.com/a.csv", "header", "X-Key", "a\r\nb", "feed.secret_malformed", "secret")]
    [TestCase("https://example.com/a.csv", "basic", "a:b", "x", "feed.user_malformed", "proofName")]
    [TestCase("https://example.com/a.csv", "basic", "ann", "", "feed.secret_missing", "secret")]
    [TestCase("https://example.com/a.csv", "magic", "ann", "x", "feed.proof_unknown", "proof")]
    public async Task An_address_and_its_secret_must_make_sense(string place, string proof, string proofName, string secret, string code, string field)
    {
        var refused = await SentAsync(
            HttpMethod.Post, "/api/feeds", new { name = "Server", kind = "https", place, proof, proofName, secret, cron = "0 0 3 * * ?", mappingId = _mapping, sourceId = _source },
            HttpStatusCode.UnprocessableEntity);
        Assert.That((Code(refused), refused.GetProperty("field").GetString()), Is.EqualTo((code, field)));
    }

    [Test]
    public async Task A_secret_is_never_shown_and_goes_to_no_other_server()
    {
        var wish = new { name = "Secret", kind = "https", place = "https://feeds.invalid/a.csv", proof = "header", proofName = "X-Key", secret = "open-sesame", cron = "0 0 3 * * ?", mappingId = _mapping, sourceId = _source };
        var made = await SentAsync(HttpMethod.Post, "/api/feeds", wish, HttpStatusCode.Created);
        var path = $"/api/feeds/{made.GetProperty("id").GetInt64()}";
        Assert.That((made.GetProperty("hasSecret").GetBoolean(), made.GetRawText()), Is.EqualTo((true, made.GetRawText().Replace("open-sesame", "", StringComparison.Ordinal))));
        var audited = await SentAsync(HttpMethod.Put, path, wish with { secret = "" }, HttpStatusCode.OK);
        Assert.That(audited.GetProperty("hasSecret").GetBoolean(), Is.True);
        Assert.That(Code(await SentAsync(HttpMethod.Put, path, wish with { secret = "", place = "https://evil.invalid/a.csv" }, HttpStatusCode.UnprocessableEntity)), Is.EqualTo("feed.secret_missing"));
        Assert.That(Code(await SentAsync(HttpMethod.Put, path, wish with { secret = "", proofName = "X-Other" }, HttpStatusCode.UnprocessableEntity)), Is.EqualTo("feed.secret_missing"));
        var kept = Encoding.UTF8.GetBytes("open-sesame");
        Assert.That(Directory.GetFiles(_app.Folder, "cdp.db*").Where(file => Contains(file, kept)), Is.Empty);
        await SentAsync(HttpMethod.Delete, path, null, HttpStatusCode.OK);
    }

    [Test]
    public async Task A_mapping_is_saved_from_a_file_replaced_changed_and_deleted()
    {
        using var upload = new ByteArrayContent("Kunde;E-Mail\n1;ann@example.com\n"u8.ToArray());
        using var answer = await _owner.PostAsync("/api/imports/files?name=kunden.csv", upload);
        var fileId = JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("fileId").GetInt64();
        var wish = new { name = "Kunden", fileId, map = "Kunde=ownId,E-Mail=email", replace = false };
        var saved = await SentAsync(HttpMethod.Post, "/api/mappings", wish, HttpStatusCode.Created);
        Assert.That((saved.GetProperty("delimiter").GetString(), saved.GetProperty("header").GetArrayLength()), Is.EqualTo((";", 2)));
        Assert.That(Code(await SentAsync(HttpMethod.Post, "/api/mappings", wish with { name = " KUNDEN" }, HttpStatusCode.Conflict)), Is.EqualTo("mapping.name_taken"));
        var replaced = await SentAsync(HttpMethod.Post, "/api/mappings", wish with { replace = true, map = "Kunde=userId" }, HttpStatusCode.Created);
        Assert.That(replaced.GetProperty("id").GetInt64(), Is.EqualTo(saved.GetProperty("id").GetInt64()));
        Assert.That(Code(await SentAsync(HttpMethod.Post, "/api/mappings", wish with { name = "X", map = "Nobody=email" }, HttpStatusCode.UnprocessableEntity)), Is.EqualTo("mapping.column_unknown"));
        var path = $"/api/mappings/{saved.GetProperty("id").GetInt64()}";
        await SentAsync(HttpMethod.Put, path, wish with { name = "Kundenliste" }, HttpStatusCode.OK);
        Assert.That((await SentAsync(HttpMethod.Get, path, null, HttpStatusCode.OK)).GetProperty("name").GetString(), Is.EqualTo("Kundenliste"));
        var offered = await SentAsync(HttpMethod.Get, $"/api/imports/files/{fileId}", null, HttpStatusCode.OK);
        Assert.That(offered.GetProperty("saved")[0].GetProperty("name").GetString(), Is.EqualTo("Kundenliste"));
        await SentAsync(HttpMethod.Delete, path, null, HttpStatusCode.OK);
        await SentAsync(HttpMethod.Get, path, null, HttpStatusCode.NotFound);
    }

    private static string? Code(JsonElement problem) => problem.GetProperty("code").GetString();

    private static bool Contains(string path, byte[] what)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var copy = new MemoryStream();
        file.CopyTo(copy);
        return copy.ToArray().AsSpan().IndexOf(what) >= 0;
    }

    private static async Task<T> UntilAsync<T>(Func<Task<T?>> look) where T : struct
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            if (await look() is { } found)
            {
                return found;
            }

            await Task.Delay(50, limit.Token);
        }
    }

    private async Task<JsonElement> SentAsync(HttpMethod method, string path, object? body, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        using var answer = await _owner.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(expected), text);
        return text.Length == 0 ? default : JsonElement.Parse(text);
    }
}
