using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

public sealed class ImportTests
{
    private const string People = """
        Contact Id,Email,Full Name,Phone,Newsletter,Consent date,Age
        C1,Ann@Example.com,Ann Lee,+47 912 34 567,yes,2025-11-03,41
        C2,,Bob,,no,,
        C3,not-an-address,Cid,,,,
        ,,Nobody,,,,
        C5,eve@example.com,Eve,,perhaps,,
        C6,fay@example.com,Fay,,,,old
        """;

    private const string PeopleMap =
        "Contact Id=ownId,Email=email,Full Name=trait:name,Phone=phone,Newsletter=consent:newsletter:email,Consent date=consentTime,Age=trait:age:number";

    private TestStore _test = null!;
    private Source _source = null!;

    [SetUp]
    public async Task Open()
    {
        _test = new TestStore();
        _source = (await _test.Get<Sources>().CreateAsync(Actor.CommandLine, "CRM", SourceKind.File, default)).Value;
    }

    [TearDown]
    public async Task Close() => await _test.DisposeAsync();

    [Test]
    public async Task Rows_become_calls_and_what_cannot_be_taken_is_reported_with_the_reason()
    {
        var import = await ImportAsync(People, PeopleMap);

        var rejected = await _test.Get<Imports>().RejectsAsync(import.Id, 0, 100, default);
        var events = _test.Get<IEventLog>().Read(0, 100);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((import.State, import.RowsDone, import.Stored, import.Rejected), Is.EqualTo((ImportState.Done, 6L, 2L, 4L)));
            Assert.That(rejected.Select(row => (row.Row, row.Code, row.Field)), Is.EqualTo(new[]
            {
                (3L, "email.malformed", "Email"), (4L, "row.no_identifier", null), (5L, "consent.not_understood", "Newsletter"), (6L, "cell.not_number", "Age"),
            }));
            Assert.That(rejected[0].Cells, Is.EqualTo(new[] { "C3", "not-an-address", "Cid", "", "", "", "" }));
            Assert.That(events.Select(e => (e.Type, e.ImportId, e.Flags)), Is.EqualTo(new[]
            {
                (CallType.Identify, (long?)import.Id, EventFlags.Historical | EventFlags.HasConsent),
                (CallType.Identify, (long?)import.Id, EventFlags.Historical | EventFlags.HasConsent),
            }));
        }

