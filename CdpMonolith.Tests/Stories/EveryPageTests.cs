using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Routing;
using Microsoft.Playwright;

namespace CdpMonolith.Tests.Stories;

/// <summary>The owner opens every page that there is, wide and narrow, light and dark, on an empty folder and on a full one.</summary>
public sealed class EveryPageTests
{
    private static readonly TimeSpan LooksFor = TimeSpan.FromSeconds(15);

    /// <summary>What is wrong with the page as it is drawn now, in lines of text.</summary>
    private const string Look = """
        () => {
            const wrong = [];
            const name = e => e.tagName.toLowerCase() + (e.className && e.className.baseVal === undefined ? "." + e.className.trim().replace(/\s+/g, ".") : "");
            const width = document.scrollingElement.scrollWidth;
            if (width > innerWidth) {
                const wide = [...document.querySelectorAll("body *")].find(e => e.getBoundingClientRect().right > innerWidth + 1);
                wrong.push(`is ${width} px wide: ${wide && name(wide)}`);
            }

            const headings = document.querySelectorAll("h1").length;
            if (headings !== 1) {
                wrong.push(`has ${headings} h1`);
            }

            for (const e of document.querySelectorAll("input, select, textarea")) {
                if (e.type !== "hidden" && e.offsetParent && !e.labels?.length && !e.ariaLabel && !e.getAttribute("aria-labelledby")) {
                    wrong.push(`has no label: ${e.outerHTML.slice(0, 100)}`);
                }
            }

            const said = e => e.ariaHidden === "true" ? "" : [...e.childNodes].map(child => child.nodeType === 3 ? child.data : child.nodeType === 1 ? said(child) : "").join("").trim();
            for (const e of document.querySelectorAll("button, a[href]")) {
                if (e.offsetParent && !e.ariaLabel && !e.title && !said(e)) {
                    wrong.push(`has no name: ${e.outerHTML.slice(0, 100)}`);
                }
            }

            // Words stay whole, and what can be done with a row is in sight.
            for (const cell of document.querySelectorAll(".table td")) {
                const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
                while (cell.offsetParent && texts.nextNode()) {
                    const text = texts.currentNode;
                    for (const word of text.parentElement.closest("code, .mono, .breaks, .rzi, option, svg") ? [] : text.data.matchAll(/\p{L}{2,24}/gu)) {
                        const range = document.createRange();
                        range.setStart(text, word.index);
                        range.setEnd(text, word.index + word[0].length);
                        const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
                        if (lines.size > 1) {
                            wrong.push(`cuts the word ${word[0]}`);
                        }
                    }
                }
            }
            for (const button of document.querySelectorAll(".table-wrap td.actions :is(button, a)")) {
                if (button.getBoundingClientRect().right > button.closest(".table-wrap").getBoundingClientRect().right + 1) {
                    wrong.push(`hides an action: ${button.outerHTML.slice(0, 100)}`);
                }
            }

            // Contrast as WCAG 2.2 has it (1.4.3): 4.5 to 1.
            const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
            const known = new Map();
            const rgba = colour => {
                if (!known.has(colour)) {
                    canvas.clearRect(0, 0, 1, 1);
                    canvas.fillStyle = colour;
                    canvas.fillRect(0, 0, 1, 1);
                    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
                    known.set(colour, [r, g, b, a / 255]);
                }
                return known.get(colour);
            };
            const over = (top, below) => below.map((v, i) => v * (1 - top[3]) + top[i] * top[3]);
            const light = c => {
                const [r, g, b] = c.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const behind = e => {
                const stack = [];
                for (let at = e; at; at = at.parentElement) {
                    const colour = rgba(getComputedStyle(at).backgroundColor);
                    stack.unshift(colour);
                    if (colour[3] === 1) {
                        break;
                    }
                }
                return stack.reduce((below, top) => over(top, below), [255, 255, 255]);
            };
            const seen = new Set();
            for (const e of document.querySelectorAll("body *")) {
                if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || !e.getClientRects().length
                    || ![...e.childNodes].some(child => child.nodeType === 3 && child.data.trim())
                    || e.closest(".rzi, svg, :disabled, .rz-state-disabled, .sr-only, .skip-link, .stale")) {
                    continue;
                }
                const below = behind(e);
                const [a, b] = [light(over(rgba(getComputedStyle(e).color), below)), light(below)].sort((x, y) => y - x);
                const ratio = (a + 0.05) / (b + 0.05);
                if (ratio < 4.5 && !seen.has(e.className)) {
                    seen.add(e.className);
                    wrong.push(`has contrast ${ratio.toFixed(2)}: ${name(e)} "${e.innerText.slice(0, 30)}"`);
                }
            }

            return wrong;
        }
        """;

