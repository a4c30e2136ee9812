using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;

namespace CdpMonolith.Commands.Demo;

/// <summary>
/// Fills a fresh demo through the ways in that everybody has: the import, the tracking API and the console's API.
/// </summary>
/// <param name="server">Signed in as the command line.</param>
internal sealed class DemoFill(HttpClient server, TextWriter output, DemoSamples samples)
{
    public const string Website = "Web shop";
    public const string Receiver = "/demo/receiver";
    private const string Mailer = "Demo receiver";
    private const int Browsers = 4;
    private static readonly TimeSpan Within = TimeSpan.FromMinutes(5);

    private Dictionary<string, string> MailerSettings => new() { ["url"] = new Uri(server.BaseAddress!, Receiver).ToString(), ["allowLocal"] = "true" };

    private readonly ImportCalls _imports = new(server, new Indented(output));
    private readonly DemoSetUp _setUp = new(server);

    /// <summary>Everything, in the order in which a shop would set it up.</summary>
    /// <exception cref="HttpRequestException">The server refused a step.</exception>
    public async Task RunAsync(CancellationToken ct)
    {
        await SayAsync("Purposes that people are asked about");
        await PurposeAsync("newsletter", "Newsletter", "News and offers of the shop, once a week.", ct);
        await PurposeAsync("offers", "Offers by text message", "Short offers for a day.", ct);
        await PurposeAsync("personal_offers", "Personal offers", "Offers chosen by what somebody bought.", ct);
        await PurposeAsync("analytics", "Analytics", "Counting visits to improve the web shop.", ct);
        await PurposeAsync("advertising", "Advertising", "Showing our offers on other sites.", ct);

        await SayAsync("Segments");
        var loyal = await SegmentAsync("Newsletter readers who bought lately", "Agreed to the newsletter and ordered within 90 days.", LoyalReaders, ct);
        await SegmentAsync("Big spenders", "Spent 2,500 pounds or more within a year.", BigSpenders, ct);
        var left = await SegmentAsync("Left at the checkout", "Began to pay within two weeks and has not ordered since a day before.", LeftAtCheckout, ct);

        await ImportAsync("Newsletter tool: subscribers and what they agreed to", "Newsletter tool", "newsletter", samples.Subscribers, ct);
        await ImportAsync("CRM: contacts, four of them unusable on purpose", "CRM", "crm-contacts", samples.Contacts, ct);
        await ImportAsync("Web shop: orders and refunds of a year", "Web shop orders", "webshop-orders", samples.Orders, ct);
        var website = await WebsiteAsync(ct);
        var writeKey = (string)website["writeKey"]!;
        await _setUp.TagAsync((long)website["id"]!, ct);
        await VisitAsync(writeKey, ct);
        await SayAsync("A sign-up form and what people answered");
        await _setUp.FormAsync(ct);

        await SayAsync("Unifying people and finding segments");
        await CatchUpAsync(ct);
        var planned = await _setUp.PlanAsync(ct);
        await SayAsync(string.Create(CultureInfo.InvariantCulture, $"A tracking plan of the {planned:#,0} events that came in, and a few calls that stray from it on purpose"));
        await _setUp.StrayAsync(writeKey, DemoSamples.Customers()[0], ct);

        await SayAsync("Destinations, and a sync to each");
        var mailer = await MadeAsync("/api/destinations", new { kind = "webhook", name = Mailer, settings = MailerSettings }, ct);
        var files = await MadeAsync("/api/destinations", new { kind = "file", name = "CSV for the print shop", settings = new { everyMinutes = "15" } }, ct);
        await SyncAsync("Reminders to the mailing tool", left, mailer, ["firstName", "name"], ct);
        await SyncAsync("Letters for loyal readers", loyal, files, ["name", "city", "country"], ct);

        await SayAsync("Delivering");
        await DeliverAsync(ct);
        foreach (var segment in (await server.GetFromJsonAsync<JsonArray>("/api/segments", ct))!)
        {
            await SayAsync(string.Create(CultureInfo.InvariantCulture, $"  {segment!["name"]}: {(long?)segment["size"] ?? 0:#,0} people"));
        }
    }

    /// <summary>Tells the webhook where this server answers now; it may have been another port before.</summary>
    public async Task PointAsync(CancellationToken ct)
    {
        var destinations = (await server.GetFromJsonAsync<JsonArray>("/api/destinations", ct))!;
        if (destinations.FirstOrDefault(destination => (string)destination!["name"]! == Mailer) is { } mailer
            && (string?)mailer["settings"]?["url"] != MailerSettings["url"])
        {
            using var changed = await server.PutAsJsonAsync(
                FormattableString.Invariant($"/api/destinations/{(long)mailer["id"]!}"), new { name = Mailer, settings = MailerSettings }, ct);
            changed.EnsureSuccessStatusCode();
        }
    }

    /// <summary>The write key of the website; the source is made when there is none.</summary>
    public async Task<string> WriteKeyAsync(CancellationToken ct) => (string)(await WebsiteAsync(ct))["writeKey"]!;

    private async Task<JsonNode> WebsiteAsync(CancellationToken ct) =>
        (await server.GetFromJsonAsync<JsonArray>("/api/sources", ct))!.FirstOrDefault(source => (string)source!["name"]! == Website)
            ?? await BodyAsync("/api/sources", new { name = Website, kind = "website" }, ct);

