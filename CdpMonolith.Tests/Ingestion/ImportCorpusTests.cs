using System.IO.Compression;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>Files as they come, bad and odd ones, through the whole import: every row is stored or rejected with its reason.</summary>
public sealed class ImportCorpusTests
{
    private const string Map = "Email=email,Name=trait:name";

    private TestStore _test = null!;
    private Source _source = null!;

    /// <param name="Names">What the stored rows have as <c>name</c>, in their order; null: the row has none.</param>
    /// <param name="Rejected">Row and code of each rejected row.</param>
    /// <param name="Refused">The file as a whole is refused with this code.</param>
    public sealed record Case(string Name, byte[] File, string?[] Names, (long, string)[] Rejected, string? Refused = null, string Map = ImportCorpusTests.Map)
    {
        public override string ToString() => Name;
    }

    private static readonly (long, string)[] None = [];

    private static IEnumerable<Case> Cases()
    {
        foreach (var (name, text) in new[]
        {
            ("comma", "Email,Name\na@x.io,Ann\nb@x.io,Bo\n"), ("semicolon", "Email;Name\na@x.io;Ann\nb@x.io;Bo\n"), ("tab", "Email\tName\na@x.io\tAnn\nb@x.io\tBo\n"),
            ("bar", "Email|Name\na@x.io|Ann\nb@x.io|Bo\n"), ("Excel says the sign", "sep=;\nEmail;Name\na@x.io;Ann\nb@x.io;Bo\n"), ("CRLF", "Email,Name\r\na@x.io,Ann\r\nb@x.io,Bo\r\n"),
            ("CR alone", "Email,Name\ra@x.io,Ann\rb@x.io,Bo\r"), ("no last line end", "Email,Name\na@x.io,Ann\nb@x.io,Bo"), ("mixed line ends", "Email,Name\r\na@x.io,Ann\nb@x.io,Bo\r\n"),
            ("all quoted", "\"Email\",\"Name\"\n\"a@x.io\",\"Ann\"\n\"b@x.io\",\"Bo\"\n"), ("blank lines", "Email,Name\n\na@x.io,Ann\n\n\nb@x.io,Bo\n\n\n"),
            ("blanks around", "Email,Name\n a@x.io , Ann \nb@x.io,\tBo\n"), ("blanks around headings", " Email , Name \na@x.io,Ann\nb@x.io,Bo\n"),
            ("other columns", "X,Email,Y,Name,Z\n1,a@x.io,2,Ann,3\n4,b@x.io,5,Bo,6\n"), ("a heading twice", "Email,Name,Name\na@x.io,Ann,1\nb@x.io,Bo,2\n"),
            ("a heading left out", "Email,Name,\na@x.io,Ann,1\nb@x.io,Bo,2\n"), ("mail in capitals", "Email,Name\nA@X.IO,Ann\nb@x.io,Bo\n"),
            ("the same row twice is one more time said", "Email,Name\na@x.io,Ann\nb@x.io,Bo\n"),
        })
        {
            yield return new Case(name, Encoding.UTF8.GetBytes(text), ["Ann", "Bo"], None);
        }

        foreach (var encoding in new[] { "utf-8", "utf-16", "utf-16BE" })
        {
            var letters = CsvShape.EncodingOf(encoding);
            var bytes = letters.GetBytes("Email,Name\na@x.io,Jørgen Ødegård\nb@x.io,สมชาย ใจดี\n");
            yield return new Case($"{encoding} with a mark", [.. letters.GetPreamble(), .. bytes], ["Jørgen Ødegård", "สมชาย ใจดี"], None);
            yield return new Case($"{encoding} without a mark", bytes, ["Jørgen Ødegård", "สมชาย ใจดี"], None);
        }

        yield return new Case("windows-1252", CsvShape.EncodingOf("windows-1252").GetBytes("Email;Name\na@x.io;Jørgen Ødegård\nb@x.io;Zoë “Z” Müller\n"), ["Jørgen Ødegård", "Zoë “Z” Müller"], None);
        yield return new Case("windows-874", CsvShape.EncodingOf("windows-874").GetBytes("Email,Name\na@x.io,สมชาย ใจดี\nb@x.io,สมหญิง รักไทย\n"), ["สมชาย ใจดี", "สมหญิง รักไทย"], None);

        foreach (var (name, cell, value) in new (string, string, string?)[]
        {
            ("the sign in quotes", "\"Berg, Ann\"", "Berg, Ann"), ("a line break in quotes", "\"Ann\nBerg\"", "Ann\nBerg"), ("CRLF in quotes", "\"Ann\r\nBerg\"", "Ann\r\nBerg"),
            ("doubled quotes", "\"Ann \"\"Annie\"\" Berg\"", "Ann \"Annie\" Berg"), ("nothing in quotes", "\"\"", null), ("quotes alone", "\"\"\"\"", "\""), ("a blank cell", "", null), ("blanks alone", "   ", null),
            ("a mark of quotes inside", "Ann 5\" Berg", "Ann 5\" Berg"), ("apostrophes", "O'Neil", "O'Neil"), ("a formula is kept", "=1+1", "=1+1"), ("an at sign", "@ann", "@ann"), ("a minus", "-Ann", "-Ann"),
            ("leading zeros", "007", "007"), ("emoji", "Ann 👩‍🚀", "Ann 👩‍🚀"), ("right to left", "آن", "آن"), ("decomposed letters", "Ame\u0301lie", "Ame\u0301lie"), ("a joiner", "Ann\u200DBerg", "Ann\u200DBerg"),
            ("the word null", "null", "null"), ("markup", "<b>Ann</b>", "<b>Ann</b>"), ("JSON", "\"{\"\"a\"\":1}\"", "{\"a\":1}"), ("a backslash", "Ann\\nBerg", "Ann\\nBerg"), ("a bell", "Ann\u0007", "Ann\u0007"),
            ("100,000 letters", new string('n', 100_000), new string('n', 100_000)), ("the replacement of a letter", "Ann", "Ann"), ("a no-break space", "\u00A0Ann\u00A0", "Ann"), ("Thai digits", "๑๒๓", "๑๒๓"),
        })
        {
            yield return new Case(name, Encoding.UTF8.GetBytes($"Email,Name\na@x.io,{cell}\nb@x.io,Bo\n"), [value, "Bo"], None);
        }

        yield return new Case("single quotes", Encoding.UTF8.GetBytes("'Email','Name'\n'a@x.io','Berg, Ann'\n'b@x.io','O''Neil \"Bo\"'\n"), ["Berg, Ann", "O'Neil \"Bo\""], None);
        yield return new Case("single quotes around some", Encoding.UTF8.GetBytes("Email;Name\na@x.io;'Berg; Ann'\nb@x.io;Bo\n"), ["Berg; Ann", "Bo"], None);
        foreach (var (name, row, code) in new[]
        {
            ("too few cells", "a@x.io", "row.cells"), ("too many cells", "a@x.io,Ann,1", "row.cells"), ("no mail", ",Ann", "row.no_identifier"), ("blank mail", "  ,Ann", "row.no_identifier"),
            ("a mail without its sign", "ann.x.io,Ann", "email.malformed"), ("two signs", "a@b@x.io,Ann", "email.malformed"), ("no domain", "a@,Ann", "email.malformed"), ("no point", "a@localhost,Ann", "email.malformed"),
            ("two mails", "a@x.io;b@x.io,Ann", "email.malformed"), ("a blank inside", "a b@x.io,Ann", "email.malformed"), ("U+0000", "a@x.io,A\0n", "cell.nul"), ("U+0000 in the mail", "a\0@x.io,Ann", "cell.nul"),
            ("a letter that could not be read", "a@x.io,An\uFFFD", "cell.not_readable"), ("text behind quotes", "a@x.io,\"Ann\" Berg", "row.quotes"), ("a million letters and one", $"a@x.io,{new string('n', 1_000_001)}", "cell.too_long"),
        })
        {
            yield return new Case(name, Encoding.UTF8.GetBytes($"Email,Name\nb@x.io,Bo\n{row}\nc@x.io,Cy\n"), ["Bo", "Cy"], [(2, code)]);
        }

        yield return new Case("quotes that never close", "Email,Name\na@x.io,Ann\nb@x.io,\"Bo\nc@x.io,Cy\n"u8.ToArray(), ["Ann"], [(2, "row.quotes")]);
        yield return new Case("bytes that are no UTF-8", [.. "Email,Name\na@x.io,Ann "u8, 0xE0, 0xB8, .. "\nb@x.io,Bo สมชาย\n"u8], ["Bo สมชาย"], [(1, "cell.not_readable")]);
        yield return new Case("heading alone", "Email,Name\n"u8.ToArray(), [], None);
        yield return new Case("every row bad", "Email,Name\nx,Ann\ny,Bo\n"u8.ToArray(), [], [(1, "email.malformed"), (2, "email.malformed")]);
        yield return new Case("2,500 rows", Encoding.UTF8.GetBytes("Email,Name\n" + string.Concat(Enumerable.Range(0, 2500).Select(n => $"p{n}@x.io,N{n}\n"))), [.. Enumerable.Range(0, 2500).Select(n => $"N{n}")], None);
        yield return new Case("1,000 columns", Encoding.UTF8.GetBytes($"Email,Name,{string.Join(',', Enumerable.Range(0, 998).Select(n => $"C{n}"))}\na@x.io,Ann,{new string(',', 997)}\n"), ["Ann"], None);

        foreach (var (name, type, cell, value) in new (string, string, string, string?)[]
        {
            ("a number", "number", "\"1,234.50\"", "1234.50"), ("money", "number", "NOK 12", "12"), ("no number", "number", "twelve", null), ("yes", "boolean", "Ja", "true"), ("neither yes nor no", "boolean", "perhaps", null),
            ("a day", "date", "2026-02-28", "2026-02-28"), ("a day that is none", "date", "2026-02-30", null), ("a Thai year", "date", "2569-02-28", "2026-02-28"), ("a named month", "date", "28. februar 2026", "2026-02-28"),
            ("a currency", "currency", "€", "EUR"), ("no currency", "currency", "gold", null), ("infinity", "number", "Infinity", null), ("a number too large", "number", "1e400", null),
        })
        {
            yield return new Case(
                name, Encoding.UTF8.GetBytes($"Email,Name\na@x.io,{cell}\n"), value is null ? [] : [value], value is null ? [(1, $"cell.not_{type}")] : None, Map: $"Email=email,Name=trait:name:{type}");
        }

        var plain = "Email,Name\na@x.io,Ann\n"u8.ToArray();
        yield return new Case("gzip", Gzip(plain), ["Ann"], None);
        yield return new Case("zip", Zip(("people.csv", plain)), ["Ann"], None);
        yield return new Case("empty", [], [], None, "file.empty");
        yield return new Case("gzip of nothing", Gzip([]), [], None, "file.not_readable");
        yield return new Case("gzip cut off", Gzip(plain)[..^6], [], None, "file.not_readable");
        yield return new Case("a long gzip cut off", Gzip(Long())[..^6], [], None, "file.not_readable");
        yield return new Case("gzip that is none", [0x1F, 0x8B, 1, 2, 3, 4, 5, 6, 7, 8], [], None, "file.not_readable");
        yield return new Case("a zip of two tables", Zip(("a.csv", plain), ("b.csv", plain)), [], None, "file.not_readable");
        yield return new Case("a zip cut off", Zip(("people.csv", plain))[..^12], [], None, "file.not_readable");
        yield return new Case("a zip of nothing", Zip(), [], None, "file.not_readable");
        yield return new Case("a zip that swells", Zip(("people.csv", new byte[40 << 20])), [], None, "file.not_readable");
        yield return new Case("a picture", [0xFF, 0xD8, 0xFF, 0xE0, .. new byte[2000]], [], None, "file.not_table");
    }

