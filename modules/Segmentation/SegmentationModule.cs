using CdpMonolith.Platform;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Segmentation;

/// <summary>The door of Segmentation.</summary>
public static class SegmentationModule
{
    public static IServiceCollection AddSegmentation(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddMigrations("Segmentation", typeof(SegmentationModule).Assembly);
        return services;
    }

    public static IEndpointRouteBuilder MapSegmentation(this IEndpointRouteBuilder endpoints) => endpoints;
}
