using System.Text;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CdpMonolith.Tests.Stories;

/// <summary>An analyst brings in a list of the CRM with the mouse, looks at what was refused, mends it and brings that in.</summary>
public sealed class ImportByMouseTests
{
    private const string Contacts = """
        ContactId;FirstName;Email;MobilePhone;HasOptedOutOfEmail;CreatedDate
        003A;Kari;kari@example.no;+47 976 42 885;0;24.02.2024 04:03
        003B;Wati;wati@example.id;;1;18.03.2024 11:34
        003C;Worawut;worawut-at-example.th;;0;15.06.2024 00:53
        003D;Ann;ann@example.com;;0;16.06.2024 10:00

        """;

    private TestApp _app = null!;

    [SetUp]
    public async Task Start() => _app = await TestApp.StartAsync();

    [TearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task A_list_is_dropped_in_looked_at_and_run_and_its_rejected_rows_come_back_as_a_file()
    {
        var page = await _app.PageAsync(Roles.Owner, "/imports");
        await page.GetByRole(AriaRole.Link, new() { Name = "Import a file" }).ClickAsync();
        await page.SetInputFilesAsync("#import-file", FileOf("crm_contacts.csv", Contacts));

        // Everything is filled in: what each column is, a new source named like the file, and a row that cannot be taken.
        await Expect(page.Locator("#import-source-name")).ToHaveValueAsync("crm contacts");
        await Expect(page.Locator("#column-0-to")).ToHaveValueAsync("OwnId");
        await Expect(page.Locator("#column-2-to")).ToHaveValueAsync("Email");
        await Expect(page.Locator("#column-4-to")).ToHaveValueAsync("Consent");
        await Expect(page.Locator("#column-4-inverted")).ToBeCheckedAsync();
        await Expect(page.Locator("#preview-summary")).ToContainTextAsync("1 of the first 4 rows cannot be taken");
        await Expect(page.Locator(".preview .wrong")).ToContainTextAsync("worawut-at-example.th");

        await page.SelectOptionAsync("#column-5-to", "Trait");
        await page.FillAsync("#column-5-name", "customerSince");
        await page.PressAsync("#column-5-name", "Tab");
        await page.SelectOptionAsync("#column-5-type", "Date");
        await Expect(page.Locator(".preview thead")).ToContainTextAsync("customerSince");
        await Expect(page.Locator(".preview tbody tr").First).ToContainTextAsync("2024-02-24T04:03:00.000Z");
        await page.ClickAsync("#import-run");

        await Expect(page.Locator("#import-state")).ToHaveAttributeAsync("data-state", "Done");
        await Expect(StatOf(page, "Calls stored")).ToHaveTextAsync("3");
        await Expect(StatOf(page, "Rows rejected")).ToHaveTextAsync("1");
        var download = await page.RunAndWaitForDownloadAsync(() => page.ClickAsync("#import-rejects"));
        var rejected = await File.ReadAllTextAsync(await download.PathAsync());
        Assert.That(rejected.TrimStart('\uFEFF').Split("\n", StringSplitOptions.TrimEntries), Is.EqualTo(new[]
        {
            "rejected_row,rejected_reason,rejected_column,rejected_message,ContactId,FirstName,Email,MobilePhone,HasOptedOutOfEmail,CreatedDate",
            "3,email.malformed,Email,This is not an e-mail address.,003C,Worawut,worawut-at-example.th,,0,15.06.2024 00:53",
            "",
        }));
        Assert.That(
            Encoding.UTF8.GetString(_app.Get<IEventLog>().Read(0, 10)[1].Body),
            Does.Contain("\"status\":\"denied\"").And.Contain("\"customerSince\":\"2024-03-18T11:34:00.000Z\"").And.Contain("\"firstName\":\"Wati\""));

        // The mended rest goes into the same source; its extra columns are left out.
        await page.GotoAsync("/imports/new");
        await page.SetInputFilesAsync("#import-file", FileOf("mended.csv", rejected.Replace("worawut-at-", "worawut@", StringComparison.Ordinal)));
        await Expect(page.Locator("#preview-summary")).ToContainTextAsync("All of the first 1 rows can be taken");
        await page.SelectOptionAsync("#import-source", new SelectOptionValue { Label = "crm contacts" });
        await page.ClickAsync("#import-run");
        await Expect(page.Locator("#import-state")).ToHaveAttributeAsync("data-state", "Done");
        await Expect(StatOf(page, "Calls stored")).ToHaveTextAsync("1");

        // The first file again, as it was mapped then: nothing changes.
        await page.GotoAsync("/imports/new");
        await page.SetInputFilesAsync("#import-file", FileOf("crm_contacts.csv", Contacts));
        await Expect(page.Locator(".step .banner")).ToContainTextAsync("imported before");
        await Expect(page.Locator("#column-5-name")).ToHaveValueAsync("customerSince");
        await page.SelectOptionAsync("#import-source", new SelectOptionValue { Label = "crm contacts" });
        await page.ClickAsync("#dry-run-start");
        await Expect(StatOf(page, "Rows already there")).ToHaveTextAsync("3");
        await page.ClickAsync("#import-run");
        await Expect(page.Locator("#import-state")).ToHaveAttributeAsync("data-state", "Done");
        await Expect(StatOf(page, "Calls stored")).ToHaveTextAsync("0");
        await Expect(StatOf(page, "Already there")).ToHaveTextAsync("3");
        Assert.That(_app.Get<IEventLog>().Read(0, 100), Has.Count.EqualTo(4));
    }

    [Test]
    public async Task Lines_of_orders_are_seen_as_such_tried_run_and_taken_back()
    {
        const string Lines = "Order No,Email,Order Date,Product Name,Qty,Unit Price\n1001,ann@example.com,02/01/2026,Cup,2,4.50\n1001,,,Tea,1,3.00\n1002,bob@example.com,13/01/2026,Cup,1,4.50\n";
        var page = await _app.PageAsync(Roles.Owner, "/imports/new");
        await page.SetInputFilesAsync("#import-file", FileOf("lines.csv", Lines));
        await Expect(page.Locator("#column-0-to")).ToHaveValueAsync("OrderId");
        await Expect(page.Locator("#column-3-to")).ToHaveValueAsync("Line");
        await Expect(page.Locator("#column-4-name")).ToHaveValueAsync("quantity");
        await Expect(page.Locator("#preview-summary")).ToContainTextAsync("All of the first 3 rows can be taken");
        await Expect(page.Locator(".preview tbody tr").Nth(1)).ToContainTextAsync("Tea");
        await page.ClickAsync("#dry-run-start");
        await Expect(page.Locator("#dry-run .tiles")).ToContainTextAsync("3 would be taken");
        await page.ClickAsync("#import-run");
        await Expect(page.Locator("#import-state")).ToHaveAttributeAsync("data-state", "Done");
        await Expect(StatOf(page, "Calls stored")).ToHaveTextAsync("2");
        Assert.That(Encoding.UTF8.GetString(_app.Get<IEventLog>().Read(0, 10)[0].Body), Does.Contain("\"revenue\":12.00").And.Contain("\"name\":\"Tea\""));
        await page.ClickAsync("#import-undo");
        await page.Locator(".rz-dialog").WaitForAsync();
        await page.Locator(".rz-dialog").GetByRole(AriaRole.Button, new() { Name = "Undo" }).Last.ClickAsync();
        await Expect(page.Locator("#import-state")).ToHaveAttributeAsync("data-state", "Undone");
        Assert.That(_app.Get<IEventLog>().Read(0, 10), Is.Empty);
    }

    [Test]
    public async Task Orders_are_seen_as_events_and_a_file_that_is_no_table_is_refused_in_words()
    {
        var page = await _app.PageAsync(Roles.Owner, "/imports/new");
        await page.SetInputFilesAsync("#import-file", new FilePayload { Name = "photo.jpg", MimeType = "image/jpeg", Buffer = new byte[4096] });
        await Expect(page.Locator(".drop .problem")).ToContainTextAsync("The file is not text");

        await page.SetInputFilesAsync("#import-file", FileOf("orders.csv", "Invoice No,Customer ID,Invoice Date,Total\n1,17850,01/12/2010 08:26,15.30\n2,,02/12/2010 09:00,20\n"));
        await Expect(page.Locator("#holds-events")).ToBeCheckedAsync();
        await Expect(page.Locator("#import-event")).ToHaveValueAsync("Order Completed");
        await Expect(page.Locator("#column-3-name")).ToHaveValueAsync("revenue");
        await Expect(page.Locator("#preview-summary")).ToContainTextAsync("1 of the first 2 rows");

        // Without a name for the event there is nothing to run.
        await page.FillAsync("#import-event", "");
        await page.PressAsync("#import-event", "Tab");
        await Expect(page.Locator("#import-run")).ToBeDisabledAsync();
        await page.CheckAsync("#holds-people");
        await Expect(page.Locator("#column-3-to")).ToHaveValueAsync("Trait");
        await Expect(page.Locator("#import-run")).ToBeEnabledAsync();
    }

    [Test]
    public async Task A_viewer_does_not_get_to_imports()
    {
        var page = await _app.PageAsync(Roles.Viewer, "/imports");
        await Expect(page.Locator("main")).ToContainTextAsync("Your role does not include this page");
        await Expect(page.Locator(".nav")).Not.ToContainTextAsync("Imports");
    }

    private static FilePayload FileOf(string name, string text) => new() { Name = name, MimeType = "text/csv", Buffer = Encoding.UTF8.GetBytes(text) };

    private static ILocator StatOf(IPage page, string label) =>
        page.Locator(".stat-card", new() { HasText = label }).Locator(".stat-value");
}
