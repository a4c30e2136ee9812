using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.Playwright;

namespace CdpMonolith.Tests.Stories;

/// <summary>A webhook of some tool comes, an administrator says by mouse what its fields mean, and it becomes events.</summary>
public sealed class WebhookByMouseTests
{
    [Test]
    public async Task Fields_are_picked_from_a_received_webhook_and_it_is_mapped_again()
    {
        _ = Browser.Path;
        await using var app = await TestApp.StartAsync();
        var source = (await app.Get<Sources>().CreateAsync(Actor.System, "Form tool", SourceKind.Webhook, default)).Value;
        using var sent = await app.Client.PostAsync(
            $"/hooks/{source.WriteKey}", new StringContent("""{"form":"Contact","person":{"mail":"eva@example.com","plan":"gold"},"score":9}"""));
        var page = await app.PageAsync(Roles.Owner, $"/sources/{source.Id}");
        await Assertions.Expect(page.Locator("#hook-calls")).ToContainTextAsync("Nobody has said yet");

        await page.GetByLabel("form", new() { Exact = true }).SelectOptionAsync("Event");
        await page.GetByLabel("person.mail").SelectOptionAsync("Email");
        await page.GetByLabel("score", new() { Exact = true }).SelectOptionAsync("Property");
        await Assertions.Expect(page.Locator(".card", new() { HasText = "As it would be stored" })).ToContainTextAsync("\"event\": \"Contact\"");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save the mapping" }).ClickAsync();
        await Assertions.Expect(page.GetByText("mapped so")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Map 1 again" }).ClickAsync();
        await Eventually.SeeAsync(() => Task.FromResult(app.Get<IEventLog>().Read(0, 10).Count == 2 ? "both" : null), TimeSpan.FromSeconds(20));
        Assert.That(app.Get<IEventLog>().Read(0, 10)[1].Name, Is.EqualTo("Contact"));
        await Assertions.Expect(page.Locator("#hook-calls")).ToContainTextAsync("Events");
        await page.Context.CloseAsync();
    }
}
