using CdpMonolith.Shell;
using Radzen;

namespace CdpMonolith;

/// <summary>The web server with all modules: the console, the API and the tracking API on one address.</summary>
internal static class Server
{
    /// <summary>Builds it; <paramref name="change"/> may add or replace services, for tests and the demo.</summary>
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? change = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            Args = args, ApplicationName = "cdp", ContentRootPath = AppContext.BaseDirectory,
        });
        builder.WebHost.UseStaticWebAssets();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.Services.AddRazorComponents().AddInteractiveServerComponents();
        builder.Services.AddRadzenComponents();
        builder.Services.AddLocalization();
        builder.Services.AddCascadingAuthenticationState();
        builder.Services.AddModules(builder.Configuration);
        change?.Invoke(builder);

        var app = builder.Build();
        app.MapModules();
        app.MapStaticAssets();
        app.MapRazorComponents<App>()
            .AddInteractiveServerRenderMode()
            .AddAdditionalAssemblies(Modules.Assemblies);
        return app;
    }
}
