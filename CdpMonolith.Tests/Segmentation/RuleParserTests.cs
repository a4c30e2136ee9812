using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Tests.Segmentation;

public sealed class RuleParserTests
{
    [Test]
    public void A_whole_rule_is_read()
    {
        var rule = Read("""
            {"version":1,"match":{"kind":"all","of":[
              {"kind":"trait","trait":"address.city","op":"anyOf","values":["Oslo","Bergen"]},
              {"kind":"not","of":[{"kind":"segment","segment":4}]},
              {"kind":"any","of":[{"kind":"consent","purpose":"newsletter","channel":"email","status":"neverAsked"}]},
              {"kind":"event","event":"Order Completed","where":[{"property":"category","op":"equals","value":"shoes"}],
               "measure":"sum","property":"revenue","op":"gt","value":100,"window":{"kind":"last","amount":30,"unit":"days"}},
              {"kind":"event","measure":"last","op":"moreThanAgo","amount":60,"unit":"days"}
            ]}}
            """).Outcome.Value;
        var inputs = RuleInputs.Of(rule);
        var order = (EventNode)((Group)rule.Match).Of[3];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(inputs.Events, Is.EqualTo(new[] { "Order Completed" }));
            Assert.That(inputs.Traits, Is.EqualTo(new[] { "address.city" }));
            Assert.That(inputs.Segments, Is.EqualTo(new[] { 4L }));
            Assert.That((inputs.AnyEvent, inputs.Consents, inputs.Relative), Is.EqualTo((true, true, true)));
            Assert.That((order.Measure, order.Property, order.Path), Is.EqualTo((Measure.Sum, "revenue", "match.of[3]")));
            Assert.That(order.Window.At(IsoTime.Day * 40), Is.EqualTo((IsoTime.Day * 10, (IsoTime.Day * 40) + 1)));
        }
    }

    [Test]
    public void An_event_alone_asks_whether_it_ever_happened()
    {
        var node = (EventNode)Read("""{"version":1,"match":{"kind":"event","event":"Signed Up"}}""").Outcome.Value.Match;
        Assert.That((node.Measure, node.Op, node.Number.From, node.Window), Is.EqualTo((Measure.Count, Op.Gte, 1d, TimeRange.Ever)));
    }

    [TestCase("[1", "rule.not_json", "")]
    [TestCase("[]", "rule.not_object", "")]
    [TestCase("""{"version":2,"match":{"kind":"all","of":[]}}""", "rule.version", "version")]
    [TestCase("""{"version":1}""", "rule.field_missing", "match")]
    [TestCase("""{"version":1,"match":{"kind":"some","of":[]}}""", "rule.kind", "match.kind")]
    [TestCase("""{"version":1,"match":{"kind":"any","of":[]}}""", "rule.group_empty", "match.of")]
    [TestCase("""{"version":1,"match":{"kind":"all","of":[{"kind":"trait","trait":"","op":"exists"}]}}""", "rule.field_missing", "match.of[0].trait")]
    [TestCase("""{"version":1,"match":{"kind":"trait","trait":"a","op":"like","value":"b"}}""", "rule.op", "match.op")]
    [TestCase("""{"version":1,"match":{"kind":"trait","trait":"a","op":"equals"}}""", "rule.value", "match.value")]
    [TestCase("""{"version":1,"match":{"kind":"trait","trait":"a","op":"gt","value":"5"}}""", "rule.value", "match.value")]
    [TestCase("""{"version":1,"match":{"kind":"trait","trait":"a","op":"between","from":3,"to":2}}""", "rule.value", "match.to")]
    [TestCase("""{"version":1,"match":{"kind":"trait","trait":"a","op":"before","value":"soon"}}""", "rule.value", "match.value")]
    [TestCase("""{"version":1,"match":{"kind":"trait","trait":"a","op":"exists","valeu":1}}""", "rule.field_unknown", "match.valeu")]
    [TestCase("""{"version":1,"match":{"kind":"trait","trait":"a","trait":"b","op":"exists"}}""", "rule.field_twice", "match.trait")]
    [TestCase("""{"version":1,"match":{"kind":"trait","trait":"a","op":"withinLast","amount":-1,"unit":"days"}}""", "rule.value", "match.amount")]
    [TestCase("""{"version":1,"match":{"kind":"trait","trait":"a","op":"withinLast","amount":1,"unit":"years"}}""", "rule.value", "match.unit")]
    [TestCase("""{"version":1,"match":{"kind":"event","event":"A","where":[{"property":"x","op":"anyOf","values":[]}]}}""", "rule.value", "match.where[0].values")]
    [TestCase("""{"version":1,"match":{"kind":"event","event":"A","measure":"sum","op":"gt","value":1}}""", "rule.field_missing", "match.property")]
    [TestCase("""{"version":1,"match":{"kind":"event","event":"A","measure":"last","op":"gt","value":1}}""", "rule.op", "match.op")]
    [TestCase("""{"version":1,"match":{"kind":"event","event":"A","measure":"count","op":"contains","value":"1"}}""", "rule.op", "match.op")]
    [TestCase("""{"version":1,"match":{"kind":"event","event":"A","window":{"kind":"between","from":"2026-03-02","to":"2026-03-01"}}}""", "rule.value", "match.window.to")]
    [TestCase("""{"version":1,"match":{"kind":"event","event":"A","window":{"kind":"ago","from":10,"to":60,"unit":"days"}}}""", "rule.value", "match.window.to")]
    [TestCase("""{"version":1,"match":{"kind":"consent","purpose":"news","channel":"email","status":"yes"}}""", "rule.value", "match.status")]
    public void What_is_not_understood_is_refused_with_its_place(string json, string code, string field)
    {
        var problem = Read(json).Outcome.Problem!;
        Assert.That((problem.Code, problem.Field), Is.EqualTo((code, field)));
    }

    [Test]
    public void All_problems_are_told_at_once()
    {
        var problems = Read("""{"version":1,"match":{"kind":"all","of":[{"kind":"trait","op":"exists"},{"kind":"consent","purpose":"p"}]}}""").Problems;
        Assert.That(problems.Select(problem => problem.Field), Is.EquivalentTo(new[] { "match.of[0].trait", "match.of[1].channel", "match.of[1].status" }));
    }

    [Test]
    public void A_loop_of_segments_is_found_with_its_way()
    {
        var asksFor = new Dictionary<long, long[]> { [1] = [2], [2] = [5, 3], [3] = [4, 1], [4] = [], [5] = [4] };
        Assert.That(SegmentLoops.Find(1, id => asksFor[id]), Is.EqualTo(new long[] { 1, 2, 3, 1 }));
        asksFor[3] = [4];
        Assert.That(SegmentLoops.Find(1, id => asksFor[id]), Is.Null);
    }

    private static ParsedRule Read(string json) => RuleParser.Parse(json);
}
