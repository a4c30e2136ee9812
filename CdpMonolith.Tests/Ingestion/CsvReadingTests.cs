using System.Text.Json.Nodes;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

public sealed class CsvReadingTests
{
    private static readonly string Edge = Repo.Path("..", "shared", "data", "csv-edge");

    private static IEnumerable<string> EdgeFiles => Directory.Exists(Edge)
        ? Directory.GetFiles(Edge, "*.csv").Select(file => Path.GetFileName(file)).Order()
        : ["(none)"];

    [TestCaseSource(nameof(EdgeFiles))]
    public void Awkward_files_are_read_as_a_careful_reader_would(string name)
    {
        if (!Directory.Exists(Edge))
        {
            Tools.Missing("the data set csv-edge");
        }

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
    [TestCase("31/31/2025", "dmy", null)]
    [TestCase("soon", "ymd", null)]
    public void Dates_are_read_in_the_order_given(string text, string order, string? iso) =>
        Assert.That(CellReading.Date(text, Enum.Parse<DateOrder>(order, true), TimeZoneInfo.Utc), Is.EqualTo(iso));

    [TestCase("1,234.50", false, 1234.50)]
    [TestCase("1.234,50", true, 1234.50)]
    [TestCase("€ 12", false, 12)]
    [TestCase("−3", false, -3)]
    [TestCase("1 234", false, 1234)]
    [TestCase("12a", false, null)]
    public void Numbers_are_read_as_people_write_them(string text, bool comma, double? value) =>
        Assert.That((double?)CellReading.Number(text, comma), Is.EqualTo(value));

    [TestCase("Yes", true)]
    [TestCase("ja", true)]
    [TestCase("ใช่", true)]
    [TestCase("tidak", false)]
    [TestCase("maybe", null)]
    public void Yes_and_no_are_understood_in_four_languages(string text, bool? value) =>
        Assert.That(CellReading.Boolean(text), Is.EqualTo(value));

    private static long ProblemRow(JsonNode? problem) => problem is JsonObject named ? (long)named["row"]! : (long)problem!;
}
