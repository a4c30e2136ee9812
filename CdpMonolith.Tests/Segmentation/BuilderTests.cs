using System.Net;
using System.Text.Json;
using CdpMonolith.Consent.Decide;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Tests.Support;
using Microsoft.Playwright;

namespace CdpMonolith.Tests.Segmentation;

/// <summary>The builder, in a real browser.</summary>
public sealed class BuilderTests
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Open()
    {
        _ = Browser.Path;
        _app = await TestApp.StartAsync();
        var source = (await _app.Get<Sources>().CreateAsync(Actor.CommandLine, "Web shop", SourceKind.Website, default)).Value;
        await _app.Get<Purposes>().CreateAsync(new NewPurpose("newsletter", "Newsletter", null), Actor.CommandLine, default);
        var random = new Random(3);
        string[] cities = ["Oslo", "Bergen", "Bangkok", "Jakarta"];
        string[] names = ["Ann Berg", "Ben Olsen", "Cai Wong", "Dewi Putri", "Eva Lind", "Finn Dahl", "Gita Sari", "Hugo Moe", "Ida Ruud", "Joko Widi"];
        var calls = new List<object>();
        for (var i = 0; i < 40; i++)
        {
            calls.Add(new
            {
                type = "identify", messageId = $"i{i}", userId = $"u{i}",
                traits = new { name = $"{names[i % 10]} {i}", email = $"u{i}@example.com", city = cities[i % 4], ltv = random.Next(4000) * 0.25 },
                context = new { consent = new { categoryPreferences = new Dictionary<string, bool> { ["newsletter"] = i % 3 > 0 } } },
            });
            for (var n = random.Next(6); n > 0; n--)
            {
                calls.Add(new
                {
                    type = "track", messageId = $"o{i}-{n}", userId = $"u{i}", @event = random.Next(3) == 0 ? "Order Completed" : "Product Viewed",
                    timestamp = DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() - random.NextInt64(120L * 86_400_000)),
                    properties = new { revenue = random.Next(10, 300), category = random.Next(2) == 0 ? "shoes" : "bags" },
                });
            }
        }

        using var sent = await _app.Client.PostAsync(
            "/v1/batch", new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(new { batch = calls, writeKey = source.WriteKey })));
        Assert.That(sent.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await _app.CatchUpAsync();
    }

    [OneTimeTearDown]
    public async Task Close()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }
    }

    [Test]
    public async Task A_segment_is_built_by_hand_and_its_count_follows()
    {
        var page = await _app.PageAsync(Roles.Marketer, "/segments/new");
        await page.ClickAsync("a.template.blank");
        var count = page.Locator(".preview-count");
        await Assertions.Expect(count).ToHaveTextAsync("40");

        await page.FillAsync("#segment-name", "People of Oslo");
        await page.ClickAsync(".rule-add >> text=Trait");
        await page.WaitForSelectorAsync("[aria-label=Trait]:focus");
        await page.Keyboard.TypeAsync("city");
        await page.FillAsync(".rule-row .input.value", "oslo");
        await Assertions.Expect(count).ToHaveTextAsync("10");

        // What is not whole yet leaves the last answer and says so; saving is then refused at the place.
        await page.ClickAsync(".rule-add >> text=Consent");
        await page.SelectOptionAsync("[aria-label=Purpose]", "");
        await Assertions.Expect(page.Locator(".rule-hint").First).ToBeVisibleAsync();
        await page.ClickAsync("button:has-text('Save')");
        await Assertions.Expect(page.Locator(".rule-row.wrong")).ToHaveCountAsync(1);
        await page.SelectOptionAsync("[aria-label=Purpose]", "newsletter");
        await Assertions.Expect(count).Not.ToHaveTextAsync("10");
        await page.ClickAsync("button:has-text('Save')");

        await page.WaitForURLAsync("**/segments/*");
        await Assertions.Expect(page.Locator("h1")).ToHaveTextAsync("People of Oslo");
        var segment = (await _app.Get<ISegments>().ListAsync(default)).Single(one => one.Name == "People of Oslo");
        Assert.That(segment.Size, Is.GreaterThan(0));
        await Assertions.Expect(page.Locator(".table tbody tr")).ToHaveCountAsync((int)segment.Size!);
    }

    /// <summary>An answer to the first letters that arrives while the last are typed must not take these away.</summary>
    [Test]
    public async Task Typing_over_a_slow_line_loses_no_letter()
    {
        var page = await _app.PageAsync(Roles.Marketer, "/segments");
        await page.RouteWebSocketAsync("**/_blazor**", page => Delay(page, TimeSpan.FromMilliseconds(120)));
        await page.GotoAsync("/segments/new?template=Blank");
        await page.ClickAsync(".rule-add >> text=Trait");
        await page.WaitForSelectorAsync("[aria-label=Trait]:focus");
        await page.Keyboard.TypeAsync("city of birth", new() { Delay = 40 });
        await page.ClickAsync(".rule-row .input.value");
        await page.Keyboard.TypeAsync("Ban Nong Khao", new() { Delay = 40 });
        await page.Keyboard.PressAsync("Control+k");
        await page.WaitForSelectorAsync(".palette input:focus");
        await page.Keyboard.TypeAsync("quarantine", new() { Delay = 40 });
        await Assertions.Expect(page.Locator("#palette-results li")).ToHaveCountAsync(1);
        await Assertions.Expect(page.Locator(".palette input")).ToHaveValueAsync("quarantine");
        await Assertions.Expect(page.Locator("[aria-label=Trait]")).ToHaveValueAsync("city of birth");
        await Assertions.Expect(page.Locator(".rule-row .input.value")).ToHaveValueAsync("Ban Nong Khao");
    }

    /// <summary>Holds back what the server says, in its order.</summary>
    private static void Delay(IWebSocketRoute page, TimeSpan by)
    {
        var server = page.ConnectToServer();
        page.OnMessage(frame => Pass(frame, server));
        var last = Task.CompletedTask;
        server.OnMessage(frame => last = PassLaterAsync(last, Task.Delay(by), frame));

        async Task PassLaterAsync(Task before, Task delay, IWebSocketFrame frame)
        {
            await Task.WhenAll(before, delay);
            Pass(frame, page);
        }

        static void Pass(IWebSocketFrame frame, IWebSocketRoute to)
        {
            if (frame.Binary is { } bytes)
            {
                to.Send(bytes);
            }
            else
            {
                to.Send(frame.Text!);
            }
        }
    }

    [Test]
    public async Task Leaving_with_changes_asks_first()
    {
        var page = await _app.PageAsync(Roles.Marketer, "/segments/new?template=Blank");
        await page.ClickAsync(".rule-add >> text=Event");
        await page.ClickAsync(".page-header >> text=Cancel");
        await page.ClickAsync(".rz-dialog button:has-text('Leave')");
        await page.WaitForURLAsync("**/segments");
    }
}