        var ann = JsonNode.Parse(events[0].Body)!;
        Assert.That(JsonNode.DeepEquals(ann["traits"], JsonNode.Parse("""{"email":"Ann@Example.com","phone":"+47 912 34 567","name":"Ann Lee","age":41}""")), Is.True, ann.ToJsonString());
        Assert.That(
            JsonNode.DeepEquals(ann["context"], JsonNode.Parse($$$"""
                {"externalIds":[{"id":"C1","type":"source_{{{_source.Id}}}_id","collection":"users"}],
                 "consent":{"decisions":[{"purpose":"newsletter","channel":"email","status":"granted","at":"2025-11-03T00:00:00.000Z","source":"import"}]}}
                """)),
            Is.True, ann.ToJsonString());
    }

    [Test]
    public async Task The_same_file_twice_changes_nothing()
    {
        await ImportAsync(People, PeopleMap);
        var again = await ImportAsync(People, PeopleMap);
        Assert.That((again.Stored, again.Duplicates, _test.Get<IEventLog>().Read(0, 100).Count), Is.EqualTo((0L, 2L, 2)));
    }

    [Test]
    public async Task Rows_that_are_events_carry_who_and_when()
    {
        await ImportAsync(
            "Invoice;Customer;Mail;When;Total\n536365;17850;ann@example.com;1/12/2010 8:26;1.234,50\n",
            """{"columns":{"Customer":{"to":"userId"},"Mail":{"to":"email"},"When":{"to":"time"},"Total":{"to":"property","name":"revenue","type":"number"},"Invoice":{"to":"property","name":"order_id"}},"event":"Order Completed","dateOrder":"dmy","decimalComma":true,"timeZone":"Europe/London"}""");
        var order = _test.Get<IEventLog>().Read(0, 100).Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((order.Type, order.UserId, order.Name), Is.EqualTo((CallType.Track, "17850", "Order Completed")));
            Assert.That(order.OccurredAt, Is.EqualTo(new DateTimeOffset(2010, 12, 1, 8, 26, 0, TimeSpan.Zero).ToUnixTimeMilliseconds()));
            Assert.That(JsonNode.Parse(order.Body)!["properties"]!.ToJsonString(), Is.EqualTo("""{"order_id":"536365","revenue":1234.50}"""));
        }
    }

    [Test]
    public async Task An_import_goes_on_at_the_exact_row_wherever_it_was_cut()
    {
        var file = Lines(9_000);
        using var folder = new TempFolder();
        for (var cut = 1; ; cut++)
        {
            await using var test = new TestStore(folder: folder);
            if (cut == 1)
            {
                _source = (await test.Get<Sources>().CreateAsync(Actor.CommandLine, "CRM", SourceKind.File, default)).Value;
                await QueueAsync(test, file, "Id=userId,Name=trait:name");
            }

            // The store goes away at the n-th write of the import, in the middle of whatever it is doing.
            using var stop = new CancellationTokenSource();
            var writes = 0;
            test.Store.LogsGrew += _ =>
            {
                if (++writes == 1)
                {
                    stop.Cancel();
                }
            };
            try
            {
                await test.Get<ImportRunner>().RunQueuedAsync(stop.Token);
            }
            catch (OperationCanceledException)
            {
                continue;
            }

            var import = (await test.Get<Imports>().LatestAsync(long.MaxValue, 1, default)).Single();
            var ids = await test.Store.ReadAsync(read => read.Query<string>("SELECT user_id FROM ingestion_event").ToList(), default);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(cut, Is.GreaterThan(2), "it must have been cut in the middle");
                Assert.That((import.State, import.RowsDone, import.Stored, import.Duplicates), Is.EqualTo((ImportState.Done, 9_000L, 9_000L, 0L)));
                Assert.That(ids, Is.Unique.And.Count.EqualTo(9_000));
            }

            return;
        }
    }

    [Test]
    public async Task A_cancelled_import_takes_no_more_rows()
    {
        var import = await QueueAsync(_test, Lines(100), "Id=userId");
        await _test.Get<Imports>().CancelAsync(Actor.CommandLine, import.Id, default);
        await _test.Get<ImportRunner>().RunQueuedAsync(default);
        Assert.That((await _test.Get<Imports>().FindAsync(import.Id, default))!.RowsDone, Is.Zero);
        Assert.That((await _test.Get<Imports>().ResumeAsync(Actor.CommandLine, import.Id, default)).Problem!.Code, Is.EqualTo("import.not_possible"));
    }

    [Test]
    public async Task What_a_crash_left_of_an_upload_goes_at_the_next_start_and_kept_files_stay()
    {
        var import = await ImportAsync(People, PeopleMap);
        var uploads = _test.Get<DataFolder>().FolderOf("uploads");
        await File.WriteAllTextAsync(Path.Combine(uploads, "half.part"), "Contact Id,Em");

        var runner = _test.Get<ImportRunner>();
        await runner.StartAsync(default);
        await runner.StopAsync(default);

        Assert.That(Directory.GetFiles(uploads).Select(Path.GetFileName), Is.EqualTo(new[] { $"{import.FileId}.csv" }));
    }

    [Test]
    public async Task A_mapping_is_suggested_from_headers_and_content_and_remembered()
    {
        var file = await KeepAsync(_test, "Kunde ID;Adresse;Kontakt;Opted in;Poststed\n7;Storgata 1;kari@example.no;ja;Oslo\n8;Vei 2;ola@example.no;nei;Bergen\n");
        var found = (await _test.Get<Imports>().InspectAsync(file.Id, default)).Value;
        Assert.That(
            found.Suggested.Columns.Select(column => (column.Key, column.Value.To, column.Value.Name)),
            Is.EqualTo(new[]
            {
                ("Kunde ID", ColumnTarget.OwnId, null), ("Adresse", ColumnTarget.Trait, "address"), ("Kontakt", ColumnTarget.Email, null),
                ("Opted in", ColumnTarget.Consent, null), ("Poststed", ColumnTarget.Trait, "city"),
            }));

        var mapping = found.Suggested with { Columns = new Dictionary<string, ColumnMapping> { ["Kontakt"] = new(ColumnTarget.Email) } };
        await _test.Get<Imports>().StartAsync(Actor.CommandLine, file.Id, _source.Id, mapping, default);
        var again = (await _test.Get<Imports>().InspectAsync(file.Id, default)).Value;
        Assert.That((again.IsRemembered, again.Suggested.Columns.Count), Is.EqualTo((true, 1)));
    }

    [TestCase("Email=mail", "mapping.target_unknown")]
    [TestCase("Name=trait:name", "mapping.no_identifier")]
    [TestCase("Email=email,Other=trait:x", "mapping.column_unknown")]
    [TestCase("Email=email,Name=property:x", "mapping.no_event")]
    [TestCase("Email=email,Name=consent", "mapping.purpose_missing")]
    [TestCase("Email=email,Name=email", "mapping.target_twice")]
    public async Task A_mapping_that_makes_no_sense_is_refused_with_the_reason(string map, string code)
    {
        var file = await KeepAsync(_test, "Email,Name\na@example.com,Ann\n");
        var parsed = ImportMapping.ParseShort(map);
        var problem = parsed.Met(out var mapping)
            ? (await _test.Get<Imports>().StartAsync(Actor.CommandLine, file.Id, _source.Id, mapping, default)).Problem
            : parsed.Problem;
        Assert.That(problem?.Code, Is.EqualTo(code));
    }

    [Test]
    public async Task What_is_no_table_is_refused()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await TryKeepAsync([])).Problem!.Code, Is.EqualTo("file.empty"));
            Assert.That((await TryKeepAsync(new byte[5000])).Problem!.Code, Is.EqualTo("file.not_text"));
            Assert.That((await TryKeepAsync([0x1F, 0x8B, 8, 0, 1, 2, 3])).Problem!.Code, Is.EqualTo("file.not_readable"));
        }
    }

    private static IEnumerable<TestCaseData> NoTables()
    {
        var table = "Email\na@example.com\n"u8.ToArray();
        yield return new("a picture", new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10, 0, 0, 0, 13 }, "This is a picture");
        yield return new("a web page", "\n<!DOCTYPE html>\n<html><body>Sign in</body></html>"u8.ToArray(), "This is a web page");
        yield return new("JSON", """[{"email":"a@example.com"},{"email":"b@example.com"}]"""u8.ToArray(), "This is JSON");
        yield return new("a line of JSON", "{\"email\":\"a@example.com\"}\n{}\n"u8.ToArray(), "This is JSON");
        yield return new("XML", "<?xml version=\"1.0\"?><rows/>"u8.ToArray(), "This is an XML document");
        yield return new("gzip in gzip", Gzip(Gzip(table)), "packed twice");
        yield return new("gzip in zip", Zip(("a.csv.gz", Gzip(table))), "packed twice");
        yield return new("zip in gzip", Gzip(Zip(("a.csv", table))), "packed twice");
        yield return new("an Excel workbook", Zip(("[Content_Types].xml", table), ("xl/workbook.xml", table), ("xl/worksheets/sheet1.xml", table)), "This is an Excel workbook");
        yield return new("an OpenDocument sheet", Zip(("mimetype", table), ("content.xml", table)), "This is an OpenDocument file");
        yield return new("a PDF", "%PDF-1.7\n1 0 obj"u8.ToArray(), "This is a PDF");
    }

    [TestCaseSource(nameof(NoTables))]
    public async Task A_file_of_another_kind_is_refused_with_what_it_is_and_what_to_do(string what, byte[] bytes, string said)
    {
        var problem = (await TryKeepAsync(bytes)).Problem;
        Assert.That((problem?.Code, problem?.Message), Is.EqualTo(("file.not_table", problem?.Message)), what);
        Assert.That(problem!.Message, Does.Contain(said), what);
    }

    [TestCase("[Email],Name\na@example.com,Ann\n")]
    [TestCase("{id};Email\n7;a@example.com\n")]
    [TestCase("<Email>,Name\n<a@example.com>,Ann\n")]
    public async Task A_table_that_only_begins_like_something_else_is_taken(string text) =>
        Assert.That((await TryKeepAsync(Encoding.UTF8.GetBytes(text))).Problem, Is.Null);

    private static byte[] Gzip(byte[] bytes)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static byte[] Zip(params (string Name, byte[] Bytes)[] files)
    {
        var packed = new MemoryStream();
        using (var zip = new ZipArchive(packed, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in files)
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(bytes);
            }
        }

        return packed.ToArray();
    }

    private static string Lines(int rows) =>
        "Id,Name\n" + string.Concat(Enumerable.Range(1, rows).Select(n => FormattableString.Invariant($"u{n},Name {n}\n")));

    private Task<CdpMonolith.Platform.Outcome<ImportFile>> TryKeepAsync(byte[] bytes) =>
        _test.Get<Imports>().KeepAsync(Actor.CommandLine, "../../etc/x.csv", new MemoryStream(bytes), default);

    private static async Task<ImportFile> KeepAsync(TestStore test, string text) =>
        (await test.Get<Imports>().KeepAsync(Actor.CommandLine, "people.csv", new MemoryStream(Encoding.UTF8.GetBytes(text)), default)).Value;

    private async Task<FileImport> QueueAsync(TestStore test, string text, string map)
    {
        var file = await KeepAsync(test, text);
        var mapping = (map.StartsWith('{') ? ImportMapping.Parse(map) : ImportMapping.ParseShort(map)).Value;
        return (await test.Get<Imports>().StartAsync(Actor.CommandLine, file.Id, _source.Id, mapping, default)).Value;
    }

    private async Task<FileImport> ImportAsync(string text, string map)
    {
        var import = await QueueAsync(_test, text, map);
        await _test.Get<ImportRunner>().RunQueuedAsync(default);
        return (await _test.Get<Imports>().FindAsync(import.Id, default))!;
    }
}
