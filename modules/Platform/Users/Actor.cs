using System.Globalization;
using System.Security.Claims;

namespace CdpMonolith.Platform.Users;

/// <summary>On whose word something is done; what the audit trail and evidence name.</summary>
/// <param name="UserId">Null for the product itself and the command line.</param>
/// <param name="Name">The user's e-mail address, <c>system</c> or <c>command line</c>.</param>
public sealed record Actor(long? UserId, string Name)
{
    /// <summary>The product, on schedule or by rule.</summary>
    public static Actor System { get; } = new(null, "system");

    /// <summary>Whoever may run this program on the machine.</summary>
    public static Actor CommandLine { get; } = new(null, "command line");

    /// <exception cref="InvalidOperationException">Nobody is signed in.</exception>
    public static Actor Of(ClaimsPrincipal user) =>
        user.Identity?.AuthenticationType == LocalAccess.Scheme ? CommandLine
        : user.FindFirstValue(ClaimTypes.NameIdentifier) is { } id
            ? new Actor(long.Parse(id, CultureInfo.InvariantCulture), user.FindFirstValue(ClaimTypes.Name) ?? id)
            : throw new InvalidOperationException("Nobody is signed in.");
}
