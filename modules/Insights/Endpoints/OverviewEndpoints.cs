using CdpMonolith.Insights.Report;
using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Insights.Endpoints;

/// <summary>The home page's figures as JSON, for screens on a wall and for watching from outside.</summary>
internal static class OverviewEndpoints
{
    public static void Map(IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet("/api/insights/overview", (Overview overview, CancellationToken ct, int hours = 24) => overview.ReadAsync(hours, ct))
            .RequireAuthorization(Policies.View).WithTags("Insights");
}
