using CdpMonolith.Activation.Contracts;
using CdpMonolith.Activation.Deliver;
using CdpMonolith.Activation.Jobs;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Activation.Sync;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Jobs;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Activation;

/// <summary>The door of Activation.</summary>
public static class ActivationModule
{
    public static IServiceCollection AddActivation(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddMigrations("Activation", typeof(ActivationModule).Assembly);
        services.AddOptions<ActivationOptions>().Bind(configuration.GetSection(ActivationOptions.Section))
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<DestinationStore>();
        services.AddSingleton<SyncStore>();
        services.AddSingleton<Outbox>();
        services.AddSingleton<DeliveryStore>();
        services.AddSingleton<ExportStore>();
        services.AddSingleton<Destinations>();
        services.AddSingleton<Syncs>();
        services.AddSingleton<Preview>();
        services.AddSingleton<Reconciler>();
        services.AddSingleton<IActivation, Figures>();
        services.AddSingleton<Outgoing>();
        services.AddSingleton<WebhookSender>();
        services.AddSingleton<Trial>();
        services.AddSingleton<Composer>();
        services.AddSingleton<Breakers>();
        services.AddSingleton<Deliverer>();
        services.AddSingleton<FileWriter>();
        services.AddSingleton<MembershipStage>();
        services.AddJob<ReconcileJob>();
        return services;
    }

    public static IEndpointRouteBuilder MapActivation(this IEndpointRouteBuilder endpoints) => endpoints;
}
