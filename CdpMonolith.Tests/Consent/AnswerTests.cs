using CdpMonolith.Consent.Contracts;

namespace CdpMonolith.Tests.Consent;

public sealed class AnswerTests : ConsentTest
{
    [Test]
    public async Task The_latest_of_the_channels_own_and_the_general_answer_holds()
    {
        People.Call(1, Decided("newsletter", "granted", "email"), Monday);
        People.Call(1, Decided("newsletter", "withdrawn"), Monday.AddDays(1));
        People.Call(2, Decided("newsletter", "denied"), Monday);
        People.Call(2, Decided("newsletter", "granted", "email"), Monday.AddDays(1));
        await RecordAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Answer(1, "newsletter").Reason, Is.EqualTo("consent.withdrawn"));
            Assert.That(Answer(2, "newsletter").RecordSeq, Is.EqualTo(4));
            Assert.That(Answer(2, "newsletter", Channels.Sms).Reason, Is.EqualTo("consent.denied"));
        }
    }

    [Test]
    public async Task All_profiles_of_a_person_count_and_a_split_gives_each_its_own_back()
    {
        People.Call(1, Decided("newsletter", "granted"), Monday);
        People.Call(2, Decided("newsletter", "withdrawn"), Monday.AddDays(1));
        People.Merge(2, 1);
        await RecordAsync();
        Assert.That(Answer(1, "newsletter").RecordSeq, Is.EqualTo(2));
        People.Merge(2, 2);
        Assert.That(Answer(1, "newsletter").Allowed, Is.True);
    }

    [Test]
    public async Task Of_two_answers_at_the_same_moment_the_no_holds()
    {
        People.Call(1, Decided("newsletter", "denied"), Monday);
        People.Call(1, Decided("newsletter", "granted"), Monday);
        await RecordAsync();
        Assert.That(Answer(1, "newsletter").Allowed, Is.False);
    }

    [Test]
    public async Task Many_people_are_answered_at_once_and_every_one_is_in_the_answer()
    {
        for (var id = 1; id <= 30; id++)
        {
            People.Call(id, Decided("newsletter", id % 3 == 0 ? "denied" : "granted"), Monday);
        }

        await RecordAsync();
        var answers = Consent.MayReach([.. Enumerable.Range(1, 40).Select(id => (long)id)], "Newsletter", Channels.Email);
        Assert.That(
            answers.Values.CountBy(answer => answer.Reason).ToDictionary(),
            Is.EqualTo(new Dictionary<string, int> { ["consent.granted"] = 20, ["consent.denied"] = 10, ["consent.never_asked"] = 10 }));
    }

    [Test]
    public async Task Coverage_counts_people_not_entries()
    {
        People.Call(1, Decided("newsletter", "granted", "email"), Monday);
        People.Call(2, Decided("newsletter", "denied", "email"), Monday.AddDays(1));
        People.Call(3, Decided("newsletter", "granted"), Monday);
        People.Call(3, Decided("newsletter", "withdrawn"), Monday.AddDays(1));
        People.Call(4, Decided("newsletter", "granted"), Monday);
        await RecordAsync();
        Assert.That(
            await Consent.CoverageAsync(default),
            Is.EqualTo(new[] { new ConsentCoverage("newsletter", "any", 1, 0, 1), new ConsentCoverage("newsletter", "email", 2, 1, 1) }));
        People.Merge(2, 1);
        Assert.That((await Consent.CoverageAsync(default))[1], Is.EqualTo(new ConsentCoverage("newsletter", "email", 1, 1, 1)));
    }

    [Test]
    public async Task Records_are_found_by_their_numbers()
    {
        People.Call(1, Decided("newsletter", "granted"), Monday);
        People.Call(2, Decided("newsletter", "denied"), Monday);
        await RecordAsync();
        Assert.That(Consent.Records([2, 1, 9, 2]).Select(entry => (entry.Seq, entry.ProfileId)), Is.EqualTo(new[] { (1L, 1L), (2L, 2L) }));
    }

    /// <summary>Decisions of a person's two profiles and a banner on each, in every order of arrival: one answer.</summary>
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(4)]
    [TestCase(5)]
    [TestCase(6)]
    public async Task Any_order_of_arrival_ends_in_the_same_state(int seed)
    {
        var random = new Random(seed);
        var person = 0L;
        for (var round = 0; round < 40; round++)
        {
            var calls = Enumerable.Range(0, 6).Select(_ => (
                Banner: random.Next(2) == 0, Yes: random.Next(2) == 0, Hour: random.Next(8), Profile: random.Next(2),
                Channel: random.Next(2) == 0 ? "email" : null)).ToList();
            for (var order = 0; order < 6; order++)
            {
                person += 2;
                foreach (var call in calls.OrderBy(_ => random.Next()))
                {
                    if (call.Banner)
                    {
                        People.Call(person, Preferences(("newsletter", call.Yes)), Monday.AddHours(call.Hour), anonymousId: "b1", receivedAt: Monday.AddDays(1));
                    }
                    else
                    {
                        People.Call(
                            person + call.Profile, Decided("ads", call.Yes ? "granted" : "withdrawn", call.Channel), Monday.AddHours(call.Hour),
                            receivedAt: Monday.AddDays(1));
                    }
                }

                People.Merge(person + 1, person);
            }
        }

        await RecordAsync();
        using (Assert.EnterMultipleScope())
        {
            for (var first = 2L; first < person; first += 12)
            {
                var orders = Enumerable.Range(0, 6).Select(order => first + (2 * order)).ToList();
                foreach (var purpose in new[] { "newsletter", "ads" })
                {
                    foreach (var channel in new[] { Channels.Email, Channels.Sms })
                    {
                        Assert.That(orders.Select(id => Answer(id, purpose, channel).Status).Distinct().Count(), Is.EqualTo(1));
                    }
                }
            }
        }
    }
}
