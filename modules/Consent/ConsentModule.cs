using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Decide;
using CdpMonolith.Consent.Endpoints;
using CdpMonolith.Consent.Pages;
using CdpMonolith.Consent.Storage;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Consent;

/// <summary>The door of Consent.</summary>
public static class ConsentModule
{
    public static IServiceCollection AddConsent(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddMigrations("Consent", typeof(ConsentModule).Assembly);
        services.AddSingleton<LedgerStore>();
        services.AddSingleton<PurposeStore>();
        services.AddSingleton<Answers>();
        services.AddSingleton<IConsent>(all => all.GetRequiredService<Answers>());
        services.AddSingleton<Purposes>();
        services.AddSingleton<IPurposeNames, PurposeNames>();
        services.AddSingleton<Decisions>();
        services.AddSingleton<ITakesBack, DecisionsTakenBack>();
        services.AddStage<RecordStage>();
        services.AddSingleton<IFinder, PurposeFinder>();
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Consent", "/consent", "handshake", NavSection.Consent, 10, Policies.View));
        services.AddSingleton(new ProfilePanel(typeof(ConsentPanel), 10, Policies.View));
        return services;
    }

    public static IEndpointRouteBuilder MapConsent(this IEndpointRouteBuilder endpoints)
    {
        ConsentEndpoints.Map(endpoints);
        return endpoints;
    }
}
