using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Insights.Endpoints;
using CdpMonolith.Insights.Jobs;
using CdpMonolith.Insights.Report;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
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
        services.AddStage<HoursStage>();
        services.AddStage<SizesStage>();
        services.AddSingleton<ITakesBack, HoursTakenBack>();
        services.AddJob<SampleJob>();
        services.AddSingleton<Overview>();
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Overview", "/", "stairs", NavSection.Overview, 0, Policies.View));
        return services;
    }

    public static IEndpointRouteBuilder MapInsights(this IEndpointRouteBuilder endpoints)
    {
        OverviewEndpoints.Map(endpoints);
        return endpoints;
    }
}
