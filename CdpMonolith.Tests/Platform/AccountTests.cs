using CdpMonolith.Platform;
using CdpMonolith.Platform.Accounts;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Tests.Platform;

public sealed class AccountTests
{
    private const string Address = "http://127.0.0.1:5080";
    private const string Good = "seven quiet harbours";
    private TestStore _test = null!;

    private UserAdministration Users => _test.Get<UserAdministration>();

    private Links Links => _test.Get<Links>();

    [SetUp]
    public void Open() =>
        _test = new TestStore(services => services.PostConfigure<PasswordHasherOptions>(hasher => hasher.IterationCount = 1000));

    [TearDown]
    public async Task Close() => await _test.DisposeAsync();

    [Test]
    public async Task The_set_up_link_makes_the_owner_once()
    {
        var token = TokenOf(await _test.Get<ISetUp>().LinkAsync(Address, default));
        Assert.That(await Links.FindAsync(token, default), Is.EqualTo(new OpenLink("setup", null, "owner")));
        var owner = await Links.AcceptAsync(token, " Kari@Example.no ", Good, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((owner.Value.Email, owner.Value.NormalizedEmail, owner.Value.Role), Is.EqualTo(("Kari@Example.no", "kari@example.no", "owner")));
            Assert.That((await Links.AcceptAsync(token, "ola@example.no", Good, default)).Problem?.Code, Is.EqualTo("link.spent"));
            Assert.That(await _test.Get<ISetUp>().LinkAsync(Address, default), Is.Null);
        }
    }

