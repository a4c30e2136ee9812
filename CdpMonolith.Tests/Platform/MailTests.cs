using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Platform.Accounts;
using CdpMonolith.Platform.Mail;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Ingestion;
using CdpMonolith.Tests.Stories;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using static Microsoft.Playwright.Assertions;

namespace CdpMonolith.Tests.Platform;

/// <summary>Mails to the owners, against a mail server on a real port.</summary>
public sealed class MailTests
{
    [Test]
    public async Task Owners_are_told_once_of_a_silence_and_once_of_its_end_whatever_is_restarted()
    {
        using var folder = new TempFolder();
        await using var server = new MailServer();
        long sourceId;
        await using (var door = await OpenAsync(folder, server))
        {
            sourceId = door.Source.Id;
            await AddAsync(door, "owner@people.example", Roles.Owner);
            await AddAsync(door, "second@people.example", Roles.Owner);
            await AddAsync(door, "gone@people.example", Roles.Owner, disabled: true);
            await AddAsync(door, "admin@people.example", Roles.Admin);
            for (var hour = 0; hour < 8 * 24; hour++)
            {
                await SendAsync(door);
                door.Test.Clock.Advance(TimeSpan.FromHours(1));
            }

            await RoundAsync(door);
            Assert.That(server.Arrived, Is.Empty, "an hour is usual");
            door.Test.Clock.Advance(TimeSpan.FromHours(5));
            await door.Test.Get<SilenceWatch>().LookAsync(default);
        }

        // Written down and not sent yet: a restart neither loses nor repeats it.
        await using (var door = await OpenAsync(folder, server))
        {
            door.Test.Clock.Advance(TimeSpan.FromHours((8 * 24) + 5));
            await RoundAsync(door);
            await RoundAsync(door);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(server.Arrived.Select(mail => mail.To), Is.EquivalentTo(new[] { "owner@people.example", "second@people.example" }));
                Assert.That(server.Arrived.First().From, Is.EqualTo("cdp@shop.example"));
                Assert.That(SubjectOf(server.Arrived.First()), Is.EqualTo("The source “Web shop” has fallen silent"));
                Assert.That(server.Arrived.First().Body, Does.Contain("since 2026-03-10 08:00 UTC").And.Not.Contain("people.example").And.Not.Contain("user-7"));
                Assert.That(server.Arrived.Select(mail => mail.Headers["message-id"]), Is.Unique);
            }
        }

