using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Platform.Accounts;

/// <summary>Links for those who cannot sign in: the first owner, and one who has lost the password. For the host.</summary>
public interface ISetUp
{
    /// <summary>
    /// A new link to create the owner; earlier ones stop working. It works once, for 30 minutes. Null when somebody can
    /// sign in already.
    /// </summary>
    /// <param name="address">Where the console answers, such as <c>http://127.0.0.1:5080</c>.</param>
    Task<string?> LinkAsync(string address, CancellationToken ct);

    /// <summary>A link with which a user sets a new password; works once, for 30 minutes. Ends a lockout; other sessions end when it is used.</summary>
    Task<Outcome<string>> ResetLinkAsync(string address, string email, CancellationToken ct);
}

/// <summary>What a link is for.</summary>
internal static class LinkKinds
{
    public const string SetUp = "setup";
    public const string Invitation = "invitation";
    public const string Reset = "reset";
}

/// <summary>A link that can still be used.</summary>
/// <param name="Email">Whose it is; null for the set-up, where the person says.</param>
internal sealed record OpenLink(string Kind, string? Email, string? Role);

/// <summary>Links that work once. The token has 256 bits; only its SHA-256 is kept.</summary>
internal sealed class Links(IStore store, IAudit audit, Passwords passwords, TimeProvider clock) : ISetUp
{
    private static readonly TimeSpan SetUpFor = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan InvitationFor = TimeSpan.FromDays(7);
    private static readonly Problem Spent =
        new("link.spent", "This link has been used, has expired or is not complete. Ask for a new one.", "token");

    private long NowMs => clock.GetUtcNow().ToUnixTimeMilliseconds();

    public async Task<string?> LinkAsync(string address, CancellationToken ct)
    {
        var token = NewToken();
        var made = await store.WriteAsync(
            write =>
            {
                if (UserTable.IsSetUp(write))
                {
                    return false;
                }

                UserTable.DropLinks(write, LinkKinds.SetUp);
                AddLink(write, token, LinkKinds.SetUp, null, SetUpFor);
                return true;
            }, ct);
        return made ? Address(address, "setup", token) : null;
    }

    public async Task<Outcome<string>> ResetLinkAsync(string address, string email, CancellationToken ct) =>
        await store.WriteAsync<Outcome<string>>(
            write => UserTable.FindByEmail(write, email) is { } user
                ? ForUser(write, Actor.CommandLine, user, LinkKinds.Reset, address)
                : new Problem("user.unknown", "There is no user with this e-mail address.", "email"), ct);

    /// <summary>A link for a user, in the caller's transaction; earlier ones of that user stop working.</summary>
    public string ForUser(WriteSession write, Actor actor, User user, string kind, string address)
    {
        var token = NewToken();
        UserTable.DropLinks(write, user.Id);
        AddLink(write, token, kind, user.Id, kind == LinkKinds.Invitation ? InvitationFor : SetUpFor);
        audit.Record(write, actor, kind == LinkKinds.Invitation ? "user.invited" : "user.reset_link_made", $"user:{user.Id}", new { user.Role });
        return Address(address, kind, token);
    }

    /// <summary>Null when the link cannot be used (any more).</summary>
    public Task<OpenLink?> FindAsync(string? token, CancellationToken ct) => store.ReadAsync(read => Find(read, token), ct);

    /// <summary>Uses a link: the person it is for has a password from now on.</summary>
    /// <param name="email">For the set-up; others have theirs already.</param>
    public async Task<Outcome<User>> AcceptAsync(string? token, string? email, string password, CancellationToken ct)
    {
        if (await FindAsync(token, ct) is not { } link)
        {
            return Spent;
        }

        var address = (link.Email ?? email ?? "").Trim();
        if (!User.IsEmail(address))
        {
            return new Problem("user.email_invalid", "Give an e-mail address such as kari@example.no.", "email");
        }

        if (PasswordRules.Check(password, address) is { } weak)
        {
            return weak;
        }

        var hash = passwords.Hash(password);
        return await store.WriteAsync(write => Accept(write, token!, address, hash), ct);
    }

    private Outcome<User> Accept(WriteSession write, string token, string address, string hash)
    {
        // The link is looked up again: in this lane only one caller can still find it.
        if (UserTable.Link(write, HashOf(token), NowMs) is not { } link || !UserTable.UseUp(write, HashOf(token), NowMs))
        {
            return Spent;
        }

        if (link.Kind == LinkKinds.SetUp)
        {
            if (UserTable.IsSetUp(write))
            {
                return Spent;
            }

            var owner = NewUser(address, Roles.Owner);
            (owner.PasswordHash, owner.LastSignInAt) = (hash, NowMs);
            if (UserTable.Add(write, owner) is null)
            {
                return Spent;
            }

            audit.Record(write, ActorOf(owner), "user.owner_created", $"user:{owner.Id}");
            return owner;
        }

        if (link.UserId is not { } id || UserTable.Find(write, id) is not { } user)
        {
            return Spent;
        }

        (user.PasswordHash, user.SecurityStamp) = (hash, User.NewStamp());
        (user.FailedCount, user.Lockouts, user.LockedUntil, user.LastSignInAt) = (0, 0, null, NowMs);
        UserTable.Save(write, user);
        UserTable.DropLinks(write, user.Id);
        audit.Record(
            write, ActorOf(user), link.Kind == LinkKinds.Invitation ? "user.invitation_accepted" : "user.password_reset", $"user:{user.Id}");
        return user;
    }

    public User NewUser(string email, string role) => new()
    {
        Email = email.Trim(), NormalizedEmail = User.Normalize(email), Role = role, SecurityStamp = User.NewStamp(), CreatedAt = NowMs,
    };

    private OpenLink? Find(ReadSession read, string? token)
    {
        if (string.IsNullOrEmpty(token) || UserTable.Link(read, HashOf(token), NowMs) is not { } link)
        {
            return null;
        }

        if (link.Kind == LinkKinds.SetUp)
        {
            return UserTable.IsSetUp(read) ? null : new OpenLink(link.Kind, null, Roles.Owner);
        }

        return UserTable.Find(read, link.UserId!.Value) is { Disabled: 0 } user ? new OpenLink(link.Kind, user.Email, user.Role) : null;
    }

    private void AddLink(WriteSession write, string token, string kind, long? userId, TimeSpan works) =>
        UserTable.AddLink(write, HashOf(token), kind, userId, NowMs, NowMs + (long)works.TotalMilliseconds);

    private static Actor ActorOf(User user) => new(user.Id, user.Email);

    private static string NewToken() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    private static string HashOf(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private static string Address(string console, string page, string token) => $"{console.TrimEnd('/')}/{page}?token={token}";
}
