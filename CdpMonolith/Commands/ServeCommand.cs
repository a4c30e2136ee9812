using CdpMonolith.Platform.Accounts;
using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace CdpMonolith.Commands;

/// <summary><c>cdp</c>: serves until it is told to stop.</summary>
internal static class ServeCommand
{
    public const string DefaultAddress = "http://127.0.0.1:5080";

    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        WebApplication app;
        try
        {
            app = Server.Build(args, builder =>
            {
                if (string.IsNullOrEmpty(builder.Configuration[WebHostDefaults.ServerUrlsKey]))
                {
                    builder.WebHost.UseUrls(DefaultAddress);
                }
            });
            _ = app.Services.GetRequiredService<IStore>();
        }
        catch (FolderInUseException inUse)
        {
            await Console.Error.WriteLineAsync(inUse.Message);
            return 1;
        }

        await using (app)
        {
            await app.StartAsync();
            await output.WriteLineAsync($"CdpMonolith answers on {AddressOf(app)}");
            if (await app.Services.GetRequiredService<ISetUp>().LinkAsync(AddressOf(app), CancellationToken.None) is { } link)
            {
                await output.WriteLineAsync($"Nobody owns it yet. Open this link once, within 30 minutes, to become its owner:\n  {link}");
            }

            await app.WaitForShutdownAsync();
        }

        return 0;
    }

    /// <summary>Where it really listens, the port included when it was left to the system.</summary>
    public static string AddressOf(WebApplication app) =>
        app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
}
