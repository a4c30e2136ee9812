using CdpMonolith.Platform.Accounts;
using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace CdpMonolith.Commands;

/// <summary><c>cdp</c>: serves until it is told to stop.</summary>
internal static class ServeCommand
{
    public const string DefaultAddress = "http://127.0.0.1:5080";

    /// <param name="beside">Begun when the server answers; its token is cancelled when the server stops, and it is waited for.</param>
    public static async Task<int> RunAsync(string[] args, TextWriter output, Func<CancellationToken, Task>? beside = null)
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
            try
            {
                await app.StartAsync();
            }
            catch (IOException taken) when (taken.InnerException is AddressInUseException)
            {
                await Console.Error.WriteLineAsync($"{taken.Message} Choose another address with --urls=http://127.0.0.1:PORT.");
                return 1;
            }

            await output.WriteLineAsync($"CdpMonolith answers on {AddressOf(app)}");
            if (await app.Services.GetRequiredService<ISetUp>().LinkAsync(AddressOf(app), CancellationToken.None) is { } link)
            {
                await output.WriteLineAsync($"Nobody owns it yet. Open this link once, within 30 minutes, to become its owner:\n  {link}");
            }

            var besides = beside?.Invoke(app.Lifetime.ApplicationStopping) ?? Task.CompletedTask;
            await app.WaitForShutdownAsync();
            await besides;
        }

        return 0;
    }

    /// <summary>Where it really listens, the port included when it was left to the system.</summary>
    public static string AddressOf(WebApplication app) =>
        app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
}
