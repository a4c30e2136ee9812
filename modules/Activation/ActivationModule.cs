using CdpMonolith.Platform;
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
        return services;
    }

    public static IEndpointRouteBuilder MapActivation(this IEndpointRouteBuilder endpoints) => endpoints;
}
