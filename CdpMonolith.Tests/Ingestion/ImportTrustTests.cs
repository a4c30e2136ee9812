using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Stories;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>What makes one trust an import: it says how it reads, it tries without storing, what it refused comes back whole.</summary>
public sealed class ImportTrustTests
{
    private TestApp _app = null!;
    private HttpClient _owner = null!;
    private Source _source = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await TestApp.StartAsync();
        _owner = (await LocalAccess.ConnectAsync(_app.Folder, default))!;
        _source = (await _app.Get<Sources>().CreateAsync(Actor.CommandLine, "Lists", SourceKind.File, default)).Value;
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        _owner.Dispose();
        await _app.DisposeAsync();
    }

    [TestCase("utf-16", false)]
    [TestCase("utf-16BE", false)]
    [TestCase("utf-16", true)]
    [TestCase("utf-16BE", true)]
    [TestCase("utf-8", true)]
    [TestCase("utf-8", false)]
    [TestCase("windows-874", false)]
    public void The_encoding_is_guessed_with_a_mark_and_without(string name, bool marked)
    {
        var encoding = CsvShape.EncodingOf(name);
        byte[] bytes = [.. marked ? encoding.GetPreamble() : [], .. encoding.GetBytes("รหัสลูกค้า;ชื่อ;อีเมล\n1;สมชาย ใจดี;somchai@example.th\n2;สมหญิง รักไทย;ying@example.th\n")];
        var shape = CsvShape.Guess(bytes, isWhole: true);
        Assert.That((shape.Encoding, shape.Delimiter, shape.HasHeader), Is.EqualTo((name, ';', true)));
    }

    [Test]
    public async Task How_a_file_is_read_can_be_said_over_HTTP()
    {
        var file = await KeepAsync("a;b|c\n1;2|3\n");
        using var shaped = await _owner.PutAsJsonAsync($"/api/imports/files/{file}/shape", new { delimiter = "bar", hasHeader = false, encoding = "windows-1252" });
        var found = await JsonAsync(shaped);
        using var odd = await _owner.PutAsJsonAsync($"/api/imports/files/{file}/shape", new { encoding = "ebcdic" });
        using var sign = await _owner.PutAsJsonAsync($"/api/imports/files/{file}/shape", new { delimiter = "\"" });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(found.GetProperty("header").EnumerateArray().Select(one => one.GetString()), Is.EqualTo(new[] { "Column 1", "Column 2" }));
            Assert.That((found.GetProperty("encoding").GetString(), found.GetProperty("delimiter").GetString()), Is.EqualTo(("windows-1252", "|")));
            Assert.That((odd.StatusCode, (await JsonAsync(odd)).GetProperty("field").GetString()), Is.EqualTo((HttpStatusCode.UnprocessableEntity, "encoding")));
            Assert.That((sign.StatusCode, (await JsonAsync(sign)).GetProperty("field").GetString()), Is.EqualTo((HttpStatusCode.UnprocessableEntity, "delimiter")));
        }
    }

    [Test]
    public async Task How_a_file_is_read_from_now_on_is_audited_once_for_each_change()
    {
        var file = await KeepAsync("a;b\n1;2\n");
        for (var n = 0; n < 2; n++)
        {
            using var shaped = await _owner.PutAsJsonAsync($"/api/imports/files/{file}/shape", new { encoding = "windows-1252", hasHeader = false });
        }

        var acts = (await _app.Get<IAudit>().ReadAsync(long.MaxValue, 100, $"file:{file}", default)).Where(act => act.Subject == $"file:{file}").ToList();
        Assert.That(acts.Select(act => (act.Action, act.Actor)), Is.EqualTo(new[] { ("file.reshaped", "command line"), ("file.kept", "command line") }));
        Assert.That(acts[0].Details, Does.Contain("\"encoding\":\"windows-1252\"").And.Contain("\"hasHeader\":false"));
    }

    [Test]
    public async Task What_stands_around_cells_can_be_said_and_is_remembered()
    {
        var file = await KeepAsync("Email,Name\na@example.com,\"Berg\"\n");
        using var shaped = await _owner.PutAsJsonAsync($"/api/imports/files/{file}/shape", new { quote = "none" });
        var found = await JsonAsync(shaped);
        using var again = await _owner.GetAsync($"/api/imports/files/{file}");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(found.GetProperty("rows")[0][1].GetString(), Is.EqualTo("\"Berg\""));
            Assert.That((await JsonAsync(again)).GetProperty("quote").GetString(), Is.EqualTo("none"));
        }
    }

    [Test]
    public async Task The_first_rows_are_shown_as_they_would_be_stored()
    {
        var file = await KeepAsync("Email,Age\nann@example.com,41\nbob,old\n");
        using var answer = await _owner.PostAsJsonAsync("/api/imports/preview", new { fileId = file, sourceId = _source.Id, map = "Email=email,Age=trait:age:number" });
        var rows = (await JsonAsync(answer)).EnumerateArray().ToList();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(rows[0].GetProperty("calls")[0].GetProperty("traits").GetProperty("age").GetInt32(), Is.EqualTo(41));
            Assert.That((rows[1].GetProperty("code").GetString(), rows[1].GetProperty("field").GetString()), Is.EqualTo(("email.malformed", "Email")));
        }
    }

    [Test]
    public async Task A_dry_run_counts_new_and_known_people_and_reasons_and_writes_nothing()
    {
        await RunAsync("Email,Name\nknown@example.com,Known\n", "Email=email,Name=trait:name");
        await _app.CatchUpAsync();
        var end = _app.Get<IEventLog>().Read(0, int.MaxValue).Count;
        var file = await KeepAsync("Email,Age\nKNOWN@example.com,40\nnew@example.com,30\nNew@Example.com,31\nnobody,3\nx@example.com,old\nnone,4\n");
        using var answer = await _owner.PostAsJsonAsync("/api/imports/dry-run", new { fileId = file, sourceId = _source.Id, map = "Email=email,Age=trait:age:number" });
        var counts = await JsonAsync(answer);
        long Of(string name) => counts.GetProperty(name).GetInt64();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((Of("rows"), Of("taken"), Of("rejected"), Of("newPeople"), Of("matchedPeople")), Is.EqualTo((6L, 3L, 3L, 1L, 1L)));
            Assert.That(
                counts.GetProperty("reasons").EnumerateArray().Select(one => (one.GetProperty("code").GetString(), one.GetProperty("rows").GetInt64(), one.GetProperty("firstRow").GetInt64())),
                Is.EqualTo(new[] { ("email.malformed", 2L, 4L), ("cell.not_number", 1L, 5L) }));
            Assert.That(_app.Get<IEventLog>().Read(0, int.MaxValue), Has.Count.EqualTo(end));
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_dry_run_tells_which_rows_are_there_already(bool settled)
    {
        var text = $"Email,Name\nann{settled}@example.com,Ann\nbob{settled}@example.com,Bob\nnobody,X\n";
        const string Map = "Email=email,Name=trait:name";
        var file = await KeepAsync(text);
        Assert.That(await TriedAsync(file, _source.Id, Map), Is.EqualTo((3L, 2L, 0L, 1L, 2L)));
        var import = await RunAsync(text, Map);
        if (settled)
        {
            await _app.Get<MessageIndex>().SettleAsync(default);
        }

        var other = (await _app.Get<Sources>().CreateAsync(Actor.CommandLine, $"Other {settled}", SourceKind.File, default)).Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await TriedAsync(file, _source.Id, Map), Is.EqualTo((3L, 0L, 2L, 1L, 0L)));
            Assert.That(await TriedAsync(file, other.Id, Map), Is.EqualTo((3L, 2L, 0L, 1L, 2L)), "of another source they are other rows");
            Assert.That(await TriedAsync(file, _source.Id, "Email=email,Name=trait:nick"), Is.EqualTo((3L, 2L, 0L, 1L, 2L)), "another mapping says something else of them");
        }

        await _app.CatchUpAsync();
        await _app.Get<Undos>().StartAsync(Actor.CommandLine, import.Id, default);
        await Eventually.SeeAsync(
            async () => await _app.Get<Imports>().FindAsync(import.Id, default) is { State: ImportState.Undone } undone ? undone : null, TimeSpan.FromSeconds(20));
        Assert.That(await TriedAsync(file, _source.Id, Map), Is.EqualTo((3L, 2L, 0L, 1L, 2L)), "taken back, they may come again");
        await RunAsync(text, Map);
        Assert.That(await TriedAsync(file, _source.Id, Map), Is.EqualTo((3L, 0L, 2L, 1L, 0L)));
    }

    [Test]
    public async Task A_dry_run_knows_the_time_zone_of_the_source_as_the_import_does()
    {
        var source = (await _app.Get<Sources>().CreateAsync(Actor.CommandLine, "Bangkok", SourceKind.File, default)).Value;
        await _app.Get<Sources>().SetAsync(Actor.CommandLine, source.Id, source.Settings with { TimeZone = "Asia/Bangkok" }, default);
        var file = await KeepAsync("Email,At\nz@example.com,2026-01-02 10:00\n");
        var mapping = ImportMapping.ParseShort("Email=email,At=time").Value;
        var import = (await _app.Get<Imports>().StartAsync(Actor.CommandLine, file, source.Id, mapping, default)).Value;
        await DoneAsync(import.Id);
        Assert.That(await TriedAsync(file, source.Id, "Email=email,At=time"), Is.EqualTo((1L, 0L, 1L, 0L, 0L)));
    }

    [Test]
    public async Task A_dry_run_sees_that_a_file_has_an_event_twice()
    {
        var file = await KeepAsync("Email,Msg\na@example.com,m-1\na@example.com,m-2\na@example.com,m-1\n");
        using var answer = await _owner.PostAsJsonAsync("/api/imports/dry-run", new { fileId = file, sourceId = _source.Id, map = "Email=email,Msg=messageId", @event = "Called" });
        var counts = await JsonAsync(answer);
        Assert.That((counts.GetProperty("taken").GetInt64(), counts.GetProperty("alreadyThere").GetInt64(), counts.GetProperty("calls").GetInt64()), Is.EqualTo((2L, 1L, 2L)));
    }

    [Test]
    public async Task The_report_of_rejected_rows_is_mended_and_brought_in_as_it_is()
    {
        var import = await RunAsync("Id,Email,Note\nr1,ann-at-example.com,=1+1\nr2,bob@example.com,fine\n", "Id=ownId,Email=email,Note=trait:note");
        var report = await _owner.GetStringAsync($"/api/imports/{import.Id}/rejected.csv");
        Assert.That(report, Does.Contain("'=1+1"), "a spreadsheet must not run it");

        var file = await KeepAsync(report.Replace("ann-at-", "ann@", StringComparison.Ordinal));
        var found = (await _app.Get<Imports>().InspectAsync(file, default)).Value;
        Assert.That((found.IsRemembered, found.Suggested.Columns.Keys), Is.EqualTo((true, new[] { "Id", "Email", "Note" })));
        var again = await RunAsync(file, found.Suggested);
        Assert.That((again.Stored, again.Rejected), Is.EqualTo((1L, 0L)));
        Assert.That(Encoding.UTF8.GetString(_app.Get<IEventLog>().Read(0, int.MaxValue)[^1].Body), Does.Contain("\"note\":\"=1+1\""));
    }

    [Test]
    public async Task A_zip_with_one_table_is_taken_and_others_are_refused_with_the_reason()
    {
        var one = await _app.Get<Imports>().KeepAsync(Actor.CommandLine, "a.zip", Zip(("a.csv", "Email\nzip@example.com\n"), ("__MACOSX/._a.csv", "x")), default);
        var two = await _app.Get<Imports>().KeepAsync(Actor.CommandLine, "b.zip", Zip(("a.csv", "x"), ("b.csv", "y")), default);
        var none = await _app.Get<Imports>().KeepAsync(Actor.CommandLine, "c.zip", Zip(), default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await _app.Get<Imports>().InspectAsync(one.Value.Id, default)).Value.Rows[0], Is.EqualTo(new[] { "zip@example.com" }));
            Assert.That(two.Problem!.Message, Does.Contain("more than one file"));
            Assert.That(none.Problem, Is.Not.Null);
        }
    }

    [TestCase(1L << 40, 100, "swells")]
    [TestCase(1L << 20, 100_000, "holds more than")]
    public void A_packed_file_that_swells_beyond_its_bounds_is_not_read_on(long bytes, int ratio, string says)
    {
        using var folder = new TempFolder();
        var path = folder.PathOf("bomb.gz");
        using (var packed = new GZipStream(File.Create(path), CompressionLevel.Fastest))
        {
            for (var n = 0; n < 40; n++)
            {
                packed.Write(new byte[1 << 20]);
            }
        }

        using var file = File.OpenRead(path);
        using var open = Packed.Open(file, new UnpackBounds(bytes, ratio));
        Assert.That(() => open.CopyTo(Stream.Null), Throws.InstanceOf<NotUnpackedException>().With.Message.Contains(says));
    }

    private static MemoryStream Zip(params (string Name, string Text)[] files)
    {
        var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, text) in files)
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(Encoding.UTF8.GetBytes(text));
            }
        }

        bytes.Position = 0;
        return bytes;
    }

    private async Task<long> KeepAsync(string text)
    {
        using var kept = await _owner.PostAsync("/api/imports/files?name=list.csv", new StringContent(text));
        return (await JsonAsync(kept)).GetProperty("fileId").GetInt64();
    }

    private async Task<FileImport> RunAsync(string text, string map) => await RunAsync(await KeepAsync(text), ImportMapping.ParseShort(map).Value);

    private async Task<FileImport> RunAsync(long file, ImportMapping mapping)
    {
        var import = (await _app.Get<Imports>().StartAsync(Actor.CommandLine, file, _source.Id, mapping, default)).Value;
        return await DoneAsync(import.Id);
    }

    private Task<FileImport> DoneAsync(long id) => Eventually.SeeAsync(
        async () => await _app.Get<Imports>().FindAsync(id, default) is { State: ImportState.Done } done ? done : null, TimeSpan.FromSeconds(20));

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage answer) => (await answer.Content.ReadFromJsonAsync<JsonElement>()).Clone();

    private async Task<(long Rows, long Taken, long AlreadyThere, long Rejected, long Calls)> TriedAsync(long file, long source, string map)
    {
        using var answer = await _owner.PostAsJsonAsync("/api/imports/dry-run", new { fileId = file, sourceId = source, map });
        var counts = await JsonAsync(answer);
        long Of(string name) => counts.GetProperty(name).GetInt64();
        return (Of("rows"), Of("taken"), Of("alreadyThere"), Of("rejected"), Of("calls"));
    }
}
