using System.Security.Claims;

namespace CdpMonolith.Platform.Users;

/// <summary>Who may do what: each page and endpoint names one of these.</summary>
/// <remarks>
/// | policy     | owner | admin | marketer | analyst | viewer |
/// | View       |   x   |   x   |    x     |    x    |   x    |
/// | Analyse    |   x   |   x   |    x     |    x    |        |
/// | Market     |   x   |   x   |    x     |         |        |
/// | Administer |   x   |   x   |          |         |        |
/// | Own        |   x   |       |          |         |        |
/// </remarks>
public static class Policies
{
    /// <summary>See people, segments, reports.</summary>
    public const string View = "view";

    /// <summary>Bring data in and take it out: imports, exports.</summary>
    public const string Analyse = "analyse";

    /// <summary>Change segments, consents, merges and syncs.</summary>
    public const string Market = "market";

    /// <summary>Sources, destinations, jobs, quarantine, users.</summary>
    public const string Administer = "administer";

    /// <summary>Owners, and what cannot be undone.</summary>
    public const string Own = "own";

    public static IReadOnlyList<string> All { get; } = [View, Analyse, Market, Administer, Own];

    /// <summary>The roles that a policy lets through.</summary>
    public static IReadOnlyList<string> RolesOf(string policy) => policy switch
    {
        View => Roles.All,
        Analyse => [Roles.Owner, Roles.Admin, Roles.Marketer, Roles.Analyst],
        Market => [Roles.Owner, Roles.Admin, Roles.Marketer],
        Administer => [Roles.Owner, Roles.Admin],
        Own => [Roles.Owner],
        _ => throw new ArgumentException($"No policy {policy}.", nameof(policy)),
    };

    /// <summary>Whether the policy lets this user through.</summary>
    public static bool Allows(ClaimsPrincipal user, string policy) => RolesOf(policy).Any(user.IsInRole);
}

/// <summary>Roles, from most to least.</summary>
public static class Roles
{
    public const string Owner = "owner";
    public const string Admin = "admin";
    public const string Marketer = "marketer";
    public const string Analyst = "analyst";
    public const string Viewer = "viewer";

    public static IReadOnlyList<string> All { get; } = [Owner, Admin, Marketer, Analyst, Viewer];
}
