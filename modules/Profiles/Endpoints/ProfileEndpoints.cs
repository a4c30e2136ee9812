using System.Security.Claims;
using System.Text.Json;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Storage;
using CdpMonolith.Profiles.Unify;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Profiles.Endpoints;

/// <summary>An identifier as the API shows it.</summary>
internal sealed record IdentifierAnswer(string Type, string Value)
{
    public static IdentifierAnswer Of(Identifier identifier) => new(identifier.Type, identifier.Value);
}

/// <summary>A person as the API shows one. Times are Unix ms.</summary>
/// <param name="Id">The canonical profile: the one to keep, whichever profile was asked for.</param>
/// <param name="Identifiers">Strongest first.</param>
/// <param name="Traits">The golden record.</param>
internal sealed record ProfileAnswer(
    long Id, string Name, string? Email, long FirstSeenAt, long? LastSeenAt, bool Anonymous,
    IEnumerable<IdentifierAnswer> Identifiers, JsonElement Traits, IEnumerable<long> Sources);

/// <summary>Identifiers to make another person of.</summary>
internal sealed record UnmergeWanted(IReadOnlyList<IdentifierAnswer>? Identifiers);

/// <summary>The people there are after an unmerge.</summary>
internal sealed record UnmergeAnswer(IEnumerable<PersonAfterAnswer> People);

/// <summary>One of them.</summary>
internal sealed record PersonAfterAnswer(long Id, IEnumerable<IdentifierAnswer> Identifiers);

/// <summary>People over HTTP.</summary>
internal static class ProfileEndpoints
{
    private static readonly Problem NotFound = new("profile.not_found", "There is no such person.");

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/profiles").WithTags("Profiles");
        api.MapGet("", FindByIdentifierAsync).RequireAuthorization(Policies.View);
        api.MapGet("{id:long}", FindAsync).RequireAuthorization(Policies.View);
        api.MapPost("{id:long}/unmerge", UnmergeAsync).RequireAuthorization(Policies.Market);
    }

    /// <summary>GET /api/profiles?identifier=email:ann@example.com answers the person; the value need not be normalised.</summary>
    private static async Task<Results<Ok<ProfileAnswer>, ProblemHttpResult>> FindByIdentifierAsync(
        string? identifier, IProfiles profiles, PersonStore store, CancellationToken ct)
    {
        if (identifier?.Split(':', 2) is not [{ Length: > 0 } type, { Length: > 0 } value])
        {
            return new Problem("identifier.not_readable", "Give the identifier as type:value, such as email:ann@example.com.", "identifier")
                .ToHttp(StatusCodes.Status400BadRequest);
        }

        return await profiles.FindAsync(new Identifier(type, value), ct) is { } person
            ? await FindAsync(person.ProfileId, store, ct)
            : NotFound.ToHttp(StatusCodes.Status404NotFound);
    }

    /// <summary>GET /api/profiles/7 answers the person that the profile belongs to.</summary>
    private static async Task<Results<Ok<ProfileAnswer>, ProblemHttpResult>> FindAsync(long id, PersonStore store, CancellationToken ct)
    {
        if (await store.FindAsync(id, ct) is not { Row: var row })
        {
            return NotFound.ToHttp(StatusCodes.Status404NotFound);
        }

        using var traits = JsonDocument.Parse(row.Person.Golden.Traits);
        return TypedResults.Ok(new ProfileAnswer(
            row.Person.ProfileId, row.Person.DisplayName, row.Person.Email, row.Person.FirstSeenAt, row.LastSeenAt, row.IsAnonymous,
            row.Person.Identifiers.Select(IdentifierAnswer.Of), traits.RootElement.Clone(), row.SourceIds));
    }

    /// <summary>
    /// POST /api/profiles/7/unmerge { identifiers: [{ type, value }] } makes another person of these identifiers and answers
    /// { people }. Errors: 404 profile.not_found, 400 unmerge.not_of_person, unmerge.nothing_left.
    /// </summary>
    private static async Task<Results<Ok<UnmergeAnswer>, ProblemHttpResult>> UnmergeAsync(
        long id, UnmergeWanted wanted, PersonStore store, Unmerging unmerging, ClaimsPrincipal user, CancellationToken ct)
    {
        if (await store.FindAsync(id, ct) is not { } person)
        {
            return NotFound.ToHttp(StatusCodes.Status404NotFound);
        }

        var named = (wanted.Identifiers ?? []).ToHashSet();
        var profiles = person.Identifiers.Where(one => named.Contains(IdentifierAnswer.Of(one.Identifier))).Select(one => one.ProfileId).ToList();
        if (profiles.Count < named.Count)
        {
            return new Problem("unmerge.not_of_person", "Choose identifiers of this person.", "identifiers").ToHttp(StatusCodes.Status400BadRequest);
        }

        var outcome = await unmerging.SplitAsync(id, profiles, Actor.Of(user), ct);
        return outcome.Match<Results<Ok<UnmergeAnswer>, ProblemHttpResult>>(
            people => TypedResults.Ok(new UnmergeAnswer(
                people.Select(after => new PersonAfterAnswer(after.ProfileId, after.Identifiers.Select(IdentifierAnswer.Of))))),
            problem => problem.ToHttp(StatusCodes.Status400BadRequest));
    }
}
