using System.Net;
using System.Net.Http.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>How the first-party script is served, and its settings over HTTP.</summary>
public sealed class BrowserScriptTests
{
    private TestApp _app = null!;
    private Source _source = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await TestApp.StartAsync(args: "--Ingestion:BrowserPath=/x/y");
        _source = (await _app.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Website, default)).Value;
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("br")]
    [TestCase("gzip")]
    public async Task The_script_is_under_6_kB_as_served(string coding)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/x/y/{_source.WriteKey}.js");
        request.Headers.Add("Accept-Encoding", coding);
        using var answer = await _app.Client.SendAsync(request);
        var bytes = await answer.Content.ReadAsByteArrayAsync();
        TestContext.Out.WriteLine($"{coding}: {bytes.Length} bytes");
        Assert.That(answer.Content.Headers.ContentEncoding, Is.EqualTo(new[] { coding }));
        Assert.That(bytes, Has.Length.LessThan(6000));
    }

    [Test]
    public async Task No_word_in_its_address_tells_what_it_is_for_and_it_loads_nothing_from_elsewhere()
    {
        var script = await _app.Client.GetStringAsync($"/x/y/{_source.WriteKey}.js");
        Assert.That(script, Does.Contain("\"p\":\"/x/y\"").And.Not.Match("https?://"));
        using var call = new StringContent($$"""{"batch":[{"type":"track","event":"E","userId":"u"}],"writeKey":"{{_source.WriteKey}}"}""");
        using var answer = await _app.Client.PostAsync("/x/y/b", call);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task An_unchanged_script_is_not_sent_again_and_an_unknown_key_has_none()
    {
        using var first = await _app.Client.GetAsync($"/analytics.js/v1/{_source.WriteKey}/analytics.min.js");
        using var again = new HttpRequestMessage(HttpMethod.Get, $"/analytics.js/v1/{_source.WriteKey}/analytics.min.js");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var second = await _app.Client.SendAsync(again);
        using var nobody = await _app.Client.GetAsync("/x/y/nobody.js");
        Assert.That(
            (first.StatusCode, first.Content.Headers.ContentType!.MediaType, second.StatusCode, nobody.StatusCode),
            Is.EqualTo((HttpStatusCode.OK, "text/javascript", HttpStatusCode.NotModified, HttpStatusCode.NotFound)));
    }

    [Test]
    public async Task Its_settings_are_changed_by_administrators_and_audited()
    {
        var path = $"/api/sources/{_source.Id}/browser";
        using var admin = await _app.UserAsync(Roles.Admin);
        Assert.That(await admin.GetFromJsonAsync<BrowserSettings>(path), Is.EqualTo(BrowserSettings.Default));
        var wanted = new BrowserSettings(true, "analytics", false, false);
        using var saved = await admin.PutAsJsonAsync(path, wanted);
        Assert.That(await admin.GetFromJsonAsync<BrowserSettings>(path), Is.EqualTo(wanted));
        Assert.That(await _app.Client.GetStringAsync($"/x/y/{_source.WriteKey}.js"), Does.Contain("\"c\":1,\"u\":\"analytics\",\"a\":0,\"g\":0"));
        using var wrong = await admin.PutAsJsonAsync(path, wanted with { Purpose = "a b" });
        using var missing = await admin.PutAsJsonAsync("/api/sources/999/browser", wanted);
        using var analyst = await _app.UserAsync(Roles.Analyst);
        using var denied = await analyst.PutAsJsonAsync(path, wanted);
        Assert.That(
            (saved.StatusCode, wrong.StatusCode, missing.StatusCode, denied.StatusCode),
            Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.UnprocessableEntity, HttpStatusCode.NotFound, HttpStatusCode.Forbidden)));
    }

    [Test]
    public async Task RudderStacks_clients_may_ask_for_the_version() =>
        Assert.That(await _app.Client.GetStringAsync("/version"), Does.Match("""^{"Version":"\d+\.\d+\.\d+"}$"""));
}