        server.Arrived.Clear();
        await using (var door = await OpenAsync(folder, server))
        {
            door.Test.Clock.Advance(TimeSpan.FromHours((8 * 24) + 6));
            await SendAsync(door);
            await RoundAsync(door);
            await RoundAsync(door);
            Assert.That(server.Arrived.Select(SubjectOf), Is.EqualTo(Enumerable.Repeat("The source “Web shop” is heard again", 2)));
            Assert.That(server.Arrived.First().Body, Does.Contain("silent since 2026-03-10 08:00 UTC"));

            // The next silence is told anew; who is switched off meanwhile is not heard again.
            server.Arrived.Clear();
            door.Test.Clock.Advance(TimeSpan.FromHours(5));
            await RoundAsync(door);
            await door.Test.Get<Sources>().SetEnabledAsync(Actor.System, sourceId, false, default);
            await RoundAsync(door);
            Assert.That(server.Arrived.Select(SubjectOf), Is.EqualTo(Enumerable.Repeat("The source “Web shop” has fallen silent", 2)));
        }
    }

    [Test]
    public async Task What_the_server_does_not_take_waits_and_is_given_up_after_days()
    {
        await using var server = new MailServer { Refusal = "451 4.3.0 owner@people.example is over quota" };
        await using var door = await OpenAsync(null, server);
        await AddAsync(door, "owner@people.example", Roles.Owner);
        await ToOwnersAsync(door);
        var (loop, mailer) = (door.Test.Get<MailLoop>(), door.Test.Get<Mailer>());
        Assert.That(await loop.SendDueAsync(default), Is.Zero);
        Assert.That(await loop.SendDueAsync(default), Is.Zero);
        var state = await mailer.StateAsync(default);
        Assert.That((state.Waiting, state.Error), Is.EqualTo((1L, "refused")));
        Assert.That(state.Answer, Is.EqualTo("451 4.3.0 … is over quota"), "the server's words, without the people in them");

        server.Refusal = null;
        Assert.That(await loop.SendDueAsync(default), Is.Zero, "a minute has not passed");
        door.Test.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.That(await loop.SendDueAsync(default), Is.EqualTo(1));
        Assert.That((await mailer.StateAsync(default)).Waiting, Is.Zero);

        server.Refusal = "550 no";
        await ToOwnersAsync(door);
        for (var hour = 0; hour <= 72; hour++)
        {
            await loop.SendDueAsync(default);
            door.Test.Clock.Advance(TimeSpan.FromHours(1));
        }

        Assert.That(((await mailer.StateAsync(default)).Waiting, server.Arrived.Count), Is.EqualTo((0L, 1)));
    }

    [Test]
    public async Task Whoever_is_no_owner_any_more_when_it_is_sent_and_cannot_sign_in_gets_none()
    {
        await using var server = new MailServer();
        await using var door = await OpenAsync(null, server);
        var user = await AddAsync(door, "owner@people.example", Roles.Owner);
        await ToOwnersAsync(door);
        user.Disabled = 1;
        await door.Test.Store.WriteAsync(write => UserTable.Save(write, user), default);
        Assert.That(await door.Test.Get<MailLoop>().SendDueAsync(default), Is.Zero);
        Assert.That((server.Arrived.Count, (await door.Test.Get<Mailer>().StateAsync(default)).Waiting), Is.EqualTo((0, 0L)));
    }

    [Test]
    public async Task Without_encryption_where_it_is_asked_for_nothing_is_sent()
    {
        using var certificate = TestCertificate.Make();
        await using var bare = new MailServer();
        await using var unknown = new MailServer(certificate);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await TryAsync(bare.Port, tls: true), Is.EqualTo("tls"), "it is not offered");
            Assert.That(await TryAsync(unknown.Port, tls: true), Is.EqualTo("tls"), "nobody vouches for the certificate");
            Assert.That(bare.Arrived.Concat(unknown.Arrived), Is.Empty);
        }
    }

    [Test]
    public async Task What_goes_wrong_is_told_by_its_kind()
    {
        await using var asks = new MailServer(asks: ("cdp", "open sesame"));
        int closed;
        await using (var gone = new MailServer())
        {
            closed = gone.Port;
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await TryAsync(closed), Is.EqualTo("unreachable"));
            Assert.That(await TryAsync(asks.Port), Is.EqualTo("sign_in"));
            Assert.That(await TryAsync(asks.Port, change: options => (options.User, options.Password) = ("cdp", "guess")), Is.EqualTo("sign_in"));
            Assert.That(await TryAsync(asks.Port, change: options => (options.User, options.PasswordFile) = ("cdp", "/nowhere/password")), Is.EqualTo("file"));
            Assert.That(asks.Arrived, Is.Empty);
            Assert.That(await TryAsync(asks.Port, change: options => (options.User, options.Password) = ("cdp", "open sesame")), Is.Null);
            Assert.That(asks.Arrived.Single().SignedInAs, Is.EqualTo("cdp"));
        }
    }

    [Test]
    public async Task A_server_that_is_down_is_quoted()
    {
        await using var server = new MailServer { Greeting = "421 down" };
        await using var door = await OpenAsync(null, server);
        var failure = await door.Test.Get<Mailer>().TrySendAsync("ann@people.example", "Hello", "World", "1", default);
        Assert.That(failure, Is.EqualTo(new MailFailure("refused", "421 down")));
    }

    [TestCase("Host", "smtp.example", "Mail:From")]
    [TestCase("Port", "0", "Mail:Port must be between 1 and 65535.")]
    [TestCase("Tls", "perhaps", "Mail:Tls must be true or false.")]
    public async Task A_setting_that_cannot_be_stops_the_program_with_its_name(string name, string value, string says)
    {
        var fault = await Assert.ThrowsAsync<WrongSettingsException>(() => TestApp.StartAsync(args: [$"--Mail:{name}={value}"]));
        Assert.That(fault!.Message, Does.Contain(says));
    }

    /// <summary>The program as it is run: a mail that was written down before the start goes out, encrypted and signed in, by a password in a file.</summary>
    [Test]
    public async Task A_mail_that_waited_goes_out_at_the_next_start_over_STARTTLS()
    {
        var env = Tools.Need("env", "/usr/bin/env", "/bin/env");
        using var folder = new TempFolder();
        using var beside = new TempFolder("sqlite");
        using var certificate = TestCertificate.Make();
        await using var server = new MailServer(certificate, ("cdp", "open sesame"));
        await File.WriteAllTextAsync(beside.PathOf("trusted.pem"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(beside.PathOf("password"), "open sesame\n");
        await using (var app = await TestApp.StartAsync(folder: folder))
        {
            await app.AddUserAsync(Roles.Owner);
            await app.Get<IStore>().WriteAsync(write => app.Get<IMail>().ToOwners(write, "Hello\r\nBcc: x@y.example", "It waited."), default);
        }

        string[] under =
        [
            env, $"SSL_CERT_FILE={beside.PathOf("trusted.pem")}", "Mail__Host=localhost", $"Mail__Port={server.Port}", "Mail__From=cdp@shop.example", "Mail__User=cdp",
            $"Mail__PasswordFile={beside.PathOf("password")}",
        ];
        await using var child = await ChildServer.StartAsync(folder, under);
        var mail = await Eventually.SeeAsync(() => Task.FromResult(server.Arrived.FirstOrDefault()), TimeSpan.FromSeconds(30));
        using (Assert.EnterMultipleScope())
        {
            Assert.That((mail.WasEncrypted, mail.SignedInAs, mail.To), Is.EqualTo((true, "cdp", TestUsers.EmailOf(Roles.Owner))));
            Assert.That((SubjectOf(mail), mail.Body.Trim()), Is.EqualTo(("Hello  Bcc: x@y.example", "It waited.")), "a name makes no header");
            Assert.That(string.Join('\n', child.Said), Does.Not.Contain("people.example").And.Not.Contain("sesame"));
        }
    }

    [Test]
    public async Task The_System_page_sends_a_test_mail_to_who_asks_and_says_what_is_wrong()
    {
        await using var server = new MailServer();
        await using var app = await TestApp.StartAsync(args: ["--Mail:Host=localhost", $"--Mail:Port={server.Port}", "--Mail:Tls=false", "--Mail:From=cdp@shop.example"]);
        var page = await app.PageAsync(Roles.Admin, "/system");
        await Expect(page.Locator("#mail")).ToContainTextAsync($"localhost:{server.Port}, not encrypted");
        await page.ClickAsync("#mail-test");
        await Expect(page.GetByText("The server has taken the mail")).ToBeVisibleAsync();
        Assert.That(server.Arrived.Single().To, Is.EqualTo(TestUsers.EmailOf(Roles.Admin)));
        server.Refusal = $"554 no {new string('x', 400)}";
        await page.ClickAsync("#mail-test");
        await Expect(page.GetByText("The mail was not sent: the server refused it. It answered: 554 no xxx")).ToBeVisibleAsync();

        using var admin = await app.UserAsync(Roles.Admin);
        using var viewer = await app.UserAsync(Roles.Viewer);
        using var refused = await admin.PostAsync("/api/mail/test", null);
        using var forbidden = await viewer.PostAsync("/api/mail/test", null);
        var state = await admin.GetFromJsonAsync<JsonElement>("/api/mail");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((refused.StatusCode, (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()), Is.EqualTo((HttpStatusCode.UnprocessableEntity, "mail.not_sent")));
            Assert.That(forbidden.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
            Assert.That((state.GetProperty("isOn").GetBoolean(), state.GetProperty("waiting").GetInt64()), Is.EqualTo((true, 0L)));
        }
    }

    private static async Task<Door> OpenAsync(TempFolder? folder, MailServer server)
    {
        var options = new MailOptions { Host = "localhost", Port = server.Port, Tls = false, From = "cdp@shop.example" };
        return await Door.OpenAsync(folder, services => services.AddSingleton(Options.Create(options)));
    }

    private static async Task<string?> TryAsync(int port, bool tls = false, Action<MailOptions>? change = null)
    {
        var options = new MailOptions { Host = "localhost", Port = port, Tls = tls, From = "cdp@shop.example" };
        change?.Invoke(options);
        await using var test = new TestStore(services => services.AddSingleton(Options.Create(options)));
        return (await test.Get<Mailer>().TrySendAsync("ann@people.example", "Hello", "World", "1", default))?.Kind;
    }

    private static async Task SendAsync(Door door)
    {
        await door.SendAsync("{'batch':[{'type':'page','userId':'user-7'}]}");
        await door.Test.Get<Tallies>().SaveAsync(default);
    }

    private static async Task RoundAsync(Door door)
    {
        await door.Test.Get<SilenceWatch>().LookAsync(default);
        await door.Test.Get<MailLoop>().SendDueAsync(default);
    }

    private static Task ToOwnersAsync(Door door) =>
        door.Test.Store.WriteAsync(write => door.Test.Get<IMail>().ToOwners(write, "Hello", "World"), default);

    private static async Task<User> AddAsync(Door door, string email, string role, bool disabled = false) => (await door.Test.Store.WriteAsync(
        write =>
        {
            var user = door.Test.Get<Links>().NewUser(email, role);
            (user.PasswordHash, user.Disabled) = ("x", disabled ? 1 : 0);
            return UserTable.Add(write, user);
        }, default))!;

    /// <summary>The words of RFC 2047 as a mail program reads them; base64 is what the client writes.</summary>
    private static string SubjectOf(ArrivedMail mail) => Regex.Replace(
        mail.Headers["subject"], @"=\?utf-8\?B\?([^?]*)\?=", word => Encoding.UTF8.GetString(Convert.FromBase64String(word.Groups[1].Value)), RegexOptions.IgnoreCase);
}
