using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace CdpMonolith.Commands.Bench;

/// <summary>A CSV file of people with twelve columns, from the upload to accepted and to unified, beside an import that only stores them.</summary>
internal static class BenchImport
{
    private const int Rows = 1_000_000;
    private const string Map =
        "Id=ownId,Email=email,Phone=phone,First=trait:firstName,Last=trait:lastName,City=trait:city,Country=trait:country,Born=trait:birthday,Spent=trait:spent:number,Visits=trait:visits:number,News=consent:newsletter:email,Since=trait:since";

    private static readonly string[] Cities = ["Oslo", "Bergen", "Jakarta", "Bangkok", "London", "Paris", "Lyon", "Chiang Mai"];

    /// <summary>What the opponent knows about the people: the same three ways to find one.</summary>
    private const string Table = """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        CREATE TABLE people (
            Id TEXT PRIMARY KEY, Email TEXT UNIQUE, Phone TEXT, First TEXT, Last TEXT, City TEXT, Country TEXT, Born TEXT,
            Spent REAL, Visits INTEGER, News TEXT, Since TEXT);
        CREATE INDEX people_by_phone ON people (Phone);
        """;

    public static async Task RunAsync(BenchRun run, CancellationToken ct)
    {
        var rows = run.Share(Rows);
        var file = Path.GetTempFileName();
        try
        {
            Write(file, rows);
            await using var place = await BenchPlace.NewAsync(run.Engine, ct);
            await using var server = await BenchServer.StartAsync(place, ct);
            await server.AddSourceAsync("bench", ct);
            using var client = await server.ConnectAsync(ct);
            var before = server.ProcessorTime;
            var watch = Stopwatch.StartNew();
            await ImportAsync(client, file, ct);
            var accepted = watch.Elapsed;
            await server.CaughtUpAsync(ct);
            var unified = watch.Elapsed;
            run.Report.Figure($"{rows} people x 12 columns, upload to accepted", rows / accepted.TotalSeconds, "rows/s");
            run.Report.Figure(
                $"{rows} people x 12 columns, to unified and segmentable", rows / unified.TotalSeconds, "rows/s",
                BenchReport.PerItem(server.ProcessorTime - before, rows));
            run.Report.Figure("memory at its highest (resident)", server.MemoryAtMostBytes / 1e6, "MB");
            if (run.Engine.Server is null && await BySqliteAsync(file, ct) is { } table)
            {
                run.Report.Figure("sqlite3 .import, primary key and two indexes", rows / table.TotalSeconds, "rows/s", string.Create(CultureInfo.InvariantCulture, $"we take {unified / table:0.0} times as long"));
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <returns>Null: this machine has no sqlite3.</returns>
    private static async Task<TimeSpan?> BySqliteAsync(string file, CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("cdp-bench-").FullName;
        try
        {
            using var process = new Process
            {
                StartInfo = new ProcessStartInfo("sqlite3", [Path.Combine(folder, "table.db")]) { RedirectStandardInput = true, RedirectStandardOutput = true },
            };
            process.Start();
            _ = process.StandardOutput.ReadToEndAsync(ct);
            await process.StandardInput.WriteLineAsync(Table);
            var watch = Stopwatch.StartNew();
            await process.StandardInput.WriteLineAsync($".import --csv --skip 1 {file} people");
            process.StandardInput.Close();
            await process.WaitForExitAsync(ct);
            return watch.Elapsed;
        }
        catch (Win32Exception)
        {
            return null;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
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