    [TestCase(false)]
    [TestCase(true)]
    public async Task Every_page_is_sound_for_the_owner(bool full)
    {
        _ = Browser.Path;
        await using var app = await TestApp.StartAsync(args: "--Demo=true");
        if (full)
        {
            await FillAsync(app);
        }

        var page = await app.PageAsync(Roles.Owner, "/");
        var wrong = new List<string>();
        var path = "/";
        page.Console += (_, said) =>
        {
            if (said.Type == "error")
            {
                wrong.Add($"{path} says {said.Text}");
            }
        };
        page.PageError += (_, error) => wrong.Add($"{path} stops: {error}");
        foreach (var next in Paths(app))
        {
            path = next;
            await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light, ReducedMotion = ReducedMotion.Reduce });
            await page.SetViewportSizeAsync(1440, 900);
            await page.GotoAsync(path);
            await page.WaitForSelectorAsync(".shell h1");
            await Assertions.Expect(page.Locator(".skeleton")).ToHaveCountAsync(0);
            await LookAsync("wide, light");
            await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
            await LookAsync("wide, dark");
            await page.SetViewportSizeAsync(390, 844);
            await LookAsync("narrow, dark");
        }

        Assert.That(string.Join('\n', wrong.Distinct()), Is.Empty);

        async Task LookAsync(string how) =>
            wrong.AddRange((await page.EvaluateAsync<string[]>(Look).WaitAsync(LooksFor)).Select(what => $"{path} ({how}) {what}"));
    }

    [Test]
    public async Task An_address_that_leads_nowhere_is_answered_with_a_page_that_says_so()
    {
        await using var app = await TestApp.StartAsync();
        var page = await app.PageAsync(Roles.Viewer, "/");
        var answer = await page.GotoAsync("/no/such/page");
        Assert.That(answer!.Status, Is.EqualTo((int)HttpStatusCode.NotFound));
        await Assertions.Expect(page.Locator(".shell h1")).ToHaveTextAsync("There is no such page");
        using var client = await app.UserAsync(Roles.Viewer);
        client.DefaultRequestHeaders.Add("Accept", "text/html");
        using var api = await client.GetAsync("/api/no/such/thing");
        Assert.That((api.StatusCode, await api.Content.ReadAsStringAsync()), Is.EqualTo((HttpStatusCode.NotFound, "")));
    }

    [Test]
    public async Task A_lost_connection_is_told_in_our_own_words()
    {
        _ = Browser.Path;
        IPage page;
        await using (var app = await TestApp.StartAsync())
        {
            page = await app.PageAsync(Roles.Viewer, "/");
        }

        await Assertions.Expect(page.Locator(".reconnect-trying")).ToBeVisibleAsync();
        await Assertions.Expect(page.Locator(".reconnect")).ToContainTextAsync("The connection is lost");
    }

    /// <summary>All pages of the console, those of the navigation among them; where an id is asked for, the first thing of its kind.</summary>
    private static List<string> Paths(TestApp app)
    {
        var pages = app.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<ComponentTypeMetadata>() is not null && endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null)
            .Select(endpoint => Regex.Replace($"/{endpoint.RoutePattern.RawText!.TrimStart('/')}", @"\{[^}]+\}", "1"))
            .Distinct().Order(StringComparer.Ordinal).ToList();
        Assert.That(pages, Is.SupersetOf(app.Get<IEnumerable<CdpMonolith.Platform.Console.NavItem>>().Select(item => item.Href)));
        return [.. pages, "/?hours=168&show=all", "/people?q=ann", "/catalogue/event?type=track&name=Order%20Completed", "/plan/event", "/values/table?trait=city", "/plan/event?type=identify", "/segments/1?tab=log", "/segments/new?template=Blank", "/destinations/new?kind=webhook", "/destinations/new?kind=file", "/feeds/new?kind=folder", "/feeds/new?kind=https"];
    }

    private static async Task FillAsync(TestApp app)
    {
        using var owner = await app.UserAsync(Roles.Owner);
        var source = await CreatedAsync("/api/sources", new { name = "Web shop", kind = "website" });
        var calls = Enumerable.Range(0, 60).Select(n => new
        {
            type = n % 2 == 0 ? "identify" : "track", userId = $"customer-{n / 2}", anonymousId = $"browser-{n / 3}", @event = n % 7 == 0 ? null : "Order Completed",
            traits = new { name = $"Ann Thomassen-Rattanasawat {n}", email = $"a.very.long.address.of.somebody.{n / 2}@example.com", city = "Bergen" },
            properties = new { revenue = n * 3.5, currency = "EUR" },
            context = new { consent = new { categoryPreferences = new { newsletter = n % 4 > 0, personal_offers = true } } },
        });
        using (var sent = await app.Client.PostAsync(
            "/v1/batch", new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(new { batch = calls, writeKey = source.GetProperty("writeKey").GetString() }))))
        {
            Assert.That(sent.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        await CreatedAsync("/api/mappings", new { name = "Contacts of the CRM", header = new[] { "Customer number", "Email" }, map = "Customer number=ownId,Email=email", sourceId = 1 });
        await CreatedAsync("/api/feeds", new { name = "Contacts of the CRM, every night", kind = "https", place = "https://crm.invalid/exports/contacts.csv", cron = "0 0 2 * * ?", mappingId = 1, sourceId = 1 });
        using (var table = await owner.PutAsJsonAsync("/api/values/gender", new { values = new[] { new { value = "female", written = new[] { "F", "Woman" } } } }))
        {
            Assert.That(table.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        await app.CatchUpAsync();
        var rule = JsonElement.Parse("""
            {"version":1,"match":{"kind":"all","of":[
            {"kind":"event","event":"Order Completed","measure":"sum","property":"revenue","op":"gte","value":10,"window":{"kind":"last","amount":90,"unit":"days"}},
            {"kind":"any","of":[{"kind":"trait","trait":"city","op":"anyOf","values":["Oslo","Bergen"]},{"kind":"consent","purpose":"newsletter","channel":"email","status":"granted"}]}]}}
            """);
        await CreatedAsync("/api/segments", new { name = "Shoppers worth a call before the long autumn holidays", description = "For the campaign", rule });
        await CreatedAsync("/api/destinations", new { kind = "file", name = "Weekly list for the call centre", settings = new { format = "csv", everyMinutes = "0" } });
        var sync = await CreatedAsync("/api/syncs", new
        {
            name = "Shoppers to the call centre", segmentId = 1, destinationId = 1, purpose = "newsletter", channel = "email",
            traits = new[] { new { trait = "name", field = "FULL_NAME" } },
        });
        using var started = await owner.PostAsync($"/api/syncs/{sync.GetProperty("id").GetInt64()}/start", null);
        Assert.That(started.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await app.CatchUpAsync();

        async Task<JsonElement> CreatedAsync(string path, object body)
        {
            using var answer = await owner.PostAsJsonAsync(path, body);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Created), text);
            return JsonElement.Parse(text);
        }
    }
}
