using CdpMonolith.Ingestion.Catalogue;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>A name in the catalogue as the API shows it. Times are Unix ms.</summary>
/// <param name="Types">Of text, number, boolean, time, list, object, null.</param>
/// <param name="Sample">The shape of a value that may be personal, else a value; null: none.</param>
/// <param name="Different">About how many different values there were.</param>
/// <param name="Warnings">Of types.mixed, values.many.</param>
internal sealed record NameAnswer(
    string Name, long Seen, long FirstSeen, long LastSeen, IEnumerable<string> Types, string? Sample, long Different,
    IEnumerable<long> SourceIds, IEnumerable<string> Warnings)
{
    public static NameAnswer Of(CatalogueName name) => new(
        name.Key.Member, name.Seen, name.FirstSeen, name.LastSeen,
        Enum.GetValues<SeenTypes>().Where(type => type != 0 && name.Types.HasFlag(type)).Select(type => type.ToString().ToLowerInvariant()),
        name.Sample, name.Different, name.SourceIds, WarningsOf(name));

    private static IEnumerable<string> WarningsOf(CatalogueName name)
    {
        if (CatalogueReader.IsMixed(name))
        {
            yield return "types.mixed";
        }

        if (CatalogueReader.HasManyValues(name))
        {
            yield return "values.many";
        }
    }
}

/// <summary>An event of the catalogue as the API shows it. Times are Unix ms.</summary>
/// <param name="Type">track, page, screen, identify, group or alias.</param>
/// <param name="Event">The name of a track call; else empty.</param>
/// <param name="Members">How many properties or traits it has.</param>
/// <param name="LeftOut">How often names below it were left out, for there were too many.</param>
internal sealed record EventAnswer(
    string Type, string Event, long Seen, long FirstSeen, long LastSeen, int Members, long LeftOut, IEnumerable<long> SourceIds)
{
    public static EventAnswer Of(CatalogueName name, int members) => new(
        name.Key.Call.ToString().ToLowerInvariant(), name.Key.Event, name.Seen, name.FirstSeen, name.LastSeen, members, name.LeftOut, name.SourceIds);
}

/// <summary>The catalogue over HTTP.</summary>
internal static class CatalogueEndpoints
{
    private static readonly Problem TypeUnknown = new(
        "catalogue.type_unknown", "The type must be track, page, screen, identify, group or alias.", "type");

    /// <summary>Nothing of the kind was seen.</summary>
    internal static readonly Problem EventUnknown = new("catalogue.event_unknown", "No such event was seen.", "name");

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/catalogue").RequireAuthorization(Policies.View).WithTags("Catalogue");
        api.MapGet("", ListAsync);
        api.MapGet("event", FindAsync);
    }

    private static async Task<Results<Ok<object>, ProblemHttpResult>> ListAsync(
        string? search, string? type, long? sourceId, CatalogueReader catalogue, CancellationToken ct)
    {
        if (type is not null && TypeOf(type) is null)
        {
            return Refused.As(TypeUnknown);
        }

        var list = await catalogue.ListAsync(new CatalogueFilter(search, type is null ? null : TypeOf(type), sourceId), ct);
        return TypedResults.Ok<object>(new
        {
            events = list.Events.Select(seen => EventAnswer.Of(seen.Event, seen.Members)),
            list.Total,
            leftOut = new { seen = list.LeftOut.Seen, names = list.LeftOut.Names },
        });
    }

    private static async Task<Results<Ok<object>, ProblemHttpResult>> FindAsync(
        string? type, string? name, CatalogueReader catalogue, CancellationToken ct)
    {
        if (TypeOf(type ?? "track") is not { } call)
        {
            return Refused.As(TypeUnknown);
        }

        return await catalogue.FindAsync(call, name ?? "", ct) is { } found
            ? TypedResults.Ok<object>(new
            {
                @event = EventAnswer.Of(found.Event, found.Members.Count),
                members = found.Members.Select(NameAnswer.Of),
                days = found.Days.Select(day => new { day = DateOnly.FromDateTime(DateTime.UnixEpoch).AddDays((int)day.Day), day.Seen }),
            })
            : Refused.As(EventUnknown);
    }

    private static CallType? TypeOf(string type) =>
        Enum.GetValues<CallType>().Cast<CallType?>().FirstOrDefault(known => string.Equals(known.ToString(), type, StringComparison.OrdinalIgnoreCase));
}
