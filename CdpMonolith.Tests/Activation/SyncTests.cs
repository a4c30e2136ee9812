using CdpMonolith.Activation.Contracts;
using CdpMonolith.Activation.Jobs;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Sync;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Jobs;

namespace CdpMonolith.Tests.Activation;

public sealed class SyncTests : ActivationTest
{
    private Receiver _mailer = null!;

    [SetUp]
    public async Task StartReceiver() => _mailer = await Receiver.StartAsync();

    [TearDown]
    public async Task StopReceiver() => await _mailer.DisposeAsync();

    [Test]
    public async Task A_started_sync_sends_the_members_of_now_once()
    {
        Segments.Has(1, 2, 3);
        await GrantAsync(1, 2, 3);
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await DeliverAsync();
        await DeliverAsync();
        Assert.That((_mailer.Arrived.Count, _mailer.People()), Is.EqualTo((3, new long[] { 1, 2, 3 })));
    }

    [Test]
    public async Task Nothing_is_sent_before_a_sync_is_started()
    {
        Segments.Has(1);
        await GrantAsync(1);
        await SyncAsync(await WebhookAsync(_mailer.Address), start: false);
        Segments.Enter(2);
        await DeliverAsync();
        Assert.That(await LogAsync(), Is.Empty);
    }

    [Test]
    public async Task Thousands_of_members_are_taken_in_pages_each_once()
    {
        var everyone = Enumerable.Range(1, 2500).Select(id => (long)id).ToArray();
        foreach (var id in everyone)
        {
            People.Add(id, $"p{id}@example.com");
        }

        Segments.Has(everyone);
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await QueueAsync();
        Assert.That((await Test.Get<IActivation>().FactsAsync(default)).Pending, Is.EqualTo(2500));
    }

    [Test]
    public async Task Who_leaves_while_the_members_are_read_is_not_sent()
    {
        Segments.Has(1, 2);
        await GrantAsync(1, 2);
        await SyncAsync(await WebhookAsync(_mailer.Address));
        Segments.AfterPage = () =>
        {
            Segments.Leave(2);
            Test.CatchUpAsync().GetAwaiter().GetResult();
        };
        await QueueAsync();
        await DeliverAsync();
        Assert.That(_mailer.People(), Is.EqualTo(new long[] { 1 }));
    }

