using System.Diagnostics;
using System.Text;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>
/// Measures evaluation alone, over made-up columns of a web shop; the same figures give the same columns. For <c>cdp bench</c>.
/// </summary>
internal static class SegmentBench
{
    private const long AsOf = 1_767_225_600_000;
    private static readonly string[] Cities = ["Paris", "Lyon", "Marseille", "Oslo", "Bergen", "Jakarta", "Bandung", "Bangkok"];
    private static readonly string[] Categories = ["shoes", "bags", "coats", "toys", "books", "garden", "kitchen", "sport"];

    private static readonly (string Name, string Match)[] Rules =
    [
        ("trait in list and trait above", """
            {"kind":"all","of":[{"kind":"trait","trait":"city","op":"anyOf","values":["Paris","Lyon","Marseille"]},
            {"kind":"trait","trait":"ltv","op":"gt","value":500}]}
            """),
        ("2 orders and a sum above 100 in 30 days", """
            {"kind":"all","of":[{"kind":"event","event":"Order Completed","op":"gte","value":2,"window":{"kind":"last","amount":30,"unit":"days"}},
            {"kind":"event","event":"Order Completed","measure":"sum","property":"revenue","op":"gt","value":100,
            "window":{"kind":"last","amount":30,"unit":"days"}}]}
            """),
        ("viewed shoes in 90 days, did not order", """
            {"kind":"all","of":[{"kind":"event","event":"Product Viewed","where":[{"property":"category","op":"equals","value":"shoes"}],
            "window":{"kind":"last","amount":90,"unit":"days"}},{"kind":"event","event":"Order Completed","op":"equals","value":0,
            "window":{"kind":"last","amount":90,"unit":"days"}}]}
            """),
        ("3 orders once, no event of any kind in 60 days", """
            {"kind":"all","of":[{"kind":"event","event":"Order Completed","op":"gte","value":3,
            "window":{"kind":"ago","from":425,"to":60,"unit":"days"}},
            {"kind":"event","op":"equals","value":0,"window":{"kind":"last","amount":60,"unit":"days"}}]}
            """),
        ("average order above 80 ever, last order 90 days ago", """
            {"kind":"all","of":[{"kind":"event","event":"Order Completed","measure":"average","property":"revenue","op":"gt","value":80},
            {"kind":"event","event":"Order Completed","measure":"last","op":"moreThanAgo","amount":90,"unit":"days"}]}
            """),
        ("every view ever, by a text of many values", """
            {"kind":"event","event":"Product Viewed","where":[{"property":"sku","op":"contains","value":"77"},
            {"property":"price","op":"gt","value":20}],"op":"gte","value":2}
            """),
        ("consent and two other segments", """
            {"kind":"all","of":[{"kind":"consent","purpose":"newsletter","channel":"email","status":"granted"},
            {"kind":"segment","segment":2},{"kind":"not","of":[{"kind":"segment","segment":3}]}]}
            """),
    ];

    /// <param name="rounds">How often each rule is asked; the median counts.</param>
    public static SegmentBenchResult Run(int people, int events, int rounds = 15)
    {
        using var columns = Make(people, events);
        var rules = Rules.Select(rule => RuleParser.Parse($"{{\"version\":1,\"match\":{rule.Match}}}").Outcome.Value).ToList();
        var timings = new List<SegmentTiming>();
        foreach (var (index, rule) in rules.Index())
        {
            var found = 0;
            var times = new List<double>();
            for (var round = 0; round < rounds; round++)
            {
                var began = Stopwatch.GetTimestamp();
                found = new Evaluation(columns, AsOf, id => rules[(int)id - 1]).Of(rule).Count();
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }

            times.Sort();
            timings.Add(new SegmentTiming(Rules[index].Name, found, times[times.Count / 2]));
        }

        return new SegmentBenchResult(people, columns.EventCount, (double)columns.MemoryBytes / columns.EventCount, timings);
    }

    /// <summary>Columns of made-up people and events over two years, most of them views.</summary>
    private static Columns Make(int people, int events)
    {
        var random = new Random(1);
        var columns = new Columns();
        var touched = new Touched();
        var city = columns.TraitForWriting("city")!;
        var ltv = columns.TraitForWriting("ltv")!;
        for (var id = 1; id <= people; id++)
        {
            columns.AddPerson(id, id, touched);
            var row = columns.TraitRows.Add(id);
            city.Set(row, Encoding.UTF8.GetBytes(Cities[random.Next(Cities.Length)]));
            ltv.Set(row, random.Next(4000) * 0.25);
            if (random.Next(3) > 0)
            {
                columns.AddConsent(
                    new(id, id, "newsletter", "email", (Consent.Contracts.ConsentStatus)random.Next(1, 4), AsOf - random.Next(), 0, "{}"), touched);
            }
        }

        for (var i = 0; i < events; i++)
        {
            var time = AsOf - (long)((events - i) * (730.0 * IsoTime.Day / events));
            var profile = 1 + (int)(people * Math.Pow(random.NextDouble(), 1.5));
            switch (random.Next(20))
            {
                case < 13:
                    Add(columns, "Product Viewed", profile, time, random);
                    break;
                case < 17:
                    Add(columns, "Product Added", profile, time, random);
                    break;
                default:
                    var table = columns.TableForWriting("Order Completed");
                    table.PropertyForWriting("revenue")!.Set(table.Add(profile, time), random.Next(20, 800) * 0.25);
                    break;
            }
        }

        return columns;
    }

    private static void Add(Columns columns, string name, int profile, long time, Random random)
    {
        var table = columns.TableForWriting(name);
        var row = table.Add(profile, time);
        table.PropertyForWriting("category")!.Set(row, Encoding.UTF8.GetBytes(Categories[random.Next(Categories.Length)]));
        table.PropertyForWriting("sku")!.Set(row, Encoding.UTF8.GetBytes(FormattableString.Invariant($"SKU-{random.Next(20_000)}")));
        table.PropertyForWriting("price")!.Set(row, random.Next(400) * 0.25);
    }
}
