using System.Net;
using CdpMonolith.Commands;
using CdpMonolith.Platform.Logs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Tests.Support;

/// <summary>The whole product on a real Kestrel, on a port of its own, in a fresh folder.</summary>
internal sealed class TestApp : IAsyncDisposable
{
    private readonly TempFolder _folder;
    private readonly bool _ownsFolder;
    private readonly WebApplication _app;

    private TestApp(WebApplication app, TempFolder folder, bool ownsFolder)
    {
        (_app, _folder, _ownsFolder) = (app, folder, ownsFolder);
        Address = new Uri(ServeCommand.AddressOf(app));
        Client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, AutomaticDecompression = DecompressionMethods.None })
        {
            BaseAddress = Address,
        };
    }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public string Folder => _folder.Path;

    public static async Task<TestApp> StartAsync(Action<WebApplicationBuilder>? change = null, TempFolder? folder = null, params string[] args)
    {
        var own = folder ?? new TempFolder();
        var app = Server.Build(
            ["--urls=http://127.0.0.1:0", .. own.Settings, .. args],
            builder =>
            {
                builder.Logging.SetMinimumLevel(LogLevel.Warning);
                builder.Services.PostConfigure<PasswordHasherOptions>(hasher => hasher.IterationCount = 1000);
                change?.Invoke(builder);
            });
        await app.StartAsync();
        return new TestApp(app, own, folder is null);
    }

    public T Get<T>() where T : notnull => _app.Services.GetRequiredService<T>();

    /// <summary>Ends when every stage has taken all that is in its log.</summary>
    public Task CatchUpAsync() => Get<IStages>().CatchUpAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        if (_ownsFolder)
        {
            _folder.Dispose();
        }
    }
}
