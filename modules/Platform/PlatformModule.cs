using System.Text.Json.Serialization;
using CdpMonolith.Platform.Accounts;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Mail;
using CdpMonolith.Platform.Secrets;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Quartz;

namespace CdpMonolith.Platform;

/// <summary>The shelf that every module stands on: store, logs and stages, jobs, users, secrets, audit, mail, console parts.</summary>
public static class PlatformModule
{
    public static IServiceCollection AddPlatform(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IStartupFilter, ForwardedScheme>();
        services.Configure<RouteHandlerOptions>(handlers => handlers.ThrowOnBadRequest = true);
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow);
        services.AddOptions<StoreOptions>().Bind(configuration.GetSection(StoreOptions.Section))
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<StageOptions>().Bind(configuration.GetSection(StageOptions.Section));
        services.AddSingleton<DataFolder>().AddSingleton<FreeSpace>();
        services.AddSingleton<Migrations>();
        services.AddMigrations("Platform", typeof(PlatformModule).Assembly);
        services.AddSingleton<IStore>(all => string.IsNullOrWhiteSpace(all.GetRequiredService<IOptions<StoreOptions>>().Value.PostgreSql)
            ? ActivatorUtilities.CreateInstance<SqliteStore>(all)
            : ActivatorUtilities.CreateInstance<PostgresStore>(all));
        services.AddSingleton<LogSignal>();
        services.AddSingleton<Leases>();
        services.AddSingleton<ILeases>(all => all.GetRequiredService<Leases>());
        services.AddHostedService(all => all.GetRequiredService<Leases>());
        services.AddSingleton<StageRunner>();
        services.AddSingleton<IStages>(all => all.GetRequiredService<StageRunner>());
        services.AddHostedService(all => all.GetRequiredService<StageRunner>());
        services.AddSecrets(configuration);
        services.AddAccounts();
        services.AddLocalAccess();
        services.AddSingleton<IAudit, AuditTrail>();
        services.AddOptions<MailOptions>().Bind(configuration.GetSection(MailOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<Mailer>().AddSingleton<IMail>(all => all.GetRequiredService<Mailer>());
        services.AddSingleton<MailLoop>().AddHostedService(all => all.GetRequiredService<MailLoop>());
        services.AddQuartz(quartz => quartz.UseDefaultThreadPool(2));
        services.AddSingleton<JobClock>();
        services.AddSingleton<JobRunner>();
        services.AddHostedService(all => all.GetRequiredService<JobRunner>());
        AddPages(services);
        return services;
    }

    /// <summary>What every request passes: headers, where it comes from, who sent it, whether it meant to. Before the modules are mapped.</summary>
    public static IApplicationBuilder UsePlatform(this IApplicationBuilder app) => app
        .Use(SecurityHeaders.Add)
        .UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = Faults.AnswerAsync, SuppressDiagnosticsCallback = Faults.IsOfCaller })
        .Use(RequestGuard.RefuseCircuitsWhenStopping)
        .Use(RequestGuard.CheckOrigin)
        .UseAuthentication()
        .UseAuthorization()
        .Use(RequestGuard.CheckToken)
        .UseAntiforgery();

    public static IEndpointRouteBuilder MapPlatform(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/api/local", () => Results.NoContent()).RequireAuthorization(Users.Policies.Own);
        endpoints.MapGet("/api/stages", (IStages stages, CancellationToken ct) => stages.StatesAsync(ct))
            .RequireAuthorization(Users.Policies.Administer);
        endpoints.MapAccounts();
        endpoints.MapMail();
        endpoints.MapHealth();
        return endpoints;
    }

    /// <summary>The module's embedded <c>Storage/Migrations/*.sql</c> belong to the store.</summary>
    public static IServiceCollection AddMigrations(this IServiceCollection services, string module, System.Reflection.Assembly assembly) =>
        services.AddSingleton(new MigrationSource(module, assembly));

    /// <summary>Registers a stage, so that the runner runs it; also to be asked for by its own type.</summary>
    public static IServiceCollection AddStage<T>(this IServiceCollection services) where T : class, IStage =>
        services.AddSingleton<T>().AddSingleton<IStage>(all => all.GetRequiredService<T>());

    /// <summary>Registers a job, so that it runs on its schedule; also to be asked for by its own type.</summary>
    public static IServiceCollection AddJob<T>(this IServiceCollection services) where T : class, Jobs.IJob =>
        services.AddSingleton<T>().AddSingleton<Jobs.IJob>(all => all.GetRequiredService<T>());

    private static void AddPages(IServiceCollection services)
    {
        services.AddSingleton<WorkNames>();
        Add("Users.Title", "/users", "admin_panel_settings", 10);
        Add("Jobs.Title", "/jobs", "schedule", 20);
        Add("Audit.Title", "/audit", "fact_check", 30);
        Add("System.Title", "/system", "monitor_heart", 40);

        void Add(string key, string href, string icon, int order) =>
            services.AddSingleton(new NavItem(typeof(Texts), key, href, icon, NavSection.Administer, order, Policies.Administer));
    }
}
