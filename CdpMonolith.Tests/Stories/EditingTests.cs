using System.Net.Http.Json;
using System.Text.Json;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CdpMonolith.Tests.Stories;

/// <summary>Somebody edits by keyboard: the focus is always somewhere, and nothing that was typed is lost without a question.</summary>
public sealed class EditingTests
{
    [Test]
    public async Task In_a_planned_event_the_focus_goes_to_what_is_new_and_stays_near_what_is_gone()
    {
        await using var app = await TestApp.StartAsync();
        var page = await app.PageAsync(Roles.Admin, "/plan/event");
        await page.FillAsync("#plan-event", "Order Completed");
        await page.ClickAsync("#member-add");
        await Expect(page.Locator("#member-0")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("total");
        await page.ClickAsync("#member-add");
        await Expect(page.Locator("#member-1")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("currency");
        var remove = page.GetByRole(AriaRole.Button, new() { Name = "Remove this one" });
        await remove.First.PressAsync("Enter");
        await Expect(page.Locator("#member-0")).ToBeFocusedAsync();
        await Expect(page.Locator("#member-0")).ToHaveValueAsync("currency");
        await remove.First.PressAsync("Enter");
        await Expect(page.Locator("#member-add")).ToBeFocusedAsync();
    }

    [Test]
    public async Task A_changed_plan_is_left_only_after_a_question_and_a_saved_one_without()
    {
        await using var app = await TestApp.StartAsync();
        var page = await app.PageAsync(Roles.Admin, "/plan/event");
        await page.FillAsync("#plan-event", "Order Completed");
        await page.GetByRole(AriaRole.Link, new() { Name = "People" }).ClickAsync();
        var dialog = page.Locator(".rz-dialog");
        await Expect(dialog.GetByRole(AriaRole.Button, new() { Name = "Cancel" })).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(dialog).ToHaveCountAsync(0);
        await Expect(page.Locator("#plan-event")).ToHaveValueAsync("Order Completed");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await IsAtAsync(page, "/plan");

        await page.GetByRole(AriaRole.Link, new() { Name = "Order Completed" }).ClickAsync();
        await page.FillAsync("#plan-owner", "The shop");
        await page.GetByRole(AriaRole.Link, new() { Name = "People" }).ClickAsync();
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Leave" }).ClickAsync();
        await IsAtAsync(page, "/people");

        // Enter twice on what removes: the second one is no.
        await page.GotoAsync("/plan/event?type=track&name=Order%20Completed");
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove from the plan" }).PressAsync("Enter");
        await Expect(dialog.GetByRole(AriaRole.Button, new() { Name = "Cancel" })).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(dialog).ToHaveCountAsync(0);
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Remove from the plan" })).ToBeFocusedAsync();
    }

    [Test]
    public async Task In_a_table_of_values_the_focus_and_what_was_typed_are_kept_too()
    {
        await using var app = await TestApp.StartAsync();
        var page = await app.PageAsync(Roles.Marketer, "/values/table");
        await page.ClickAsync("#value-save");
        await Expect(page.Locator(".banner.bad")).ToContainTextAsync("trait");
        await page.FillAsync("#value-trait", "gender");
        await page.PressAsync("#value-trait", "Tab");
        await Expect(page.Locator(".banner.bad")).ToHaveCountAsync(0);
        await page.ClickAsync("#value-add");
        await Expect(page.Locator("#value-1")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("female");
        await page.Keyboard.PressAsync("Tab");
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove the value female" }).PressAsync("Enter");
        await Expect(page.Locator("#value-add")).ToBeFocusedAsync();
        await page.ClickAsync("text=Cancel");
        await Expect(page.Locator(".rz-dialog")).ToContainTextAsync("What you changed here would be lost.");
    }

    [Test]
    public async Task A_call_in_quarantine_that_was_changed_is_closed_only_after_a_question()
    {
        await using var app = await TestApp.StartAsync();
        using var owner = await app.UserAsync(Roles.Owner);
        foreach (var name in new[] { "Nettbutikk", "Till" })
        {
            using var made = await owner.PostAsJsonAsync("/api/sources", new { name, kind = "server" });
            var key = (await made.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("writeKey").GetString();
            using var sent = await app.Client.PostAsJsonAsync("/v1/track", new { writeKey = key, userId = "u-1", from = name });
        }

        var page = await app.PageAsync(Roles.Admin, "/quarantine");
        await Expect(page.Locator(".table tbody tr")).ToHaveCountAsync(2);
        await page.SelectOptionAsync("#quarantine-source", new SelectOptionValue { Label = "Till" });
        await IsAtAsync(page, "/quarantine?source=2");
        await Expect(page.Locator(".table tbody tr")).ToHaveCountAsync(1);
        await page.GetByRole(AriaRole.Button, new() { Name = "Open" }).ClickAsync();
        var body = page.Locator("#quarantine-body");
        await Expect(body).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Escape");
        await Expect(body).ToHaveCountAsync(0);

        await page.GetByRole(AriaRole.Button, new() { Name = "Open" }).ClickAsync();
        await Expect(body).ToBeFocusedAsync();
        var mended = (await body.InputValueAsync()).Replace("\"userId\"", "\"event\": \"Paid\", \"userId\"", StringComparison.Ordinal);
        await body.FillAsync(mended);
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.GetByText("What you changed here would be lost.")).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).Last).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByText("What you changed here would be lost.")).ToHaveCountAsync(0);
        await Expect(body).ToHaveValueAsync(mended);
        await Expect(body).ToBeFocusedAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Replay", Exact = true }).ClickAsync();
        await Expect(page.GetByText("The call is an event now.")).ToBeVisibleAsync();
        await Expect(page.Locator(".table tbody tr")).ToHaveCountAsync(0);
    }

    [Test]
    public async Task Escape_closes_the_menu_of_the_account_and_gives_the_focus_back()
    {
        await using var app = await TestApp.StartAsync();
        var page = await app.PageAsync(Roles.Viewer, "/");
        await page.Locator("details.menu > summary").PressAsync("Enter");
        await Expect(page.Locator(".menu-panel")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator(".menu-panel")).ToBeHiddenAsync();
        await Expect(page.Locator("details.menu > summary")).ToBeFocusedAsync();
    }

    private static Task IsAtAsync(IPage page, string address) =>
        Expect(page).ToHaveURLAsync(new Uri(new Uri(page.Url), address).ToString(), new() { Timeout = 15_000 });
}
