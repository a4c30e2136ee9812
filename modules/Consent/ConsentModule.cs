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
        return services;
    }

    public static IEndpointRouteBuilder MapConsent(this IEndpointRouteBuilder endpoints) => endpoints;
}
