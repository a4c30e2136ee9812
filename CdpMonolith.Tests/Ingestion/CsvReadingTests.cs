using System.Text.Json.Nodes;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

public sealed class CsvReadingTests
{
    /// <summary>Awkward files, each with what is to be read from it beside it.</summary>
    private static readonly string Edge = Repo.Path("CdpMonolith.Tests", "Ingestion", "CsvEdge");

    private static IEnumerable<string> EdgeFiles => Directory.GetFiles(Edge, "*.csv").Select(file => Path.GetFileName(file)).Order();

    [TestCaseSource(nameof(EdgeFiles))]
    public void Awkward_files_are_read_as_a_careful_reader_would(string name)
    {
        var file = Path.Combine(Edge, name);
        var expected = JsonNode.Parse(File.ReadAllText(Path.ChangeExtension(file, ".json")))!;
        var (head, isWhole) = CsvRows.Head(file, 256 * 1024);
        var shape = CsvShape.Guess(head, isWhole);
        using var csv = new CsvRows(file, shape);
        var rows = new List<string[]>();
        var problems = new List<long>();
        while (csv.Read())
        {
            if (csv.Problem?.Code == "row.quotes" && name == "unclosed_quote.csv")
            {
                problems.Add(csv.Row);
                continue;
            }

            rows.Add([.. csv.Cells]);
            if (csv.Problem is not null || csv.Cells.Count != csv.Header.Count || csv.Cells.Any(cell => cell.Contains('\uFFFD') || cell.Contains('\0')))
            {
                problems.Add(csv.Row);
            }
        }

        using (Assert.EnterMultipleScope())
        {
            if (rows.Count > 0)
            {
                Assert.That(shape.Delimiter.ToString(), Is.EqualTo((string)expected["delimiter"]!));
            }

            Assert.That(rows, Is.EqualTo(expected["rows"]!.AsArray().Select(row => row!.AsArray().Select(cell => (string)cell!).ToArray())));
            Assert.That(problems, Is.EqualTo(expected["problems"]!.AsArray().Select(ProblemRow).Distinct().Order()));
        }
    }

    [Test]
    public void A_packed_file_is_read_like_the_plain_one()
    {
        using var folder = new TempFolder();
        var path = folder.PathOf("a.csv.gz");
        using (var packed = new System.IO.Compression.GZipStream(File.Create(path), System.IO.Compression.CompressionLevel.Fastest))
        {
            packed.Write("Email;Name\nann@example.com;Ann\n"u8);
        }

        var (head, isWhole) = CsvRows.Head(path, 1024);
        using var csv = new CsvRows(path, CsvShape.Guess(head, isWhole));
        Assert.That(csv.Read(), Is.True);
        Assert.That((csv.Header, csv.Cells), Is.EqualTo((new[] { "Email", "Name" }, new[] { "ann@example.com", "Ann" })));
    }

    [TestCase("12/31/2025", "mdy", "2025-12-31")]
    [TestCase("31.12.2025", "dmy", "2025-12-31")]
    [TestCase("2025-12-31", "dmy", "2025-12-31")]
    [TestCase("1/12/2010 8:26", "dmy", "2010-12-01T08:26:00.000Z")]
    [TestCase("2025-12-31T23:00:00+07:00", "ymd", "2025-12-31T16:00:00.000Z")]
    [TestCase("29/02/2543", "dmy", "2000-02-29")]
    [TestCase("2569-11-23 08:26", "ymd", "2026-11-23T08:26:00.000Z")]
    [TestCase("5. januar 2026", "ymd", "2026-01-05")]
    [TestCase("5.jan.2026", "mdy", "2026-01-05")]
    [TestCase("Jan 5th, 2026", "dmy", "2026-01-05")]
    [TestCase("Mon, 5 Jan 2026 08:26", "ymd", "2026-01-05T08:26:00.000Z")]
    [TestCase("5 de enero de 2026", "ymd", "2026-01-05")]
    [TestCase("1er août 2026", "ymd", null)]
    [TestCase("1 août 2026", "ymd", "2026-08-01")]
    [TestCase("24-Dez-26", "ymd", "2026-12-24")]
    [TestCase("3 มกราคม 2569", "ymd", "2026-01-03")]
    [TestCase("3 ม.ค. 69", "ymd", "2026-01-03")]
    [TestCase("3 ม.ค. พ.ศ. 2569", "ymd", "2026-01-03")]
    [TestCase("31/12/49", "dmy", "2049-12-31")]
    [TestCase("31/12/50", "dmy", "1950-12-31")]
    [TestCase("30 februar 2026", "dmy", null)]
    [TestCase("5 foo 2026", "dmy", null)]
    [TestCase("31/31/2025", "dmy", null)]
    [TestCase("soon", "ymd", null)]
    public void Dates_are_read_in_the_order_given(string text, string order, string? iso) =>
        Assert.That(CellReading.Date(text, Enum.Parse<DateOrder>(order, true), TimeZoneInfo.Utc), Is.EqualTo(iso));

