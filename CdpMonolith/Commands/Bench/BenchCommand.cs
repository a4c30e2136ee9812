using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace CdpMonolith.Commands.Bench;

/// <summary><c>cdp bench</c>: measures this machine, load generator included, and prints what was measured on what.</summary>
internal static class BenchCommand
{
    private const string Help = """
        cdp bench [NAME …] [--quick]

          accept     events per second answered over HTTP, durable, at batch 1, 20 and 100
          stages     events per second from the door through every stage
          import     rows per second of a CSV file, to accepted and to unified
          segments   milliseconds a segment on 200,000 people and 2,000,000 events
          start      time to the first answered request, and idle memory

        Without names: all of them. Each figure is the median of the runs. --quick: a tenth of the load, for a first look.
        """;

    private static readonly Dictionary<string, Func<BenchReport, bool, CancellationToken, Task>> Benches = new()
    {
        ["start"] = BenchStart.RunAsync,
        ["accept"] = BenchAccept.RunAsync,
        ["stages"] = BenchStages.RunAsync,
        ["import"] = BenchImport.RunAsync,
        ["segments"] = BenchSegments.RunAsync,
    };

    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        var quick = args.Contains("--quick");
        var names = args.Where(arg => !arg.StartsWith('-')).ToArray();
        if (args.Contains("--help") || names.Except(Benches.Keys).Any())
        {
            await output.WriteLineAsync(Help);
            return args.Contains("--help") ? 0 : 2;
        }

        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            stop.Cancel();
        };
        var report = new BenchReport(output);
        report.Machine();
        foreach (var (name, bench) in Benches.Where(bench => names.Length == 0 || names.Contains(bench.Key)))
        {
            report.Head(name);
            await bench(report, quick, stop.Token);
        }

        return 0;
    }
}

/// <summary>Writes figures as a table that can be pasted.</summary>
internal sealed class BenchReport(TextWriter output)
{
    public void Machine()
    {
        var cpu = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            : null;
        Line($"cdp {typeof(BenchReport).Assembly.GetName().Version!.ToString(3)} on {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}");
        Line($"{Environment.ProcessorCount} cores{(cpu is null ? "" : $" ({cpu})")}, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1L << 30)} GiB; the load generator runs on the same machine");
    }

    public void Head(string name) => Line($"\n{name}");

    public void Figure(string what, double value, string unit, string detail = "") =>
        Line(string.Create(CultureInfo.InvariantCulture, $"  {what,-54} {value,12:#,0.##} {unit,-8} {detail}"));

    public void Line(string text) => output.WriteLine(text);

    /// <summary>What one event or row took of the server's processors.</summary>
    public static string PerItem(TimeSpan processorTime, int items) =>
        string.Create(CultureInfo.InvariantCulture, $"server CPU {processorTime.TotalMicroseconds / Math.Max(1, items):0.0} µs each");

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}

/// <summary>Start-up and idle memory, on an empty folder and on one that was used.</summary>
internal static class BenchStart
{
    private const int Runs = 5;
    private static readonly TimeSpan Settles = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(BenchReport report, bool quick, CancellationToken ct)
    {
        var fresh = new List<double>();
        var again = new List<double>();
        var idle = new List<double>();
        for (var run = 0; run < (quick ? 1 : Runs); run++)
        {
            var folder = Directory.CreateTempSubdirectory("cdp-bench-").FullName;
            await using (var server = await BenchServer.StartAsync(ct, folder))
            {
                fresh.Add(server.StartedIn.TotalMilliseconds);
            }

            await using (var server = await BenchServer.StartAsync(ct, folder))
            {
                again.Add(server.StartedIn.TotalMilliseconds);
                await Task.Delay(Settles, ct);
                idle.Add(server.MemoryBytes / 1e6);
            }

            Directory.Delete(folder, recursive: true);
        }

        report.Figure("start to first answer, new folder", BenchReport.Median(fresh), "ms");
        report.Figure("start to first answer, existing folder", BenchReport.Median(again), "ms");
        report.Figure("idle memory (resident)", BenchReport.Median(idle), "MB");
    }
}

/// <summary>The door: HTTP, JSON, deduplication and the fsync before the answer.</summary>
internal static class BenchAccept
{
    private const int Runs = 3;
    private const int People = 200_000;

    private static readonly Load[] Loads = [new(64, 1, 100_000), new(32, 20, 400_000), new(8, 100, 600_000), new(32, 100, 600_000)];

    public static async Task RunAsync(BenchReport report, bool quick, CancellationToken ct)
    {
        // Stages off: this is the door alone; the whole way is measured by `stages`.
        await MeasureAsync(report, quick, "stages off", ["--Stages:Run=false"], Loads, ct);
        await MeasureAsync(report, quick, "stages on", [], Loads, ct);

        // What durability costs: the same without the fsync.
        await MeasureAsync(report, quick, "no fsync", ["--Stages:Run=false", "--Store:Durable=false"], [Loads[0], Loads[2]], ct);
    }

    private static async Task MeasureAsync(
        BenchReport report, bool quick, string what, string[] settings, Load[] loads, CancellationToken ct)
    {
        foreach (var (connections, batch, events) in loads)
        {
            var results = new List<(LoadResult Load, TimeSpan Cost)>();
            for (var run = 0; run < (quick ? 1 : Runs); run++)
            {
                await using var server = await BenchServer.StartAsync(ct, null, settings);
                var load = new LoadClient(server.EndPoint, await server.AddSourceAsync("bench", ct));
                await load.RunAsync(connections, batch, events / 20, People, ct);
                var before = server.ProcessorTime;
                var result = await load.RunAsync(connections, batch, quick ? events / 10 : events, People, ct);
                results.Add((result, server.ProcessorTime - before));
            }

            var (median, cost) = results.OrderBy(result => result.Load.EventsPerSecond).ElementAt(results.Count / 2);
            report.Figure(
                $"batch {batch}, {connections} clients, {what}", median.EventsPerSecond, "ev/s",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{median.RequestsPerSecond:#,0} req/s  p50 {median.Latency(0.5):0.0} ms  p99 {median.Latency(0.99):0.0} ms  refused {median.Refused}  {BenchReport.PerItem(cost, median.Events)}"));
        }
    }

    private readonly record struct Load(int Connections, int Batch, int Events);
}

/// <summary>From the first call to the moment when every stage has taken everything.</summary>
internal static class BenchStages
{
    private const int Runs = 3;
    private const int Events = 300_000;
    private const int People = 50_000;

    public static async Task RunAsync(BenchReport report, bool quick, CancellationToken ct)
    {
        var rates = new List<double>();
        var costs = new List<double>();
        for (var run = 0; run < (quick ? 1 : Runs); run++)
        {
            await using var server = await BenchServer.StartAsync(ct);
            var load = new LoadClient(server.EndPoint, await server.AddSourceAsync("bench", ct));
            var before = server.ProcessorTime;
            var watch = Stopwatch.StartNew();
            var result = await load.RunAsync(8, 100, quick ? Events / 10 : Events, People, ct);
            await server.CaughtUpAsync(ct);
            rates.Add(result.Events / watch.Elapsed.TotalSeconds);
            costs.Add((server.ProcessorTime - before).TotalSeconds / result.Events);
        }

        report.Figure(
            $"batch 100, 8 clients, {People} people, all stages", BenchReport.Median(rates), "ev/s",
            BenchReport.PerItem(TimeSpan.FromSeconds(BenchReport.Median(costs)), 1));
    }
}
