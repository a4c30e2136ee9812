using CdpMonolith.Platform;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Profiles;

/// <summary>The door of Profiles.</summary>
public static class ProfilesModule
{
    public static IServiceCollection AddProfiles(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddMigrations("Profiles", typeof(ProfilesModule).Assembly);
        return services;
    }

    public static IEndpointRouteBuilder MapProfiles(this IEndpointRouteBuilder endpoints) => endpoints;
}
