using System.Text;
using System.Text.Json;
using CdpMonolith.Activation.Deliver;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Activation.Sync;
using CdpMonolith.Platform.Audit;

namespace CdpMonolith.Tests.Activation;

public sealed class FileTests : ActivationTest
{
    private FileWriter Files => Test.Get<FileWriter>();

    [Test]
    public async Task Each_row_carries_the_consent_record_that_allows_it()
    {
        var sync = await FileSyncAsync();
        await GrantAsync(1);
        Segments.Enter(1, 2);
        await QueueAsync();
        var file = (await Files.WriteNowAsync(sync.Id, Mia, default)).Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await File.ReadAllTextAsync(Files.PathOf(file)), Is.EqualTo(
                "change,changed_at,profile_id,email,FNAME,purpose,channel,consent_record_id,consent_status,consent_text_version,consent_decided_at\r\n"
                + "entered,2026-03-02T09:00:01.000Z,1,p1@example.com,P1,newsletter,email,1,granted,v1,2026-03-02T09:00:01.000Z\r\n"));
            Assert.That((file.RowCount, file.SizeBytes), Is.EqualTo((1L, new FileInfo(Files.PathOf(file)).Length)));
            Assert.That(await StateOfAsync(1), Is.EqualTo(DeliveryState.Delivered));
            Assert.That(await StateOfAsync(2), Is.EqualTo(DeliveryState.Withheld));
            Assert.That((await Test.Get<IAudit>().ReadAsync(long.MaxValue, 1, null, default))[0].Action, Is.EqualTo("export.written"));
        }
    }

    [Test]
    public async Task The_file_begins_with_a_mark_that_makes_spreadsheets_read_every_alphabet()
    {
        People.Add(1, "p1@example.com", new { firstName = "สมชาย Bjørn" });
        var sync = await FileSyncAsync(("delimiter", "semicolon"));
        await GrantAsync(1);
        Segments.Enter(1);
        await QueueAsync();
        var bytes = await File.ReadAllBytesAsync(Files.PathOf((await Files.WriteNowAsync(sync.Id, Mia, default)).Value));
        Assert.That(bytes.AsSpan(0, 3).SequenceEqual(Encoding.UTF8.GetPreamble()), Is.True);
        Assert.That(Encoding.UTF8.GetString(bytes), Does.Contain(";สมชาย Bjørn;"));
    }

    [Test]
    public async Task Formulas_are_defused_and_quotes_doubled()
    {
        People.Add(1, "p1@example.com", new { firstName = "=HYPERLINK(\"http://evil.example\",\"x\")" });
        People.Add(2, "p2@example.com", new { firstName = "+6281234567890" });
        var sync = await FileSyncAsync();
        await GrantAsync(1, 2);
        Segments.Enter(1, 2);
        await QueueAsync();
        var text = await File.ReadAllTextAsync(Files.PathOf((await Files.WriteNowAsync(sync.Id, Mia, default)).Value));
        Assert.That(text, Does.Contain("\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\"").And.Contain(",+6281234567890,"));
    }

    [Test]
    public async Task Json_lines_keep_numbers_and_lists_as_they_are()
    {
        People.Add(1, "p1@example.com", new { firstName = new[] { "A", "B" } });
        var sync = await FileSyncAsync(("format", "ndjson"));
        await GrantAsync(1);
        Segments.Enter(1);
        await QueueAsync();
        var lines = await File.ReadAllLinesAsync(Files.PathOf((await Files.WriteNowAsync(sync.Id, Mia, default)).Value));
        var row = JsonDocument.Parse(lines.Single()).RootElement;
        Assert.That(
            (row.GetProperty("profile_id").GetInt64(), row.GetProperty("FNAME").GetArrayLength(), row.GetProperty("consent_record_id").GetInt64()),
            Is.EqualTo((1L, 2, 1L)));
    }

    [Test]
    public async Task The_next_file_holds_only_what_changed_since()
    {
        var sync = await FileSyncAsync();
        await GrantAsync(1, 2);
        Segments.Enter(1);
        await QueueAsync();
        await Files.WriteNowAsync(sync.Id, Mia, default);
        Segments.Enter(2);
        Segments.Leave(1);
        await QueueAsync();
        var second = (await Files.WriteNowAsync(sync.Id, Mia, default)).Value;
        Assert.That(await IdsAsync(second), Is.EqualTo(new[] { "entered 2", "left 1" }));
        Assert.That((await Files.WriteNowAsync(sync.Id, Mia, default)).Problem?.Code, Is.EqualTo("export.nothing_new"));
    }

    [Test]
    public async Task A_file_of_everyone_holds_all_who_are_in_and_still_agree()
    {
        var sync = await FileSyncAsync(("content", "everyone"));
        await GrantAsync(1, 2, 3);
        Segments.Enter(1, 2);
        await QueueAsync();
        await Files.WriteNowAsync(sync.Id, Mia, default);
        Segments.Enter(3);
        await WithdrawAsync(1);
        await QueueAsync();
        Assert.That(await IdsAsync((await Files.WriteNowAsync(sync.Id, Mia, default)).Value), Is.EqualTo(new[] { "entered 2", "entered 3" }));
    }

    [Test]
    public async Task Files_are_written_on_their_schedule()
    {
        await FileSyncAsync(("everyMinutes", "60"));
        await GrantAsync(1, 2);
        Segments.Enter(1);
        await QueueAsync();
        Assert.That(await Files.WriteDueAsync(default), Is.EqualTo(1));
        Segments.Enter(2);
        await QueueAsync();
        Assert.That(await Files.WriteDueAsync(default), Is.Zero);
        Clock.Advance(TimeSpan.FromMinutes(60));
        Assert.That(await Files.WriteDueAsync(default), Is.EqualTo(1));
    }

    [Test]
    public async Task A_schedule_of_zero_minutes_waits_for_a_click()
    {
        await FileSyncAsync(("everyMinutes", "0"));
        await GrantAsync(1);
        Segments.Enter(1);
        await QueueAsync();
        Assert.That(await Files.WriteDueAsync(default), Is.Zero);
    }

    [Test]
    public async Task A_file_that_was_cut_off_is_written_under_its_name_without_who_has_withdrawn_since()
    {
        var sync = await FileSyncAsync(("everyMinutes", "0"));
        await GrantAsync(1, 2);
        Segments.Enter(1, 2);
        await QueueAsync();
        // In the place of the folder stands a file: the rows are chosen, then writing fails as on a full disk.
        Directory.CreateDirectory(Path.Combine(Test.Folder, "exports"));
        var inTheWay = Path.Combine(Test.Folder, "exports", "1");
        await File.WriteAllTextAsync(inTheWay, "");
        Assert.That(async () => await Files.WriteNowAsync(sync.Id, Mia, default), Throws.InstanceOf<IOException>());

        File.Delete(inTheWay);
        await WithdrawAsync(2);
        await RestartAsync();
        Assert.That(await Files.WriteDueAsync(default), Is.EqualTo(1));
        var file = (await Test.Get<ExportStore>().OfSyncAsync(sync.Id, 10, default)).Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await IdsAsync(file), Is.EqualTo(new[] { "entered 1" }));
            Assert.That(await StateOfAsync(2), Is.EqualTo(DeliveryState.Withheld));
            Assert.That(Directory.GetFiles(Path.GetDirectoryName(Files.PathOf(file))!), Has.Length.EqualTo(1), "nothing half-written is left");
        }
    }

    [Test]
    public async Task Hundreds_of_rows_are_all_there()
    {
        var everyone = Enumerable.Range(1, 1300).Select(id => (long)id).ToArray();
        foreach (var id in everyone)
        {
            People.Add(id, $"p{id}@example.com");
        }

        await GrantAsync(everyone);
        Segments.Has(everyone);
        var sync = await FileSyncAsync();
        await QueueAsync();
        var file = (await Files.WriteNowAsync(sync.Id, Mia, default)).Value;
        Assert.That((await IdsAsync(file)).Distinct().Count(), Is.EqualTo(1300));
    }

    private async Task<SegmentSync> FileSyncAsync(params (string Key, string Value)[] settings)
    {
        var destination = (await Destinations.CreateAsync(
            new NewDestination("file", "Files", settings.ToDictionary(setting => setting.Key, string? (setting) => setting.Value)), Mia, default)).Value;
        return await SyncAsync(destination);
    }

    private async Task<IEnumerable<string>> IdsAsync(ExportFile file) =>
        (await File.ReadAllLinesAsync(Files.PathOf(file))).Skip(1).Select(line => $"{line.Split(',')[0]} {line.Split(',')[2]}");
}
