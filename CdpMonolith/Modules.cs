using System.Reflection;
using CdpMonolith.Activation;
using CdpMonolith.Consent;
using CdpMonolith.Ingestion;
using CdpMonolith.Insights;
using CdpMonolith.Platform;
using CdpMonolith.Profiles;
using CdpMonolith.Segmentation;

namespace CdpMonolith;

/// <summary>The modules, in the order in which data visits them.</summary>
internal static class Modules
{
    /// <summary>Where pages are found.</summary>
    public static readonly Assembly[] Assemblies =
    [
        typeof(PlatformModule).Assembly, typeof(IngestionModule).Assembly, typeof(ProfilesModule).Assembly,
        typeof(ConsentModule).Assembly, typeof(SegmentationModule).Assembly, typeof(ActivationModule).Assembly,
        typeof(InsightsModule).Assembly,
    ];

    public static IServiceCollection AddModules(this IServiceCollection services, IConfiguration configuration) => services
        .AddPlatform(configuration)
        .AddIngestion(configuration)
        .AddProfiles(configuration)
        .AddConsent(configuration)
        .AddSegmentation(configuration)
        .AddActivation(configuration)
        .AddInsights(configuration);

    public static IEndpointRouteBuilder MapModules(this IEndpointRouteBuilder endpoints) => endpoints
        .MapPlatform()
        .MapIngestion()
        .MapProfiles()
        .MapConsent()
        .MapSegmentation()
        .MapActivation()
        .MapInsights();
}
