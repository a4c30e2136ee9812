using System.Net;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CdpMonolith.Tests.Insights;

/// <summary>The home page, in a real browser.</summary>
public sealed class OverviewTests
{
    private const string Everybody = """{"version":1,"match":{"kind":"trait","trait":"email","op":"exists"}}""";

    private TestApp _app = null!;

    [OneTimeSetUp]
    public void Need() => _ = Browser.Path;

    [SetUp]
    public async Task Start()
    {
        _app = await TestApp.StartAsync();
    }

    [TearDown]
    public async Task Stop()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }
    }

    [Test]
    public async Task An_empty_folder_shows_the_four_steps_and_the_first_leads_to_sources()
    {
        var page = await _app.PageAsync(Roles.Owner, "/");
        await Expect(page.Locator(".start-steps li")).ToHaveCountAsync(4);
        await Expect(page.Locator(".start-here")).ToContainTextAsync("0 of 4 done");
        await Expect(page.Locator(".stat-card")).ToHaveCountAsync(0);
        await page.Locator(".start-steps li.next a").ClickAsync();
        await page.WaitForURLAsync("**/sources");
        await Expect(page.Locator(".empty-state h3")).ToHaveTextAsync("No source yet");
    }

    [Test]
    public async Task What_came_in_is_in_the_numbers_and_the_charts_while_the_page_is_open()
    {
        var page = await _app.PageAsync(Roles.Owner, "/");
        var source = (await _app.Get<Sources>().CreateAsync(Actor.System, "Web shop", SourceKind.Website, default)).Value;
        var calls = Enumerable.Range(0, 12).Select(n => new
        {
            type = "identify", userId = $"u{n}", traits = new { email = $"u{n}@example.com" },
            context = new { consent = new { categoryPreferences = new { newsletter = n % 3 > 0 } } },
        });
        using var sent = await _app.Client.PostAsync(
            "/v1/batch", new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(new { batch = calls, writeKey = source.WriteKey })));
        Assert.That(sent.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await _app.CatchUpAsync();
        await _app.Get<Segments>().CreateAsync(new WantedSegment("With an address", null, Everybody), Actor.System, default);

        await Expect(NumberOf(page, "Events")).ToHaveTextAsync("12");
        await Expect(NumberOf(page, "Known people")).ToHaveTextAsync("12");
        await Expect(NumberOf(page, "May be reached")).ToHaveTextAsync("8");
        await Expect(NumberOf(page, "Segments")).ToHaveTextAsync("1");
        await Expect(page.Locator(".start-here")).ToContainTextAsync("3 of 4 done");
        await Expect(page.GetByRole(AriaRole.Img, new() { Name = "12 events" }).Locator("path[fill='var(--chart-1)']").First).ToBeVisibleAsync();
        await Expect(page.Locator(".coverage li").First).ToContainTextAsync("8 agreed");
        await Expect(page.Locator(".badge.good", new() { HasText = "Up to date" }).First).ToBeVisibleAsync();

        // The span is part of the address.
        await page.GetByRole(AriaRole.Link, new() { Name = "7 days" }).ClickAsync();
        await page.WaitForURLAsync("**/?hours=168");
        await Expect(page.Locator(".stat-card").First).ToContainTextAsync("12 in the last 7 days");
    }

    private static ILocator NumberOf(IPage page, string label) =>
        page.Locator(".stat-card", new() { HasText = label }).First.Locator(".stat-value");
}
