using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Endpoints;
using CdpMonolith.Profiles.Pages;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;
using CdpMonolith.Profiles.Unify;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Profiles;

/// <summary>The door of Profiles.</summary>
public static class ProfilesModule
{
    public static IServiceCollection AddProfiles(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddMigrations("Profiles", typeof(ProfilesModule).Assembly);
        services.AddOptions<ProfilesOptions>().Bind(configuration.GetSection(ProfilesOptions.Section))
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(all => new IdentifierRules(
            all.GetRequiredService<IOptions<ProfilesOptions>>().Value.BlockedValues, all.GetRequiredService<ISourceCountries>().Default));
        services.AddSingleton<IProfiles, ProfileReader>();
        services.AddSingleton<IKnownPeople, KnownPeople>();
        services.AddSingleton<PeopleStore>();
        services.AddSingleton<PersonStore>();
        services.AddSingleton<Unmerging>();
        services.AddSingleton<ITakesBack, TakingBack>();
        services.AddSingleton<IFinder, PersonFinder>();
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.People", "/people", "group", NavSection.Unify, 10, Policies.View));
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Values", "/values", "rule_settings", NavSection.Unify, 20, Policies.View));
        services.AddSingleton<ValueTables>();
        services.AddSingleton<Restandardising>();
        services.AddHostedService(all => all.GetRequiredService<Restandardising>());
        services.AddStage<UnifyStage>();
        return services;
    }

    public static IEndpointRouteBuilder MapProfiles(this IEndpointRouteBuilder endpoints)
    {
        ProfileEndpoints.Map(endpoints);
        ValueEndpoints.Map(endpoints);
        return endpoints;
    }
}
