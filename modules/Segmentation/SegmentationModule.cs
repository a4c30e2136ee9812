using CdpMonolith.Platform;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Segmentation.Storage;
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
        services.AddSingleton<SegmentStore>();
        services.AddSingleton<MemberStore>();
        services.AddSingleton<AudienceColumns>();
        services.AddSingleton<Catalog>();
        services.AddSingleton<Memberships>();
        services.AddSingleton<Evaluator>();
        services.AddSingleton<Segments>();
        services.AddSingleton<ISegments>(all => all.GetRequiredService<Segments>());
        services.AddStage<EvaluateStage>();
        services.AddStage<ConsentStage>();
        return services;
    }

    public static IEndpointRouteBuilder MapSegmentation(this IEndpointRouteBuilder endpoints) => endpoints;
}
