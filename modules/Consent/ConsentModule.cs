using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Decide;
using CdpMonolith.Consent.Storage;
using CdpMonolith.Platform;
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
        services.AddSingleton<Decisions>();
        services.AddStage<RecordStage>();
        return services;
    }

    public static IEndpointRouteBuilder MapConsent(this IEndpointRouteBuilder endpoints) => endpoints;
}
