using System.Globalization;

namespace CdpMonolith.Commands.Bench;

/// <summary>The door: HTTP, JSON, deduplication and the fsync before the answer, beside a plain indexed table without any of these.</summary>
internal static class BenchIngest
{
    private const int People = 200_000;
    private const string StagesOff = "--Stages:Run=false";

    private static readonly Load[] Grid =
    [
        new(1, 1, 10_000), new(8, 1, 50_000), new(64, 1, 100_000),
        new(1, 20, 100_000), new(8, 20, 300_000), new(64, 20, 400_000),
        new(1, 100, 300_000), new(8, 100, 600_000), new(64, 100, 600_000),
    ];

    private static readonly Load[] Some = [Grid[2], Grid[5], Grid[7]];

    public static async Task RunAsync(BenchRun run, CancellationToken ct)
    {
        // Stages off: this is the door alone; the whole way is measured by `stages`.
        var rates = new Dictionary<Load, double>();
        foreach (var load in Grid)
        {
            rates[load] = await MeasureAsync(run, load, "stages off", [StagesOff], ct);
            if (run.Engine.Server is null)
            {
                var table = BenchTable.Insert(load.Connections, load.Batch, run.Share(load.Events), People);
                run.Report.Figure("  an indexed SQLite table, in process, no HTTP or JSON", table, "ev/s", Ratio(rates[load], table));
            }
        }

        foreach (var load in Some)
        {
            await MeasureAsync(run, load, "stages on", [], ct);
        }

        foreach (var load in Some)
        {
            var without = await MeasureAsync(run, load, "no fsync", [StagesOff, "--Store:Durable=false"], ct);
            run.Report.Line(string.Create(CultureInfo.InvariantCulture, $"    durable is {rates[load] / without:0.00} of it"));
        }

        foreach (var load in Some)
        {
            await MeasureAsync(run, load, "at half of its rate", [StagesOff], ct, rates[load] / 2);
        }
    }

    /// <returns>Events per second, the median.</returns>
    private static async Task<double> MeasureAsync(
        BenchRun run, Load load, string what, string[] settings, CancellationToken ct, double? pace = null)
    {
        var results = new List<(LoadResult Load, TimeSpan Cost)>();
        for (var n = 0; n < run.Times; n++)
        {
            await using var place = await BenchPlace.NewAsync(run.Engine, ct);
            await using var server = await BenchServer.StartAsync(place, ct, settings);
            var client = new LoadClient(server.EndPoint, await server.AddSourceAsync("bench", ct));

            // Until the server's code is compiled for good.
            await client.RunAsync(load.Connections, load.Batch, load.Events / 4, People, ct);
            var before = server.ProcessorTime;
            var result = await client.RunAsync(load.Connections, load.Batch, run.Share(load.Events), People, ct, pace);
            results.Add((result, server.ProcessorTime - before));
        }

        var (median, cost) = results.OrderBy(result => result.Load.EventsPerSecond).ElementAt(results.Count / 2);
        run.Report.Figure(
            $"batch {load.Batch}, {load.Connections} clients, {what}", median.EventsPerSecond, "ev/s",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{median.RequestsPerSecond:#,0} req/s  p50 {median.Latency(0.5):0.0} ms  p99 {median.Latency(0.99):0.0} ms  refused {median.Refused}  {BenchReport.PerItem(cost, median.Events)}"));
        return median.EventsPerSecond;
    }

    public static string Ratio(double ours, double theirs) => string.Create(CultureInfo.InvariantCulture, $"we: {ours / theirs:0.00} of it");

    private readonly record struct Load(int Connections, int Batch, int Events);
}
