using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Commands.Bench;

/// <summary>This program once more, in a process of its own, as the thing that is measured.</summary>
internal sealed class BenchServer : IAsyncDisposable
{
    private const string Mark = "answers on ";
    private readonly Process _process;
    private readonly BenchPlace _place;

    private BenchServer(Process process, BenchPlace place, Uri address, TimeSpan startedIn) =>
        (_process, _place, Address, StartedIn) = (process, place, address, startedIn);

    public Uri Address { get; }

    /// <summary>From the start of the process to its first answered request.</summary>
    public TimeSpan StartedIn { get; }

    /// <summary>Resident memory, in bytes.</summary>
    public long MemoryBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>The most resident memory it ever had, in bytes; 0 where the system does not tell.</summary>
    public long MemoryAtMostBytes
    {
        get
        {
            _process.Refresh();
            return _process.PeakWorkingSet64;
        }
    }

    /// <summary>Time of processors that it has taken so far: says what a thing costs even on a machine that does other things too.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public IPEndPoint EndPoint => new(IPAddress.Loopback, Address.Port);

    public static async Task<BenchServer> StartAsync(BenchPlace place, CancellationToken ct, params string[] settings)
    {
        var program = Environment.ProcessPath!;
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        var watch = Stopwatch.StartNew();
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(
                program, [.. self, "serve", "--urls=http://127.0.0.1:0", "--Logging:LogLevel:Default=Warning", "--Ingestion:EventsPerSecond=0", .. place.Settings, .. settings])
            {
                RedirectStandardOutput = true, UseShellExecute = false,
            },
        };
        process.StartInfo.Environment.Remove(LoadClient.Inline);
        process.Start();
        while (await process.StandardOutput.ReadLineAsync(ct) is { } line)
        {
            if (line.IndexOf(Mark, StringComparison.Ordinal) is >= 0 and var at)
            {
                var address = new Uri(line[(at + Mark.Length)..].Trim());
                using var http = new HttpClient();
                using var answer = await http.GetAsync(new Uri(address, "/health"), ct);
                var startedIn = watch.Elapsed;

                // What it says from now on is read and dropped, so that it never waits for a reader.
                _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
                return new BenchServer(process, place, address, startedIn);
            }
        }

        throw new InvalidOperationException("The measured server did not start; run `cdp serve` to see why.");
    }

    /// <summary>A new source; its write key.</summary>
    public async Task<string> AddSourceAsync(string name, CancellationToken ct)
    {
        using var client = await ConnectAsync(ct);
        using var answer = await client.PostAsJsonAsync("/api/sources", new { name, kind = "Server" }, ct);
        answer.EnsureSuccessStatusCode();
        return (string)(await answer.Content.ReadFromJsonAsync<JsonNode>(ct))!["writeKey"]!;
    }

    /// <summary>Waits until every stage has taken all that is in its log.</summary>
    public async Task CaughtUpAsync(CancellationToken ct)
    {
        using var client = await ConnectAsync(ct);
        while (true)
        {
            var states = (await client.GetFromJsonAsync<JsonArray>("/api/stages", ct))!;
            if (states.All(state => (long)state!["behind"]! == 0))
            {
                return;
            }

            await Task.Delay(20, ct);
        }
    }

    public async Task<HttpClient> ConnectAsync(CancellationToken ct)
    {
        // The server writes its run file right after it starts to listen.
        for (var tries = 0; tries < 100; tries++)
        {
            if (await LocalAccess.ConnectAsync(_place.Folder, ct) is { } client)
            {
                return client;
            }

            await Task.Delay(50, ct);
        }

        throw new InvalidOperationException("The measured server does not let the command line in.");
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
