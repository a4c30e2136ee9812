using System.Net;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Platform.Web;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Activation;

public sealed class RuleTests
{
    // The example of the Standard Webhooks specification.
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private const long Timestamp = 1614265330;
    private const string Signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    private static readonly byte[] Body = """{"test": 2432232314}"""u8.ToArray();

    [Test]
    public void A_signature_is_that_of_the_specification() =>
        Assert.That(StandardWebhook.Sign([Secret], Id, Timestamp, Body), Is.EqualTo(Signature));

    [TestCase(Id, "1614265330", Signature, 0, true)]
    [TestCase(Id, "1614265330", "v1,AAAA v2,zzz " + Signature, 0, true, Description = "one of several")]
    [TestCase(Id, "1614265330", Signature, 299, true)]
    [TestCase(Id, "1614265330", Signature, 301, false, Description = "too old")]
    [TestCase(Id, "1614265330", Signature, -301, false, Description = "from the future")]
    [TestCase("msg_other", "1614265330", Signature, 0, false)]
    [TestCase(Id, "1614265331", Signature, 0, false)]
    [TestCase(Id, "1614265330", "v1,not base64", 0, false)]
    [TestCase(Id, "", Signature, 0, false)]
    [TestCase(null, "1614265330", Signature, 0, false)]
    public void A_receiver_takes_only_fresh_messages_with_our_signature(
        string? id, string timestamp, string signature, int secondsLater, bool taken) =>
        Assert.That(
            StandardWebhook.Verify(
                Secret, id, timestamp, signature, Body, DateTimeOffset.FromUnixTimeSeconds(Timestamp + secondsLater)),
            Is.EqualTo(taken));

    [Test]
    public void A_new_secret_has_32_random_bytes() => Assert.That(
        (StandardWebhook.IsSecret(StandardWebhook.NewSecret()), StandardWebhook.NewSecret() == StandardWebhook.NewSecret()),
        Is.EqualTo((true, false)));

