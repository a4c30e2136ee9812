using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Platform.Pages;

/// <summary>A role that can be given, in the reader's language.</summary>
internal sealed record RoleChoice(string Role, string Text, string May)
{
    /// <summary>Only owners make owners.</summary>
    public static List<RoleChoice> For(bool owner, IStringLocalizer<Texts> texts) =>
        [.. Roles.All.Where(role => owner || role != Roles.Owner).Select(role => new RoleChoice(role, texts[$"Role.{role}"], texts[$"Role.{role}.May"]))];
}
