using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace CdpMonolith.Tests.Support;

/// <summary>A PostgreSQL server of a test's own, which it may stop, kill and start again; durable, as in production.</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("cdp-postgres-").FullName;
    private readonly string _programs;
    private readonly int _port;
    private Process? _process;

    private PostgresServer(string programs, int port) => (_programs, _port) = (programs, port);

    public string Connection => $"Host=127.0.0.1;Port={_port.ToString(CultureInfo.InvariantCulture)};Username=cdp;Database=postgres;Pooling=false";

    public static async Task<PostgresServer> StartAsync()
    {
        var found = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin", "initdb")).Where(File.Exists).Order().LastOrDefault()
            : null;
        var server = new PostgresServer(Path.GetDirectoryName(Tools.Need("PostgreSQL's initdb", found))!, FreePort());
        if (Environment.UserName == "root")
        {
            await RunAsync("chown", "postgres:", server._folder);
        }

        await RunAsync([.. server.As, Path.Combine(server._programs, "initdb"), "-D", server.Data, "-U", "cdp", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"]);
        await server.BeginAsync();
        return server;
    }

    /// <summary>Starts it, and waits until it answers.</summary>
    public async Task BeginAsync()
    {
        string[] command =
        [
            .. As, Path.Combine(_programs, "postgres"), "-D", Data, "-c", "listen_addresses=127.0.0.1",
            "-c", $"port={_port.ToString(CultureInfo.InvariantCulture)}", "-c", "unix_socket_directories=",
        ];
        _process = Process.Start(Quiet(command))!;
        _ = _process.StandardOutput.ReadToEndAsync();
        _ = _process.StandardError.ReadToEndAsync();
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(Connection);
                await connection.OpenAsync();
                return;
            }
            catch (NpgsqlException) when (TimeProvider.System.GetElapsedTime(began) < AnswersWithin)
            {
                await Task.Delay(50);
            }
        }
    }

    /// <summary>Ends it: <c>INT</c> breaks connections off and closes the files; <c>QUIT</c> is a crash, from which it recovers at its next start.</summary>
    public async Task EndAsync(string signal)
    {
        await RunAsync("kill", $"-{signal}", _process!.Id.ToString(CultureInfo.InvariantCulture));
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await EndAsync("QUIT");
        }

        Directory.Delete(_folder, recursive: true);
    }

    private string Data => Path.Combine(_folder, "data");

    /// <summary>PostgreSQL refuses to run as root.</summary>
    private string[] As => Environment.UserName == "root" ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static ProcessStartInfo Quiet(string[] command) => new(command[0], command[1..])
    {
        RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/",
    };

    private static async Task RunAsync(params string[] command)
    {
        using var process = Process.Start(Quiet(command))!;
        var said = await process.StandardOutput.ReadToEndAsync() + await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.That(process.ExitCode, Is.Zero, said);
    }
}
