using System.Net;
using CdpMonolith.Commands;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;

namespace CdpMonolith.Tests.Stories;

/// <summary>The field's browser clients in Chromium, on a shop of another origin, unchanged but for their host. What they meet stands before the store.</summary>
[Category(Engine.One)]
public sealed class BrowserClientTests
{
    private const string Segment =
        """
        window.client = window.AnalyticsNext.AnalyticsBrowser.load(
          { writeKey: KEY, cdnURL: HOST },
          { integrations: { 'Segment.io': { apiHost: HOST.replace('http://', '') + '/v1', protocol: 'http', ...MORE } } })
        """;

    private static readonly string[] All =
        ["Alias u-1", "Group u-1 club", "Identify u-1", "Page u-1 Shoes", "Screen u-1 Basket", "Track u-1 Order Completed"];

    private static readonly string[] AllButScreens = [.. All.Where(call => !call.StartsWith("Screen", StringComparison.Ordinal))];

    private static readonly (string Path, string File)[] Scripts =
    [
        ("/segment.js", "@segment/analytics-next/dist/umd/index.js"),
        ("/rudderstack.js", "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"),
    ];

    private TempFolder _folder = null!;
    private TestApp _app = null!;
    private Gate _gate = null!;
    private Source _source = null!;
    private WebApplication _shop = null!;
    private IPage _page = null!;

    [OneTimeSetUp]
    public void Need()
    {
        _ = Browser.Path;
        Tools.NodeWithClients();
    }

    [SetUp]
    public async Task Open()
    {
        var modules = Repo.Path("CdpMonolith.Tests", "Clients", "node_modules");
        _folder = new TempFolder();
        _app = await TestApp.StartAsync(folder: _folder);
        _gate = await Gate.OpenAsync(_app.Address);
        _source = (await _app.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Website, default)).Value;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _shop = builder.Build();
        foreach (var (path, file) in Scripts)
        {
            _shop.MapGet(path, () => Results.File(Path.Combine(modules, file), "text/javascript"));
        }

