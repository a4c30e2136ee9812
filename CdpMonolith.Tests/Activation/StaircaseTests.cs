using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CdpMonolith.Activation.Contracts;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Activation;

/// <summary>The whole way, with everything real: a call becomes a person, a member, a signed message; and the API that sets it up.</summary>
public sealed class StaircaseTests
{
    private const string GoldRule = """{"version":1,"match":{"kind":"trait","trait":"plan","op":"equals","value":"gold"}}""";

    private TestApp _app = null!;
    private HttpClient _admin = null!;
    private HttpClient _marketer = null!;
    private Source _shop = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await TestApp.StartAsync(args: "--Demo=true");
        _admin = await _app.UserAsync(Roles.Admin);
        _marketer = await _app.UserAsync(Roles.Marketer);
        _shop = (await _app.Get<Sources>().CreateAsync(Actor.System, "Web shop", SourceKind.Website, default)).Value;
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        _admin.Dispose();
        _marketer.Dispose();
        await _app.DisposeAsync();
    }

    [Test]
    public async Task A_call_reaches_the_webhook_signed_and_only_with_consent()
    {
        var segment = (await _app.Get<Segments>().CreateAsync(new WantedSegment("Gold", null, GoldRule), Actor.System, default)).Value;
        await CreatedAsync(_marketer, "/api/consent/purposes", new { name = "Newsletter" });
        var destination = await CreatedAsync(
            _admin, "/api/destinations",
            new { kind = "webhook", name = "Mailer", settings = new { url = new Uri(_app.Address, "/demo/receiver"), allowLocal = "true" } });
        var sync = await CreatedAsync(
            _marketer, "/api/syncs",
            new
            {
                name = "Gold to mailer", segmentId = segment.Id, destinationId = destination.GetProperty("id").GetInt64(), purpose = "newsletter",
                channel = "email", traits = new[] { new { trait = "firstName", field = "FNAME" } },
            });
        var syncId = sync.GetProperty("id").GetInt64();
        using (var started = await _marketer.PostAsync($"/api/syncs/{syncId}/start", null))
        {
            Assert.That(started.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        await IdentifyAsync("ann", "ann@example.com", new { newsletter = true });
        await IdentifyAsync("bob", "bob@example.com", null);

        var inbox = _app.Get<DemoInbox>();
        await UntilAsync(async () => inbox.Taken == 1 && (await _app.Get<IActivation>().FactsAsync(default)).Withheld == 1);
        var message = JsonDocument.Parse(inbox.Latest().Single().Body).RootElement.GetProperty("data");
        var withheld = await _marketer.GetFromJsonAsync<JsonElement>($"/api/syncs/{syncId}/deliveries?state=withheld");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(message.GetProperty("identifiers")[0].GetProperty("value").GetString(), Is.EqualTo("ann@example.com"));
            Assert.That(message.GetProperty("traits").GetProperty("FNAME").GetString(), Is.EqualTo("ann"));
            Assert.That(message.GetProperty("consent").GetProperty("status").GetString(), Is.EqualTo("granted"));
            Assert.That(withheld.GetProperty("deliveries")[0].GetProperty("reason").GetString(), Is.EqualTo("consent.never_asked"));
        }
    }

    [Test]
    public async Task The_receiver_of_the_demo_takes_no_message_that_is_not_ours()
    {
        using var body = new StringContent("{}", Encoding.UTF8, "application/json");
        body.Headers.Add("webhook-id", "msg_1");
        using var answer = await _app.Client.PostAsync("/demo/receiver", body);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task The_receiver_is_not_there_without_the_demo()
    {
        await using var app = await TestApp.StartAsync();
        using var body = new StringContent("{}", Encoding.UTF8, "application/json");
        using var answer = await app.Client.PostAsync("/demo/receiver", body);
        Assert.That(answer.StatusCode, Is.Not.EqualTo(HttpStatusCode.NoContent).And.Not.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task A_file_is_taken_as_an_attachment_by_those_who_may_and_that_is_audited()
    {
        var segment = (await _app.Get<Segments>().CreateAsync(
            new WantedSegment("Everybody with a plan", null, """{"version":1,"match":{"kind":"trait","trait":"plan","op":"exists"}}"""), Actor.System, default)).Value;
        await CreatedAsync(_marketer, "/api/consent/purposes", new { name = "Post cards" });
        var destination = await CreatedAsync(_admin, "/api/destinations", new { kind = "file", name = "Lists", settings = new { everyMinutes = "0" } });
        var sync = await CreatedAsync(
            _marketer, "/api/syncs",
            new { name = "Cards \"\r\nX: y", segmentId = segment.Id, destinationId = destination.GetProperty("id").GetInt64(), purpose = "post-cards", channel = "email" });
        var syncId = sync.GetProperty("id").GetInt64();
        await IdentifyAsync("cid", "cid@example.com", new Dictionary<string, bool> { ["post-cards"] = true });
        using (await _marketer.PostAsync($"/api/syncs/{syncId}/start", null))
        {
            await UntilAsync(async () => (await SyncAsync(syncId)).GetProperty("counts").GetProperty("pending").GetInt64() > 0);
        }

        using var written = await _marketer.PostAsync($"/api/syncs/{syncId}/write", null);
        var file = await written.Content.ReadFromJsonAsync<JsonElement>();
        using var download = await _marketer.GetAsync($"/api/exports/{file.GetProperty("id").GetInt64()}/file");
        using var viewer = await _app.UserAsync(Roles.Viewer);
        using var refused = await viewer.GetAsync($"/api/exports/{file.GetProperty("id").GetInt64()}/file");
        var audit = await _app.Get<CdpMonolith.Platform.Audit.IAudit>().ReadAsync(long.MaxValue, 5, "export.downloaded", default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await download.Content.ReadAsStringAsync(), Does.Contain("cid@example.com"));
            Assert.That(download.Content.Headers.ContentDisposition!.DispositionType, Is.EqualTo("attachment"));
            Assert.That(download.Content.Headers.ContentDisposition.FileName, Does.StartWith("cards-x-y-"));
            Assert.That(download.Headers.GetValues("X-Content-Type-Options"), Is.EqualTo(new[] { "nosniff" }));
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
            Assert.That(audit, Has.Count.EqualTo(1));
        }
    }

    [Test]
    public async Task The_consent_api_answers_by_which_record_and_records_a_decision()
    {
        await CreatedAsync(_marketer, "/api/consent/purposes", new { name = "Phone offers" });
        await IdentifyAsync("dia", "dia@example.com", null);
        await _app.CatchUpAsync();
        var recorded = await CreatedAsync(
            _marketer, "/api/consent",
            new { identifier = "email:DIA@example.com", purpose = "phone-offers", channel = "phone", status = "granted", method = "phone" });
        var profileId = recorded.GetProperty("profileId").GetInt64();
        var answer = await _marketer.GetFromJsonAsync<JsonElement>($"/api/consent/{profileId}?purpose=phone-offers&channel=phone");
        var other = await _marketer.GetFromJsonAsync<JsonElement>($"/api/consent/{profileId}?purpose=phone-offers&channel=sms");
        using var unknown = await _marketer.GetAsync("/api/consent/999999?purpose=phone-offers");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.GetProperty("allowed").GetBoolean(), Is.True);
            Assert.That(answer.GetProperty("record").GetProperty("id").GetInt64(), Is.EqualTo(recorded.GetProperty("id").GetInt64()));
            Assert.That(other.GetProperty("reason").GetString(), Is.EqualTo("consent.never_asked"));
            Assert.That(unknown.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        }
    }

    [Test]
    public async Task Secrets_never_leave_by_the_api()
    {
        var made = await CreatedAsync(
            _admin, "/api/destinations", new { kind = "webhook", name = "Secretive", settings = new { url = "https://example.com/hook" } });
        var listed = await _admin.GetStringAsync("/api/destinations");
        Assert.That(made.GetRawText() + listed, Does.Not.Contain("ecret\""));
    }

    private static async Task<JsonElement> CreatedAsync(HttpClient client, string path, object body)
    {
        using var answer = await client.PostAsJsonAsync(path, body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Created), text);
        return JsonElement.Parse(text);
    }

    /// <summary>Waits for what the running program does by itself.</summary>
    private static async Task UntilAsync(Func<Task<bool>> done)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await done())
        {
            await Task.Delay(20, limit.Token);
        }
    }

    private Task<JsonElement> SyncAsync(long id) => _marketer.GetFromJsonAsync<JsonElement>($"/api/syncs/{id}")!;

    private async Task IdentifyAsync(string userId, string email, object? preferences)
    {
        var context = preferences is null ? null : new { consent = new { categoryPreferences = preferences } };
        using var answer = await _app.Client.PostAsJsonAsync(
            "/v1/identify", new { writeKey = _shop.WriteKey, userId, traits = new { email, firstName = userId, plan = "gold" }, context });
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }
}
