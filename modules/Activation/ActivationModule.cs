using CdpMonolith.Activation.Contracts;
using CdpMonolith.Activation.Deliver;
using CdpMonolith.Activation.Endpoints;
using CdpMonolith.Activation.Jobs;
using CdpMonolith.Activation.Pages;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Activation.Sync;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Contracts;
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
        services.AddSingleton<ITakesBack, ComparedAfterUndo>();
        services.AddSingleton<IActivation, Figures>();
        services.AddSingleton<Outgoing>();
        services.AddSingleton<WebhookSender>();
        services.AddSingleton<Trial>();
        services.AddSingleton<Composer>();
        services.AddSingleton<Breakers>();
        services.AddSingleton<Deliverer>();
        services.AddSingleton<FileWriter>();
        services.AddStage<MembershipStage>();
        services.AddStage<ConsentStage>();
        services.AddHostedService<DeliveryLoop>();
        services.AddJob<ReconcileJob>();
        services.AddSingleton<ISegmentUses, SyncUses>();
        services.AddSingleton<DemoInbox>();
        services.AddSingleton<IFinder, ActivationFinder>();
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Reach", "/reach", "how_to_reg", NavSection.Consent, 20, Policies.View));
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Syncs", "/syncs", "sync_alt", NavSection.Activate, 10, Policies.View));
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Deliveries", "/deliveries", "local_shipping", NavSection.Activate, 20, Policies.View));
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Destinations", "/destinations", "outbound", NavSection.Activate, 30, Policies.View));
        services.AddSingleton(new ProfilePanel(typeof(DeliveriesPanel), 30, Policies.View));
        return services;
    }

    public static IEndpointRouteBuilder MapActivation(this IEndpointRouteBuilder endpoints)
    {
        DestinationEndpoints.Map(endpoints);
        SyncEndpoints.Map(endpoints);
        DemoReceiver.Map(endpoints);
        return endpoints;
    }
}