    [TestCase("1,234.50", false, 1234.50)]
    [TestCase("1.234,50", true, 1234.50)]
    [TestCase("€ 12", false, 12)]
    [TestCase("−3", false, -3)]
    [TestCase("1 234", false, 1234)]
    [TestCase("NOK 1 234,50", true, 1234.50)]
    [TestCase("1.234,50 kr", true, 1234.50)]
    [TestCase("100,-", true, 100)]
    [TestCase("Rp1,500,000", false, 1500000)]
    [TestCase("-$5.25", false, -5.25)]
    [TestCase("US$-5", false, -5)]
    [TestCase("(12.50)", false, -12.50)]
    [TestCase(".5", false, 0.5)]
    [TestCase("+7", false, 7)]
    [TestCase("1e3", false, 1000)]
    [TestCase("2 บาท", false, 2)]
    [TestCase("1’234.50", false, 1234.50)]
    [TestCase("12 apples", false, null)]
    [TestCase("1-2", false, null)]
    [TestCase("1.2.3", false, null)]
    [TestCase("12%", false, null)]
    [TestCase("--5", false, null)]
    [TestCase("12a", false, null)]
    public void Numbers_are_read_as_people_write_them(string text, bool comma, double? value) =>
        Assert.That((double?)CellReading.Number(text, comma), Is.EqualTo(value));

    [TestCase("Yes", true)]
    [TestCase("ja", true)]
    [TestCase("ใช่", true)]
    [TestCase("tidak", false)]
    [TestCase("Nein", false)]
    [TestCase("sí", true)]
    [TestCase("maybe", null)]
    public void Yes_and_no_are_understood_in_many_languages(string text, bool? value) =>
        Assert.That(CellReading.Boolean(text), Is.EqualTo(value));

    [TestCase("nok", null, "NOK")]
    [TestCase(" € ", null, "EUR")]
    [TestCase("บาท", null, "THB")]
    [TestCase("Rp", null, "IDR")]
    [TestCase("kr", "NO", "NOK")]
    [TestCase("KR", "SE", "SEK")]
    [TestCase("$", "AU", "AUD")]
    [TestCase("$", "NO", null)]
    [TestCase("kr", null, null)]
    [TestCase("", null, null)]
    [TestCase("gold", null, null)]
    public void A_currency_is_its_code_its_sign_or_its_name_where_that_is_clear(string text, string? country, string? code) =>
        Assert.That(CurrencyCodes.ToIso4217(text, country), Is.EqualTo(code));

    [Test]
    public void Columns_have_dates_of_their_own_order_and_currencies_by_their_codes()
    {
        var mapping = ImportMapping.Parse("""
            {"columns":{"Mail":{"to":"email"},"Born":{"to":"trait","name":"born","type":"date","order":"mdy"},"Since":{"to":"trait","name":"since","type":"date"},
            "Pays":{"to":"trait","name":"pays","type":"currency"}},"dateOrder":"dmy"}
            """).Value;
        var rows = new RowCalls(["Mail", "Born", "Since", "Pays"], mapping, "source_1_id", "file", "map", "NO");
        Assert.That(rows.Write([new FileRow(1, ["ann@example.com", "12/31/1990", "31/12/2020", "kr"], null)], out _), Is.EqualTo(1));
        Assert.That(
            JsonNode.Parse(rows.Take()[0].Span)!["traits"]!.ToJsonString(),
            Is.EqualTo("""{"email":"ann@example.com","born":"1990-12-31","since":"2020-12-31","pays":"NOK"}"""));
        Assert.That(rows.Write([new FileRow(2, ["ann@example.com", "", "", "gold"], null)], out var fault), Is.Zero);
        Assert.That(fault!.Problem.Code, Is.EqualTo("cell.not_currency"));
    }

    [Test]
    public void A_cell_can_take_a_trait_back_and_a_blank_one_never_does()
    {
        var mapping = ImportMapping.Parse("""{"columns":{"Mail":{"to":"email"},"Age":{"to":"trait","name":"age","type":"number"},"Town":{"to":"trait","name":"town"}},"clear":"(none)"}""").Value;
        var rows = new RowCalls(["Mail", "Age", "Town"], mapping, "source_1_id", "file", "map", null);
        Assert.That(rows.Write([new FileRow(1, ["ann@example.com", "(none)", ""], null)], out _), Is.EqualTo(1));
        Assert.That(JsonNode.Parse(rows.Take()[0].Span)!["traits"]!.ToJsonString(), Is.EqualTo("""{"email":"ann@example.com","age":null}"""));
        Assert.That(rows.Write([new FileRow(2, ["(none)", "1", ""], null)], out var fault), Is.Zero);
        Assert.That(fault!.Problem.Code, Is.EqualTo("row.no_identifier"));
    }

    private static long ProblemRow(JsonNode? problem) => problem is JsonObject named ? (long)named["row"]! : (long)problem!;
}
