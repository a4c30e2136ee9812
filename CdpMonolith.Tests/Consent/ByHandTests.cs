using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Decide;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Tests.Consent;

public sealed class ByHandTests : ConsentTest
{
    private static readonly Actor Mia = new(5, "mia@example.com");

    private Decisions Decisions => Test.Get<Decisions>();

    private Purposes Purposes => Test.Get<Purposes>();

    [SetUp]
    public async Task Know()
    {
        People.Add(1, "ann@example.com");
        await Purposes.CreateAsync(new NewPurpose(null, "Product news & offers", "Monthly"), Mia, default);
    }

    [Test]
    public async Task A_purpose_gets_its_key_from_its_name_and_a_taken_one_is_refused()
    {
        Assert.That((await Consent.PurposesAsync(default)).Single().Key, Is.EqualTo("product-news-offers"));
        var again = await Purposes.CreateAsync(new NewPurpose("Product-News-Offers", "Other", null), Mia, default);
        Assert.That(again.Problem?.Code, Is.EqualTo("purpose.key_taken"));
    }

    [Test]
    public async Task A_purpose_that_was_only_seen_is_ours_once_it_has_a_name()
    {
        People.Call(1, Preferences(("c0004", true)), Monday);
        await RecordAsync();
        var named = await Purposes.DescribeAsync("c0004", "Targeted ads", "As the banner says", Mia, default);
        Assert.That((named.Value.Name, named.Value.Seen), Is.EqualTo(("Targeted ads", false)));
    }

    [Test]
    public async Task What_a_person_says_on_the_phone_is_recorded_with_who_when_and_how()
    {
        var granted = await Decisions.RecordAsync(Decision(ConsentStatus.Granted), Mia, default);
        var audited = (await Test.Get<IAudit>().ReadAsync(long.MaxValue, 10, null, default))[0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Answer(1, "product-news-offers").RecordSeq, Is.EqualTo(granted.Value.Seq));
            Assert.That(granted.Value.Evidence, Is.EqualTo("""{"kind":"console","userId":5,"method":"phone"}"""));
            Assert.That((audited.Action, audited.Subject, audited.UserId), Is.EqualTo(("consent.recorded", "profile:1", (long?)5)));
        }
    }

    [Test]
    public async Task A_withdrawal_holds_at_once()
    {
        await Decisions.RecordAsync(Decision(ConsentStatus.Granted) with { OccurredAt = Monday.ToUnixTimeMilliseconds() }, Mia, default);
        await Decisions.RecordAsync(Decision(ConsentStatus.Withdrawn), Mia, default);
        Assert.That(Answer(1, "product-news-offers").Reason, Is.EqualTo("consent.withdrawn"));
    }

    [TestCase(9, "product-news-offers", "email", 0, "phone", null, "profile.unknown")]
    [TestCase(1, "nothing", "email", 0, "phone", null, "purpose.unknown")]
    [TestCase(1, "product-news-offers", "pigeon", 0, "phone", null, "channel.unknown")]
    [TestCase(1, "product-news-offers", "email", 1, "phone", null, "consent.in_the_future")]
    [TestCase(1, "product-news-offers", "email", 0, "guess", null, "consent.method_unknown")]
    [TestCase(1, "product-news-offers", "email", 0, "phone", "from ann@example.com", "consent.note_has_address")]
    public async Task A_decision_that_proves_nothing_is_refused(
        long profile, string purpose, string channel, int hoursAhead, string method, string? note, string code)
    {
        var at = Test.Clock.GetUtcNow().AddHours(hoursAhead).ToUnixTimeMilliseconds();
        var outcome = await Decisions.RecordAsync(
            new NewDecision(profile, purpose, channel, ConsentStatus.Granted, at, method, null, note), Mia, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(outcome.Problem?.Code, Is.EqualTo(code));
            Assert.That(Ledger(), Is.Empty);
        }
    }

    [Test]
    public async Task The_person_page_shows_the_record_that_decides_for_each_channel()
    {
        People.Call(1, Decided("product-news-offers", "granted", "email"), Monday);
        await RecordAsync();
        var person = await Test.Get<Answers>().OfPersonAsync(1, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(person!.Standings.Single(s => s.Channel == "email").Record?.Seq, Is.EqualTo(1));
            Assert.That(person.Standings.Single(s => s.Channel == "sms").Answer, Is.EqualTo(ConsentAnswer.NeverAsked));
            Assert.That(person.History, Has.Count.EqualTo(1));
        }
    }

    private static NewDecision Decision(ConsentStatus status) =>
        new(1, "product-news-offers", Channels.Email, status, null, "phone", null, null);
}