    [TestCase("whsec_c2hvcnQ=")]
    [TestCase("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [TestCase("whsec_%%%")]
    public void A_secret_that_is_short_or_is_none_is_refused(string text) => Assert.That(StandardWebhook.IsSecret(text), Is.False);

    [Test]
    public void Every_status_has_one_consequence()
    {
        var expected = new Dictionary<int, string>();
        for (var status = 100; status <= 599; status++)
        {
            expected[status] = status switch
            {
                >= 200 and < 300 => "Done",
                >= 300 and < 400 => "Stop http.moved",
                401 or 403 => "Stop http.unauthorized",
                404 => "Stop http.not_found",
                410 => "Stop http.gone",
                408 or 425 => "Retry http.unavailable",
                429 => "Retry http.throttled",
                413 => "Park http.too_large",
                >= 400 and < 500 => "Park http.rejected",
                _ => "Retry http.unavailable",
            };
        }

        Assert.That(
            expected.Keys.ToDictionary(status => status, status => $"{Verdict.OfStatus(status, null).Next} {Verdict.OfStatus(status, null).Reason}".Trim()),
            Is.EqualTo(expected));
    }

    [TestCase("120", 120)]
    [TestCase("0", 0)]
    [TestCase("99999999999", 86400)]
    [TestCase("Mon, 02 Mar 2026 09:10:00 GMT", 600)]
    [TestCase("Mon, 02 Mar 2026 08:00:00 GMT", 0)]
    [TestCase("Mon, 02 Mar 2099 08:00:00 GMT", 86400)]
    [TestCase("-5", null)]
    [TestCase("soon", null)]
    [TestCase("", null)]
    [TestCase(null, null)]
    public void Retry_after_is_seconds_or_a_date_and_at_most_a_day(string? header, int? seconds) => Assert.That(
        Verdict.RetryAfter(header, ManualClock.Start), Is.EqualTo(seconds is { } known ? TimeSpan.FromSeconds(known) : (TimeSpan?)null));

    [Test]
    public void Retries_are_quick_at_first_and_then_twice_a_day() => Assert.That(
        Enumerable.Range(1, 12).Select(tries => Backoff.Wait(tries, 1, null).TotalSeconds),
        Is.EqualTo(new double[] { 5, 30, 120, 600, 1800, 3600, 7200, 18000, 36000, 43200, 43200, 43200 }));

    [Test]
    public void A_wait_is_anything_up_to_the_ceiling_but_not_less_than_asked()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Backoff.Wait(5, 0.25, null), Is.EqualTo(TimeSpan.FromSeconds(450)));
            Assert.That(Backoff.Wait(1, 0.5, TimeSpan.FromMinutes(3)), Is.EqualTo(TimeSpan.FromMinutes(3)));
            Assert.That(Backoff.Wait(1, 0.5, TimeSpan.FromDays(3)), Is.EqualTo(TimeSpan.FromDays(1)));
        }
    }

    [TestCase("93.184.216.34", true, true)]
    [TestCase("2606:2800:220:1:248:1893:25c8:1946", true, true)]
    [TestCase("127.0.0.1", false, true)]
    [TestCase("127.8.8.8", false, true)]
    [TestCase("::1", false, true)]
    [TestCase("10.1.2.3", false, true)]
    [TestCase("172.16.0.1", false, true)]
    [TestCase("172.31.255.255", false, true)]
    [TestCase("172.32.0.1", true, true)]
    [TestCase("192.168.1.1", false, true)]
    [TestCase("fd00::1", false, true)]
    [TestCase("::ffff:127.0.0.1", false, true)]
    [TestCase("0.0.0.0", false, false)]
    [TestCase("::", false, false)]
    [TestCase("169.254.169.254", false, false)]
    [TestCase("::ffff:169.254.169.254", false, false)]
    [TestCase("fe80::1", false, false)]
    [TestCase("fe80::1%3", false, false)]
    [TestCase("100.64.0.1", false, false)]
    [TestCase("192.0.0.192", false, false)]
    [TestCase("198.18.0.1", false, false)]
    [TestCase("224.0.0.1", false, false)]
    [TestCase("255.255.255.255", false, false)]
    [TestCase("64:ff9b::7f00:1", false, true)]
    [TestCase("64:ff9b::a9fe:a9fe", false, false)]
    [TestCase("2002:7f00:1::", false, true)]
    [TestCase("2002:a9fe:a9fe::", false, false)]
    [TestCase("2001:db8::1", false, false)]
    [TestCase("ff02::1", false, false)]
    [TestCase("::7f00:1", false, false)]
    public void Addresses_inside_are_refused_and_link_local_ones_always(string address, bool usually, bool whenLocalIsAllowed) =>
        Assert.That(
            (NetworkGuard.Allows(IPAddress.Parse(address), false), NetworkGuard.Allows(IPAddress.Parse(address), true)),
            Is.EqualTo((usually, whenLocalIsAllowed)));

    [TestCase("https://example.com/hook", "false", null)]
    [TestCase("http://example.com/hook", "false", "setting.not_https")]
    [TestCase("http://127.0.0.1:5080/hook", "true", null)]
    [TestCase("ftp://example.com", "true", "setting.not_an_address")]
    [TestCase("file:///etc/passwd", "true", "setting.not_an_address")]
    [TestCase("gopher://example.com", "true", "setting.not_an_address")]
    [TestCase("https://me:secret@example.com/", "false", "setting.address_with_password")]
    [TestCase("", "false", "setting.missing")]
    [TestCase("/hook", "false", "setting.not_an_address")]
    public void A_webhook_address_is_https_unless_it_may_be_local(string url, string allowLocal, string? code) => Assert.That(
        SettingsCheck.Complete(DestinationKind.Webhook, new Dictionary<string, string?> { ["url"] = url, ["allowLocal"] = allowLocal }).Problem?.Code,
        Is.EqualTo(code));

    [Test]
    public void Only_one_delivery_per_person_and_sync_is_ever_pending()
    {
        foreach (var change in Enum.GetValues<DeliveryChange>())
        {
            foreach (var cause in Enum.GetValues<DeliveryCause>())
            {
                foreach (var lastChange in Enum.GetValues<DeliveryChange>())
                {
                    var last = new LastDelivery(1, lastChange, DeliveryCause.Membership, DeliveryState.Pending, 0);
                    Assert.That(
                        Queueing.Of(last, change, cause), Is.Not.EqualTo(QueueAction.Insert).And.Not.EqualTo(QueueAction.AskAgain));
                }
            }
        }
    }
}
