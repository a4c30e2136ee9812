using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace CdpMonolith.Commands.Bench;

/// <summary><c>cdp bench</c>: measures this machine, load generator included, and prints what was measured on what.</summary>
internal static class BenchCommand
{
    private const string Segments = "segments";

    private const string Help = """
        cdp bench [NAME …] [--quick] [--Store:PostgreSql=SERVER]

          start      time to the first answered request, and idle memory
          ingest     events per second answered over HTTP, durable, at batch 1, 20 and 100, beside an indexed SQLite table
          duplicates the same with 10,000,000 events stored, and when they come once more
          stages     events per second from the door through every stage
          import     rows per second of a CSV file, to accepted and to unified, beside SQLite's own import
          segments   milliseconds a segment on 200,000 people and 2,000,000 events

        Without names: all of them. Each figure is the median of the runs. --quick: a tenth of the load, for a first look.
        --Store:PostgreSql: a server, as a connection string; everything is measured on SQLite and then on databases of that
        server, which are made for it and dropped.
        """;

    private static readonly Dictionary<string, Func<BenchRun, CancellationToken, Task>> Benches = new()
    {
        ["start"] = BenchStart.RunAsync,
        ["ingest"] = BenchIngest.RunAsync,
        ["duplicates"] = BenchDuplicates.RunAsync,
        ["stages"] = BenchStages.RunAsync,
        ["import"] = BenchImport.RunAsync,
    };

    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        const string PostgreSql = "--Store:PostgreSql=";
        var quick = args.Contains("--quick");
        var postgres = args.FirstOrDefault(arg => arg.StartsWith(PostgreSql, StringComparison.OrdinalIgnoreCase))?[PostgreSql.Length..];
        var names = args.Where(arg => !arg.StartsWith('-')).ToArray();
        if (args.Contains("--help") || names.Except([.. Benches.Keys, Segments]).Any())
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
        Environment.SetEnvironmentVariable(LoadClient.Inline, "1");
        var report = new BenchReport(output);
        report.Machine();
        BenchEngine[] engines = postgres is null ? [BenchEngine.Sqlite] : [BenchEngine.Sqlite, await BenchEngine.OnAsync(postgres, stop.Token)];
        foreach (var (name, bench) in Benches.Where(bench => names.Length == 0 || names.Contains(bench.Key)))
        {
            foreach (var engine in engines)
            {
                report.Head($"{name}, on {engine.Name}");
                await bench(new BenchRun(report, quick, engine), stop.Token);
            }
        }

        if (names.Length == 0 || names.Contains(Segments))
        {
            report.Head(Segments);
            BenchSegments.Run(report, quick);
        }

        return 0;
    }
}

/// <summary>What a bench is run with.</summary>
/// <param name="Quick">Once, with a tenth of the load.</param>
internal sealed record BenchRun(BenchReport Report, bool Quick, BenchEngine Engine)
{
    public int Times => Quick ? 1 : 3;

    public int Share(int load) => Quick ? load / 10 : load;
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
