using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Tests.Segmentation;

/// <summary>Why a person is in a segment or not: each part with what it found.</summary>
public sealed class ExplanationTests : SegmentTest
{
    [Test]
    public async Task Each_part_says_whether_it_holds_and_what_it_found()
    {
        await IdentifyAsync("ann", new { city = "Oslo" });
        await TrackAsync("ann", "Order Completed", new { revenue = 80 }, TimeSpan.FromDays(10));
        await TrackAsync("ann", "Order Completed", new { revenue = 40.5 }, TimeSpan.FromDays(5));
        await TrackAsync("ann", "Order Completed", new { revenue = 500 }, TimeSpan.FromDays(50));
        await SayAsync("ann", "newsletter", true, TimeSpan.FromDays(1));
        await Test.CatchUpAsync();
        var oslo = await SegmentAsync("Oslo", "{'kind':'trait','trait':'city','op':'equals','value':'Oslo'}");
        const string Month = "'window':{'kind':'last','amount':30,'unit':'days'}";
        var verdict = Test.Get<Reasons>().Of(
            Rule($$"""
                {'kind':'any','of':[
                {'kind':'trait','trait':'city','op':'equals','value':'Bergen'},
                {'kind':'event','event':'Order Completed','op':'gte','value':3,{{Month}}},
                {'kind':'event','event':'Order Completed','measure':'sum','property':'revenue','op':'gt','value':120,{{Month}}},
                {'kind':'event','event':'Order Completed','measure':'last','op':'moreThanAgo','amount':30,'unit':'days'},
                {'kind':'consent','purpose':'newsletter','channel':'email','status':'granted'},
                {'kind':'segment','segment':{{oslo}}}]}
                """), await IdAsync("ann")).Value;
        var parts = verdict.Of;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(verdict.Holds, Is.True);
            Assert.That((parts[0].Holds, parts[0].Value), Is.EqualTo((false, Fact.Of("Oslo"))));
            Assert.That((parts[1].Holds, parts[1].Events), Is.EqualTo((false, 2)));
            Assert.That((parts[2].Holds, parts[2].Value), Is.EqualTo((true, Fact.Of(120.5))));
            Assert.That((parts[3].Holds, parts[3].At), Is.EqualTo((false, (long?)(Now - TimeSpan.FromDays(5)).ToUnixTimeMilliseconds())));
            Assert.That((parts[4].Holds, parts[4].Status), Is.EqualTo((true, (ConsentWanted?)ConsentWanted.Granted)));
            Assert.That((parts[5].Holds, parts[5].Of.Single().Holds), Is.EqualTo((true, true)));
        }
    }

    [Test]
    public async Task The_reason_and_the_answer_agree_for_everybody_and_every_rule()
    {
        var random = new Random(7);
        var make = new GeneratedRules(random, Now);
        for (var i = 0; i < 150; i++)
        {
            var properties = make.Properties();
            await (i % 4 == 0
                ? IdentifyAsync($"u{i % 12}", properties)
                : TrackAsync($"u{i % 12}", i % 3 == 0 ? "Order Completed" : "Product Viewed", properties, Now - make.Moment()));
        }

        await Test.CatchUpAsync();
        for (var i = 0; i < 100; i++)
        {
            var rule = RuleParser.Parse(make.Rule().ToJsonString()).Outcome.Value;
            var moment = Now.ToUnixTimeMilliseconds();
            Test.Get<AudienceColumns>().Ask(columns =>
            {
                var people = new Evaluation(columns, moment, _ => null).Of(rule);
                var reasons = columns.People.Everybody.Ids().Where(id => new Explanation(columns, id, moment, _ => null).Of(rule).Holds);
                Assert.That(people.Ids(), Is.EqualTo(reasons), rule.ToString());
                return true;
            });
        }
    }
}
