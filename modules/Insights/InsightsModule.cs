using CdpMonolith.Platform;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Insights;

/// <summary>The door of Insights.</summary>
public static class InsightsModule
{
    public static IServiceCollection AddInsights(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddMigrations("Insights", typeof(InsightsModule).Assembly);
        return services;
    }

    public static IEndpointRouteBuilder MapInsights(this IEndpointRouteBuilder endpoints) => endpoints;
}
