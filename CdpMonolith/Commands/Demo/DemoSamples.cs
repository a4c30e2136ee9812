using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace CdpMonolith.Commands.Demo;

/// <summary>
/// The files of samples/, which are inside the program. Their dates end on 20 November 2026; they are moved by whole weeks, so
/// that weekdays stay and the last of them lies in the week before the demo starts.
/// </summary>
/// <param name="now">When the demo starts.</param>
internal sealed partial class DemoSamples(DateTimeOffset now)
{
    /// <summary>When the last call of the samples was made.</summary>
    private static readonly DateTimeOffset End = new(2026, 11, 20, 21, 0, 0, TimeSpan.Zero);

    /// <summary>How far the dates are moved: whole weeks, never past now.</summary>
    public TimeSpan Moved { get; } = TimeSpan.FromDays(7 * Math.Floor((now - End).TotalDays / 7));

    public Stream Orders() => Bytes(Move(Text("webshop-orders.csv"), OrderTime(), "yyyy-MM-dd HH:mm"));

    public Stream Contacts() => Bytes(Move(Text("crm-contacts.csv"), ContactDay(), "dd/MM/yyyy"));

    public Stream Subscribers() => Bytes(Move(Text("newsletter.csv"), DecisionTime(), "dd.MM.yyyy HH:mm"));

    /// <summary>What the columns of a file become, as the import API takes it.</summary>
    public static JsonNode MappingOf(string file) => JsonNode.Parse(Text($"{file}.map.json"))!;

    /// <summary>Bodies for <c>POST /v1/batch</c>, a browser's calls in each.</summary>
    public IEnumerable<string> WebBatches() => Move(Text("web-events.ndjson"), CallTime(), "yyyy-MM-ddTHH:mm:ss.fffZ").Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Numbers of customers who have ordered, each once.</summary>
    public static IReadOnlyList<string> Customers() =>
        [.. Text("webshop-orders.csv").Split('\n').Skip(1).Select(line => line.Split(',')).Where(cells => cells is [_, _, _, { Length: > 0 }, ..])
            .Select(cells => cells[3]).Distinct()];

    /// <summary>The properties of each product that somebody viewed.</summary>
    public static IReadOnlyList<JsonObject> Products() =>
        [.. Text("web-events.ndjson").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(line => JsonNode.Parse(line)!["batch"]!.AsArray()).OfType<JsonObject>()
            .Where(call => call["event"]?.ToString() == "Product Viewed").Select(call => call["properties"]).OfType<JsonObject>()
            .DistinctBy(product => product["product_id"]?.ToString())];

    private static string Text(string name)
    {
        using var content = typeof(DemoSamples).Assembly.GetManifestResourceStream($"samples/{name}")
            ?? throw new InvalidOperationException($"The sample {name} is not in this program.");
        using var reader = new StreamReader(content, Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
        return reader.ReadToEnd();
    }

    private static MemoryStream Bytes(string text) => new(Encoding.UTF8.GetBytes(text));

    private string Move(string text, Regex times, string format) => Moved == TimeSpan.Zero ? text : times.Replace(text, found =>
        DateTime.TryParseExact(found.Value, format, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time)
            ? (time + Moved).ToString(format, CultureInfo.InvariantCulture)
            : found.Value);

    [GeneratedRegex(@"^\d{4}-\d\d-\d\d \d\d:\d\d(?=,)", RegexOptions.Multiline)]
    private static partial Regex OrderTime();

    [GeneratedRegex(@"\d\d/\d\d/\d{4}(?=\r?$)", RegexOptions.Multiline)]
    private static partial Regex ContactDay();

    [GeneratedRegex(@"(?<=;)\d\d\.\d\d\.\d{4} \d\d:\d\d(?=;)")]
    private static partial Regex DecisionTime();

    [GeneratedRegex(@"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")]
    private static partial Regex CallTime();
}
