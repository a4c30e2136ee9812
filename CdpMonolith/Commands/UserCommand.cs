using CdpMonolith.Platform.Accounts;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Commands;

/// <summary><c>cdp user reset EMAIL</c>: a one-time link that sets a new password, for whoever may read the data folder.</summary>
internal static class UserCommand
{
    private const string Help = "cdp user reset EMAIL [--Store:Folder=DIR] [--address http://HOST:PORT]";

    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        if (args is not ["reset", var email, .. var rest] || email.StartsWith('-'))
        {
            await Console.Error.WriteLineAsync(Help);
            return 2;
        }

        var configuration = new ConfigurationBuilder().AddEnvironmentVariables().AddCommandLine(rest).Build();
        var folder = configuration["Store:Folder"] ?? new StoreOptions().Folder;
        if (await LocalAccess.ConnectAsync(folder, CancellationToken.None) is { } running)
        {
            running.Dispose();
            await Console.Error.WriteLineAsync("Stop the server first, or ask another owner or admin for a link on the page Users.");
            return 1;
        }

        await using var app = Server.Build([.. rest, "--Logging:LogLevel:Default=Warning"]);
        var link = await app.Services.GetRequiredService<ISetUp>()
            .ResetLinkAsync(configuration["address"] ?? ServeCommand.DefaultAddress, email, CancellationToken.None);
        if (!link.Met(out var address))
        {
            await Console.Error.WriteLineAsync(link.Problem!.Message);
            return 1;
        }

        await output.WriteLineAsync($"Start the server and open, within its time and once:\n  {address}");
        return 0;
    }
}
