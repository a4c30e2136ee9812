using CdpMonolith.Tests.Support;
using System.Text.Json;
using System.Text.Json.Nodes;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Tests.Segmentation;

[Category(Engine.One)]
public sealed class ReferenceTests : SegmentTest
{
    private const int People = 60;
    private const int Calls = 900;
    private const int Rules = 120;

    /// <summary>
    /// People by chance, some of them joined later, come in through the door; then rules by chance are answered by the columns
    /// and by SQL over the same store, now and as of earlier moments.
    /// </summary>
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public async Task Columns_and_sql_give_the_same_answer_to_every_rule(int seed)
    {
        var random = new Random(seed);
        var make = new GeneratedRules(random, Now);
        var calls = new JsonArray();
        for (var i = 0; i < Calls; i++)
        {
            calls.Add(Call(random, make, i));
            if (calls.Count == 150)
            {
                await Door.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { batch = calls }));
                calls = [];

                // Some come while the columns are there already.
                await Test.CatchUpAsync();
            }
        }

        await Test.Store.WriteAsync(write => { write.Execute(SqlReference.Tables); }, default);
        var columns = Test.Get<AudienceColumns>();
        var asked = new Dictionary<long, RuleTree>();
        var matched = 0;
        for (var i = 0; i < Rules; i++)
        {
            var json = make.Rule().ToJsonString();
            var rule = RuleParser.Parse(json).Outcome.Value;
            var asOf = (random.Next(3) == 0 ? make.Moment() : Now).ToUnixTimeMilliseconds();
            var bySql = Test.Store.Read(read => new SqlReference(asOf, id => asked[id]).People(read, rule));
            var byColumns = columns.Ask(all => new Evaluation(all, asOf, asked.GetValueOrDefault).Of(rule)).Ids().Select(id => (long)id).ToList();
            Assert.That(byColumns, Is.EqualTo(bySql), $"as of {asOf}: {json}");
            matched += bySql.Count is > 0 and < People ? 1 : 0;
            asked.Add(i + 1, rule);
            make.Segments.Add(i + 1);
        }

        Assert.That(matched, Is.GreaterThan(Rules / 3), "most rules should tell people apart");
    }

    private static JsonObject Call(Random random, GeneratedRules make, int number)
    {
        var person = random.Next(People);
        var call = new JsonObject { ["messageId"] = $"m{number}", ["timestamp"] = make.Moment().ToString("O") };

        // Every person has a browser; who it is, it learns now and then.
        if (random.Next(3) > 0)
        {
            call["anonymousId"] = $"a{person}";
        }

        if (call["anonymousId"] is null || random.Next(4) == 0)
        {
            call["userId"] = $"u{person}";
        }

        if (random.Next(6) == 0)
        {
            call["context"] = new JsonObject
            {
                ["consent"] = new JsonObject
                {
                    ["decisions"] = new JsonArray(new JsonObject
                    {
                        ["purpose"] = random.Next(2) == 0 ? "newsletter" : "ads", ["status"] = random.Next(3) switch { 0 => "granted", 1 => "denied", _ => "withdrawn" },
                        ["channel"] = random.Next(2) == 0 ? "email" : "any",
                    }),
                },
            };
        }

        if (random.Next(5) == 0)
        {
            call["type"] = "identify";
            call["traits"] = make.Properties();
        }
        else
        {
            call["type"] = "track";
            call["event"] = random.Next(3) switch { 0 => "Order Completed", 1 => "Product Viewed", _ => "Signed Up" };
            call["properties"] = make.Properties();
        }

        return call;
    }
}
