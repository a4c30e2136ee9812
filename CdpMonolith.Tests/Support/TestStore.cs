using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Tests.Support;

/// <summary>
/// All modules on a real database in a fresh folder, without a server. Nothing runs by itself: <see cref="CatchUpAsync"/>
/// runs the stages until every cursor is at the end.
/// </summary>
internal sealed class TestStore : IAsyncDisposable
{
    private readonly TempFolder _folder;
    private readonly bool _ownsFolder;
    private readonly ServiceProvider _services;

    public TestStore(Action<IServiceCollection>? change = null, TempFolder? folder = null)
    {
        _ownsFolder = folder is null;
        _folder = folder ?? new TempFolder();
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?> { ["Store:Folder"] = _folder.Path, ["Store:PostgreSql"] = _folder.Database })
            .Build();
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton<TimeProvider>(Clock);
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
        services.AddLocalization();
        services.AddModules(configuration);
        change?.Invoke(services);
        _services = services.BuildServiceProvider();
        _ = Store;
    }

    public ManualClock Clock { get; } = new();

    public IStore Store => Get<IStore>();

    public string Folder => _folder.Path;

    public T Get<T>() where T : notnull => _services.GetRequiredService<T>();

    public Task CatchUpAsync() => Get<IStages>().CatchUpAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        if (_ownsFolder)
        {
            _folder.Dispose();
        }
    }
}
