using System.Text;
using System.Text.RegularExpressions;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CdpMonolith.Tests.Stories;

/// <summary>An administrator imports a list once, saves how, and has the next ones brought in from a folder.</summary>
public sealed class FeedByMouseTests
{
    private const string Header = "ContactId,Email,Name\n";
    private TempFolder _drop = null!;
    private TestApp _app = null!;

    [SetUp]
    public async Task Start()
    {
        _drop = new TempFolder("sqlite");
        Directory.CreateDirectory(_drop.PathOf("crm"));
        _app = await TestApp.StartAsync(args: [$"--Feeds:Root={_drop.Path}", "--Feeds:StableSeconds=1"]);
    }

    [TearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        _drop.Dispose();
    }

    [Test]
    public async Task A_mapping_is_saved_with_a_first_import_and_a_folder_brings_in_the_rest()
    {
        var page = await _app.PageAsync(Roles.Owner, "/imports/new");
        await page.SetInputFilesAsync("#import-file", FileOf($"{Header}1,ann@example.com,Ann\n"));
        await page.Locator(".save-mapping summary").ClickAsync();
        await page.FillAsync("#mapping-save-name", "CRM contacts");
        await page.PressAsync("#mapping-save-name", "Tab");
        await page.ClickAsync("#mapping-save");
        await Expect(page.GetByText("The mapping “CRM contacts” is saved.")).ToBeVisibleAsync();
        await page.ClickAsync("#import-run");
        await Expect(page.Locator("#import-state")).ToHaveAttributeAsync("data-state", "Done");

        // Nearly the same columns: it is offered, and fills them in.
        await page.GotoAsync("/imports/new");
        await page.SetInputFilesAsync("#import-file", FileOf("ContactId,Email,Name,Shoe size\n2,bob@example.com,Bob,44\n"));
        await page.SelectOptionAsync("#column-1-to", "Trait");
        await page.GetByRole(AriaRole.Button, new() { Name = "CRM contacts" }).ClickAsync();
        await Expect(page.Locator("#column-1-to")).ToHaveValueAsync("Email");
        await Expect(page.Locator("#column-3-to")).ToHaveValueAsync("Ignore");

        await page.GotoAsync("/feeds");
        await page.GetByRole(AriaRole.Link, new() { Name = "Watched folder" }).ClickAsync();
        await page.FillAsync("#feed-name", "Contacts of the CRM");
        await page.FillAsync("#feed-place", "../etc");
        await page.SelectOptionAsync("#feed-mapping", new SelectOptionValue { Label = "CRM contacts" });
        await page.SelectOptionAsync("#feed-source", new SelectOptionValue { Index = 1 });
        await page.ClickAsync("#feed-save");
        await Expect(page.Locator(".problem")).ToContainTextAsync("below the root");
        await page.FillAsync("#feed-place", "crm");
        await page.PressAsync("#feed-place", "Tab");
        await page.ClickAsync("#feed-save");
        await Expect(page.Locator("#feed-state")).ToHaveAttributeAsync("data-state", "on");

        await File.WriteAllTextAsync(Path.Combine(_drop.PathOf("crm"), "monday.csv"), $"{Header}2,bob@example.com,Bob\n3,cid@example.com,Cid\n");
        await page.ClickAsync("#feed-run");
        await Expect(page.Locator("#feed-taken")).ToHaveTextAsync("1", new() { Timeout = 15_000 });
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "monday.csv" })).ToBeVisibleAsync();

        await File.WriteAllTextAsync(Path.Combine(_drop.PathOf("crm"), "tuesday.csv"), "ContactId,Mail,Name\n4,dee@example.com,Dee\n");
        await page.ClickAsync("#feed-run");
        await Expect(page.Locator("#feed-state")).ToHaveAttributeAsync("data-state", "stopped", new() { Timeout = 15_000 });
        await Expect(page.Locator(".banner.bad")).ToContainTextAsync("'Email' are missing, 'Mail' are new");

        // The mapping learns the new column, and the feed goes on with the very file that stopped it.
        await page.GetByRole(AriaRole.Link, new() { Name = "Look at the mapping" }).ClickAsync();
        await page.Locator(".save-mapping summary").ClickAsync();
        await page.FillAsync("#mapping-header", "ContactId\nMail\nName");
        await page.PressAsync("#mapping-header", "Tab");
        await page.SelectOptionAsync("#column-1-to", "Email");
        await page.ClickAsync("#mapping-keep");
        await Expect(page.GetByText("The mapping “CRM contacts” is saved.")).ToBeVisibleAsync();
        await page.GotoAsync("/feeds/1");
        await page.ClickAsync("#feed-resume");
        await Expect(page.Locator("#feed-taken")).ToHaveTextAsync("2", new() { Timeout = 15_000 });

        // Who brought a file in is told by the feed's name, in the list and on the import.
        await page.GotoAsync("/imports");
        await page.GetByRole(AriaRole.Link, new() { Name = "monday.csv" }).ClickAsync();
        await page.Locator(".facts").GetByRole(AriaRole.Link, new() { Name = "Feed Contacts of the CRM" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(new Regex("/feeds/1$"));
        await page.GotoAsync("/imports");
        await page.GetByRole(AriaRole.Link, new() { Name = "Feed Contacts of the CRM" }).First.ClickAsync();
        await page.ClickAsync("#feed-delete");
        await page.Locator(".rz-dialog").GetByRole(AriaRole.Button, new() { Name = "Delete the feed" }).ClickAsync();
        await Expect(page.GetByText("No feed yet")).ToBeVisibleAsync();
        await page.GotoAsync("/imports");
        await Expect(page.GetByText("Feed 1, deleted since").First).ToBeVisibleAsync();
        Assert.That(() => _app.Get<IEventLog>().Read(0, 10).Count, Is.EqualTo(4).After(15_000, 50));
    }

    private static FilePayload FileOf(string content) => new() { Name = "contacts.csv", MimeType = "text/csv", Buffer = Encoding.UTF8.GetBytes(content) };
}
