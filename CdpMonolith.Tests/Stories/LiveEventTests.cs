using System.Diagnostics;
using System.Net;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Commands;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Tests.Activation;
using CdpMonolith.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Tests.Stories;

/// <summary>
/// A live event, sent by the real client libraries, shows on the person, changes a segment and reaches the webhook, in less
/// than two seconds from end to end.
/// </summary>
public sealed class LiveEventTests
{
    private static readonly TimeSpan Live = TimeSpan.FromSeconds(2);
    private static readonly string Clients = Repo.Path("CdpMonolith.Tests", "Clients");

    private Receiver _mailer = null!;
    private TestApp _app = null!;
    private Shop _shop = null!;

    [SetUp]
    public async Task Open()
    {
        _mailer = await Receiver.StartAsync();
        _app = await TestApp.StartAsync();
        _shop = await Shop.OpenAsync(_app, _mailer.Address);
    }

    [TearDown]
    public async Task Close()
    {
        await _app.DisposeAsync();
        await _mailer.DisposeAsync();
    }

    [Test]
    public async Task From_the_Node_client()
    {
        var node = Tools.NodeWithClients();
        using var client = Process.Start(new ProcessStartInfo(node, ["send.mjs", _app.Address.ToString().TrimEnd('/'), _shop.Source.WriteKey])
        {
            WorkingDirectory = Clients, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var said = await client.StandardOutput.ReadLineAsync();
        Assert.That(said, Is.EqualTo("sent"));

        await AssertArrivesAsync("ann@example.com", new Identifier(IdentifierTypes.UserId, "ann-1"));
        client.Kill();
    }

    [Test]
    public async Task From_the_browser_client()
    {
        _ = Browser.Path;
        Tools.NodeWithClients();
        var page = await Browser.OpenAsync(_app.Address);
        var faults = new List<string>();
        page.PageError += (_, fault) => faults.Add(fault);
        page.Console += (_, line) => TestContext.Out.WriteLine($"console: {line.Text}");
        // A shop of its own origin: the calls cross origins, as they do in life. It is on loopback like the product, because
        // Chromium keeps pages of other networks from calling it.
        await using var website = await StartWebsiteAsync();
        await page.GotoAsync(ServeCommand.AddressOf(website));
        await page.EvaluateAsync(
            """
            async ([host, key]) => {
              const analytics = window.AnalyticsNext.AnalyticsBrowser.load(
                { writeKey: key, cdnURL: host },
                { integrations: { 'Segment.io': { apiHost: host.replace('http://', '') + '/v1', protocol: 'http' } } })
              await analytics.page()
              await analytics.identify('kari-1', { email: 'kari@example.no', name: 'Kari' },
                { consent: { categoryPreferences: { newsletter: true } } })
              await analytics.track('Order Completed', { revenue: 49.5 })
            }
            """, new[] { _app.Address.ToString().TrimEnd('/'), _shop.Source.WriteKey }).WaitAsync(TimeSpan.FromSeconds(15));

        await AssertArrivesAsync("kari@example.no", new Identifier(IdentifierTypes.UserId, "kari-1"));
        var person = (await _app.Get<IProfiles>().FindAsync(new Identifier(IdentifierTypes.UserId, "kari-1"), default))!;
        Assert.That(person.Identifiers.Select(i => i.Type), Does.Contain(IdentifierTypes.AnonymousId), "the visit before belongs to her");
        Assert.That(faults, Is.Empty);
        await page.Context.CloseAsync();
    }

    [Test]
    public async Task Somebody_without_consent_is_withheld_with_the_reason()
    {
        using var call = new HttpRequestMessage(HttpMethod.Post, "/v1/track")
        {
            Content = new StringContent("""{"userId":"bob-1","event":"Order Completed","context":{"traits":{"email":"bob@example.com"}}}"""),
        };
        call.Headers.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(_shop.Source.WriteKey + ":")));
        (await _app.Client.SendAsync(call)).EnsureSuccessStatusCode();

        var delivery = await Eventually.SeeAsync(
            async () => (await _app.Get<DeliveryStore>().OfSyncAsync(_shop.SyncId, null, long.MaxValue, 10, default))
                .FirstOrDefault(row => row.State != DeliveryState.Pending), TimeSpan.FromSeconds(15));
        using (Assert.EnterMultipleScope())
        {
            Assert.That((delivery.State, delivery.Reason), Is.EqualTo((DeliveryState.Withheld, "consent.never_asked")));
            Assert.That(_mailer.Arrived, Is.Empty);
        }
    }

    private static async Task<WebApplication> StartWebsiteAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var website = builder.Build();
        website.MapGet("/", () => Results.Content("<!doctype html><title>Shop</title><script src=\"/index.js\"></script>", "text/html"));
        website.MapGet("/{script}.js", (string script) =>
            Results.File(Path.Combine(Clients, "node_modules/@segment/analytics-next/dist/umd", Path.GetFileName(script) + ".js"), "text/javascript"));
        await website.StartAsync();
        return website;
    }

    private async Task AssertArrivesAsync(string email, Identifier identifier)
    {
        var sent = TimeProvider.System.GetTimestamp();
        var message = await Eventually.SeeAsync(
            () => Task.FromResult(_mailer.Arrived.FirstOrDefault(arrived => arrived.Type == "segment.entered")), TimeSpan.FromSeconds(15));
        var took = TimeProvider.System.GetElapsedTime(sent);
        var person = (await _app.Get<IProfiles>().FindAsync(identifier, default))!;
        var segments = await _app.Get<ISegments>().OfAsync(person.ProfileId, default);
        TestContext.Out.WriteLine($"from sent to delivered: {took.TotalMilliseconds:0} ms");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(message.ProfileId, Is.EqualTo(person.ProfileId));
            Assert.That(message.Data.ToString(), Does.Contain(email));
            Assert.That(segments.Select(entry => entry.Segment.Id), Is.EqualTo(new[] { _shop.SegmentId }));
            Assert.That(took, Is.LessThan(Live));
        }
    }
}
