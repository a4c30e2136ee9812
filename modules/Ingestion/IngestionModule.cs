using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Catalogue;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Endpoints;
using CdpMonolith.Ingestion.Fetch;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Jobs;
using CdpMonolith.Ingestion.Pages;
using CdpMonolith.Ingestion.Receive;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Ingestion;

/// <summary>The door of Ingestion.</summary>
public static class IngestionModule
{
    public static IServiceCollection AddIngestion(this IServiceCollection services, IConfiguration configuration)
    {
        // Brotli that breaks off is no whole body, however well it reads as far as it goes; for gzip see Rules/GzipEnd.
        AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);
        services.AddMigrations("Ingestion", typeof(IngestionModule).Assembly);
        services.AddOptions<IngestionOptions>().Bind(configuration.GetSection(IngestionOptions.Section))
            .Validate(set => set.DefaultCountry.Length == 0 || PhoneNumbers.IsCountry(set.DefaultCountry),
                "Ingestion:DefaultCountry must be an ISO 3166-1 alpha-2 code in upper case, such as NO.")
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<EventStore>().AddSingleton<IEventLog>(all => all.GetRequiredService<EventStore>());
        services.AddSingleton<MessageIndex>().AddSingleton<QuarantineStore>();
        services.AddSingleton<SourceMap>().AddSingleton<LiveFeed>().AddSingleton<Acceptor>();
        services.AddSingleton<Sources>().AddSingleton<ISources>(all => all.GetRequiredService<Sources>());
        services.AddSingleton<QuarantineDesk>().AddSingleton<ISourceCountries, SourceCountries>();
        services.AddSingleton<SourceHealths>().AddSingleton<Throttle>().AddSingleton<Senders>().AddSingleton<TrackingEndpoints>().AddSingleton<ClientEndpoints>();
        services.AddSingleton<BrowserTags>().AddSingleton<BrowserScript>().AddSingleton<BrowserEndpoints>();
        services.AddSingleton<Hooks>().AddSingleton<HookEndpoints>();
        services.AddSingleton<Forms>().AddSingleton<FormPage>().AddSingleton<FormEndpoints>();
        services.AddSingleton<HookMapper>().AddHostedService(all => all.GetRequiredService<HookMapper>());
        services.AddSingleton<IIngestionReport, IngestionReport>();
        services.AddSingleton<Tallies>().AddHostedService(all => all.GetRequiredService<Tallies>());
        services.AddSingleton<Plans>().AddSingleton<Violations>().AddHostedService(all => all.GetRequiredService<Violations>());
        services.AddHostedService<SettleMessages>();
        services.AddSingleton<SilenceWatch>().AddHostedService(all => all.GetRequiredService<SilenceWatch>());
        services.AddSingleton<ImportRunner>().AddHostedService(all => all.GetRequiredService<ImportRunner>());
        services.AddSingleton<Imports>().AddSingleton<DryRun>().AddSingleton<SavedMappings>();
        services.AddOptions<FeedOptions>().Bind(configuration.GetSection(FeedOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<WatchedRoot>().AddSingleton<FeedTaker>().AddSingleton<FolderFeed>().AddSingleton<HttpsFeed>().AddSingleton<FeedRunner>().AddSingleton<Feeds>();
        services.AddHostedService<FeedLoop>();
        services.AddSingleton<UndoStore>().AddSingleton<IUndos>(all => all.GetRequiredService<UndoStore>());
        services.AddSingleton<UndoRunner>().AddHostedService(all => all.GetRequiredService<UndoRunner>()).AddSingleton<Undos>();
        services.AddJob<TidyJob>().AddJob<FeedTidyJob>();
        services.AddStage<CatalogueStage>().AddSingleton<CatalogueReader>().AddSingleton<ITakesBack, CatalogueUndo>();
        services.AddSingleton<IFinder, SourceFinder>();
        services.AddSingleton(new NavItem(
            typeof(Texts), "Nav.Sources", "/sources", "sensors", NavSection.Collect, 10, Policies.Administer));
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Catalogue", "/catalogue", "menu_book", NavSection.Collect, 15, Policies.View));
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Plan", "/plan", "rule", NavSection.Collect, 17, Policies.View));
        services.AddSingleton(new NavItem(
            typeof(Texts), "Nav.Quarantine", "/quarantine", "report", NavSection.Collect, 30, Policies.Administer));
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Imports", "/imports", "upload_file", NavSection.Collect, 20, Policies.Analyse));
        services.AddSingleton(new NavItem(typeof(Texts), "Nav.Feeds", "/feeds", "rss_feed", NavSection.Collect, 25, Policies.Administer));
        return services;
    }

    public static IEndpointRouteBuilder MapIngestion(this IEndpointRouteBuilder endpoints)
    {
        TrackingEndpoints.Map(endpoints);
        ClientEndpoints.Map(endpoints);
        BrowserEndpoints.Map(endpoints);
        HookEndpoints.Map(endpoints);
        FormEndpoints.Map(endpoints);
        SourceEndpoints.Map(endpoints);
        QuarantineEndpoints.Map(endpoints);
        CatalogueEndpoints.Map(endpoints);
        PlanEndpoints.Map(endpoints);
        endpoints.MapImports();
        MappingEndpoints.Map(endpoints);
        FeedEndpoints.Map(endpoints);
        return endpoints;
    }
}
