namespace CdpMonolith.Commands.Bench;

/// <summary>Start-up and idle memory, on an empty store and on one that was used.</summary>
internal static class BenchStart
{
    private const int Runs = 5;
    private static readonly TimeSpan Settles = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(BenchRun run, CancellationToken ct)
    {
        var fresh = new List<double>();
        var again = new List<double>();
        var idle = new List<double>();
        for (var n = 0; n < (run.Quick ? 1 : Runs); n++)
        {
            await using var place = await BenchPlace.NewAsync(run.Engine, ct);
            await using (var server = await BenchServer.StartAsync(place, ct))
            {
                fresh.Add(server.StartedIn.TotalMilliseconds);
            }

            await using (var server = await BenchServer.StartAsync(place, ct))
            {
                again.Add(server.StartedIn.TotalMilliseconds);
                await Task.Delay(Settles, ct);
                idle.Add(server.MemoryBytes / 1e6);
            }
        }

        run.Report.Figure("start to first answer, new store", BenchReport.Median(fresh), "ms");
        run.Report.Figure("start to first answer, existing store", BenchReport.Median(again), "ms");
        run.Report.Figure("idle memory (resident)", BenchReport.Median(idle), "MB");
    }
}
