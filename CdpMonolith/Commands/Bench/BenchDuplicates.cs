namespace CdpMonolith.Commands.Bench;

/// <summary>What it costs to know a message id again when very many events are stored.</summary>
internal static class BenchDuplicates
{
    private const int Stored = 10_000_000;
    private const int Measured = 600_000;
    private const int People = 1_000_000;
    private const int Clients = 32;
    private const int Batch = 100;

    public static async Task RunAsync(BenchRun run, CancellationToken ct)
    {
        await using var place = await BenchPlace.NewAsync(run.Engine, ct);
        await using var server = await BenchServer.StartAsync(place, ct, "--Stages:Run=false");
        var client = new LoadClient(server.EndPoint, await server.AddSourceAsync("bench", ct));
        await MeasureAsync("new events, none stored");
        await client.RunAsync(Clients, Batch, run.Share(Stored) - run.Share(Measured), People, ct);
        await MeasureAsync($"new events, {run.Share(Stored)} stored");
        client.StartOver();
        await MeasureAsync("the oldest of them once more");

        async Task MeasureAsync(string what)
        {
            var before = server.ProcessorTime;
            var result = await client.RunAsync(Clients, Batch, run.Share(Measured), People, ct);
            run.Report.Figure(what, result.EventsPerSecond, "ev/s", BenchReport.PerItem(server.ProcessorTime - before, result.Events));
        }
    }
}
