using System.Net;
using System.Text.Json;
using CdpMonolith.Commands;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;

namespace CdpMonolith.Tests.Stories;

/// <summary>The product's own script in Chromium, on a shop of another origin, over a line that breaks. What they meet stands before the store.</summary>
[Category(Engine.One)]
public sealed class FirstPartyScriptTests
{
    private static readonly BrowserSettings Quiet = BrowserSettings.Default with { PageViews = false };

    private TestApp _app = null!;
    private Gate _gate = null!;
    private Source _source = null!;
    private WebApplication _shop = null!;
    private IPage _page = null!;

    [OneTimeSetUp]
    public void Need() => _ = Browser.Path;

    [SetUp]
    public async Task Open()
    {
        _app = await TestApp.StartAsync();
        _gate = await Gate.OpenAsync(_app.Address);
        _source = (await _app.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Website, default)).Value;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _shop = builder.Build();
        _shop.MapGet("/{page?}", (string? page) => Results.Content($"<!doctype html><title>{page ?? "Shop"}</title><h1>Shop</h1>", "text/html"));
        await _shop.StartAsync();
        _page = await Browser.OpenAsync(new Uri(ServeCommand.AddressOf(_shop)));
        _page.Console += (_, line) => TestContext.Out.WriteLine($"console: {line.Text}");
        await _page.GotoAsync("/?utm_source=news&utm_campaign=may");
    }

    [TearDown]
    public async Task Close()
    {
        await _page.Context.CloseAsync();
        await _shop.DisposeAsync();
        await _gate.DisposeAsync();
        await _app.DisposeAsync();
    }

    [Test]
    public async Task Every_kind_of_call_is_stored_once_with_its_surroundings()
    {
        await SaveAsync(Quiet);
        await LoadAsync(
            """
            cdp.identify('u-1', { email: 'kari@example.no' }); cdp.page('Shoes'); cdp.track('Order Completed', { revenue: 49.5 })
            cdp.screen('Basket'); cdp.group('club', { name: 'Club' }); cdp.alias('u-1', 'old-1')
            """);
        await AssertStoredAsync(
            "Alias u-1", "Group u-1 club", "Identify u-1", "Page u-1 Shoes", "Screen u-1 Basket", "Track u-1 Order Completed");
        var first = Body(_app.Get<IEventLog>().Read(0, 1)[0]);
        var context = first.GetProperty("context");
        var user = await _page.EvaluateAsync<JsonElement>("({ id: cdp.user().id(), anonymous: cdp.user().anonymousId(), email: cdp.user().traits().email })");
        Assert.Multiple(() =>
        {
            Assert.That(context.GetProperty("campaign").GetRawText(), Is.EqualTo("""{"source":"news","name":"may"}"""));
            Assert.That(context.GetProperty("page").GetProperty("search").GetString(), Does.Contain("utm_source"));
            Assert.That(context.GetProperty("sessionStart").GetBoolean());
            Assert.That(context.GetProperty("library").GetProperty("name").GetString(), Is.EqualTo("cdp.js"));
            Assert.That(user.GetProperty("id").GetString(), Is.EqualTo("u-1"));
            Assert.That(user.GetProperty("email").GetString(), Is.EqualTo("kari@example.no"));
            Assert.That(first.GetProperty("anonymousId").GetString(), Is.EqualTo(user.GetProperty("anonymous").GetString()));
        });
    }

    [TestCase(Fate.Cut)]
    [TestCase(Fate.Later)]
    [TestCase(Fate.LoseAnswer)]
    public async Task A_line_that_breaks_costs_nothing_and_doubles_nothing(Fate fate)
    {
        await SaveAsync(Quiet);
        _gate.Next(fate, fate);
        await LoadAsync("for (const name of ['One', 'Two', 'Three']) await cdp.track(name)");
        await AssertStoredAsync("Track  One", "Track  Three", "Track  Two");
        Assert.That(_gate.Came.Count(request => request.Fate == fate), Is.EqualTo(2));
        Assert.That(_gate.Came.Select(request => request.Path), Is.All.EqualTo("/s/b"));
    }

    [Test]
    public async Task What_happens_offline_is_sent_by_a_later_page()
    {
        await SaveAsync(Quiet);
        await LoadAsync("await cdp.track('Before')");
        _gate.Target = null;
        await RunAsync("cdp.track('Offline One'); cdp.track('Offline Two')");
        await Eventually.SeeAsync(() => Task.FromResult(_gate.Came.Any(request => request.Fate == Fate.Cut) ? "cut" : null), TimeSpan.FromSeconds(20));
        await _page.GotoAsync("/next");
        _gate.Target = _app.Address;
        await LoadAsync("cdp.track('After')");
        await AssertStoredAsync("Track  After", "Track  Before", "Track  Offline One", "Track  Offline Two");
        Assert.That(_app.Get<IEventLog>().Read(0, 10).Select(call => call.Name), Is.EqualTo(new[] { "Before", "Offline One", "Offline Two", "After" }));
        Assert.That(_app.Get<IEventLog>().Read(0, 10).Select(call => call.AnonymousId).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_browser_that_is_offline_sends_when_it_is_back()
    {
        await SaveAsync(Quiet);
        await LoadAsync("");
        await _page.Context.SetOfflineAsync(true);
        await RunAsync("cdp.track('Offline'); await new Promise(done => setTimeout(done, 300))");
        Assert.That(_gate.Came, Is.Empty);
        await _page.Context.SetOfflineAsync(false);
        await AssertStoredAsync("Track  Offline");
    }

    [Test]
    public async Task What_waits_when_the_page_is_left_goes_by_beacon()
    {
        await SaveAsync(Quiet);
        await LoadAsync("");
        await RunAsync("for (let i = 0; i < 40; i++) cdp.track('Left ' + i, { text: 'ø'.repeat(200) }); location.href = 'about:blank'");
        await AssertStoredAsync([.. Enumerable.Range(0, 40).Select(i => $"Track  Left {i}").Order(StringComparer.Ordinal)]);
    }

    [Test]
    public async Task Pages_are_counted_by_themselves_also_within_one_page()
    {
        await LoadAsync("");
        await RunAsync("history.pushState({}, '', '/basket'); await new Promise(done => setTimeout(done, 50)); history.pushState({}, '', '/basket#top'); history.replaceState({}, '', '/basket?sort=1'); history.back()");
        await Eventually.SeeAsync(() => Task.FromResult(Stored().Length >= 2 ? "all" : null), TimeSpan.FromSeconds(20));
        var pages = _app.Get<IEventLog>().Read(0, 10).Select(call => Body(call).GetProperty("properties").GetProperty("path").GetString()).ToList();
        Assert.That(pages.Take(2), Is.EqualTo(new[] { "/", "/basket" }));
    }

    [TestCase("consent first")]
    [TestCase("navigator")]
    [TestCase("Sec-GPC")]
    public async Task Before_consent_nothing_is_stored_and_nothing_is_sent(string why)
    {
        await SaveAsync(Quiet with { AwaitsConsent = why == "consent first", Purpose = "analytics" });
        if (why == "navigator")
        {
            await _page.AddInitScriptAsync("Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })");
            await _page.ReloadAsync();
        }
        else if (why == "Sec-GPC")
        {
            await _page.RouteAsync("**/s/*.js", async route => await route.FulfillAsync(new()
            {
                Response = await route.FetchAsync(new() { Headers = [new("Sec-GPC", "1")] }),
            }));
        }

        await LoadAsync("cdp.identify('u-1'); cdp.track('Unasked'); cdp.consent({ analytics: false, ads: true }); cdp.track('Refused')");
        await RunAsync("await new Promise(done => setTimeout(done, 400))");
        Assert.That(_gate.Came, Is.Empty);
        Assert.That(await KeptAsync(), Is.EqualTo("0 ''"));

        await RunAsync("cdp.consent({ analytics: true }); await cdp.track('After')");
        await AssertStoredAsync("Track u-1 After", "Track u-1 Segment Consent Preference Updated");
        var after = Body(_app.Get<IEventLog>().Read(0, 10).Single(call => call.Name == "After"));
        Assert.That(after.GetProperty("context").GetProperty("consent").GetProperty("categoryPreferences").GetProperty("analytics").GetBoolean());
        Assert.That(await KeptAsync(), Does.Not.StartWith("0 "));

        await RunAsync("await cdp.consent({ analytics: false }); cdp.track('Too Late'); await new Promise(done => setTimeout(done, 400))");
        Assert.That(await KeptAsync(), Is.EqualTo("0 ''"));
        var last = Body(_app.Get<IEventLog>().Read(0, 10)[^1]);
        Assert.That(last.GetProperty("context").GetProperty("consent").GetProperty("categoryPreferences").GetProperty("analytics").GetBoolean(), Is.False);
        Assert.That(Stored(), Has.Length.EqualTo(3).And.None.Contains("Too Late"));
    }

    [Test]
    public async Task A_yes_is_remembered_by_the_next_page()
    {
        await SaveAsync(Quiet with { AwaitsConsent = true });
        await LoadAsync("cdp.track('Held'); await cdp.consent({ newsletter: true })");
        await _page.GotoAsync("/next");
        await LoadAsync("await cdp.track('Next')");
        await AssertStoredAsync("Track  Held", "Track  Next", "Track  Segment Consent Preference Updated");
        Assert.That(_app.Get<IEventLog>().Read(0, 10).Select(call => call.AnonymousId).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task The_loader_of_Segments_snippet_finds_its_script()
    {
        await RunAsync(
            """
            const q = window.analytics = []
            q.invoked = true
            for (const m of ['track', 'page', 'identify', 'ready', 'user', 'debug', 'trackLink', 'addSourceMiddleware'])
              q[m] = (...given) => { given.unshift(m); if (m === 'track' || m === 'page') given.push({ __t: 'bpc', p: location.pathname }); q.push(given); return q }
            q.page(); q.track('Early', { a: 1 }); q.debug(true); q.addSourceMiddleware(() => 0)
            await new Promise((done, failed) => {
              const script = document.createElement('script')
              script.setAttribute('data-global-segment-analytics-key', 'analytics')
              Object.assign(script, { async: true, src: `${HOST}/analytics.js/v1/${KEY}/analytics.min.js`, onload: done, onerror: failed })
              document.head.append(script)
            })
            await analytics.track('Late')
            """);
        await AssertStoredAsync("Page", "Track  Early", "Track  Late");
    }

    [Test]
    public async Task The_tag_of_the_sources_page_works_as_it_is_and_turns_it_green()
    {
        var console = await _app.PageAsync(Roles.Owner, $"/sources/{_source.Id}");
        await Assertions.Expect(console.Locator("#tag-state")).ToContainTextAsync("Waiting");
        var tag = await console.Locator("#tag").TextContentAsync();
        await _page.SetContentAsync($"<!doctype html><title>Tagged</title>{tag}<a id=shop href=#shop>Shop</a><script>cdp.track('Tagged'); cdp.trackLink(document.querySelector('#shop'), 'Shop Opened')</script>");
        await Assertions.Expect(console.Locator("#tag-state")).ToContainTextAsync("arriving");
        await _page.ClickAsync("#shop");
        await Eventually.SeeAsync(() => Task.FromResult(Stored().Any(call => call.EndsWith("Shop Opened", StringComparison.Ordinal)) ? "stored" : null), TimeSpan.FromSeconds(20));
        await console.GetByLabel("Wait for consent: store nothing").CheckAsync();
        await Eventually.SeeAsync(() => Task.FromResult(_app.Get<BrowserTags>().Of(_source.Id).AwaitsConsent ? "saved" : null), TimeSpan.FromSeconds(20));
        await console.Context.CloseAsync();
    }

    private Task<string> KeptAsync() => _page.EvaluateAsync<string>("localStorage.length + \" '\" + document.cookie + \"'\"");

    private async Task SaveAsync(BrowserSettings settings) =>
        Assert.That((await _app.Get<BrowserTags>().SaveAsync(Actor.System, _source.Id, settings, default)).Problem, Is.Null);

    /// <summary>Puts the stub and the script into the page, runs lines against the stub before the script is there, and waits for it.</summary>
    private Task LoadAsync(string lines) => RunAsync(
        $$"""
        const q = window.cdp = window.cdp || []
        for (const m of ['identify', 'track', 'page', 'group', 'alias', 'screen', 'consent', 'ready']) q[m] = q[m] || ((...given) => { q.push([m, ...given]); })
        const script = document.createElement('script')
        const loaded = new Promise((done, failed) => Object.assign(script, { async: true, src: `${HOST}/s/${KEY}.js`, onload: done, onerror: failed }))
        document.head.append(script)
        {{(lines.Contains("await", StringComparison.Ordinal) ? "await loaded\n" + lines : lines + "\nawait loaded")}}
        """);

    private Task RunAsync(string script) =>
        _page.EvaluateAsync($"async ([HOST, KEY]) => {{ {script} }}", new[] { _gate.Address, _source.WriteKey }).WaitAsync(TimeSpan.FromSeconds(20));

    /// <summary>Waits until as many calls are there, then looks whether they are these and no more.</summary>
    private async Task AssertStoredAsync(params string[] expected)
    {
        await Eventually.SeeAsync(() => Task.FromResult(Stored().Length >= expected.Length ? "all" : null), TimeSpan.FromSeconds(20));
        Assert.That(Stored(), Is.EqualTo(expected));
    }

    private static JsonElement Body(Event call) => JsonDocument.Parse(call.Body).RootElement;

    private string[] Stored() =>
        [.. _app.Get<IEventLog>().Read(0, 1000).Select(call => $"{call.Type} {call.UserId} {call.Name}".TrimEnd()).Order(StringComparer.Ordinal)];
}