    [Test]
    public async Task A_hundred_people_with_the_set_up_link_make_one_owner()
    {
        var token = TokenOf(await _test.Get<ISetUp>().LinkAsync(Address, default));
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 100).Select(n => Links.AcceptAsync(token, $"person{n}@example.no", Good, default)));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(outcomes.Count(outcome => outcome.Problem is null), Is.EqualTo(1));
            Assert.That((await Users.ListAsync(default)).Count, Is.EqualTo(1));
        }
    }

    [Test]
    public async Task A_set_up_link_ends_after_half_an_hour_and_when_a_newer_one_is_made()
    {
        var first = TokenOf(await _test.Get<ISetUp>().LinkAsync(Address, default));
        var second = TokenOf(await _test.Get<ISetUp>().LinkAsync(Address, default));
        Assert.That(await Links.FindAsync(first, default), Is.Null);
        Assert.That(await Links.FindAsync(second, default), Is.Not.Null);
        _test.Clock.Advance(TimeSpan.FromMinutes(30));
        Assert.That(await Links.FindAsync(second, default), Is.Null);
        Assert.That((await Links.AcceptAsync(second, "kari@example.no", Good, default)).Problem?.Code, Is.EqualTo("link.spent"));
    }

    [Test]
    public async Task A_token_is_not_kept_only_its_hash()
    {
        var token = TokenOf(await _test.Get<ISetUp>().LinkAsync(Address, default));
        var kept = await _test.Store.ReadAsync(read => read.Query<string>("SELECT hash FROM platform_user_link").Single(), default);
        Assert.That(kept, Has.Length.EqualTo(64).And.Not.EqualTo(token));
    }

    [Test]
    public async Task Five_wrong_passwords_lock_an_account_and_the_next_lockout_is_twice_as_long()
    {
        await OwnerAsync();
        for (var tries = 0; tries < 5; tries++)
        {
            Assert.That((await TryAsync("kari@example.no", "wrong password")).Problem?.Code, Is.EqualTo("sign_in.refused"));
        }

        Assert.That((await TryAsync("kari@example.no", Good)).Problem?.Code, Is.EqualTo("sign_in.refused"), "locked");
        _test.Clock.Advance(TimeSpan.FromSeconds(61));
        for (var tries = 0; tries < 5; tries++)
        {
            await TryAsync("kari@example.no", "wrong password");
        }

        _test.Clock.Advance(TimeSpan.FromSeconds(61));
        Assert.That((await TryAsync("kari@example.no", Good)).Problem?.Code, Is.EqualTo("sign_in.refused"), "still locked: two minutes");
        _test.Clock.Advance(TimeSpan.FromSeconds(61));
        Assert.That((await TryAsync("KARI@example.no", Good)).Problem, Is.Null);
        var said = (await _test.Get<IAudit>().ReadAsync(long.MaxValue, 50, null, default)).GroupBy(e => e.Action).ToDictionary(g => g.Key, g => g.Count());
        Assert.That(said, Is.EqualTo(new Dictionary<string, int>
        {
            ["user.signed_in"] = 1, ["user.sign_in_refused"] = 12, ["user.locked"] = 2, ["user.owner_created"] = 1,
        }));
    }

    [Test]
    public async Task A_hundred_guesses_at_once_are_counted_one_by_one()
    {
        await OwnerAsync();
        await Task.WhenAll(Enumerable.Range(0, 100).Select(n => TryAsync("kari@example.no", $"guess number {n}", $"10.0.0.{n}")));
        var reasons = (await _test.Get<IAudit>().ReadAsync(long.MaxValue, 500, "refused", default)).GroupBy(e => e.Details!.Contains("wrong_password")).ToDictionary(g => g.Key, g => g.Count());
        Assert.That((reasons[true], reasons[false]), Is.EqualTo((5, 95)));
    }

    [Test]
    public async Task One_address_that_guesses_many_accounts_has_to_wait()
    {
        await OwnerAsync();
        for (var n = 0; n < 20; n++)
        {
            await TryAsync($"person{n}@example.no", "wrong password");
        }

        Assert.That((await TryAsync("kari@example.no", Good)).Problem?.Code, Is.EqualTo("sign_in.too_many"));
        Assert.That((await TryAsync("kari@example.no", Good, "10.0.0.2")).Problem, Is.Null);
        _test.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.That((await TryAsync("kari@example.no", Good)).Problem, Is.Null);
    }

    [Test]
    public async Task Unknown_disabled_and_wrong_get_the_same_answer()
    {
        var owner = await OwnerAsync();
        var ola = await InviteAsync(owner, "ola@example.no", Roles.Viewer);
        await Users.DisableAsync(owner, ola, true, default);
        var answers = new[] { await TryAsync("nobody@example.no", Good), await TryAsync("ola@example.no", Good), await TryAsync("kari@example.no", "wrong password") };
        Assert.That(answers.Select(answer => answer.Problem).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task An_invitation_works_once_for_seven_days()
    {
        var owner = await OwnerAsync();
        var late = TokenOf((await Users.InviteAsync(owner, "late@example.no", Roles.Viewer, Address, default)).Value);
        _test.Clock.Advance(TimeSpan.FromDays(6));
        var token = TokenOf((await Users.InviteAsync(owner, "ola@example.no", Roles.Analyst, Address, default)).Value);
        _test.Clock.Advance(TimeSpan.FromDays(1));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await Links.FindAsync(late, default), Is.Null);
            Assert.That(await Links.FindAsync(token, default), Is.EqualTo(new OpenLink("invitation", "ola@example.no", "analyst")));
            Assert.That((await Links.AcceptAsync(token, "eve@example.no", Good, default)).Value.Email, Is.EqualTo("ola@example.no"), "not the address that the form gives");
            Assert.That(await Links.FindAsync(token, default), Is.Null);
            Assert.That((await TryAsync("ola@example.no", Good)).Value.Role, Is.EqualTo("analyst"));
            Assert.That((await Users.ListAsync(default)).Select(user => (user.Email, user.State)), Is.EqualTo(new[]
            {
                ("kari@example.no", "active"), ("late@example.no", "expired"), ("ola@example.no", "active"),
            }));
            Assert.That((await Users.InviteAsync(owner, "OLA@example.no", Roles.Viewer, Address, default)).Problem?.Code, Is.EqualTo("user.email_taken"));
        }
    }

    [Test]
    public async Task The_last_owner_stays()
    {
        var owner = await OwnerAsync();
        var kari = owner.UserId!.Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await Users.ChangeRoleAsync(owner, kari, Roles.Admin, default))?.Code, Is.EqualTo("user.last_owner"));
            Assert.That((await Users.DisableAsync(owner, kari, true, default))?.Code, Is.EqualTo("user.last_owner"));
            Assert.That((await Users.RemoveAsync(owner, kari, default))?.Code, Is.EqualTo("user.last_owner"));
        }

        // Somebody invited as owner cannot sign in yet and does not count.
        var link = (await Users.InviteAsync(owner, "ola@example.no", Roles.Owner, Address, default)).Value;
        Assert.That((await Users.RemoveAsync(owner, kari, default))?.Code, Is.EqualTo("user.last_owner"));
        await Links.AcceptAsync(TokenOf(link), null, Good, default);
        Assert.That(await Users.RemoveAsync(owner, kari, default), Is.Null);
    }

    [Test]
    public async Task Two_owners_who_remove_each_other_at_once_leave_one()
    {
        var kari = await OwnerAsync();
        var ola = new Actor(await InviteAsync(kari, "ola@example.no", Roles.Owner), "ola@example.no");
        var answers = await Task.WhenAll(
            Users.RemoveAsync(kari, ola.UserId!.Value, default), Users.RemoveAsync(ola, kari.UserId!.Value, default));
        Assert.That(answers.Count(answer => answer is null), Is.EqualTo(1));
        Assert.That((await Users.ListAsync(default)).Count, Is.EqualTo(1));
    }

    [Test]
    public async Task An_admin_manages_those_below_owners_only()
    {
        var owner = await OwnerAsync();
        var admin = new Actor(await InviteAsync(owner, "ada@example.no", Roles.Admin), "ada@example.no");
        var viewer = await InviteAsync(admin, "vera@example.no", Roles.Viewer);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await Users.InviteAsync(admin, "eve@example.no", Roles.Owner, Address, default)).Problem?.Code, Is.EqualTo("user.owners_only"));
            Assert.That((await Users.ChangeRoleAsync(admin, viewer, Roles.Owner, default))?.Code, Is.EqualTo("user.owners_only"));
            Assert.That((await Users.RemoveAsync(admin, owner.UserId!.Value, default))?.Code, Is.EqualTo("user.owners_only"));
            Assert.That((await Users.LinkAsync(admin, owner.UserId!.Value, Address, default)).Problem?.Code, Is.EqualTo("user.owners_only"));
            Assert.That(await Users.ChangeRoleAsync(admin, viewer, Roles.Marketer, default), Is.Null);
        }

        // Their role now counts, not the one they signed in with.
        await Users.ChangeRoleAsync(owner, admin.UserId!.Value, Roles.Viewer, default);
        Assert.That((await Users.RemoveAsync(admin, viewer, default))?.Code, Is.EqualTo("user.not_allowed"));
    }

    [Test]
    public async Task Changes_that_must_end_sessions_do()
    {
        var owner = await OwnerAsync();
        var ola = await InviteAsync(owner, "ola@example.no", Roles.Marketer);
        var changes = new Func<Task>[]
        {
            () => Users.ChangeRoleAsync(owner, ola, Roles.Viewer, default),
            () => Users.SignOutEverywhereAsync(owner, ola, default),
            () => Users.DisableAsync(owner, ola, true, default),
            () => Users.DisableAsync(owner, ola, false, default),
            () => Users.ChangePasswordAsync(ola, Good, "another quiet harbour", default),
            () => Users.EndSessionsAsync(ola, default),
            () => Users.RemoveAsync(owner, ola, default),
        };
        foreach (var change in changes)
        {
            var session = await SessionAsync(ola);
            await change();
            Assert.That(await _test.Get<Sessions>().HoldsAsync(session, default), Is.False);
        }
    }

    [Test]
    public async Task A_session_holds_for_twelve_hours()
    {
        var owner = await OwnerAsync();
        var session = await SessionAsync(owner.UserId!.Value);
        _test.Clock.Advance(TimeSpan.FromHours(11.9));
        Assert.That(await _test.Get<Sessions>().HoldsAsync(session, default), Is.True);
        _test.Clock.Advance(TimeSpan.FromHours(0.1));
        Assert.That(await _test.Get<Sessions>().HoldsAsync(session, default), Is.False);
    }

    [Test]
    public async Task A_password_change_needs_the_present_one()
    {
        var owner = (await OwnerAsync()).UserId!.Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await Users.ChangePasswordAsync(owner, "wrong password", "another quiet harbour", default)).Problem?.Code, Is.EqualTo("password.wrong"));
            Assert.That((await Users.ChangePasswordAsync(owner, Good, "password123", default)).Problem?.Code, Is.EqualTo("password.common"));
            Assert.That((await Users.ChangePasswordAsync(owner, Good, "another quiet harbour", default)).Problem, Is.Null);
            Assert.That((await TryAsync("kari@example.no", "another quiet harbour")).Problem, Is.Null);
        }
    }

    [Test]
    public async Task A_lost_password_is_set_anew_by_a_link_from_the_machine_itself()
    {
        await OwnerAsync();
        for (var tries = 0; tries < 5; tries++)
        {
            await TryAsync("kari@example.no", "wrong password");
        }

        var link = await _test.Get<ISetUp>().ResetLinkAsync(Address + "/", "KARI@example.no", default);
        Assert.That(link.Value, Does.StartWith($"{Address}/reset?token="));
        await Links.AcceptAsync(TokenOf(link.Value), null, "another quiet harbour", default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await TryAsync("kari@example.no", "another quiet harbour")).Problem, Is.Null, "not locked any more");
            Assert.That((await _test.Get<ISetUp>().ResetLinkAsync(Address, "nobody@example.no", default)).Problem?.Code, Is.EqualTo("user.unknown"));
        }
    }

    [TestCase("short one", "password.too_short")]
    [TestCase("1234567890", "password.common")]
    [TestCase("password1234", "password.common")]
    [TestCase("P@ssw0rd!2026", "password.common")]
    [TestCase("qwertyuiop", "password.common")]
    [TestCase("aaaaaaaaaaaa", "password.common")]
    [TestCase("abcabcabcabc", "password.common")]
    [TestCase("Welcome12345", "password.common")]
    [TestCase("0987654321", "password.common")]
    [TestCase("CdpMonolith!1", "password.tells_name")]
    [TestCase("kari.nordmann-1", "password.tells_name")]
    [TestCase("seven quiet harbours", null)]
    [TestCase("påskeeggmaling", null)]
    [TestCase("รหัสผ่านของฉันยาว", null)]
    [TestCase("xT9#mQ2vLp", null)]
    public void A_password_is_long_and_not_among_the_first_that_are_tried(string password, string? problem) =>
        Assert.That(PasswordRules.Check(password, "Kari.Nordmann@example.no")?.Code, Is.EqualTo(problem));

    [Test]
    public void A_password_costs_210000_rounds_of_pbkdf2_with_sha512()
    {
        using var services = new ServiceCollection().AddLogging().AddAccounts().BuildServiceProvider();
        var hash = Convert.FromBase64String(services.GetRequiredService<IPasswordHasher<User>>().HashPassword(new User(), Good));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(hash[0], Is.EqualTo(1), "Identity's third format");
            Assert.That(System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(hash.AsSpan(1)), Is.EqualTo(2), "HMAC-SHA-512");
            Assert.That(System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(hash.AsSpan(5)), Is.EqualTo(210_000));
        }
    }

    [Test]
    public async Task Identitys_manager_works_on_our_table()
    {
        using var scope = _test.Get<IServiceScopeFactory>().CreateScope();
        var manager = scope.ServiceProvider.GetRequiredService<UserManager<User>>();
        var made = await manager.CreateAsync(_test.Get<Links>().NewUser("ola@example.no", Roles.Viewer), "Seven quiet harbours 7!");
        var twice = await manager.CreateAsync(_test.Get<Links>().NewUser("OLA@example.no", Roles.Viewer), "Seven quiet harbours 7!");
        var found = await manager.FindByEmailAsync("Ola@Example.no");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(made.Succeeded, Is.True, made.ToString());
            Assert.That(twice.Succeeded, Is.False);
            Assert.That(await manager.CheckPasswordAsync(found!, "Seven quiet harbours 7!"), Is.True);
            Assert.That((await manager.DeleteAsync(found!)).Succeeded, Is.True);
        }
    }

    private static string TokenOf(string? link) => link!.Split("token=")[1];

    private async Task<Actor> OwnerAsync()
    {
        var token = TokenOf(await _test.Get<ISetUp>().LinkAsync(Address, default));
        var owner = (await Links.AcceptAsync(token, "kari@example.no", Good, default)).Value;
        return new Actor(owner.Id, owner.Email);
    }

    private async Task<long> InviteAsync(Actor actor, string email, string role)
    {
        var link = await Users.InviteAsync(actor, email, role, Address, default);
        return (await Links.AcceptAsync(TokenOf(link.Value), null, Good, default)).Value.Id;
    }

    private async Task<Outcome<User>> TryAsync(string email, string password, string from = "10.0.0.1")
    {
        using var scope = _test.Get<IServiceScopeFactory>().CreateScope();
        return await scope.ServiceProvider.GetRequiredService<SignIns>().CheckAsync(email, password, from, default);
    }

    private async Task<System.Security.Claims.ClaimsPrincipal> SessionAsync(long id)
    {
        using var scope = _test.Get<IServiceScopeFactory>().CreateScope();
        var user = await _test.Store.ReadAsync(read => UserTable.Find(read, id), default);
        var principal = await scope.ServiceProvider.GetRequiredService<IUserClaimsPrincipalFactory<User>>().CreateAsync(user!);
        ((System.Security.Claims.ClaimsIdentity)principal.Identity!).AddClaim(Sessions.Since(_test.Clock.GetUtcNow()));
        Assert.That(user!.Disabled != 0 || await _test.Get<Sessions>().HoldsAsync(principal, default), Is.True);
        return principal;
    }
}
