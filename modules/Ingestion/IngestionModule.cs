using CdpMonolith.Platform;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Ingestion;

/// <summary>The door of Ingestion.</summary>
public static class IngestionModule
{
    public static IServiceCollection AddIngestion(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddMigrations("Ingestion", typeof(IngestionModule).Assembly);
        return services;
    }

    public static IEndpointRouteBuilder MapIngestion(this IEndpointRouteBuilder endpoints) => endpoints;
}
