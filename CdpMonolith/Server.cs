using CdpMonolith.Platform;
using CdpMonolith.Shell;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Configuration.Memory;
using Radzen;

namespace CdpMonolith;

/// <summary>The web server with all modules: the console, the API and the tracking API on one address.</summary>
internal static class Server
{
    /// <summary>Settings that hold unless appsettings.json, the environment or the command line say otherwise.</summary>
    private static readonly Dictionary<string, string?> Defaults = new()
    {
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft"] = "Warning",

        // It would say nothing at this level, and make an activity for every request all the same.
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "None",
        ["Logging:LogLevel:Quartz"] = "Warning",
        ["Logging:LogLevel:System.Net.Http"] = "Warning",
    };

    /// <summary>Builds it; <paramref name="change"/> may add or replace services, for tests and the demo.</summary>
    /// <exception cref="WrongSettingsException">A setting cannot be; nothing was opened.</exception>
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? change = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            Args = args, ApplicationName = "cdp", ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = Defaults });
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
        Settings.Check(app.Services);
        var manifest = EmbeddedAssets.Use(app);
        app.UseStatusCodePagesWithReExecute("/not-found");
        app.Use((context, next) =>
        {
            context.Features.GetRequiredFeature<IStatusCodePagesFeature>().Enabled = LooksForAPage(context);
            return next(context);
        });
        app.UsePlatform();
        app.MapModules();
        app.MapStaticAssets(manifest).AllowAnonymous();
        app.MapRazorComponents<App>()
            .WithStaticAssets(manifest)
            .AddInteractiveServerRenderMode(server => server.ContentSecurityFrameAncestorsPolicy = null) // UsePlatform sets the whole policy
            .AddAdditionalAssemblies(Modules.Assemblies);
        return app;
    }

    /// <summary>A reader with a browser, who is better served with a page than with an empty 404.</summary>
    private static bool LooksForAPage(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method)
        && !context.Request.Path.StartsWithSegments("/api", StringComparison.Ordinal)
        && !context.Request.Path.StartsWithSegments("/v1", StringComparison.Ordinal)
        && context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal);
}
