using System.Globalization;
using System.Security.Claims;
using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Platform.Accounts;

/// <summary>Whether a session still holds: asked at every request, and every ten seconds by each open page.</summary>
internal sealed class Sessions(IStore store, IOptions<IdentityOptions> identity, TimeProvider clock)
{
    /// <summary>A session ends this long after it began, whatever happens in it.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(12);

    private const string SinceType = "cdp.since";

    /// <summary>When the session began, as a claim.</summary>
    public static Claim Since(DateTimeOffset at) => new(SinceType, at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));

    /// <summary>The user is there and not disabled, nothing has ended the session, the role is the same, and it is not too old.</summary>
    public async Task<bool> HoldsAsync(ClaimsPrincipal user, CancellationToken ct)
    {
        var claims = identity.Value.ClaimsIdentity;
        if (!long.TryParse(user.FindFirstValue(claims.UserIdClaimType), CultureInfo.InvariantCulture, out var id)
            || !long.TryParse(user.FindFirstValue(SinceType), CultureInfo.InvariantCulture, out var since)
            || DateTimeOffset.FromUnixTimeSeconds(since) + Longest <= clock.GetUtcNow())
        {
            return false;
        }

        return await store.ReadAsync(read => UserTable.Session(read, id), ct) is { Disabled: false } now
            && now.Stamp == user.FindFirstValue(claims.SecurityStampClaimType)
            && now.Role == user.FindFirstValue(claims.RoleClaimType);
    }
}

/// <summary>Adds the role, which stands in the user's own row.</summary>
internal sealed class UserClaims(UserManager<User> users, IOptions<IdentityOptions> options)
    : UserClaimsPrincipalFactory<User>(users, options)
{
    protected override async Task<ClaimsIdentity> GenerateClaimsAsync(User user)
    {
        var identity = await base.GenerateClaimsAsync(user);
        identity.AddClaim(new Claim(Options.ClaimsIdentity.RoleClaimType, user.Role));
        return identity;
    }
}

/// <summary>Who sits at an open page: looks every ten seconds whether that still holds.</summary>
internal sealed class CircuitUser(ILoggerFactory logs, Sessions sessions) : RevalidatingServerAuthenticationStateProvider(logs)
{
    protected override TimeSpan RevalidationInterval => TimeSpan.FromSeconds(10);

    protected override Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken) =>
        sessions.HoldsAsync(authenticationState.User, cancellationToken);
}