        // Chunks that Segment's script loads from beside itself.
        _shop.MapGet("/{chunk}.js", (string chunk) =>
            Results.File(Path.Combine(modules, "@segment/analytics-next/dist/umd", Path.GetFileName(chunk) + ".js"), "text/javascript"));
        _shop.MapGet("/", () => Results.Content("<!doctype html><title>Shop</title>", "text/html"));
        await _shop.StartAsync();
        _page = await Browser.OpenAsync(new Uri(ServeCommand.AddressOf(_shop)));
        _page.Console += (_, line) => TestContext.Out.WriteLine($"console: {line.Text}");
        await _page.GotoAsync("/");
    }

    [TearDown]
    public async Task Close()
    {
        await _page.Context.CloseAsync();
        await _shop.DisposeAsync();
        await _gate.DisposeAsync();
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    [TestCase("{}", "/v1/t")]
    [TestCase("{ deliveryStrategy: { strategy: 'batching', config: { size: 4, timeout: 200 } } }", "/v1/b")]
    public async Task Segments_client_sends_every_kind_of_call(string more, string path)
    {
        await LoadSegmentAsync(more);
        await RunAsync(
            """
            client.identify('u-1', { email: 'kari@example.no' })
            client.page('Shoes'); client.track('Order Completed', { revenue: 49.5 }); client.screen('Basket')
            client.group('club', { name: 'Club' }); client.alias('u-1', 'old-1')
            """);
        await AssertStoredAsync(All);
        Assert.That(_gate.Came.Select(request => request.Path), Does.Contain(path));
    }

    [TestCase(Fate.Cut)]
    [TestCase(Fate.Later)]
    [TestCase(Fate.LoseAnswer)]
    public async Task Segments_client_sends_again_and_it_is_stored_once(Fate fate)
    {
        _gate.Next(fate, fate, Fate.Pass, fate);
        await LoadSegmentAsync("{}");
        await RunAsync("for (const name of ['One', 'Two', 'Three', 'Four']) await client.track(name, {})");
        await AssertStoredAsync("Track  Four", "Track  One", "Track  Three", "Track  Two");
        Assert.That(_gate.Came.Count(request => request.Fate == fate), Is.EqualTo(3));
    }

    [Test]
    public async Task What_waits_in_Segments_client_is_sent_when_the_page_is_left()
    {
        await LoadSegmentAsync("{ deliveryStrategy: { strategy: 'batching', config: { size: 100, timeout: 600000 } } }");
        await RunAsync("await client.ready(); client.track('Left Early', { seconds: 3 }); await new Promise(done => setTimeout(done, 300))");
        Assert.That(_gate.Came, Is.Empty, "it waits");
        await _page.GotoAsync("about:blank");
        await AssertStoredAsync("Track  Left Early");
    }

    [TestCase(Fate.Pass)]
    [TestCase(Fate.Cut)]
    [TestCase(Fate.Later)]
    [TestCase(Fate.LoseAnswer)]
    public async Task RudderStacks_client_sends_every_kind_of_call(Fate fate)
    {
        _gate.Next(fate);
        await LoadAsync("/rudderstack.js");
        await RunAsync(
            """
            const Client = window.RudderAnalytics ?? window.rudderanalytics.RudderAnalytics
            window.client = new Client()
            client.load(KEY, HOST, { configUrl: HOST, logLevel: 'WARN' })
            client.identify('u-1', { email: 'kari@example.no' })
            client.page('Shoes'); client.track('Order Completed', { revenue: 49.5 })
            client.group('club', { name: 'Club' }); client.alias('u-1', 'old-1')
            """);
        await AssertStoredAsync(AllButScreens);
    }

    [TestCase("segment")]
    [TestCase("rudderstack")]
    public async Task A_restart_of_the_server_in_the_middle_costs_nothing(string client)
    {
        if (client == "segment")
        {
            await LoadSegmentAsync("{}");
        }
        else
        {
            await LoadAsync("/rudderstack.js");
            await RunAsync("const Client = window.RudderAnalytics ?? window.rudderanalytics.RudderAnalytics; window.client = new Client(); client.load(KEY, HOST, { configUrl: HOST, logLevel: 'WARN' })");
        }

        const int Calls = 30;
        await RunAsync($"window.sending = (async () => {{ for (let n = 10; n < {Calls + 10}; n++) {{ client.track('Call ' + n, {{}}); await new Promise(done => setTimeout(done, 100)) }} }})()");
        await Eventually.SeeAsync(() => Task.FromResult(Stored().Length > 2 ? "some came" : null), TimeSpan.FromSeconds(20));
        _gate.Target = null;
        await _app.DisposeAsync();
        await Eventually.SeeAsync(() => Task.FromResult(_gate.Came.Any(request => request.Fate == Fate.Cut) ? "it tried" : null), TimeSpan.FromSeconds(20));
        _app = await TestApp.StartAsync(folder: _folder);
        Assert.That(Stored(), Has.Length.LessThan(Calls), "it was in the middle");
        _gate.Target = _app.Address;
        await AssertStoredAsync([.. Enumerable.Range(10, Calls).Select(n => $"Track  Call {n}")]);
    }

    [Test]
    public async Task Beacons_of_RudderStacks_client_arrive()
    {
        await LoadAsync("/rudderstack.js");
        await RunAsync(
            """
            const Client = window.RudderAnalytics ?? window.rudderanalytics.RudderAnalytics
            window.client = new Client()
            client.load(KEY, HOST, { configUrl: HOST, logLevel: 'WARN', useBeacon: true, beaconQueueOptions: { flushQueueInterval: 200 } })
            client.track('Order Completed', { revenue: 49.5 })
            """);
        await AssertStoredAsync("Track  Order Completed");
        Assert.That(_gate.Came.Select(request => request.Path), Is.All.EqualTo("/beacon/v1/batch"));
    }

    [Test]
    public async Task Jitsus_client_sends_every_kind_of_call()
    {
        // The script takes the server that it came from for its host.
        var script = Repo.Path("CdpMonolith.Tests", "Clients", "node_modules", "@jitsu/js/dist/web/p.js.txt");
        await _page.RouteAsync("**/p.js", route => route.FulfillAsync(new() { Path = script, ContentType = "text/javascript" }));
        await RunAsync(
            """
            await new Promise((done, failed) => {
              const script = document.createElement('script')
              Object.assign(script, { src: HOST + '/p.js', onload: done, onerror: failed })
              Object.assign(script.dataset, { writeKey: KEY + ':secret', initOnly: 'true' })
              document.head.append(script)
            })
            for (let turn = 0; turn < 50 && !window.jitsu?.track; turn++) await new Promise(done => setTimeout(done, 50))
            await jitsu.identify('u-1', { email: 'kari@example.no' })
            await jitsu.page({ name: 'Shoes' }); await jitsu.track('Order Completed', { revenue: 49.5 }); await jitsu.group('club', { name: 'Club' })
            """);
        await AssertStoredAsync("Group u-1 club", "Identify u-1", "Page u-1 Shoes", "Track u-1 Order Completed");
    }

    [Test]
    public async Task A_page_may_send_by_sendBeacon_and_by_a_picture()
    {
        await RunAsync(
            """
            navigator.sendBeacon(HOST + '/v1/t', JSON.stringify({ writeKey: KEY, userId: 'u-1', event: 'By Beacon' }))
            const call = btoa(JSON.stringify({ writeKey: KEY, userId: 'u-1', event: 'By Picture' }))
            for (const query of ['data=' + encodeURIComponent(call), 'writeKey=' + KEY + '&userId=u-1&event=By+Address&properties.revenue=12', 'event=No+Key']) {
              const picture = new Image()
              picture.src = HOST + '/v1/pixel/track?' + query
              await picture.decode()
            }
            """);
        await AssertStoredAsync("Track u-1 By Address", "Track u-1 By Beacon", "Track u-1 By Picture");
    }

    private async Task LoadSegmentAsync(string more)
    {
        await LoadAsync("/segment.js");
        await RunAsync(Segment.Replace("MORE", more, StringComparison.Ordinal));
    }

    private Task LoadAsync(string script) => _page.AddScriptTagAsync(new() { Url = script });

    private Task RunAsync(string script) =>
        _page.EvaluateAsync($"async ([HOST, KEY]) => {{ {script} }}", new[] { _gate.Address, _source.WriteKey }).WaitAsync(TimeSpan.FromSeconds(20));

    /// <summary>Waits until as many calls are there, then looks whether they are these and no more.</summary>
    private async Task AssertStoredAsync(params string[] expected)
    {
        await Eventually.SeeAsync(() => Task.FromResult(Stored().Length >= expected.Length ? "all" : null), TimeSpan.FromSeconds(40));
        Assert.That(Stored(), Is.EqualTo(expected));
    }

    private string[] Stored() =>
        [.. _app.Get<IEventLog>().Read(0, 1000).Select(call => $"{call.Type} {call.UserId} {call.Name}".TrimEnd()).Order(StringComparer.Ordinal)];
}
