using System.Collections.Concurrent;
using System.Diagnostics;

namespace CdpMonolith.Tests.Support;

/// <summary>The product in a process of its own, so that it can be killed or traced.</summary>
internal sealed class ChildServer : IAsyncDisposable
{
    private const int LinesAtMost = 1000;
    private static readonly TimeSpan StartsWithin = TimeSpan.FromSeconds(60);
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _said;

    private ChildServer(Process process, ConcurrentQueue<string> said, Uri address) => (_process, _said, Address) = (process, said, address);

    public Uri Address { get; }

    /// <summary>The lines that it wrote, at most a thousand.</summary>
    public IReadOnlyCollection<string> Said => _said;

    public int Pid => _process.Id;

    /// <summary>Starts it on a folder and waits until it answers.</summary>
    /// <param name="under">A program to run it under, such as strace with its arguments.</param>
    public static Task<ChildServer> StartAsync(TempFolder folder, params string[] under) =>
        RunAsync([.. under, .. Program, "serve", "--urls=http://127.0.0.1:0", .. folder.Settings]);

    /// <summary>The program of this build, to be followed by what is typed after <c>cdp</c>.</summary>
    public static string[] Program => ["dotnet", Path.Combine(AppContext.BaseDirectory, "cdp.dll")];

    /// <summary>Runs a command that serves, and waits until it answers.</summary>
    /// <param name="workingFolder">Null: this process's own.</param>
    public static async Task<ChildServer> RunAsync(string[] command, string? workingFolder = null)
    {
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(command[0], command[1..])
            {
                RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = workingFolder ?? "",
            },
        };
        var answers = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new ConcurrentQueue<string>();
        process.OutputDataReceived += (_, line) =>
        {
            Note(line.Data);
            const string Mark = "answers on ";
            if (line.Data?.IndexOf(Mark, StringComparison.Ordinal) is >= 0 and var at)
            {
                answers.TrySetResult(new Uri(line.Data[(at + Mark.Length)..].Trim()));
            }
        };
        process.ErrorDataReceived += (_, line) => Note(line.Data);
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

        return new ChildServer(process, said, await answers.Task);

        void Note(string? line)
        {
            if (line is not null && said.Count < LinesAtMost)
            {
                said.Enqueue(line);
            }
        }
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
