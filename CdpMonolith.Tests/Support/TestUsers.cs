using System.Net;
using System.Security.Claims;
using System.Text.RegularExpressions;
using CdpMonolith.Platform.Accounts;
using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Playwright;

namespace CdpMonolith.Tests.Support;

/// <summary>People with each role, signed in over HTTP or in the browser.</summary>
internal static class TestUsers
{
    public const string Password = "seven quiet harbours";

    public static string EmailOf(string role) => $"{role}@people.example";

    /// <summary>Makes the account of a role, once.</summary>
    public static async Task<User> AddUserAsync(this TestApp app, string role)
    {
        var passwords = app.Get<Passwords>();
        var store = app.Get<IStore>();
        return await store.ReadAsync(read => UserTable.FindByEmail(read, EmailOf(role)), default)
            ?? (await store.WriteAsync(
                write =>
                {
                    var user = app.Get<Links>().NewUser(EmailOf(role), role);
                    user.PasswordHash = passwords.Hash(Password);
                    return UserTable.Add(write, user);
                }, default))!;
    }

    /// <summary>A client with the session of somebody with this role, and the antiforgery token that changes need.</summary>
    public static async Task<HttpClient> UserAsync(this TestApp app, string role)
    {
        var user = await app.AddUserAsync(role);
        var visitor = app.Visitor(out var cookies);
        using var answer = await visitor.PostFormAsync("/sign-in", "sign-in", new() { ["Form.Email"] = user.Email, ["Form.Password"] = Password });
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Found), "sign-in");

        using var scope = app.Get<IServiceScopeFactory>().CreateScope();
        var context = new DefaultHttpContext
        {
            RequestServices = scope.ServiceProvider,
            User = await scope.ServiceProvider.GetRequiredService<IUserClaimsPrincipalFactory<User>>().CreateAsync(user),
        };
        var tokens = scope.ServiceProvider.GetRequiredService<IAntiforgery>().GetTokens(context);
        var name = app.Get<IOptions<AntiforgeryOptions>>().Value.Cookie.Name!;
        cookies.Add(app.Address, new System.Net.Cookie(name, tokens.CookieToken, "/"));
        visitor.DefaultRequestHeaders.Add("RequestVerificationToken", tokens.RequestToken);
        return visitor;
    }

    /// <summary>A client with cookies of its own, not signed in.</summary>
    public static HttpClient Visitor(this TestApp app) => app.Visitor(out _);

    /// <summary>Fills a form of a page in, as a browser would, and sends it.</summary>
    public static async Task<HttpResponseMessage> PostFormAsync(
        this HttpClient client, string page, string form, Dictionary<string, string> fields)
    {
        var html = await client.GetStringAsync(page);
        var sent = new Dictionary<string, string>(fields)
        {
            ["_handler"] = form,
            ["__RequestVerificationToken"] = Regex.Match(html, "name=\"__RequestVerificationToken\" value=\"([^\"]+)\"").Groups[1].Value,
        };
        return await client.PostAsync(page, new FormUrlEncodedContent(sent));
    }

    /// <summary>A browser in which somebody with this role has just signed in and sees the page.</summary>
    public static async Task<IPage> PageAsync(
        this TestApp app, string role, string path, int width = 1440, int height = 900, bool dark = false)
    {
        var user = await app.AddUserAsync(role);
        var page = await Browser.OpenAsync(app.Address, width, height, dark);
        await page.GotoAsync($"/sign-in?returnUrl={Uri.EscapeDataString(path)}");
        await page.FillAsync("#email", user.Email);
        await page.FillAsync("#password", Password);
        await page.ClickAsync("button[type=submit]");
        await page.WaitForSelectorAsync(".shell h1, .shell h3");
        return page;
    }

    private static HttpClient Visitor(this TestApp app, out CookieContainer cookies)
    {
        cookies = new CookieContainer();
        return new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = app.Address };
    }
}
