using System.Text.Json;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;

namespace CdpMonolith.Tests.Consent;

public sealed class RecordTests : ConsentTest
{
    [Test]
    public async Task A_banner_that_says_yes_is_a_grant_and_one_that_says_no_is_a_denial()
    {
        People.Call(1, Preferences(("Newsletter", true), ("ads", false)), Monday);
        await RecordAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Answer(1, "newsletter"), Is.EqualTo(new ConsentAnswer(true, ConsentStatus.Granted, 1, "consent.granted")));
            Assert.That(Answer(1, "ads"), Is.EqualTo(new ConsentAnswer(false, ConsentStatus.Denied, 2, "consent.denied")));
            Assert.That(Answer(1, "profiling"), Is.EqualTo(ConsentAnswer.NeverAsked));
            Assert.That(Answer(2, "newsletter").Allowed, Is.False, "never asked counts as no");
        }
    }

    [Test]
    public async Task A_call_that_waited_for_the_answer_says_it_from_when_it_was_given()
    {
        People.Call(1, new { context = new { consent = new { categoryPreferences = new { newsletter = true }, answeredAt = Monday.AddSeconds(30).ToString("O") } } }, Monday, anonymousId: "b1", receivedAt: Monday.AddSeconds(31));
        People.Call(1, Preferences(("newsletter", true)), Monday.AddMinutes(1), anonymousId: "b1");
        await RecordAsync();
        Assert.That(Ledger().Select(entry => entry.OccurredAt), Is.EqualTo(new[] { Monday.AddSeconds(30).ToUnixTimeMilliseconds() }));
    }

    [Test]
    public async Task A_banner_that_repeats_itself_on_every_page_is_written_once()
    {
        for (var page = 0; page < 50; page++)
        {
            People.Call(1, Preferences(("newsletter", true)), Monday.AddMinutes(page), anonymousId: "b1");
        }

        await RecordAsync();
        Assert.That(Ledger().Select(entry => entry.OccurredAt), Is.EqualTo(new[] { Monday.ToUnixTimeMilliseconds() }));
    }

    [Test]
    public async Task Each_change_of_a_banner_is_written()
    {
        foreach (var (agreed, minute) in new[] { (true, 0), (true, 1), (false, 2), (false, 3), (true, 4) })
        {
            People.Call(1, Preferences(("newsletter", agreed)), Monday.AddMinutes(minute));
            await RecordAsync();
        }

        Assert.That(
            Ledger().Select(entry => entry.Status),
            Is.EqualTo(new[] { ConsentStatus.Granted, ConsentStatus.Denied, ConsentStatus.Granted }));
    }

    [Test]
    public async Task A_page_view_does_not_take_back_what_was_decided_elsewhere_since()
    {
        People.Call(1, Preferences(("newsletter", true)), Monday, anonymousId: "b1");
        People.Call(1, Decided("newsletter", "withdrawn"), Monday.AddHours(1));
        People.Call(1, Preferences(("newsletter", true)), Monday.AddHours(2), anonymousId: "b1");
        await RecordAsync();
        Assert.That(Answer(1, "newsletter").Reason, Is.EqualTo("consent.withdrawn"));
    }

    [Test]
    public async Task Two_browsers_of_one_person_do_not_overrule_each_other_by_turns()
    {
        People.Call(1, Preferences(("ads", true)), Monday, anonymousId: "laptop");
        People.Call(1, Preferences(("ads", false)), Monday.AddHours(1), anonymousId: "phone");
        for (var hour = 2; hour < 8; hour++)
        {
            People.Call(1, Preferences(("ads", hour % 2 == 0)), Monday.AddHours(hour), anonymousId: hour % 2 == 0 ? "laptop" : "phone");
        }

        await RecordAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Ledger(), Has.Count.EqualTo(2));
            Assert.That(Answer(1, "ads", Channels.Ads).Status, Is.EqualTo(ConsentStatus.Denied));
        }
    }

    [Test]
    public async Task A_change_that_arrives_late_does_not_hide_the_state_seen_after_it()
    {
        People.Call(1, Preferences(("newsletter", true)), Monday);
        People.Call(1, Preferences(("newsletter", true)), Monday.AddHours(2));
        await RecordAsync();
        People.Call(1, Preferences(("newsletter", false)), Monday.AddHours(1));
        await RecordAsync();
        Assert.That(Answer(1, "newsletter").Allowed, Is.True, "two hours after Monday it said yes");
    }

    [Test]
    public async Task RudderStack_lists_of_allowed_and_denied_are_read_and_a_purpose_in_both_is_denied()
    {
        People.Call(
            1, new { context = new { consentManagement = new { allowedConsentIds = new[] { "C0001", "C0002" }, deniedConsentIds = new[] { "C0002" } } } },
            Monday);
        await RecordAsync();
        Assert.That((Answer(1, "c0001").Allowed, Answer(1, "c0002").Status), Is.EqualTo((true, ConsentStatus.Denied)));
    }

    [Test]
    public async Task An_update_event_takes_back_what_it_leaves_out()
    {
        People.Call(1, Preferences(("ads", true), ("newsletter", true)), Monday);
        People.Call(
            1, Preferences(("newsletter", true)), Monday.AddHours(1), CallType.Track, "Segment Consent Preference Updated");
        await RecordAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Answer(1, "newsletter").Allowed, Is.True);
            Assert.That(Answer(1, "ads").Status, Is.EqualTo(ConsentStatus.Denied));
            Assert.That(JsonDocument.Parse(Ledger()[^1].Evidence).RootElement.GetProperty("missing").GetBoolean(), Is.True);
        }
    }

    [Test]
    public async Task A_decision_names_its_channel_moment_text_and_origin()
    {
        People.Call(1, Decided("newsletter", "granted", "email", Monday.AddYears(-1)), Monday, sourceId: 7, importId: 3);
        await RecordAsync();
        var entry = Ledger().Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                (entry.Channel, entry.Status, entry.OccurredAt, entry.RecordedAt),
                Is.EqualTo((Channels.Email, ConsentStatus.Granted, Monday.AddYears(-1).ToUnixTimeMilliseconds(), Test.Clock.NowMs)));
            Assert.That(entry.Evidence, Is.EqualTo(
                """{"kind":"import","form":"decision","eventSeq":1,"sourceId":7,"importId":3,"textVersion":"v3","origin":"summer form"}"""));
            Assert.That(Answer(1, "newsletter", Channels.Sms), Is.EqualTo(ConsentAnswer.NeverAsked), "e-mail is not sms");
        }
    }

    [Test]
    public async Task The_same_decision_told_twice_is_one_entry()
    {
        People.Call(1, Decided("newsletter", "granted", "email", Monday), Monday);
        People.Call(1, Decided("newsletter", "granted", "email", Monday), Monday.AddDays(1));
        await RecordAsync();
        Assert.That(Ledger(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_decision_from_the_future_counts_from_when_we_had_it()
    {
        People.Call(1, Decided("newsletter", "granted", at: Monday.AddYears(50)), Monday);
        People.Call(1, Decided("newsletter", "withdrawn"), Monday.AddMinutes(1));
        await RecordAsync();
        Assert.That(Answer(1, "newsletter").Allowed, Is.False);
    }

    [TestCase("""{"context":{"consent":{"categoryPreferences":{"newsletter":"true"}}}}""")]
    [TestCase("""{"context":{"consent":{"categoryPreferences":{"newsletter":1}}}}""")]
    [TestCase("""{"context":{"consent":{"categoryPreferences":["newsletter"]}}}""")]
    [TestCase("""{"context":{"consent":{"decisions":[{"purpose":"newsletter","status":"yes"}]}}}""")]
    [TestCase("""{"context":{"consent":{"decisions":[{"purpose":"newsletter"},7,null]}}}""")]
    [TestCase("""{"context":{"consent":"newsletter"}}""")]
    [TestCase("""{"context":[1]}""")]
    [TestCase("""{"context":{"consentManagement":{"allowedConsentIds":"newsletter"}}}""")]
    public async Task What_cannot_be_read_is_never_a_yes(string body)
    {
        People.Call(1, JsonDocument.Parse(body).RootElement, Monday);
        await RecordAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Ledger(), Is.Empty);
            Assert.That(await Test.Get<IStages>().QuarantineAsync(10, default), Is.Empty);
        }
    }

    [Test]
    public async Task Evidence_keeps_the_page_without_its_query_and_no_email_address()
    {
        People.Call(
            1, new
            {
                context = new
                {
                    page = new { url = "https://shop.example/join?email=ann%40example.com#top" },
                    consent = new { decisions = new[] { new { purpose = "newsletter", status = "granted", source = "ann@example.com", textVersion = "2" } } },
                },
            }, Monday);
        People.Call(
            2, new
            {
                context = new
                {
                    page = new { url = "https://shop.example/u/ann%40example.com" },
                    consent = new { categoryPreferences = new { newsletter = true } },
                },
            }, Monday);
        await RecordAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Ledger()[0].Evidence, Does.Contain("\"page\":\"https://shop.example/join\"").And.Not.Contains("ann"));
            Assert.That(Ledger()[1].Evidence, Does.Not.Contain("ann"));
        }
    }

    [Test]
    public async Task A_purpose_that_a_call_names_is_kept_until_somebody_says_what_it_means()
    {
        People.Call(1, Preferences(("Product News", true)), Monday);
        await RecordAsync();
        Assert.That(
            await Consent.PurposesAsync(default),
            Is.EqualTo(new[] { new Purpose("product news", "Product News", "", Test.Clock.NowMs, Seen: true) }));
    }
}
