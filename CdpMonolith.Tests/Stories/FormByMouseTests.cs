using System.Net;
using CdpMonolith.Commands;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;

namespace CdpMonolith.Tests.Stories;

/// <summary>An administrator makes a form by mouse; a visitor fills it in on a website of another origin and becomes a person with consent.</summary>
public sealed class FormByMouseTests
{
    [Test]
    public async Task A_form_is_made_put_on_a_website_and_answered()
    {
        _ = Browser.Path;
        await using var app = await TestApp.StartAsync();
        var source = (await app.Get<Sources>().CreateAsync(Actor.System, "After the visit", SourceKind.Form, default)).Value;
        var editor = await app.PageAsync(Roles.Owner, $"/sources/{source.Id}");
        await editor.GetByRole(AriaRole.Button, new() { Name = "Add a question" }).ClickAsync();
        await editor.GetByLabel("Question 4").FillAsync("Which town do you live in?");
        await editor.Locator("#keep-3").SelectOptionAsync("trait");
        await editor.Locator("#trait-3").FillAsync("town");
        await editor.GetByRole(AriaRole.Button, new() { Name = "Publish form" }).ClickAsync();
        var embed = editor.Locator("#form-embed");
        await Assertions.Expect(embed).ToContainTextAsync("<iframe");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var site = builder.Build();
        var tag = await embed.InnerTextAsync();
        site.MapGet("/", () => Results.Content($"<!doctype html><title>Club</title><h1>Club</h1>{tag}", "text/html"));
        await site.StartAsync();

        var visitor = await Browser.OpenAsync(new Uri(ServeCommand.AddressOf(site)));
        await visitor.GotoAsync("/");
        var form = visitor.FrameLocator("iframe");
        await form.GetByLabel("Your e-mail address").FillAsync("eva@example.com");
        await form.GetByRole(AriaRole.Button, new() { Name = "Send" }).ClickAsync();
        await Assertions.Expect(form.Locator("body")).ToContainTextAsync("Thank you.");

        await visitor.GotoAsync("/");
        await form.GetByLabel("Your e-mail address").FillAsync("eva");
        await form.GetByRole(AriaRole.Radio, new() { Name = "9", Exact = true }).CheckAsync();
        await form.GetByLabel("Which town do you live in?").FillAsync("Bergen");
        await form.GetByLabel("Yes, send me news").CheckAsync();
        await form.GetByRole(AriaRole.Button, new() { Name = "Send" }).ClickAsync();
        await Assertions.Expect(form.Locator(".fault")).ToContainTextAsync("not an e-mail address");
        await form.GetByLabel("Your e-mail address").FillAsync("eva@example.com");
        await form.GetByRole(AriaRole.Button, new() { Name = "Send" }).ClickAsync();
        await Assertions.Expect(form.Locator("body")).ToContainTextAsync("Thank you.");

        await Assertions.Expect(editor.Locator("#form-answers")).ToContainTextAsync("Net promoter score +100");
        var person = await Eventually.SeeAsync(
            () => app.Get<IProfiles>().FindAsync(new Identifier("email", "eva@example.com"), default), TimeSpan.FromSeconds(20));
        var answer = await Eventually.SeeAsync(
            () => Task.FromResult(app.Get<IConsent>().MayReach([person.ProfileId], "newsletter", Channels.Email)[person.ProfileId] is { Allowed: true } allowed ? allowed : null),
            TimeSpan.FromSeconds(20));
        Assert.That(answer.RecordSeq, Is.Not.Null);
        await visitor.Context.CloseAsync();
        await editor.Context.CloseAsync();
    }
}