    [Test]
    public async Task What_changed_during_a_pause_is_made_up_for()
    {
        var sync = await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1, 2, 3);
        Segments.Enter(1, 2);
        await DeliverAsync();
        await Syncs.PauseAsync(sync.Id, Mia, default);
        Segments.Leave(1);
        Segments.Enter(3);
        await DeliverAsync();
        Assert.That(_mailer.People(), Is.EqualTo(new long[] { 1, 2 }));
        await Syncs.StartAsync(sync.Id, Mia, default);
        await DeliverAsync();
        Assert.That(_mailer.People(), Is.EqualTo(new long[] { 2, 3 }));
    }

    [Test]
    public async Task A_merge_with_somebody_who_said_no_is_found_by_the_nightly_comparison()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        await DeliverAsync();
        await WithdrawAsync(2);
        await DeliverAsync();
        People.Merge(2, 1);
        await Test.Get<ReconcileJob>().RunAsync(new JobRun(1, 0, (_, _) => Task.CompletedTask), default);
        await DeliverAsync();
        Assert.That(_mailer.People(), Is.Empty);
    }

    [Test]
    public async Task The_preview_counts_whom_it_would_add_remove_and_withhold_and_why()
    {
        var sync = await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1, 2, 3, 4);
        Segments.Enter(1, 2);
        await DeliverAsync();
        People.Add(4, phone: "+47 22 22 22 22");
        await WithdrawAsync(5);
        Segments.Has(3, 4, 5, 6);
        await WithdrawAsync(2);
        var preview = await Test.Get<Preview>().RunAsync(
            new NewSync("", 1, sync.DestinationId, "newsletter", Channels.Email, null, [new MappedTrait("plan", "PLAN")]), true, sync.Id, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                (preview!.Members, preview.Reachable, preview.Add, preview.Remove, preview.WithoutIdentifier),
                Is.EqualTo((6L, 3L, 1L, 1L, 1L)));
            Assert.That(
                preview.Withheld.Select(reason => (reason.Reason, reason.Count)),
                Is.EquivalentTo(new[] { ("consent.withdrawn", 2L), ("consent.never_asked", 1L) }));
            Assert.That(preview.Example, Does.Contain("\"PLAN\": \"gold\"").And.Contain("p1@example.com"));
        }
    }

    [TestCase("", 1, 1, "newsletter", "email", "sync.name_missing")]
    [TestCase("A", 7, 1, "newsletter", "email", "segment.unknown")]
    [TestCase("A", 1, 7, "newsletter", "email", "destination.unknown")]
    [TestCase("A", 1, 1, "nothing", "email", "purpose.unknown")]
    [TestCase("A", 1, 1, "newsletter", "any", "channel.unknown")]
    public async Task A_sync_that_does_not_say_whom_why_and_where_is_refused(
        string name, long segment, long destination, string purpose, string channel, string code)
    {
        await WebhookAsync(_mailer.Address);
        var outcome = await Syncs.CreateAsync(new NewSync(name, segment, destination, purpose, channel, null, null), Mia, default);
        Assert.That(outcome.Problem?.Code, Is.EqualTo(code));
    }

    [Test]
    public async Task A_field_that_is_there_twice_is_refused()
    {
        await WebhookAsync(_mailer.Address);
        var outcome = await Syncs.CreateAsync(
            new NewSync("A", 1, 1, "newsletter", Channels.Email, null, [new MappedTrait("firstName", "email")]), Mia, default);
        Assert.That(outcome.Problem?.Code, Is.EqualTo("mapping.field_twice"));
    }

    [Test]
    public async Task Every_change_is_audited_without_a_secret_in_it()
    {
        var destination = await WebhookAsync(_mailer.Address);
        var sync = await SyncAsync(destination);
        await Syncs.PauseAsync(sync.Id, Mia, default);
        await Destinations.RotateSecretAsync(destination.Id, Mia, default);
        var audit = await Test.Get<IAudit>().ReadAsync(long.MaxValue, 50, null, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                audit.Select(entry => entry.Action),
                Is.EqualTo(new[] { "destination.secret_rotated", "sync.paused", "sync.started", "sync.created", "destination.created", "purpose.created" }));
            Assert.That(audit.Select(entry => entry.Details ?? ""), Has.None.Contain("whsec"));
        }
    }

    /// <summary>
    /// Whatever happens in whatever order, with a destination that fails now and then and a program that ends now and then: in the end
    /// the destination knows exactly the members who agree.
    /// </summary>
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(4)]
    [TestCase(5)]
    public async Task In_the_end_the_destination_knows_exactly_the_members_who_agree(int seed)
    {
        var random = new Random(seed);
        var sync = await SyncAsync(await WebhookAsync(_mailer.Address));
        var agreed = new HashSet<long>();
        var paused = false;
        _mailer.Answer = (context, _) =>
        {
            lock (random)
            {
                context.Response.StatusCode = random.Next(4) == 0 ? 503 : 200;
            }

            return Task.CompletedTask;
        };
        for (var step = 0; step < 120; step++)
        {
            int what;
            long who;
            lock (random)
            {
                (what, who) = (random.Next(12), random.Next(1, 10));
            }

            switch (what)
            {
                case 0 or 1 or 2:
                    Segments.Enter(who);
                    break;
                case 3 or 4:
                    Segments.Leave(who);
                    break;
                case 5 or 6:
                    await GrantAsync(who);
                    agreed.Add(who);
                    break;
                case 7:
                    await WithdrawAsync(who);
                    agreed.Remove(who);
                    break;
                case 8 or 9:
                    await DeliverAsync();
                    Clock.Advance(TimeSpan.FromSeconds(40));
                    break;
                case 10:
                    await QueueAsync();
                    break;
                default:
                    if (who == 1)
                    {
                        await RestartAsync();
                    }
                    else if (who < 4)
                    {
                        _ = paused ? await Syncs.StartAsync(sync.Id, Mia, default) : await Syncs.PauseAsync(sync.Id, Mia, default);
                        paused = !paused;
                    }

                    break;
            }
        }

        _mailer.AnswersStatus(200);
        await Syncs.StartAsync(sync.Id, Mia, default);
        for (var hours = 0; hours < 200; hours += 13)
        {
            await DeliverAsync();
            Clock.Advance(TimeSpan.FromHours(13));
        }

        var pending = (await LogAsync()).Where(delivery => delivery.State is DeliveryState.Pending or DeliveryState.Parked);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_mailer.People(), Is.EqualTo(Segments.Members.Where(agreed.Contains)));
            Assert.That(pending, Is.Empty);
        }
    }
}
