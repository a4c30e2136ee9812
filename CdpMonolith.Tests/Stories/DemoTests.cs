using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CdpMonolith.Tests.Stories;

/// <summary>Somebody new runs the demo, opens the printed link, becomes the owner and looks round.</summary>
[Category(Engine.One)]
public sealed partial class DemoTests
{
    private static readonly TimeSpan Fills = TimeSpan.FromSeconds(60);

    private TempFolder _folder = null!;

    [SetUp]
    public void Make() => _folder = new TempFolder();

    [TearDown]
    public void Drop() => _folder.Dispose();

    [Test]
    public async Task The_demo_fills_itself_and_the_printed_link_leads_in()
    {
        var data = _folder.PathOf("demo-data");
        await using var demo = await ChildServer.RunAsync([.. ChildServer.Program, "demo", "--urls=http://127.0.0.1:0"], _folder.Path);
        await FilledAsync(demo);
        using var server = (await LocalAccess.ConnectAsync(data, default))!;

        await AssertFilledAsync(server);
        var before = await StoredAsync(server);
        await Eventually.SeeAsync(async () => await StoredAsync(server) > before ? "somebody came" : null, TimeSpan.FromSeconds(20));

        var page = await Browser.OpenAsync(demo.Address);
        await page.GotoAsync(demo.Said.Single(line => line.Contains("/setup?token=", StringComparison.Ordinal)).Trim());
        await page.FillAsync("#email", "owner@example.com");
        await page.FillAsync("#password", "three brown horses");
        await page.Locator("button[type=submit]").ClickAsync();
        await Expect(page.Locator("h1")).ToContainTextAsync("Overview");
        await page.GotoAsync("/segments");
        await Expect(page.GetByText("Left at the checkout")).ToBeVisibleAsync();
        await page.GotoAsync("/demo/receiver");
        await Expect(page.Locator("main .inbox summary", new() { HasText = "Left at the checkout" }).First).ToBeVisibleAsync();
        await page.Context.CloseAsync();
    }

