using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Platform.Accounts;

/// <summary>A user as the console shows it.</summary>
/// <param name="State"><c>active</c>, <c>invited</c>, <c>expired</c> (an invitation that was not used), <c>disabled</c> or <c>locked</c>.</param>
internal sealed record UserState(long Id, string Email, string Role, string State, long CreatedAt, long? LastSignInAt);

/// <summary>
/// What owners and admins do with users. An owner can be changed by owners only, and one who can sign in always stays.
/// Every change ends the sessions of the one it concerns.
/// </summary>
internal sealed class UserAdministration(IStore store, IAudit audit, Links links, Passwords passwords, TimeProvider clock)
{
    private static readonly Problem Unknown = new("user.unknown", "This user is no longer there.");

    public Task<IReadOnlyList<UserState>> ListAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        return store.ReadAsync<IReadOnlyList<UserState>>(
            read =>
            {
                var invited = UserTable.Links(read, now).Where(link => link.Kind == LinkKinds.Invitation).Select(link => link.UserId).ToHashSet();
                return
                [
                    .. UserTable.All(read).Select(user => new UserState(
                        user.Id, user.Email, user.Role,
                        user switch
                        {
                            { Disabled: not 0 } => "disabled",
                            { PasswordHash: null } => invited.Contains(user.Id) ? "invited" : "expired",
                            _ when user.LockedUntil > now => "locked",
                            _ => "active",
                        },
                        user.CreatedAt, user.LastSignInAt)),
                ];
            }, ct);
    }

    /// <summary>Makes an account without a password and a link, for seven days, to give it one.</summary>
    /// <returns>The link; it is shown once and cannot be read again.</returns>
    public async Task<Outcome<string>> InviteAsync(Actor actor, string email, string role, string address, CancellationToken ct)
    {
        if (!User.IsEmail(email.Trim()))
        {
            return new Problem("user.email_invalid", "Give an e-mail address such as kari@example.no.", "email");
        }

        if (!Roles.All.Contains(role))
        {
            return new Problem("user.role_unknown", "Choose a role.", "role");
        }

        return await store.WriteAsync<Outcome<string>>(
            write =>
            {
                if (Refusal(write, actor, null, role) is { } refusal)
                {
                    return refusal;
                }

                return UserTable.Add(write, links.NewUser(email, role)) is { } user
                    ? links.ForUser(write, actor, user, LinkKinds.Invitation, address)
                    : new Problem("user.email_taken", "There is a user with this e-mail address already.", "email");
            }, ct);
    }

    /// <summary>A new link for somebody who was invited (seven days) or has lost the password (30 minutes).</summary>
    public Task<Outcome<string>> LinkAsync(Actor actor, long id, string address, CancellationToken ct) =>
        store.WriteAsync(write => Link(write, actor, UserTable.Find(write, id), address), ct);

    /// <inheritdoc cref="LinkAsync(Actor, long, string, CancellationToken)"/>
    public Task<Outcome<string>> LinkAsync(Actor actor, string email, string address, CancellationToken ct) =>
        store.WriteAsync(write => Link(write, actor, UserTable.FindByEmail(write, email), address), ct);

    public Task<Problem?> ChangeRoleAsync(Actor actor, long id, string role, CancellationToken ct) => ChangeAsync(
        actor, id, role, "user.role_changed", loses: role != Roles.Owner,
        user =>
        {
            var before = user.Role;
            user.Role = role;
            return new { before, role };
        }, ct);

    public Task<Problem?> DisableAsync(Actor actor, long id, bool disabled, CancellationToken ct) => ChangeAsync(
        actor, id, null, disabled ? "user.disabled" : "user.enabled", loses: disabled,
        user =>
        {
            user.Disabled = disabled ? 1 : 0;
            return null;
        }, ct);

    public Task<Problem?> SignOutEverywhereAsync(Actor actor, long id, CancellationToken ct) =>
        ChangeAsync(actor, id, null, "user.signed_out_everywhere", loses: false, _ => null, ct);

    public Task<Problem?> UnlockAsync(Actor actor, long id, CancellationToken ct) => ChangeAsync(
        actor, id, null, "user.unlocked", loses: false,
        user =>
        {
            (user.FailedCount, user.Lockouts, user.LockedUntil) = (0, 0, null);
            return null;
        }, ct);

    public Task<Problem?> RemoveAsync(Actor actor, long id, CancellationToken ct) => store.WriteAsync(
        write =>
        {
            if (UserTable.Find(write, id) is not { } user)
            {
                return Unknown;
            }

            if (Refusal(write, actor, user, null) is { } refusal)
            {
                return refusal;
            }

            if (LastOwner(write, user) is { } last)
            {
                return last;
            }

            UserTable.Remove(write, id);
            audit.Record(write, actor, "user.removed", $"user:{id}", new { user.Role });
            return null;
        }, ct);

    /// <summary>Sets a new password for somebody who knows the old one; every session ends.</summary>
    public async Task<Outcome<User>> ChangePasswordAsync(long id, string current, string wanted, CancellationToken ct)
    {
        if (await store.ReadAsync(read => UserTable.Find(read, id), ct) is not { } user)
        {
            return Unknown;
        }

        if (!passwords.Matches(user.PasswordHash, current, out _))
        {
            await store.WriteAsync(write => audit.Record(write, new Actor(id, user.Email), "user.password_change_refused", $"user:{id}"), ct);
            return new Problem("password.wrong", "This is not your present password.", "current");
        }

        if (PasswordRules.Check(wanted, user.Email) is { } weak)
        {
            return weak;
        }

        var hash = passwords.Hash(wanted);
        return await NewStampAsync(id, "user.password_changed", changed => changed.PasswordHash = hash, ct);
    }

    /// <summary>Ends every session of a user by the user's own wish; the caller signs the present one in again.</summary>
    public Task<Outcome<User>> EndSessionsAsync(long id, CancellationToken ct) =>
        NewStampAsync(id, "user.signed_out_everywhere", _ => { }, ct);

    private Outcome<string> Link(WriteSession write, Actor actor, User? user, string address)
    {
        if (user is null)
        {
            return Unknown;
        }

        return Refusal(write, actor, user, null) is { } refusal
            ? refusal
            : links.ForUser(write, actor, user, user.PasswordHash is null ? LinkKinds.Invitation : LinkKinds.Reset, address);
    }

    private Task<Outcome<User>> NewStampAsync(long id, string action, Action<User> change, CancellationToken ct) =>
        store.WriteAsync<Outcome<User>>(
            write =>
            {
                if (UserTable.Find(write, id) is not { } user)
                {
                    return Unknown;
                }

                change(user);
                user.SecurityStamp = User.NewStamp();
                UserTable.Save(write, user);
                UserTable.DropLinks(write, id);
                audit.Record(write, new Actor(id, user.Email), action, $"user:{id}");
                return user;
            }, ct);

    private Task<Problem?> ChangeAsync(
        Actor actor, long id, string? newRole, string action, bool loses, Func<User, object?> change, CancellationToken ct) =>
        store.WriteAsync(
            write =>
            {
                if (UserTable.Find(write, id) is not { } user)
                {
                    return Unknown;
                }

                if (Refusal(write, actor, user, newRole) is { } refusal)
                {
                    return refusal;
                }

                if (loses && LastOwner(write, user) is { } last)
                {
                    return last;
                }

                var details = change(user);
                user.SecurityStamp = User.NewStamp();
                UserTable.Save(write, user);
                audit.Record(write, actor, action, $"user:{id}", details);
                return (Problem?)null;
            }, ct);

    /// <summary>Admins manage everybody below owners; what the actor is now counts, not what the session says.</summary>
    private static Problem? Refusal(WriteSession write, Actor actor, User? user, string? newRole)
    {
        if (newRole is not null && !Roles.All.Contains(newRole))
        {
            return new Problem("user.role_unknown", "Choose a role.", "role");
        }

        var role = actor.UserId is { } id ? UserTable.Find(write, id) is { Disabled: 0 } self ? self.Role : null : Roles.Owner;
        return role switch
        {
            Roles.Owner => null,
            Roles.Admin when user?.Role != Roles.Owner && newRole != Roles.Owner => null,
            Roles.Admin => new Problem("user.owners_only", "Only an owner can do this with an owner."),
            _ => new Problem("user.not_allowed", "Only owners and admins manage users."),
        };
    }

    private static Problem? LastOwner(WriteSession write, User user) =>
        UserTable.IsLastOwner(write, user)
            ? new Problem("user.last_owner", "This is the last owner who can sign in. Make somebody else an owner first.")
            : null;
}
