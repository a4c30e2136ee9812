namespace CdpMonolith.Platform.Console;

/// <summary>An entry of the console's navigation; the module that has the page registers it.</summary>
/// <param name="Texts">The module's resource class.</param>
/// <param name="Key">Key of the entry's text in it.</param>
/// <param name="Href">Address from the root, such as <c>/people</c>.</param>
/// <param name="Icon">Name of a Material Symbols icon.</param>
/// <param name="Section">Which part of the staircase it belongs to.</param>
/// <param name="Order">Place within the section, ascending.</param>
/// <param name="Policy">Who sees it: a name from <see cref="Users.Policies"/>.</param>
public sealed record NavItem(
    Type Texts, string Key, string Href, string Icon, NavSection Section, int Order, string Policy);

/// <summary>Parts of the navigation, in the order in which data climbs.</summary>
public enum NavSection
{
    Overview,
    Collect,
    Unify,
    Consent,
    Segment,
    Activate,
    Administer,
}

/// <summary>
/// A part of the profile page that an upper module fills. The component takes <c>[Parameter] long ProfileId</c>, the
/// canonical profile.
/// </summary>
public sealed record ProfilePanel(Type Component, int Order, string Policy);

/// <summary>Something that the console's search can jump to.</summary>
/// <param name="Kind">What it is, in the reader's language.</param>
/// <param name="Icon">Name of a Material Symbols icon.</param>
public sealed record Found(string Title, string? Detail, string Kind, string Icon, string Href);

/// <summary>What a module adds to the console's search.</summary>
public interface IFinder
{
    /// <summary>Who may see what it finds: a name from <see cref="Users.Policies"/>.</summary>
    string Policy { get; }

    /// <summary>The best matches for what was typed, best first.</summary>
    Task<IReadOnlyList<Found>> FindAsync(string text, int limit, CancellationToken ct);
}

/// <summary>The purposes that people can agree to, for pages below the module that keeps them.</summary>
public interface IPurposeNames
{
    /// <summary>Key and name of each.</summary>
    Task<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(CancellationToken ct);
}

/// <summary>Asks for the purposes of whoever keeps them.</summary>
public static class PurposeLists
{
    /// <summary>Key and name of each purpose, in the order of their keepers; nothing where there is none.</summary>
    public static async Task<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(this IEnumerable<IPurposeNames> keepers, CancellationToken ct)
    {
        var all = new List<KeyValuePair<string, string>>();
        foreach (var keeper in keepers)
        {
            all.AddRange(await keeper.ListAsync(ct));
        }

        return all;
    }
}