    [Test]
    public async Task A_filled_demo_goes_on_and_a_folder_that_is_none_is_left_alone()
    {
        string[] demo = [.. ChildServer.Program, "demo", "--quiet", "--urls=http://127.0.0.1:0"];
        await using (var first = await ChildServer.RunAsync(demo, _folder.Path))
        {
            await FilledAsync(first);
            await first.StopAsync();
        }

        await using (var second = await ChildServer.RunAsync(demo, _folder.Path))
        {
            await SaidAsync(second, "It goes on with the demo");
            using var server = (await LocalAccess.ConnectAsync(_folder.PathOf("demo-data"), default))!;
            await AssertFilledAsync(server);
        }

        var mine = _folder.PathOf("mine");
        Directory.CreateDirectory(mine);
        await File.WriteAllTextAsync(Path.Combine(mine, "letter.txt"), "Dear Ann");
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => ChildServer.RunAsync([.. demo, $"--Store:Folder={mine}", "--fresh"], _folder.Path));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(fault!.Message, Does.Contain("holds something that no demo made"));
            Assert.That(Directory.GetFileSystemEntries(mine).Select(Path.GetFileName), Is.EqualTo(new[] { "letter.txt" }));
        }
    }

    /// <summary>The program as users get it: one file, in an empty folder, as somebody without rights.</summary>
    [Test]
    public async Task The_published_file_alone_runs_the_demo_as_an_ordinary_user()
    {
        var published = Tools.Need("the published program (CDP_PUBLISHED names it)", Environment.GetEnvironmentVariable("CDP_PUBLISHED"));
        var program = _folder.PathOf("cdp");
        File.Copy(published, program);
        using var home = new TempFolder();
        string[] asNobody = [];
        if (!OperatingSystem.IsWindows() && Environment.UserName == "root")
        {
            File.SetUnixFileMode(_folder.Path, (UnixFileMode)0b111_111_111);
            File.SetUnixFileMode(home.Path, (UnixFileMode)0b111_111_111);
            asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", $"HOME={home.Path}"];
        }

        await using var demo = await ChildServer.RunAsync([.. asNobody, program, "demo", "--quiet", "--urls=http://127.0.0.1:0"], _folder.Path);
        await FilledAsync(demo);
        using var browser = new HttpClient { BaseAddress = demo.Address };
        var signIn = await browser.GetStringAsync("/sign-in");
        var assets = Asset().Matches(signIn).Select(found => found.Groups["path"].Value).ToArray();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName), Is.EquivalentTo(new[] { "cdp", "demo-data" }));
            Assert.That(assets, Has.Length.GreaterThan(3));
            foreach (var asset in assets)
            {
                Assert.That((int)(await browser.GetAsync(asset)).StatusCode, Is.EqualTo(200), asset);
            }
        }
    }

    [GeneratedRegex("(?:href|src)=\"(?<path>[^\":]+\\.(?:css|js))\"")]
    private static partial Regex Asset();

    private static Task FilledAsync(ChildServer demo) => SaidAsync(demo, "The demo is filled");

    private static async Task SaidAsync(ChildServer server, string start)
    {
        var until = TimeProvider.System.GetTimestamp();
        while (!server.Said.Any(line => line.StartsWith(start, StringComparison.Ordinal)))
        {
            Assert.That(TimeProvider.System.GetElapsedTime(until), Is.LessThan(Fills), $"it said\n{string.Join('\n', server.Said)}");
            await Task.Delay(50);
        }
    }

    private static async Task AssertFilledAsync(HttpClient server)
    {
        var imports = (await server.GetFromJsonAsync<JsonArray>("/api/imports"))!;
        var segments = (await server.GetFromJsonAsync<JsonArray>("/api/segments"))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(imports.Select(import => (string)import!["state"]!), Is.EqualTo(new[] { "Done", "Done", "Done" }));
            Assert.That(imports.Sum(import => (long)import!["rejected"]!), Is.EqualTo(4), "four contacts are unusable on purpose");
            Assert.That(segments, Has.Count.EqualTo(3));
            Assert.That(segments.Select(segment => (long?)segment!["size"]), Is.All.GreaterThan(0));
        }

        await AssertSetUpAsync(server);

        // What left did so with consent, and those without it were withheld.
        var mails = await Eventually.SeeAsync(
            async () => (await SyncAsync(server, "Reminders to the mailing tool")) is { } sync && (long)sync["counts"]!["pending"]! == 0 ? sync : null,
            TimeSpan.FromSeconds(30));
        var file = await Eventually.SeeAsync(
            async () => await server.GetFromJsonAsync<JsonArray>($"/api/syncs/{(await SyncAsync(server, "Letters for loyal readers"))!["id"]}/files") is [.., { } made] && (bool)made["ready"]! ? made : null,
            TimeSpan.FromSeconds(30));
        var rows = (await server.GetStringAsync($"/api/exports/{file["id"]}/file")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var consent = Array.IndexOf(rows[0].Split(','), "consent_record_id");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((long)mails["counts"]!["delivered"]!, Is.GreaterThan(0));
            Assert.That((long)mails["counts"]!["withheld"]!, Is.GreaterThan(0));
            Assert.That(rows, Has.Length.GreaterThan(100));
            Assert.That(rows.Skip(1).Select(row => row.Split(',')[consent]), Is.All.Matches("^[0-9]+$"));
        }
    }

    /// <summary>The pages of the website's script, the form and the plan are full.</summary>
    private static async Task AssertSetUpAsync(HttpClient server)
    {
        var sources = (await server.GetFromJsonAsync<JsonArray>("/api/sources"))!;
        long IdOf(string name) => (long)sources.Single(source => (string)source!["name"]! == name)!["id"]!;
        var tag = await server.GetFromJsonAsync<JsonNode>($"/api/sources/{IdOf("Web shop")}/browser");
        var answers = await server.GetFromJsonAsync<JsonNode>($"/api/sources/{IdOf("Newsletter sign-up")}/form/answers");
        var plan = (await server.GetFromJsonAsync<JsonNode>("/api/plan"))!["events"]!.AsArray();
        var strayed = (await server.GetFromJsonAsync<JsonArray>("/api/plan/violations"))!.Select(one => $"{one!["event"]} {one["member"]} {one["kind"]} {one["action"]}").ToList();
        var aside = (await server.GetFromJsonAsync<JsonNode>("/api/quarantine"))!.ToJsonString();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((string)tag!["purpose"]!, Is.EqualTo("analytics"));
            Assert.That((long)answers!["sent"]!, Is.EqualTo(12));
            Assert.That(answers["answers"]!.AsArray(), Has.Count.GreaterThan(8));
            Assert.That(plan.Select(one => (string)one!["event"]!), Is.SupersetOf(new[] { "Order Completed", "Product Viewed", "Checkout Started", "Survey Answered" }));
            Assert.That(
                strayed,
                Is.EquivalentTo(new[]
                {
                    "Order Completed revenue type quarantine", "Order Completed revenue missing quarantine", "Product Viewed colour memberUnplanned drop",
                    "Prodcut Viewed  eventUnplanned allow",
                }), "and what visitors send now is as planned");
            Assert.That(aside, Does.Contain("plan.property_type").And.Contain("plan.property_missing"));
        }
    }

    private static async Task<JsonNode?> SyncAsync(HttpClient server, string name) =>
        (await server.GetFromJsonAsync<JsonArray>("/api/syncs"))!.Single(sync => (string)sync!["name"]! == name);

    private static async Task<long> StoredAsync(HttpClient server) =>
        (long)(await server.GetFromJsonAsync<JsonArray>("/api/sources"))!.Single(source => (string)source!["name"]! == "Web shop")!["stored"]!;
}
