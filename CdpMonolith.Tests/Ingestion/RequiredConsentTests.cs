using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Decide;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>What a call must say of consent, and what a browser's header says of it.</summary>
public sealed class RequiredConsentTests
{
    private TestApp _app = null!;
    private int _number;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("""{"consent":{"categoryPreferences":{"analytics":true}}}""", true)]
    [TestCase("""{"consent":{"categoryPreferences":{" Analytics ":true,"ads":false}}}""", true)]
    [TestCase("""{"consent":{"categoryPreferences":{"analytics":false}}}""", false)]
    [TestCase("""{"consent":{"categoryPreferences":{"analytics":true,"ANALYTICS":false}}}""", false)]
    [TestCase("""{"consent":{"categoryPreferences":{"analytics":"true"}}}""", false)]
    [TestCase("""{"consent":{"categoryPreferences":{}}}""", false)]
    [TestCase("""{"consent":{"categoryPreferences":[true]}}""", false)]
    [TestCase("""{"consent":"analytics"}""", false)]
    [TestCase("""{"consentManagement":{"allowedConsentIds":["ads","analytics"]}}""", true)]
    [TestCase("""{"consentManagement":{"allowedConsentIds":["ads",7,null],"deniedConsentIds":["analytics"]}}""", false)]
    [TestCase("""{"consent":{"decisions":[{"purpose":"analytics","status":"granted"}]}}""", true)]
    [TestCase("""{"consent":{"decisions":[{"purpose":"analytics","status":"denied"},{"status":"granted"}]}}""", false)]
    [TestCase("""{"locale":"en"}""", false)]
    [TestCase("{}", false)]
    public async Task A_call_without_the_consent_that_its_source_needs_is_kept_nowhere(string context, bool kept)
    {
        var source = await SourceAsync("analytics");
        using var answer = await SendAsync(source, "track?strict=1", $$"""{"userId":"u","event":"E","context":{{context}}}""");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.StatusCode, Is.EqualTo(kept ? HttpStatusCode.OK : HttpStatusCode.BadRequest));
            Assert.That(EventsOf(source), Has.Count.EqualTo(kept ? 1 : 0));
            Assert.That((await _app.Get<QuarantineStore>().ReadAsync(null, null, long.MaxValue, 1000, default)).Count(item => item.SourceId == source.Id), Is.Zero);
            Assert.That(_app.Get<Tallies>().Of(source.Id).Blocked, Is.EqualTo(kept ? 0 : 1));
        }
    }

    [Test]
    public async Task Of_a_batch_those_with_consent_are_stored_and_the_rest_is_counted()
    {
        var source = await SourceAsync("analytics");
        const string Yes = """{"type":"page","userId":"a","context":{"consent":{"categoryPreferences":{"analytics":true}}}}""";
        const string No = """{"type":"page","userId":"b"}""";
        using var answer = await SendAsync(source, "batch", $$"""{"batch":[{{Yes}},{{No}},{"type":"page"},{{No}}]}""", ("X-CDP-Verbose", "1"));
        var told = await answer.Content.ReadFromJsonAsync<JsonElement>();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(told.GetProperty("stored").GetInt32(), Is.EqualTo(1));
            Assert.That(told.GetProperty("blocked").GetInt32(), Is.EqualTo(2));
            Assert.That(told.GetProperty("quarantined").GetArrayLength(), Is.EqualTo(1));
            Assert.That(EventsOf(source).Single().UserId, Is.EqualTo("a"));
        }
    }

    [Test]
    public async Task Consent_that_a_batch_says_for_all_its_calls_counts()
    {
        var source = await SourceAsync("analytics");
        (await SendAsync(source, "batch", """{"batch":[{"type":"page","userId":"a"}],"context":{"consent":{"categoryPreferences":{"analytics":true}}}}""")).Dispose();
        Assert.That(EventsOf(source), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task That_somebody_says_no_is_stored()
    {
        var source = await SourceAsync("analytics");
        (await SendAsync(
            source, "track", """{"anonymousId":"a","event":"Segment Consent Preference Updated","context":{"consent":{"categoryPreferences":{"analytics":false}}}}""")).Dispose();
        Assert.That(EventsOf(source), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_browser_that_says_by_its_header_not_to_share_is_believed()
    {
        var source = await SourceAsync(null);
        var marker = $"gpc-{Guid.NewGuid():N}";
        (await SendAsync(source, "track", $$"""{"anonymousId":"{{marker}}","event":"E"}""", ("Sec-GPC", "1"))).Dispose();
        (await SendAsync(source, "track", $$"""{"anonymousId":"{{marker}}-other","event":"E"}""", ("Sec-GPC", "0"))).Dispose();
        Assert.That(EventsOf(source).Select(e => e.Flags.HasFlag(EventFlags.PrivacyControl)), Is.EqualTo(new[] { true, false }));
        await _app.CatchUpAsync();
        var entry = _app.Get<IConsent>().Read(0, 1000).Single(entry => entry.Purpose == "ad_sharing");
        Assert.That(entry.Status, Is.EqualTo(ConsentStatus.Denied));
    }

    [Test]
    public async Task Requests_that_are_sent_again_are_counted()
    {
        var source = await SourceAsync(null);
        foreach (var tries in new[] { "0", "1", "7", "many", "-1" })
        {
            (await SendAsync(source, "track", """{"userId":"u","event":"E"}""", ("X-Retry-Count", tries))).Dispose();
        }

        var counts = _app.Get<Tallies>().Of(source.Id);
        Assert.That((counts.Retried, counts.Stored), Is.EqualTo((2L, 5L)));
    }

    private async Task<Source> SourceAsync(string? consent)
    {
        var sources = _app.Get<Sources>();
        await _app.Get<Purposes>().CreateAsync(new NewPurpose(null, "Analytics", null), Actor.System, default);
        var source = (await sources.CreateAsync(Actor.System, $"Source {++_number}", SourceKind.Website, default)).Value;
        return (await sources.SetAsync(Actor.System, source.Id, SourceSettings.Default with { Consent = consent }, default)).Value;
    }

    private async Task<HttpResponseMessage> SendAsync(Source source, string path, string body, (string Name, string Value)? header = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/{path}") { Content = new StringContent(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(source.WriteKey + ":")));
        if (header is { } more)
        {
            request.Headers.TryAddWithoutValidation(more.Name, more.Value);
        }

        return await _app.Client.SendAsync(request);
    }

    private List<Event> EventsOf(Source source) => [.. _app.Get<IEventLog>().Read(0, 10_000).Where(e => e.SourceId == source.Id)];
}
