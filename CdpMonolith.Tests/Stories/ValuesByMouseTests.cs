using System.Text;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CdpMonolith.Tests.Stories;

/// <summary>A marketer keeps a table of values in a spreadsheet.</summary>
public sealed class ValuesByMouseTests
{
    [Test]
    public async Task A_table_comes_from_a_file_is_mended_saved_and_goes_out_again()
    {
        await using var app = await TestApp.StartAsync();
        var page = await app.PageAsync(Roles.Marketer, "/values/table");
        await page.FillAsync("#value-trait", "gender");
        await page.PressAsync("#value-trait", "Tab");
        await page.SetInputFilesAsync("#value-import", FileOf("value,written\nfemale,F\n,M\n"));
        await Expect(page.Locator("#value-faults")).ToHaveTextAsync("Row 2: It does not say what 'M' stands for.");
        await page.SetInputFilesAsync("#value-import", FileOf("value,written\nfemale,F\nmale,M\nmale,1\n"));
        await Expect(page.GetByRole(AriaRole.Status).First).ToContainTextAsync("The file has 2 values with 3 other ways of writing");
        await Expect(page.Locator("#value-2")).ToHaveValueAsync("male");
        await Expect(page.Locator("#value-trait")).ToHaveValueAsync("gender");
        await page.ClickAsync("#value-save");
        await page.GetByRole(AriaRole.Link, new() { Name = "gender" }).ClickAsync();
        var file = await page.RunAndWaitForDownloadAsync(() => page.ClickAsync("#value-export"));
        Assert.That(file.SuggestedFilename, Is.EqualTo("values-gender.csv"));
        Assert.That(await File.ReadAllTextAsync(await file.PathAsync()), Is.EqualTo("value,written\r\nfemale,F\r\nmale,M\r\nmale,1\r\n"));
    }

    private static FilePayload FileOf(string content) => new() { Name = "values.csv", MimeType = "text/csv", Buffer = Encoding.UTF8.GetBytes(content) };
}
