using System.Numerics;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Catalogue;

/// <summary>What of the catalogue is asked for; null: all.</summary>
/// <param name="Search">Part of the name of an event, property or trait.</param>
internal sealed record CatalogueFilter(string? Search, CallType? Call, long? SourceId);

/// <summary>An event in the list.</summary>
/// <param name="Members">How many properties or traits it has.</param>
/// <param name="Matching">Those that the search found.</param>
internal sealed record SeenEvent(CatalogueName Event, int Members, IReadOnlyList<string> Matching);

/// <summary>The list of events.</summary>
/// <param name="Total">Without the filter.</param>
/// <param name="LeftOut">How often an event came whose name found no place any more; and about how many such names.</param>
internal sealed record SeenEvents(IReadOnlyList<SeenEvent> Events, int Total, (long Seen, long Names) LeftOut);

/// <summary>An event with what came with it.</summary>
/// <param name="Days">The last 30 UTC days, today the last.</param>
internal sealed record SeenDetails(CatalogueName Event, IReadOnlyList<CatalogueName> Members, IReadOnlyList<DayCount> Days);

/// <summary>The catalogue, for those who look at it.</summary>
internal sealed class CatalogueReader(IStore store, TimeProvider clock)
{
    public const int DaysShown = 30;

    /// <summary>So many different texts under one name are no choice of values but ids or free text.</summary>
    private const long ManyValues = 1000;

    /// <summary>It has come with values of more than one type; null does not count.</summary>
    public static bool IsMixed(CatalogueName name) => BitOperations.PopCount((ulong)(name.Types & ~SeenTypes.Null)) > 1;

    public static bool HasManyValues(CatalogueName name) => (name.Types & SeenTypes.Text) != 0 && name.Different >= ManyValues;

    public async Task<SeenEvents> ListAsync(CatalogueFilter filter, CancellationToken ct)
    {
        var all = (await store.ReadAsync(CatalogueStore.All, ct)).Where(name => name.Seen > 0 || name.LeftOut > 0 || name.Key.Member.Length == 0).ToList();
        var members = all.Where(name => name.Key.Member.Length > 0 && name.Seen > 0).ToLookup(name => (name.Key.Call, name.Key.Event), name => name.Key.Member);
        var whole = all.Find(name => name.Key.Call == 0);
        var events = all.Where(name => name.Key.Member.Length == 0 && name.Key.Call != 0)
            .Select(name => (Name: name, Members: members[(name.Key.Call, name.Key.Event)].ToList()))
            .Where(each => each.Name.Seen > 0 || each.Members.Count > 0).ToList();
        var search = filter.Search?.Trim() ?? "";
        var found = events
            .Where(each => filter.Call is not { } call || each.Name.Key.Call == call)
            .Where(each => filter.SourceId is not { } source || each.Name.SourceIds.Contains(source))
            .Select(each => new SeenEvent(each.Name, each.Members.Count, search.Length == 0 ? [] : [.. each.Members.Where(Matches)]))
            .Where(each => search.Length == 0 || each.Matching.Count > 0 || Matches(each.Event.Key.Event) || Matches(each.Event.Key.Call.ToString()));
        return new SeenEvents([.. found], events.Count, (whole?.LeftOut ?? 0, whole?.Different ?? 0));

        bool Matches(string name) => name.Contains(search, StringComparison.OrdinalIgnoreCase);
    }

    /// <returns>Null: nothing of the kind was seen.</returns>
    public async Task<SeenDetails?> FindAsync(CallType call, string name, CancellationToken ct)
    {
        var today = clock.GetUtcNow().ToUnixTimeMilliseconds() / (24L * 60 * 60 * 1000);
        var first = today - DaysShown + 1;
        var (names, days, planned) = await store.ReadAsync(
            read => (CatalogueStore.Of(read, call, name), CatalogueStore.Days(read, call, name, first), PlanStore.Read(read).Plan.Find(call, name)), ct);
        var sensitive = (planned?.Members ?? []).Where(member => member.Sensitive).Select(member => member.Name).ToHashSet(StringComparer.Ordinal);
        var members = names.Where(each => each.Key.Member.Length > 0 && each.Seen > 0)
            .Select(each => each with { Different = Math.Min(each.Different, each.Seen) }) // an estimate: never more than there were
            .Select(each => each.Sample is { } sample && sensitive.Contains(each.Key.Member) ? each with { Sample = Samples.Shape(sample) } : each).ToList();
        if (names.Find(each => each.Key.Member.Length == 0) is not { } seen || (seen.Seen <= 0 && members.Count == 0))
        {
            return null;
        }

        var counts = days.ToDictionary(day => day.Day, day => day.Seen);
        return new SeenDetails(
            seen, members, [.. Enumerable.Range(0, DaysShown).Select(n => new DayCount(first + n, counts.GetValueOrDefault(first + n)))]);
    }
}
