using CdpMonolith.Platform.Console;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Storage;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Profiles.Pages;

/// <summary>People in the console's search: by any identifier or name.</summary>
internal sealed class PersonFinder(PeopleStore people, IStringLocalizer<Texts> texts) : IFinder
{
    private const int Shortest = 2;

    public string Policy => Policies.View;

    public async Task<IReadOnlyList<Found>> FindAsync(string text, int limit, CancellationToken ct)
    {
        if (text.Trim().Length < Shortest)
        {
            return [];
        }

        var rows = await people.SearchAsync(text, PeopleFilter.All, long.MaxValue, limit, ct);
        return
        [
            .. rows.Select(row => new Found(
                row.IsAnonymous ? texts["People.AnonymousName", row.Person.ProfileId] : row.Person.DisplayName,
                row.Person.Email ?? row.Person.Identifiers[0].Value, texts["Finder.Person"], "person",
                FormattableString.Invariant($"/people/{row.Person.ProfileId}"))),
        ];
    }
}
