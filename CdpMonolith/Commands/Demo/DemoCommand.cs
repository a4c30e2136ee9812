using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Commands.Demo;

/// <summary><c>cdp demo</c>: the product on a folder of its own, filled with the samples while it runs.</summary>
internal static class DemoCommand
{
    private const string Help = """
        cdp demo [options]

        Serves the product on a folder of its own and fills it with a shop's orders, contacts, subscribers, visits, a sign-up form
        and a tracking plan, through the import and the API. A demo that is filled goes on where it was. Stop it with Ctrl+C.

          --fresh                throw an earlier demo away and begin anew
          --quiet                no visitors while it runs
          --Store:Folder=DIR     the folder (default: demo-data)
          --urls=http://IP:PORT  where to listen (default: http://127.0.0.1:5080, another port when that one is taken)
        """;

    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        if (args.Contains("--help"))
        {
            await output.WriteLineAsync(Help);
            return 0;
        }

        var settings = args.Except(["--fresh", "--quiet"]).ToArray();
        if (settings.FirstOrDefault(setting => !setting.StartsWith("--", StringComparison.Ordinal)) is { } unknown)
        {
            await Console.Error.WriteLineAsync($"'{unknown}' is not understood.\n\n{Help}");
            return 2;
        }

        var folder = ValueOf(settings, "--Store:Folder") ?? DemoFolder.Default;
        bool filled;
        try
        {
            filled = DemoFolder.Prepare(folder, args.Contains("--fresh"));
        }
        catch (Exception refused) when (refused is NotADemoException or FolderInUseException)
        {
            await Console.Error.WriteLineAsync(refused.Message);
            return 1;
        }

        string[] address = ValueOf(settings, "--urls") is null && IsTaken(new Uri(ServeCommand.DefaultAddress)) ? ["--urls=http://127.0.0.1:0"] : [];
        return await ServeCommand.RunAsync(
            [.. settings, .. address, $"--Store:Folder={folder}", "--Demo=true", "--Logging:LogLevel:CdpMonolith=Warning", "--Ingestion:EventsPerSecond=0"], output,
            stop => FillAsync(folder, filled, visitors: !args.Contains("--quiet"), output, stop));
    }

    /// <summary>Fills it and lets people visit, beside the server that runs in this process.</summary>
    private static async Task FillAsync(string folder, bool filled, bool visitors, TextWriter output, CancellationToken stop)
    {
        try
        {
            using var server = await LocalAccess.ConnectAsync(folder, stop)
                ?? throw new HttpRequestException("The server that this command started does not answer.");
            var fill = new DemoFill(server, output, new DemoSamples(TimeProvider.System.GetUtcNow()));
            if (filled)
            {
                await fill.PointAsync(stop);
                await output.WriteLineAsync("It goes on with the demo that is in the folder; cdp demo --fresh begins anew.");
            }
            else
            {
                await output.WriteLineAsync("It fills itself; look round meanwhile:");
                var watch = Stopwatch.StartNew();
                await fill.RunAsync(stop);
                DemoFolder.Filled(folder);
                await output.WriteLineAsync($"The demo is filled, after {watch.Elapsed.TotalSeconds:0} seconds. What its webhook receives: {new Uri(server.BaseAddress!, DemoFill.Receiver)}");
            }

            if (visitors)
            {
                await output.WriteLineAsync("People visit the web shop as long as this runs. Ctrl+C stops it.");
                using var people = new DemoVisitors(server.BaseAddress!, await fill.WriteKeyAsync(stop));
                await people.RunAsync(stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The server stops, and the demo with it.
        }
        catch (Exception fault) when (fault is HttpRequestException or JsonException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"The demo could not be filled: {fault.Message} What is in it can be looked at; cdp demo --fresh begins anew.");
        }
    }

    private static string? ValueOf(string[] settings, string name) =>
        settings.LastOrDefault(setting => setting.StartsWith($"{name}=", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..];

    private static bool IsTaken(Uri address)
    {
        using var probe = new TcpListener(IPAddress.Parse(address.Host), address.Port);
        try
        {
            probe.Start();
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