    private async Task PurposeAsync(string key, string name, string description, CancellationToken ct) =>
        await BodyAsync("/api/consent/purposes", new { key, name, description }, ct);

    private Task<long> SegmentAsync(string name, string description, string rule, CancellationToken ct) =>
        MadeAsync("/api/segments", new { name, description, rule = JsonNode.Parse(rule) }, ct);

    private async Task SyncAsync(string name, long segmentId, long destinationId, string[] traits, CancellationToken ct)
    {
        var id = await MadeAsync("/api/syncs", new
        {
            name, segmentId, destinationId, purpose = "newsletter", channel = "email",
            traits = traits.Select(trait => new { trait, field = trait }),
        }, ct);
        (await server.PostAsync(FormattableString.Invariant($"/api/syncs/{id}/start"), null, ct)).EnsureSuccessStatusCode();
    }

    private async Task ImportAsync(string title, string source, string file, Func<Stream> open, CancellationToken ct)
    {
        await SayAsync(title);
        await using var content = open();
        var wish = new ImportWish(DemoSamples.MappingOf(file));
        if (await _imports.RunAsync(content, $"{file}.csv", await _imports.SourceAsync(source, mayMake: true, ct), wish, ct) is null)
        {
            throw new HttpRequestException($"The file {file}.csv could not be imported.");
        }
    }

    /// <summary>Visits to the web shop, as several browsers send them at once.</summary>
    private async Task VisitAsync(string writeKey, CancellationToken ct)
    {
        await SayAsync("Web shop: visits of a month");
        using var browsers = new HttpClient { BaseAddress = server.BaseAddress };
        browsers.DefaultRequestHeaders.Authorization = BasicOf(writeKey);
        var batches = samples.WebBatches().ToArray();
        var (done, told) = (0, 0);
        await Parallel.ForEachAsync(batches, new ParallelOptions { MaxDegreeOfParallelism = Browsers, CancellationToken = ct }, async (batch, stop) =>
        {
            using var body = new StringContent(batch, Encoding.UTF8, "application/json");
            using var answer = await browsers.PostAsync("/v1/batch", body, stop);
            if (answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.BadRequest))
            {
                answer.EnsureSuccessStatusCode();
            }

            var quarter = Interlocked.Increment(ref done) * 4 / batches.Length;
            if (quarter > Volatile.Read(ref told) && Interlocked.Exchange(ref told, quarter) != quarter)
            {
                await SayAsync(string.Create(CultureInfo.InvariantCulture, $"  {batches.Length * quarter / 4:#,0} of {batches.Length:#,0} batches"));
            }
        });
    }

    /// <summary>Ends when every stage has taken what came in.</summary>
    private Task CatchUpAsync(CancellationToken ct) => UntilNoneAsync("/api/stages", stage => (long)stage["behind"]! > 0, ct);

    /// <summary>Ends when everybody in a segment was told of or withheld.</summary>
    private Task DeliverAsync(CancellationToken ct) => UntilNoneAsync(
        "/api/syncs", sync => (long)sync["counts"]!["pending"]! > 0 || (long)sync["counts"]!["delivered"]! + (long)sync["counts"]!["withheld"]! == 0, ct);

    private async Task UntilNoneAsync(string path, Func<JsonNode, bool> waits, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Within);
        while ((await server.GetFromJsonAsync<JsonArray>(path, limit.Token))!.Any(item => waits(item!)))
        {
            await Task.Delay(100, limit.Token);
        }
    }

    private async Task<long> MadeAsync(string path, object wanted, CancellationToken ct) => (long)(await BodyAsync(path, wanted, ct))["id"]!;

    private async Task<JsonNode> BodyAsync(string path, object wanted, CancellationToken ct)
    {
        using var answer = await server.PostAsJsonAsync(path, wanted, ct);
        var body = (await answer.Content.ReadFromJsonAsync<JsonNode>(ct))!;
        return answer.IsSuccessStatusCode ? body : throw new HttpRequestException($"{path}: {body["title"]}");
    }

    private Task SayAsync(string line) => output.WriteLineAsync($"  {line}");

    internal static AuthenticationHeaderValue BasicOf(string writeKey) =>
        new("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes($"{writeKey}:")));

    private const string LoyalReaders =
        """
        {"version":1,"match":{"kind":"all","of":[
          {"kind":"event","event":"Order Completed","window":{"kind":"last","amount":90,"unit":"days"}},
          {"kind":"consent","purpose":"newsletter","channel":"email","status":"granted"}]}}
        """;

    private const string BigSpenders =
        """
        {"version":1,"match":{"kind":"event","event":"Order Completed","measure":"sum","property":"revenue","op":"gte","value":2500,
          "window":{"kind":"last","amount":365,"unit":"days"}}}
        """;

    private const string LeftAtCheckout =
        """
        {"version":1,"match":{"kind":"all","of":[
          {"kind":"event","event":"Checkout Started","window":{"kind":"last","amount":14,"unit":"days"}},
          {"kind":"not","of":[{"kind":"event","event":"Order Completed","window":{"kind":"last","amount":15,"unit":"days"}}]}]}}
        """;

    /// <summary>Moves each line in, below the step that it belongs to.</summary>
    private sealed class Indented(TextWriter inner) : StringWriter(CultureInfo.InvariantCulture)
    {
        public override Task WriteLineAsync(string? value) => inner.WriteLineAsync($"    {value}");
    }
}