    [OneTimeSetUp]
    public async Task Start()
    {
        _test = new TestStore();
        _source = (await _test.Get<Sources>().CreateAsync(Actor.CommandLine, "Lists", SourceKind.File, default)).Value;
    }

    [OneTimeTearDown]
    public async Task Stop() => await _test.DisposeAsync();

    [TestCaseSource(nameof(Cases))]
    public async Task Every_row_is_stored_or_rejected_with_its_reason(object given)
    {
        var one = (Case)given;
        var imports = _test.Get<Imports>();
        var kept = await imports.KeepAsync(Actor.CommandLine, "list.csv", new MemoryStream(one.File), default);
        Assert.That(kept.Problem?.Code, Is.EqualTo(one.Refused));
        if (one.Refused is null)
        {
            var end = _test.Get<IEventLog>().Read(0, int.MaxValue).Count;
            var started = await imports.StartAsync(Actor.CommandLine, kept.Value.Id, _source.Id, ImportMapping.ParseShort(one.Map).Value, default);
            Assert.That(started.Problem?.Message, Is.Null);
            await _test.Get<ImportRunner>().RunQueuedAsync(default);

            var done = (await imports.FindAsync(started.Value.Id, default))!;
            var rejects = _test.Store.Read(read => ImportStore.Rejects(read, done.Id, 0, 100));
            var stored = _test.Get<IEventLog>().Read(end, int.MaxValue).Select(call => NameOf(call.Body)).ToList();
            using (Assert.EnterMultipleScope())
            {
                Assert.That((done.State, done.Error), Is.EqualTo((ImportState.Done, (string?)null)));
                Assert.That(done.RowsDone, Is.EqualTo(one.Names.Length + one.Rejected.Length), "no row vanishes");
                Assert.That(rejects.Select(reject => (reject.Row, reject.Code)), Is.EqualTo(one.Rejected));
                if (done.Duplicates == 0)
                {
                    Assert.That(stored, Is.EqualTo(one.Names));
                }
                else
                {
                    Assert.That(done.Duplicates, Is.EqualTo(one.Names.Length), "the same file was there before");
                }
            }
        }

        // Whatever came before, a good file is taken.
        var good = await imports.KeepAsync(Actor.CommandLine, "good.csv", new MemoryStream(Encoding.UTF8.GetBytes($"Email,Name\n{Guid.NewGuid():N}@x.io,Good\n")), default);
        var after = (await imports.StartAsync(Actor.CommandLine, good.Value.Id, _source.Id, ImportMapping.ParseShort(Map).Value, default)).Value;
        await _test.Get<ImportRunner>().RunQueuedAsync(default);
        Assert.That((await imports.FindAsync(after.Id, default))!.Stored, Is.EqualTo(1));
    }

    private static string? NameOf(byte[] body) =>
        JsonDocument.Parse(body).RootElement.GetProperty("traits") is var traits && traits.TryGetProperty("name", out var name) ? name.ToString() is var text && name.ValueKind is JsonValueKind.True ? "true" : text : null;

    private static byte[] Long()
    {
        var random = new Random(1);
        return Encoding.UTF8.GetBytes("Email,Name\n" + string.Concat(Enumerable.Range(0, 40_000).Select(n => $"p{n}@x.io,{random.Next()}\n")));
    }

    private static byte[] Gzip(byte[] plain)
    {
        var bytes = new MemoryStream();
        using (var packed = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
        {
            packed.Write(plain);
        }

        // Of nothing the stream writes nothing; a program like gzip writes its head and its end.
        return plain.Length > 0 ? bytes.ToArray() : [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    }

    private static byte[] Zip(params (string Name, byte[] Bytes)[] files)
    {
        var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(content);
            }
        }

        return bytes.ToArray();
    }
}
