using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using CdpMonolith.Platform.Accounts;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using CdpMonolith.Tests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Tests.Platform;

/// <summary>Who gets in, over real HTTP.</summary>
public sealed class WebTests
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    /// <summary>All that may be reached without signing in; anything else is a mistake or belongs into this list with a reason.</summary>
    private static readonly string[] OpenToAll =
    [
        "/v1/", "/api/s/", "/beacon/v1/", "/pixel/v1/", "/sourceConfig", "/rsaMetrics", // senders, by write key
        "/s/", "/analytics.js/", // the script of websites
        "/f/",           // who fills in a form
        "/hooks/",       // shops, by write key and signature
        "/version",
        "/health",       // watchdogs
        "/robots.txt",
        "/sign-in", "/setup", "/invitation", "/reset",
        "/preferences",  // people with a link of their own
    ];

    [Test]
    public void Every_endpoint_names_its_policy_or_is_open_on_purpose()
    {
        var loose = Endpoints()
            .Where(endpoint => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null
                ? !IsOpen(endpoint) && !IsAsset(endpoint)
                : !endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(data => Policies.All.Contains(data.Policy)) && !IsBlazor(endpoint))
            .Select(endpoint => $"{endpoint.DisplayName} {endpoint.RoutePattern.RawText}");
        Assert.That(loose, Is.Empty);
    }

    [Test]
    public async Task What_is_not_there_is_told_with_a_code()
    {
        using var owner = await _app.UserAsync(Roles.Owner);
        foreach (var (path, code) in new[]
        {
            ("/api/catalogue/event?name=Nothing", "catalogue.event_unknown"), ("/api/plan/draft?name=Nothing", "catalogue.event_unknown"), ("/api/sources/999/browser", "source.unknown"),
            ("/api/sources/999/webhook", "source.unknown"), ("/api/sources/999/form", "source.unknown"), ("/api/consent-texts/none", "consent_text.unknown"),
            ("/api/imports/999", "import.unknown"), ("/api/imports/999/undo", "undo.unknown"), ("/api/imports/999/rejected.csv", "import.unknown"),
            ("/api/values/none", "values.unknown"), ("/api/values/none/csv", "values.unknown"),
        })
        {
            using var answer = await owner.GetAsync(path);
            Assert.That((answer.StatusCode, answer.Content.Headers.ContentType?.MediaType), Is.EqualTo((HttpStatusCode.NotFound, "application/problem+json")), path);
            Assert.That((await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(), Is.EqualTo(code), path);
        }
    }

    [Test]
    public void The_page_of_the_API_lists_every_endpoint_with_its_policy()
    {
        var there = Endpoints()
            .Where(endpoint => endpoint.RoutePattern.RawText!.TrimStart('/').StartsWith("api/", StringComparison.Ordinal) && endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null)
            .SelectMany(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method =>
                $"{method} /{endpoint.RoutePattern.RawText!.Trim('/').Replace(":long", "", StringComparison.Ordinal)} {endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>()[^1].Policy}"));
        var listed = Regex.Matches(File.ReadAllText(Repo.Path("docs", "api.md")), @"^\| ([A-Z]+) \| `([^`]+)` \| (\w+) \|", RegexOptions.Multiline)
            .Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value} {row.Groups[3].Value}");
        Assert.That(listed, Is.EquivalentTo(there));
    }

    [Test]
    public void Every_job_and_stage_has_a_name_for_people()
    {
        var names = _app.Get<CdpMonolith.Platform.Console.WorkNames>();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_app.Get<IEnumerable<CdpMonolith.Platform.Jobs.IJob>>().Select(job => job.Name).Where(name => names.Job(name) == name), Is.Empty);
            Assert.That(_app.Get<IEnumerable<CdpMonolith.Platform.Logs.IStage>>().Select(stage => stage.Name).Where(name => names.Stage(name) == name), Is.Empty);
        }
    }

    [Test]
    public async Task Each_role_reaches_the_pages_of_its_policies_and_no_other()
    {
        var pages = Endpoints().Where(endpoint => endpoint.Metadata.GetMetadata<Microsoft.AspNetCore.Components.Endpoints.ComponentTypeMetadata>() is not null)
            .Select(endpoint => (Path: Fill(endpoint), Policy: endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().LastOrDefault()?.Policy))
            .Where(page => page.Policy is not null).Distinct().ToList();
        Assert.That(pages, Has.Count.GreaterThan(3));
        var wrong = new List<string>();
        foreach (var role in Roles.All)
        {
            using var client = await _app.UserAsync(role);
            client.DefaultRequestHeaders.Add("Accept", "text/html");
            foreach (var page in pages)
            {
                using var answer = await client.GetAsync(page.Path);
                var let = answer.StatusCode == HttpStatusCode.OK;
                var denied = answer.StatusCode == HttpStatusCode.Found && answer.Headers.Location!.ToString().Contains("/access-denied");
                if (Policies.RolesOf(page.Policy!).Contains(role) ? !let : !denied)
                {
                    wrong.Add($"{role} {page.Path} {(int)answer.StatusCode}");
                }
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    [TestCase("/")]
    [TestCase("/users")]
    [TestCase("/no/such/page")]
    public async Task A_stranger_is_led_to_the_sign_in(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Accept", "text/html");
        using var answer = await _app.Client.SendAsync(request);
        Assert.That((answer.StatusCode, answer.Headers.Location?.PathAndQuery), Is.EqualTo((HttpStatusCode.Found, $"/sign-in?returnUrl={Uri.EscapeDataString(path)}")));
    }

    [Test]
    public async Task A_program_without_a_session_is_told_so_in_json()
    {
        using var answer = await _app.Client.GetAsync("/api/stages");
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That((answer.StatusCode, body.GetProperty("code").GetString()), Is.EqualTo((HttpStatusCode.Unauthorized, "sign_in.needed")));
        using var viewer = await _app.UserAsync(Roles.Viewer);
        using var denied = await viewer.GetAsync("/api/stages");
        Assert.That(denied.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [TestCase("//evil.example", "/")]
    [TestCase("https:evil.example", "/")]
    [TestCase("\\\\evil.example", "/")]
    [TestCase("/\\evil.example", "/")]
    [TestCase("/a\t/evil.example", "/")]
    [TestCase("/people?q=ann", "/people?q=ann")]
    public async Task After_the_sign_in_one_stays_here(string wanted, string led)
    {
        await _app.AddUserAsync(Roles.Viewer);
        using var visitor = _app.Visitor();
        using var answer = await visitor.PostFormAsync(
            $"/sign-in?returnUrl={Uri.EscapeDataString(wanted)}", "sign-in",
            new() { ["Form.Email"] = TestUsers.EmailOf(Roles.Viewer), ["Form.Password"] = TestUsers.Password });
        Assert.That(new Uri(_app.Address, answer.Headers.Location!), Is.EqualTo(new Uri(_app.Address, led)));
        Assert.That(LocalAddress.Of(wanted), Is.EqualTo(led));
    }

    [Test]
    public async Task The_sessions_cookie_is_out_of_reach_of_scripts_and_other_sites()
    {
        await _app.AddUserAsync(Roles.Viewer);
        using var visitor = _app.Visitor();
        using var answer = await visitor.PostFormAsync(
            "/sign-in", "sign-in", new() { ["Form.Email"] = TestUsers.EmailOf(Roles.Viewer), ["Form.Password"] = TestUsers.Password });
        var cookie = answer.Headers.GetValues("Set-Cookie").Single(value => value.StartsWith("cdp=", StringComparison.Ordinal)).ToLowerInvariant();
        Assert.That(cookie, Does.Contain("httponly").And.Contain("samesite=lax").And.Contain("path=/").And.Not.Contain("expires"));
    }

    [Test]
    public async Task A_wrong_password_shows_the_form_again_and_no_cookie()
    {
        await _app.AddUserAsync(Roles.Viewer);
        using var visitor = _app.Visitor();
        using var answer = await visitor.PostFormAsync(
            "/sign-in", "sign-in", new() { ["Form.Email"] = TestUsers.EmailOf(Roles.Viewer), ["Form.Password"] = "wrong password" });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(await answer.Content.ReadAsStringAsync(), Does.Contain("not right").And.Not.Contain("wrong password"));
            Assert.That(answer.Headers.TryGetValues("Set-Cookie", out var set) && set.Any(value => value.StartsWith("cdp=", StringComparison.Ordinal)), Is.False);
        }
    }

    [Test]
    public async Task A_session_ends_at_the_next_request_when_the_role_changes()
    {
        using var analyst = await _app.UserAsync(Roles.Analyst);
        Assert.That((await analyst.GetAsync("/account")).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var user = await _app.AddUserAsync(Roles.Analyst);
        var owner = await _app.AddUserAsync(Roles.Owner);
        await _app.Get<UserAdministration>().SignOutEverywhereAsync(new Actor(owner.Id, owner.Email), user.Id, default);
        Assert.That((await analyst.GetAsync("/account")).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task A_change_with_a_cookie_needs_the_token_and_an_own_origin()
    {
        using var owner = await _app.UserAsync(Roles.Owner);
        await _app.AddUserAsync(Roles.Viewer);
        var body = new { email = TestUsers.EmailOf(Roles.Viewer) };
        using var fine = await owner.PostAsJsonAsync("/api/users/reset-link", body);
        Assert.That(fine.StatusCode, Is.EqualTo(HttpStatusCode.OK), await fine.Content.ReadAsStringAsync());

        using var foreign = new HttpRequestMessage(HttpMethod.Post, "/api/users/reset-link") { Content = JsonContent.Create(body) };
        foreign.Headers.Add("Origin", "https://evil.example");
        Assert.That((await owner.SendAsync(foreign)).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        foreach (var (site, status) in new[] { ("cross-site", HttpStatusCode.Forbidden), ("same-site", HttpStatusCode.Forbidden), ("same-origin", HttpStatusCode.OK) })
        {
            using var told = new HttpRequestMessage(HttpMethod.Post, "/api/users/reset-link") { Content = JsonContent.Create(body) };
            told.Headers.Add("Origin", "null");
            told.Headers.Add("Sec-Fetch-Site", site);
            Assert.That((await owner.SendAsync(told)).StatusCode, Is.EqualTo(status), site);
        }

        owner.DefaultRequestHeaders.Remove("RequestVerificationToken");
        foreach (var content in new HttpContent[] { JsonContent.Create(body), new StringContent(JsonSerializer.Serialize(body)), new FormUrlEncodedContent([]) })
        {
            using var answer = await owner.PostAsync("/api/users/reset-link", content);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        }

        using var signOut = await owner.PostAsync("/sign-out", new FormUrlEncodedContent([]));
        Assert.That(signOut.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task A_foreign_page_cannot_open_the_consoles_socket()
    {
        using var owner = await _app.UserAsync(Roles.Owner);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/_blazor");
        request.Headers.Add("Origin", "https://evil.example");
        request.Headers.Add("Connection", "Upgrade");
        request.Headers.Add("Upgrade", "websocket");
        Assert.That((await owner.SendAsync(request)).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((await _app.Client.PostAsync("/_blazor/negotiate", null)).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [TestCase("/sign-in")]
    [TestCase("/health")]
    [TestCase("/app.css")]
    [TestCase("/api/stages")]
    public async Task Every_answer_tells_browsers_what_to_refuse(string path)
    {
        using var answer = await _app.Client.GetAsync(path);
        var policy = answer.Headers.GetValues("Content-Security-Policy").Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(policy, Does.Contain("default-src 'none'").And.Contain("frame-ancestors 'none'").And.Not.Contain("unsafe-eval"));
            Assert.That(policy.Split(';').Single(part => part.Trim().StartsWith("script-src ", StringComparison.Ordinal)), Does.Not.Contain("unsafe-inline"));
            Assert.That(answer.Headers.GetValues("X-Content-Type-Options"), Is.EqualTo(new[] { "nosniff" }));
            Assert.That(answer.Headers.GetValues("Referrer-Policy"), Is.EqualTo(new[] { "no-referrer" }));
            Assert.That(answer.Headers.GetValues("Cross-Origin-Opener-Policy"), Is.EqualTo(new[] { "same-origin" }));
            Assert.That(answer.Headers.Contains("Server"), Is.False);
            Assert.That(answer.Headers.Contains("Access-Control-Allow-Origin"), Is.False);
        }
    }

    [Test]
    public async Task What_a_session_sees_is_not_kept_by_browsers()
    {
        using var owner = await _app.UserAsync(Roles.Owner);
        foreach (var path in new[] { "/account", "/api/stages" })
        {
            using var answer = await owner.GetAsync(path);
            Assert.That(answer.Headers.CacheControl?.NoStore, Is.True, path);
        }
    }

    [Test]
    public async Task Health_answers_anybody()
    {
        using var answer = await _app.Client.GetAsync("/health");
        Assert.That((answer.StatusCode, await answer.Content.ReadAsStringAsync()), Is.EqualTo((HttpStatusCode.OK, "ok")));
    }

    [Test]
    public async Task Signing_out_ends_the_session_and_is_recorded()
    {
        using var marketer = await _app.UserAsync(Roles.Marketer);
        using var answer = await marketer.PostAsync("/sign-out", new FormUrlEncodedContent([KeyValuePair.Create("returnUrl", "//evil.example")]));
        Assert.That((answer.StatusCode, answer.Headers.Location?.ToString()), Is.EqualTo((HttpStatusCode.Found, "/sign-in")));
        Assert.That((await marketer.GetAsync("/account")).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(
            (await _app.Get<IAudit>().ReadAsync(long.MaxValue, 5, "signed_out", default)).First().Actor, Is.EqualTo(TestUsers.EmailOf(Roles.Marketer)));
    }

    private List<RouteEndpoint> Endpoints() =>
        [.. _app.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Where(endpoint => endpoint.RoutePattern.RawText is not null)];

    private static bool IsOpen(RouteEndpoint endpoint) =>
        OpenToAll.Any(open => ("/" + endpoint.RoutePattern.RawText!.TrimStart('/')).StartsWith(open, StringComparison.Ordinal));

    private static bool IsAsset(RouteEndpoint endpoint) =>
        endpoint.Metadata.Any(data => data.GetType().Name is "StaticAssetDescriptor");

    /// <summary>The circuit's own routes fall under "signed in"; its pages have their policies.</summary>
    private static bool IsBlazor(RouteEndpoint endpoint) =>
        endpoint.RoutePattern.RawText!.TrimStart('/') is var path
        && (path.StartsWith("_blazor", StringComparison.Ordinal) || path.StartsWith("_framework", StringComparison.Ordinal) || path.StartsWith("{**path", StringComparison.Ordinal));

    /// <summary>The route with something in each place.</summary>
    private static string Fill(RouteEndpoint endpoint) =>
        "/" + string.Join('/', endpoint.RoutePattern.PathSegments.Select(segment =>
            string.Concat(segment.Parts.Select(part => part is Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal ? literal.Content : "1"))));
}

/// <summary>The first start, over real HTTP.</summary>
public sealed class SetUpTests
{
    [Test]
    public async Task The_owner_is_made_by_the_printed_link_and_is_signed_in_and_stays_so_over_a_restart()
    {
        using var folder = new TempFolder();
        var cookies = new CookieContainer();
        await using (var app = await TestApp.StartAsync(folder: folder))
        {
            var link = await app.Get<ISetUp>().LinkAsync(app.Address.ToString(), default);
            using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = app.Address };
            using var refused = await client.PostFormAsync(new Uri(link!).PathAndQuery, "choose-password", new() { ["Form.Email"] = "kari@example.no", ["Form.Password"] = "1234567890" });
            Assert.That(await refused.Content.ReadAsStringAsync(), Does.Contain("among the first"));
            using var made = await client.PostFormAsync(new Uri(link!).PathAndQuery, "choose-password", new() { ["Form.Email"] = "kari@example.no", ["Form.Password"] = TestUsers.Password });
            Assert.That(made.StatusCode, Is.EqualTo(HttpStatusCode.Found), await made.Content.ReadAsStringAsync());
            Assert.That((await client.GetAsync("/users")).StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(await client.GetStringAsync(new Uri(link!).PathAndQuery), Does.Contain("does not work"));
        }

        await using var again = await TestApp.StartAsync(folder: folder);
        using var still = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = again.Address };
        Assert.That((await still.GetAsync("/users")).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await again.Get<ISetUp>().LinkAsync(again.Address.ToString(), default), Is.Null);
    }

    [Test]
    public async Task Before_there_is_an_owner_nobody_gets_in_without_the_link()
    {
        await using var app = await TestApp.StartAsync();
        using var visitor = app.Visitor();
        Assert.That(await visitor.GetStringAsync("/sign-in"), Does.Contain("There is no owner yet"));
        Assert.That(await visitor.GetStringAsync("/setup"), Does.Contain("does not work"));
        using var posted = await visitor.PostAsync("/setup", new FormUrlEncodedContent([KeyValuePair.Create("Form.Email", "eve@example.no")]));
        Assert.That(posted.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }
}

/// <summary>What only a browser shows.</summary>
public sealed class BrowserTests
{
    [Test]
    public async Task Somebody_signs_in_sees_a_page_without_one_refused_script_and_the_program_stops_at_once()
    {
        var refused = new List<string>();
        var stopped = TimeSpan.Zero;
        await using (var app = await TestApp.StartAsync())
        {
            var user = await app.AddUserAsync(Roles.Owner);
            var page = await Browser.OpenAsync(app.Address);
            page.Console += (_, message) =>
            {
                if (message.Text.Contains("Content Security Policy", StringComparison.Ordinal))
                {
                    refused.Add(message.Text);
                }
            };
            await page.GotoAsync("/users");
            await page.FillAsync("#email", user.Email);
            await page.FillAsync("#password", TestUsers.Password);
            await page.ClickAsync("button[type=submit]");
            await page.Locator("table").GetByText(user.Email).WaitForAsync();
            Assert.That(new Uri(page.Url).AbsolutePath, Is.EqualTo("/users"));
            stopped = TimeProvider.System.GetElapsedTime(0);
        }

        stopped = TimeProvider.System.GetElapsedTime(0) - stopped;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(refused, Is.Empty);
            Assert.That(stopped, Is.LessThan(TimeSpan.FromSeconds(20)), "the host gives up waiting after 30 seconds");
        }
    }
}
