using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace CdpMonolith.Commands.Bench;

/// <summary>A CSV file of people with twelve columns, from the upload to accepted and to unified.</summary>
internal static class BenchImport
{
    private const int Runs = 3;
    private const int Rows = 200_000;
    private const string Map =
        "Id=ownId,Email=email,Phone=phone,First=trait:firstName,Last=trait:lastName,City=trait:city,Country=trait:country,Born=trait:birthday,Spent=trait:spent:number,Visits=trait:visits:number,News=consent:newsletter:email,Since=trait:since";

    private static readonly string[] Cities = ["Oslo", "Bergen", "Jakarta", "Bangkok", "London", "Paris", "Lyon", "Chiang Mai"];

    public static async Task RunAsync(BenchReport report, bool quick, CancellationToken ct)
    {
        var rows = quick ? Rows / 10 : Rows;
        var file = Path.GetTempFileName();
        try
        {
            Write(file, rows);
            var accepted = new List<double>();
            var unified = new List<double>();
            var costs = new List<double>();
            var memory = new List<double>();
            for (var run = 0; run < (quick ? 1 : Runs); run++)
            {
                await using var server = await BenchServer.StartAsync(ct);
                await server.AddSourceAsync("bench", ct);
                using var client = await server.ConnectAsync(ct);
                var before = server.ProcessorTime;
                var watch = Stopwatch.StartNew();
                await ImportAsync(client, file, ct);
                accepted.Add(rows / watch.Elapsed.TotalSeconds);
                await server.CaughtUpAsync(ct);
                unified.Add(rows / watch.Elapsed.TotalSeconds);
                costs.Add((server.ProcessorTime - before).TotalSeconds / rows);
                memory.Add(server.MemoryBytes / 1e6);
            }

            report.Figure($"{rows} people x 12 columns, upload to accepted", BenchReport.Median(accepted), "rows/s");
            report.Figure(
                $"{rows} people x 12 columns, to unified", BenchReport.Median(unified), "rows/s",
                BenchReport.PerItem(TimeSpan.FromSeconds(BenchReport.Median(costs)), 1));
            report.Figure("memory after the import (resident)", BenchReport.Median(memory), "MB");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task ImportAsync(HttpClient client, string file, CancellationToken ct)
    {
        await using var content = File.OpenRead(file);
        using var kept = await client.PostAsync("/api/imports/files?name=people.csv", new StreamContent(content), ct);
        kept.EnsureSuccessStatusCode();
        var fileId = (long)(await kept.Content.ReadFromJsonAsync<JsonNode>(ct))!["fileId"]!;
        using var started = await client.PostAsJsonAsync("/api/imports", new { fileId, sourceId = 1, map = Map }, ct);
        started.EnsureSuccessStatusCode();
        var id = (long)(await started.Content.ReadFromJsonAsync<JsonNode>(ct))!["id"]!;
        while (true)
        {
            var import = (await client.GetFromJsonAsync<JsonNode>($"/api/imports/{id}", ct))!;
            switch ((string)import["state"]!)
            {
                case "Done":
                    return;
                case "Failed":
                    throw new InvalidOperationException($"The import failed: {import["error"]}");
            }

            await Task.Delay(20, ct);
        }
    }

    private static void Write(string file, int rows)
    {
        using var text = new StreamWriter(file);
        text.WriteLine("Id,Email,Phone,First,Last,City,Country,Born,Spent,Visits,News,Since");
        for (var n = 0; n < rows; n++)
        {
            text.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"C{n:000000},person{n}@example.com,+4790{n:000000},First{n % 997},Last{n % 7919},{Cities[n % Cities.Length]},NO,19{50 + (n % 50)}-0{1 + (n % 9)}-1{n % 10},{n % 1000 / 4.0},{n % 37},{(n % 3 == 0 ? "no" : "yes")},202{n % 6}-05-1{n % 10}"));
        }
    }
}
