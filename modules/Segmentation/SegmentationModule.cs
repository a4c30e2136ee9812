using CdpMonolith.Platform;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Endpoints;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Segmentation.Pages;
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
        services.AddSingleton<Preview>();
        services.AddSingleton<Vocabulary>();
        services.AddSingleton<ITraitValues>(all => all.GetRequiredService<Vocabulary>());
        services.AddSingleton<Reasons>();
        services.AddSingleton<Export>();
        services.AddSingleton<ISegments>(all => all.GetRequiredService<Segments>());
        services.AddSingleton<IFinder, SegmentFinder>();
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Segments", "/segments", "group_work", NavSection.Segment, 10, Policies.View));
        services.AddSingleton(new ProfilePanel(typeof(PersonSegments), 20, Policies.View));
        services.AddStage<EvaluateStage>();
        services.AddStage<ConsentStage>();
        return services;
    }

    public static IEndpointRouteBuilder MapSegmentation(this IEndpointRouteBuilder endpoints)
    {
        SegmentEndpoints.Map(endpoints);
        return endpoints;
    }

    /// <summary>Measures evaluation over made-up people and events of a web shop; needs no store and touches none.</summary>
    public static SegmentBenchResult Measure(int people, int events) => SegmentBench.Run(people, events);
}
