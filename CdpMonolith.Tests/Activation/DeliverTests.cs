using System.Text.Json;
using CdpMonolith.Activation.Deliver;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Platform.Secrets;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Tests.Activation;

public sealed class DeliverTests : ActivationTest
{
    private Receiver _mailer = null!;

    [SetUp]
    public async Task StartReceiver() => _mailer = await Receiver.StartAsync();

    [TearDown]
    public async Task StopReceiver() => await _mailer.DisposeAsync();

    [Test]
    public async Task Who_enters_is_sent_signed_with_traits_and_the_consent_that_allows_it()
    {
        var destination = await WebhookAsync(_mailer.Address);
        await SyncAsync(destination);
        await GrantAsync(1);
        Segments.Enter(1);
        await DeliverAsync();

        var message = _mailer.Arrived.Single();
        var secret = Test.Get<ISecrets>().Reveal(destination.Settings["secret"]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                JsonSerializer.Serialize(message.Json, new JsonSerializerOptions { WriteIndented = true }),
                Is.EqualTo(
                    """
                    {
                      "type": "segment.entered",
                      "timestamp": "2026-03-02T09:00:01.000Z",
                      "data": {
                        "segment": {
                          "id": 1,
                          "name": "Regulars"
                        },
                        "profileId": 1,
                        "identifiers": [
                          {
                            "type": "email",
                            "value": "p1@example.com"
                          }
                        ],
                        "traits": {
                          "FNAME": "P1"
                        },
                        "consent": {
                          "purpose": "newsletter",
                          "channel": "email",
                          "recordId": 1,
                          "status": "granted",
                          "at": "2026-03-02T09:00:01.000Z"
                        }
                      }
                    }
                    """));
            Assert.That(
                StandardWebhook.Verify(secret, message.Id, message.Timestamp, message.Signature, message.Body, Clock.GetUtcNow()), Is.True);
            Assert.That((await LogAsync()).Single(), Has.Property("State").EqualTo(DeliveryState.Delivered)
                .And.Property("ConsentSeq").EqualTo(1).And.Property("HttpStatus").EqualTo(200).And.Property("Tries").EqualTo(1));
        }
    }

    [Test]
    public async Task Who_never_agreed_is_withheld_with_the_reason()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        Segments.Enter(1);
        await DeliverAsync();
        var delivery = (await LogAsync()).Single();
        Assert.That(
            (delivery.State, delivery.Reason, delivery.Tries, _mailer.Arrived.Count),
            Is.EqualTo((DeliveryState.Withheld, "consent.never_asked", 0L, 0)));
    }

    [Test]
    public async Task Consent_is_asked_when_the_message_is_sent_not_when_it_is_queued()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        await QueueAsync();
        await WithdrawAsync(1);
        await Deliverer.DeliverDueAsync(default);
        var delivery = (await LogAsync()).Single();
        Assert.That(
            (delivery.State, delivery.Reason, delivery.ConsentSeq, _mailer.Arrived.Count),
            Is.EqualTo((DeliveryState.Withheld, "consent.withdrawn", (long?)2, 0)));
    }

    [Test]
    public async Task Who_agrees_later_is_sent_without_waiting_for_the_segment()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        Segments.Enter(1, 2);
        await DeliverAsync();
        await GrantAsync(1);
        await DeliverAsync();
        Assert.That((_mailer.People(), await StateOfAsync(2)), Is.EqualTo((new long[] { 1 }, DeliveryState.Withheld)));
    }

    [Test]
    public async Task Who_takes_consent_back_is_removed_and_comes_back_when_they_agree_again()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        await DeliverAsync();
        await WithdrawAsync(1);
        await DeliverAsync();
        Assert.That(_mailer.Arrived.Select(message => message.Type), Is.EqualTo(new[] { "segment.entered", "segment.left" }));
        await GrantAsync(1);
        await DeliverAsync();
        Assert.That(_mailer.People(), Is.EqualTo(new long[] { 1 }));
    }

    [Test]
    public async Task Who_left_while_consent_was_withdrawn_does_not_come_back_by_consent_alone()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        await DeliverAsync();
        await WithdrawAsync(1);
        await DeliverAsync();
        Segments.Leave(1);
        await DeliverAsync();
        await GrantAsync(1);
        await DeliverAsync();
        Assert.That(_mailer.People(), Is.Empty);
    }

    [Test]
    public async Task A_change_that_was_not_sent_is_superseded_by_the_next_one()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        await QueueAsync();
        Segments.Leave(1);
        await DeliverAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_mailer.Arrived, Is.Empty, "who was never told of need not be removed");
            Assert.That(
                (await LogAsync()).Select(delivery => (delivery.State, delivery.Reason)),
                Is.EqualTo(new[] { (DeliveryState.Superseded, "sync.newer_change"), (DeliveryState.Superseded, "sync.nothing_to_remove") }));
        }
    }

    [Test]
    public async Task A_removal_is_sent_when_the_entry_may_have_arrived()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        _mailer.AnswersStatus(502);
        await DeliverAsync();
        Segments.Leave(1);
        _mailer.AnswersStatus(200);
        await DeliverAsync();
        Assert.That(_mailer.Arrived.Select(message => message.Type), Is.EqualTo(new[] { "segment.entered", "segment.left" }));
    }

    [Test]
    public async Task A_removal_tells_who_and_nothing_else()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        await DeliverAsync();
        Segments.Leave(1);
        await DeliverAsync();
        var data = _mailer.Arrived[1].Data;
        Assert.That(
            (data.GetProperty("identifiers")[0].GetProperty("value").GetString(), data.TryGetProperty("traits", out _)),
            Is.EqualTo(("p1@example.com", false)));
    }

    [Test]
    public async Task A_profile_that_became_part_of_another_leaves_without_taking_the_person_along()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1, 2);
        Segments.Enter(2);
        await DeliverAsync();
        People.Merge(2, 1);
        Segments.Leave(2);
        Segments.Enter(1);
        await DeliverAsync();
        var left = _mailer.Arrived.Single(message => message.Type == "segment.left").Data;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_mailer.People(), Is.EqualTo(new long[] { 1 }));
            Assert.That((left.GetProperty("mergedInto").GetInt64(), left.GetProperty("identifiers").GetArrayLength()), Is.EqualTo((1L, 0)));
        }
    }

    [Test]
    public async Task Who_has_no_identifier_for_the_channel_is_withheld()
    {
        People.Add(1, phone: "+6281234567890");
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        await DeliverAsync();
        Assert.That((await LogAsync()).Single().Reason, Is.EqualTo("person.no_identifier"));
    }

    [TestCase(200, "Delivered", true)]
    [TestCase(204, "Delivered", true)]
    [TestCase(302, "Pending", false)]
    [TestCase(400, "Parked", true)]
    [TestCase(401, "Pending", false)]
    [TestCase(403, "Pending", false)]
    [TestCase(404, "Pending", false)]
    [TestCase(408, "Pending", true)]
    [TestCase(410, "Pending", false)]
    [TestCase(413, "Parked", true)]
    [TestCase(422, "Parked", true)]
    [TestCase(429, "Pending", true)]
    [TestCase(500, "Pending", true)]
    [TestCase(503, "Pending", true)]
    public async Task An_answer_ends_keeps_or_parks_the_delivery_and_may_stop_the_destination(int status, string state, bool goesOn)
    {
        var destination = await WebhookAsync(_mailer.Address);
        await SyncAsync(destination);
        await GrantAsync(1);
        Segments.Enter(1);
        _mailer.AnswersStatus(status);
        await DeliverAsync();
        var after = await Destinations.FindAsync(destination.Id, default);
        var delivery = (await LogAsync()).Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((delivery.State.ToString(), delivery.HttpStatus), Is.EqualTo((state, (long?)status)));
            Assert.That(after!.Active, Is.EqualTo(goesOn));
            Assert.That(after.StopCode, goesOn ? Is.Null : Is.Not.Null);
        }
    }

    [Test]
    public async Task A_stopped_destination_that_is_resumed_gets_what_waited()
    {
        var destination = await WebhookAsync(_mailer.Address);
        await SyncAsync(destination);
        await GrantAsync(1, 2, 3);
        Segments.Enter(1, 2, 3);
        _mailer.AnswersStatus(401);
        await DeliverAsync();
        _mailer.AnswersStatus(200);
        await DeliverAsync();
        Assert.That(_mailer.Arrived.Count(message => message.Type == "segment.entered"), Is.LessThanOrEqualTo(3), "nothing is tried while it is stopped");
        _mailer.Forget();
        await Destinations.ResumeAsync(destination.Id, Mia, default);
        await DeliverAsync();
        Assert.That(_mailer.People(), Is.EqualTo(new long[] { 1, 2, 3 }));
    }

    [Test]
    public async Task A_redirect_is_not_followed()
    {
        await using var elsewhere = await Receiver.StartAsync();
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        _mailer.Answer = (context, _) =>
        {
            context.Response.Redirect(elsewhere.Address, permanent: true, preserveMethod: true);
            return Task.CompletedTask;
        };
        await DeliverAsync();
        Assert.That(elsewhere.Arrived, Is.Empty);
    }

    [TestCase("120")]
    [TestCase("Mon, 02 Mar 2026 09:02:01 GMT")]
    public async Task A_destination_that_asks_us_to_wait_is_left_alone_that_long(string retryAfter)
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        _mailer.AnswersStatus(429, retryAfter);
        await DeliverAsync();
        _mailer.AnswersStatus(200);
        Clock.Advance(TimeSpan.FromSeconds(119));
        await DeliverAsync();
        Assert.That(_mailer.Arrived, Has.Count.EqualTo(1));
        Clock.Advance(TimeSpan.FromSeconds(1));
        await DeliverAsync();
        Assert.That(_mailer.Arrived, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Every_try_carries_the_same_id()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        _mailer.AnswersStatus(500);
        for (var attempt = 0; attempt < 4; attempt++)
        {
            await DeliverAsync();
            Clock.Advance(TimeSpan.FromHours(1));
        }

        Assert.That(
            (_mailer.Arrived.Count, _mailer.Arrived.Select(m => m.Id).Distinct().Count(), _mailer.Arrived.Select(m => m.Timestamp).Distinct().Count()),
            Is.EqualTo((4, 1, 4)));
    }

    [Test]
    public async Task A_destination_that_is_down_for_a_week_has_its_deliveries_parked_and_one_click_sends_them()
    {
        var destination = await WebhookAsync(_mailer.Address);
        var sync = await SyncAsync(destination);
        await GrantAsync(1);
        Segments.Enter(1);
        _mailer.AnswersStatus(503);
        var began = Clock.GetUtcNow();
        do
        {
            await DeliverAsync();
            Clock.Advance(TimeSpan.FromMinutes(30));
        }
        while (await StateOfAsync(1) == DeliveryState.Pending);

        Assert.That((Clock.GetUtcNow() - began).TotalDays, Is.InRange(7, 8));
        _mailer.AnswersStatus(200);
        await Syncs.RetryAllAsync(sync.Id, Mia, default);
        await DeliverAsync();
        Assert.That(await StateOfAsync(1), Is.EqualTo(DeliveryState.Delivered));
    }

    [Test]
    public async Task A_reset_connection_and_a_server_that_is_not_there_are_tried_again()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        _mailer.Answer = (context, _) =>
        {
            context.Abort();
            return Task.CompletedTask;
        };
        await DeliverAsync();
        Assert.That((await LogAsync()).Single().Reason, Is.EqualTo("http.unreachable"));
        await _mailer.DisposeAsync();
        Clock.Advance(TimeSpan.FromMinutes(1));
        await DeliverAsync();
        Assert.That((await LogAsync()).Single(), Has.Property("Tries").EqualTo(2).And.Property("State").EqualTo(DeliveryState.Pending));
    }

    [Test]
    public async Task A_crash_between_sending_and_recording_sends_the_same_message_again()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        await QueueAsync();
        using var program = new CancellationTokenSource();
        _mailer.Answer = async (context, _) =>
        {
            await program.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        };
        Assert.That(async () => await Deliverer.DeliverDueAsync(program.Token), Throws.InstanceOf<OperationCanceledException>());

        _mailer.AnswersStatus(200);
        await RestartAsync();
        await DeliverAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_mailer.Arrived.Select(message => message.Id).Distinct().Count(), Is.EqualTo(1));
            Assert.That(_mailer.Arrived, Has.Count.EqualTo(2));
            Assert.That((await LogAsync()).Single().State, Is.EqualTo(DeliveryState.Delivered));
        }
    }

    [Test]
    public async Task After_a_crash_in_a_try_the_person_who_left_is_removed_all_the_same()
    {
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        await QueueAsync();
        using var program = new CancellationTokenSource();
        _mailer.Answer = async (_, _) => await program.CancelAsync();
        try
        {
            await Deliverer.DeliverDueAsync(program.Token);
        }
        catch (OperationCanceledException)
        {
            // Whether the answer or the end came first, the message had arrived.
        }

        await RestartAsync();
        _mailer.AnswersStatus(200);
        Segments.Leave(1);
        await DeliverAsync();
        Assert.That(_mailer.People(), Is.Empty);
    }

    [Test]
    public async Task A_dead_destination_is_left_alone_and_holds_up_no_other()
    {
        await using var dead = await Receiver.StartAsync();
        dead.AnswersStatus(500);
        await SyncAsync(await WebhookAsync(_mailer.Address));
        await SyncAsync(await WebhookAsync(dead.Address, "Dead"), "Regulars to dead");
        var everyone = Enumerable.Range(1, 100).Select(id => (long)id).ToArray();
        foreach (var id in everyone)
        {
            People.Add(id, $"p{id}@example.com");
        }

        await GrantAsync(everyone);
        Segments.Enter(everyone);
        await DeliverAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_mailer.People(), Has.Count.EqualTo(100));
            Assert.That(dead.Arrived, Has.Count.InRange(8, 24), "the circuit opens after a few");
        }

        dead.Forget();
        Clock.Advance(TimeSpan.FromSeconds(31));
        await DeliverAsync();
        Assert.That(dead.Arrived, Has.Count.EqualTo(1), "one tries whether it is back");

        dead.AnswersStatus(200);
        dead.Forget();
        Clock.Advance(TimeSpan.FromMinutes(1));
        await DeliverAsync();
        Assert.That(dead.People(), Has.Count.EqualTo(100));
    }

    [Test]
    public async Task Secrets_are_unreadable_on_disk_and_a_rotated_one_is_signed_with_beside_the_new_for_a_day()
    {
        var destination = await WebhookAsync(_mailer.Address);
        await SyncAsync(destination);
        var old = (await Destinations.ShowSecretAsync(destination.Id, Mia, default)).Value;
        var fresh = (await Destinations.RotateSecretAsync(destination.Id, Mia, default)).Value;
        await GrantAsync(1, 2);
        Segments.Enter(1);
        await DeliverAsync();
        Clock.Advance(TimeSpan.FromHours(25));
        Segments.Enter(2);
        await DeliverAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Verifies(0, old) && Verifies(0, fresh), Is.True);
            Assert.That((Verifies(1, old), Verifies(1, fresh)), Is.EqualTo((false, true)));
            Assert.That(
                Directory.EnumerateFiles(Test.Folder, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal))
                    .Where(file => File.ReadAllBytes(file).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(old["whsec_".Length..])) >= 0),
                Is.Empty);
        }

        bool Verifies(int message, string secret) => StandardWebhook.Verify(
            secret, _mailer.Arrived[message].Id, _mailer.Arrived[message].Timestamp, _mailer.Arrived[message].Signature,
            _mailer.Arrived[message].Body, DateTimeOffset.FromUnixTimeSeconds(long.Parse(_mailer.Arrived[message].Timestamp, null)));
    }

    [Test]
    public async Task A_test_message_tells_whether_the_destination_answers()
    {
        var destination = await WebhookAsync(_mailer.Address);
        var good = await Test.Get<Trial>().RunAsync(destination.Id, Mia, default);
        _mailer.AnswersStatus(401);
        var bad = await Test.Get<Trial>().RunAsync(destination.Id, Mia, default);
        Assert.That(
            (good.Value.Arrived, bad.Value.Arrived, bad.Value.Reason, _mailer.Arrived[0].Type),
            Is.EqualTo((true, false, "http.unauthorized", "test")));
    }
}
