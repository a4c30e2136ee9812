using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;

namespace CdpMonolith.Platform.Accounts;

/// <summary>Signs in and out. Whoever guesses learns nothing: one answer, at one cost, for every refusal.</summary>
internal sealed class SignIns(
    IStore store, IAudit audit, Passwords passwords, SignInLimits limits, SignInManager<User> manager, TimeProvider clock)
{
    private const int WrongAtMost = 5;
    private static readonly TimeSpan FirstLockout = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestLockout = TimeSpan.FromHours(1);
    private static readonly Actor Visitor = new(null, "visitor");

    private static readonly Problem Refused =
        new("sign_in.refused", "The e-mail address or the password is not right, or the account is locked for a while after too many tries.");

    private static readonly Problem TooMany =
        new("sign_in.too_many", "Too many tries from here. Wait a minute and try again.");

    /// <summary>Checks the password and, when it is right, hands out the session's cookie.</summary>
    /// <param name="from">The address the try comes from.</param>
    public async Task<Outcome<User>> SignInAsync(string email, string password, string from, CancellationToken ct)
    {
        var outcome = await CheckAsync(email, password, from, ct);
        if (outcome.Met(out var user))
        {
            await BeginSessionAsync(user);
        }

        return outcome;
    }

    /// <summary>Hands out a session's cookie without asking: for who has just proved themselves by a link or a password.</summary>
    public Task BeginSessionAsync(User user) => manager.SignInWithClaimsAsync(
        user, new AuthenticationProperties { IsPersistent = false, AllowRefresh = false }, [Sessions.Since(clock.GetUtcNow())]);

    public async Task SignOutAsync(Actor actor, CancellationToken ct)
    {
        await manager.SignOutAsync();
        await store.WriteAsync(write => audit.Record(write, actor, "user.signed_out", $"user:{actor.UserId}"), ct);
    }

    /// <summary>The same without a cookie.</summary>
    public async Task<Outcome<User>> CheckAsync(string email, string password, string from, CancellationToken ct)
    {
        if (!limits.Allows(from))
        {
            return TooMany;
        }

        // One try at a time per account, so that parallel guesses are counted one by one.
        using var turn = await limits.TurnAsync(User.Normalize(email), ct);
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var user = await store.ReadAsync(read => UserTable.FindByEmail(read, email), ct);
        var open = user is { IsActive: true } && !(user.LockedUntil > now);
        var right = passwords.Matches(open ? user!.PasswordHash : null, password, out var rehashed);
        if (!right)
        {
            limits.CountWrong(from);
            await store.WriteAsync(write => Wrong(write, user, open, from), ct);
            return Refused;
        }

        return await store.WriteAsync<Outcome<User>>(
            write =>
            {
                if (UserTable.Find(write, user!.Id) is not { IsActive: true } current || current.PasswordHash != user.PasswordHash)
                {
                    return Refused;
                }

                (current.FailedCount, current.Lockouts, current.LockedUntil) = (0, 0, null);
                current.LastSignInAt = clock.GetUtcNow().ToUnixTimeMilliseconds();
                current.PasswordHash = rehashed ?? current.PasswordHash;
                UserTable.Save(write, current);
                audit.Record(write, new Actor(current.Id, current.Email), "user.signed_in", $"user:{current.Id}", new { from });
                return current;
            }, ct);
    }

    private void Wrong(WriteSession write, User? seen, bool evaluated, string from)
    {
        if (seen is null || UserTable.Find(write, seen.Id) is not { } user)
        {
            audit.Record(write, Visitor, "user.sign_in_refused", "user:unknown", new { from });
            return;
        }

        audit.Record(
            write, Visitor, "user.sign_in_refused", $"user:{user.Id}",
            new { from, reason = evaluated ? "wrong_password" : user.Disabled != 0 ? "disabled" : user.PasswordHash is null ? "invited" : "locked" });
        if (!evaluated)
        {
            return;
        }

        if (++user.FailedCount >= WrongAtMost)
        {
            var length = FirstLockout * Math.Pow(2, Math.Min(user.Lockouts, 20));
            length = length < LongestLockout ? length : LongestLockout;
            user.LockedUntil = (clock.GetUtcNow() + length).ToUnixTimeMilliseconds();
            (user.FailedCount, user.Lockouts) = (0, user.Lockouts + 1);
            audit.Record(write, Visitor, "user.locked", $"user:{user.Id}", new { from, minutes = length.TotalMinutes });
        }

        UserTable.Save(write, user);
    }
}

/// <summary>Slows guessing down, per address and per account.</summary>
internal sealed class SignInLimits(TimeProvider clock) : IDisposable
{
    private const int WrongAMinute = 20;
    private const int AddressesKept = 10_000;
    private readonly Dictionary<string, (long Minute, int Wrong)> _byAddress = [];
    private readonly SemaphoreSlim[] _turns = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1, 1))];

    private long Minute => clock.GetUtcNow().ToUnixTimeSeconds() / 60;

    public bool Allows(string from)
    {
        lock (_byAddress)
        {
            return !_byAddress.TryGetValue(from, out var count) || count.Minute != Minute || count.Wrong < WrongAMinute;
        }
    }

    public void CountWrong(string from)
    {
        var minute = Minute;
        lock (_byAddress)
        {
            if (_byAddress.Count >= AddressesKept)
            {
                foreach (var old in _byAddress.Where(entry => entry.Value.Minute != minute).Select(entry => entry.Key).ToList())
                {
                    _byAddress.Remove(old);
                }
            }

            _byAddress.TryGetValue(from, out var count);
            _byAddress[from] = (minute, count.Minute == minute ? count.Wrong + 1 : 1);
        }
    }

    /// <summary>Dispose it when done.</summary>
    public async Task<IDisposable> TurnAsync(string account, CancellationToken ct)
    {
        var turn = _turns[(uint)StringComparer.Ordinal.GetHashCode(account) % _turns.Length];
        await turn.WaitAsync(ct);
        return new Turn(turn);
    }

    public void Dispose()
    {
        foreach (var turn in _turns)
        {
            turn.Dispose();
        }
    }

    private sealed class Turn(SemaphoreSlim turn) : IDisposable
    {
        public void Dispose() => turn.Release();
    }
}
