using System.Diagnostics;

namespace CdpMonolith.Tests.Support;

/// <summary>The product in a process of its own, so that it can be killed or traced.</summary>
internal sealed class ChildServer : IAsyncDisposable
{
    private static readonly TimeSpan StartsWithin = TimeSpan.FromSeconds(60);
    private readonly Process _process;

    private ChildServer(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    public int Pid => _process.Id;

    /// <summary>Starts it on a folder and waits until it answers.</summary>
    /// <param name="under">A program to run it under, such as strace with its arguments.</param>
    public static async Task<ChildServer> StartAsync(string folder, params string[] under)
    {
        string[] command = [.. under, "dotnet", Path.Combine(AppContext.BaseDirectory, "cdp.dll"), "serve", "--urls=http://127.0.0.1:0", $"--Store:Folder={folder}"];
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(command[0], command[1..])
            {
                RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
            },
        };
        var answers = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new List<string>();
        process.OutputDataReceived += (_, line) =>
        {
            const string Mark = "answers on ";
            if (line.Data?.IndexOf(Mark, StringComparison.Ordinal) is >= 0 and var at)
            {
                answers.TrySetResult(new Uri(line.Data[(at + Mark.Length)..].Trim()));
            }
            else if (line.Data is not null && said.Count < 100)
            {
                said.Add(line.Data);
            }
        };
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null && said.Count < 100)
            {
                said.Add(line.Data);
            }
        };
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var first = await Task.WhenAny(answers.Task, process.WaitForExitAsync(), Task.Delay(StartsWithin));
        if (first != answers.Task)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }

            throw new InvalidOperationException($"The server did not start:\n{string.Join('\n', said)}");
        }

        return new ChildServer(process, await answers.Task);
    }

    /// <summary>SIGKILL: no goodbye, nothing flushed.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM, and waits for the end.</summary>
    public async Task StopAsync()
    {
        if (!_process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", Pid.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
            await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }
}
