using System.Diagnostics;

namespace CdpMonolith.Commands.Bench;

/// <summary>From the first call to the moment when every stage has taken everything.</summary>
internal static class BenchStages
{
    private const int Events = 300_000;
    private const int People = 50_000;

    public static async Task RunAsync(BenchRun run, CancellationToken ct)
    {
        var rates = new List<double>();
        var costs = new List<double>();
        for (var n = 0; n < run.Times; n++)
        {
            await using var place = await BenchPlace.NewAsync(run.Engine, ct);
            await using var server = await BenchServer.StartAsync(place, ct);
            var load = new LoadClient(server.EndPoint, await server.AddSourceAsync("bench", ct));
            var before = server.ProcessorTime;
            var watch = Stopwatch.StartNew();
            var result = await load.RunAsync(8, 100, run.Share(Events), People, ct);
            await server.CaughtUpAsync(ct);
            rates.Add(result.Events / watch.Elapsed.TotalSeconds);
            costs.Add((server.ProcessorTime - before).TotalSeconds / result.Events);
        }

        run.Report.Figure(
            $"batch 100, 8 clients, {People} people, all stages", BenchReport.Median(rates), "ev/s",
            BenchReport.PerItem(TimeSpan.FromSeconds(BenchReport.Median(costs)), 1));
    }
}
