using System.Net;
using CdpMonolith.Activation.Deliver;
using CdpMonolith.Activation.Rules;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Tests.Activation;

/// <summary>What a destination's address must not reach, with a server there to notice; and servers that never answer.</summary>
public sealed class GuardTests : ActivationTest
{
    [Test]
    public async Task A_name_that_stands_for_this_machine_is_refused_when_the_connection_is_made()
    {
        await using var inside = await Receiver.StartAsync();
        var port = new Uri(inside.Address).Port;
        Test.Get<Outgoing>().Resolve = (_, _) => Task.FromResult(new[] { IPAddress.Loopback });
        var destination = await WebhookAsync($"https://shop.example:{port}/", allowLocal: false);
        await SyncAsync(destination);
        await GrantAsync(1);
        Segments.Enter(1);
        await DeliverAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(inside.Arrived, Is.Empty);
            Assert.That((await Destinations.FindAsync(destination.Id, default))!.StopCode, Is.EqualTo("http.address_refused"));
        }
    }

    [TestCase("127.0.0.1")]
    [TestCase("[::1]")]
    [TestCase("0")]
    [TestCase("0x7f.1")]
    [TestCase("2130706433")]
    [TestCase("localhost")]
    [TestCase("localhost.")]
    [TestCase("169.254.169.254")]
    [TestCase("[::ffff:127.0.0.1]")]
    [TestCase("[64:ff9b::7f00:1]")]
    [TestCase("[2002:7f00:1::]")]
    public async Task Every_way_to_write_this_machine_is_refused(string host)
    {
        await using var inside = await Receiver.StartAsync();
        var verdict = await Test.Get<Outgoing>().PostAsync(
            new Uri($"http://{host}:{new Uri(inside.Address).Port}/"), allowLocal: false, "{}"u8.ToArray(), [], default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(inside.Arrived, Is.Empty);
            // A machine may not know "localhost." at all; then there is nothing to refuse.
            Assert.That(verdict.Reason, host == "localhost." ? Is.AnyOf(Reasons.AddressRefused, Reasons.Unreachable) : Is.EqualTo(Reasons.AddressRefused));
        }
    }

    [Test]
    public async Task A_connection_that_one_destination_may_have_is_not_lent_to_another()
    {
        await using var inside = await Receiver.StartAsync();
        var outgoing = Test.Get<Outgoing>();
        var allowed = await outgoing.PostAsync(new Uri(inside.Address), allowLocal: true, "{}"u8.ToArray(), [], default);
        var other = await outgoing.PostAsync(new Uri(inside.Address), allowLocal: false, "{}"u8.ToArray(), [], default);
        Assert.That((allowed.Next, other.Reason, inside.Arrived.Count), Is.EqualTo((Next.Done, Reasons.AddressRefused, 1)));
    }

    [Test]
    public async Task A_server_that_never_answers_costs_one_try_and_its_time()
    {
        await using var silent = await Receiver.StartAsync();
        silent.Answer = (context, _) => Task.Delay(Timeout.Infinite, context.RequestAborted);
        await SyncAsync(await WebhookAsync(silent.Address));
        await GrantAsync(1);
        Segments.Enter(1);
        await DeliverAsync();
        var delivery = (await LogAsync()).Single();
        Assert.That((delivery.Reason, delivery.Tries, delivery.State), Is.EqualTo(("http.timeout", 1L, DeliveryState.Pending)));
    }

    [Test]
    public async Task A_certificate_that_is_not_trusted_is_not_asked_again_for_an_hour()
    {
        await using var plain = await Receiver.StartAsync();
        var verdict = await Test.Get<Outgoing>().PostAsync(
            new Uri(plain.Address.Replace("http:", "https:", StringComparison.Ordinal)), allowLocal: true, "{}"u8.ToArray(), [], default);
        Assert.That(verdict.Next, Is.EqualTo(Next.Retry));
    }

    private protected override void Change(IServiceCollection services) =>
        services.Configure<ActivationOptions>(options => options.TimeoutSeconds = 0.3);
}
