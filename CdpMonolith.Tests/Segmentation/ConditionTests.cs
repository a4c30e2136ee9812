using System.Text.Json;
using CdpMonolith.Segmentation.Rules;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Segmentation;

/// <summary>What each operator says of one value; the moment of asking is 2 March 2026, 9:00 UTC.</summary>
public sealed class ConditionTests
{
    [TestCase("equals", "'value':'Oslo'", "'oslo'", true, TestName = "Texts are equal whatever their case")]
    [TestCase("equals", "'value':'Oslo'", "'Oslo '", false, TestName = "Texts are not trimmed")]
    [TestCase("equals", "'value':7", "7.0", true, TestName = "Numbers are equal by worth")]
    [TestCase("equals", "'value':7", "'7'", true, TestName = "A number written as text is equal to the number")]
    [TestCase("equals", "'value':'7'", "7", true, TestName = "A number is equal to its text")]
    [TestCase("equals", "'value':true", "'TRUE'", true, TestName = "A truth written as text is equal to the truth")]
    [TestCase("equals", "'value':'Oslo'", "null", false, TestName = "Nothing is equal to no value")]
    [TestCase("notEquals", "'value':'Oslo'", "null", true, TestName = "No value is not equal to anything")]
    [TestCase("notEquals", "'value':'Oslo'", "'Oslo'", false, TestName = "Not equal is the opposite of equal")]
    [TestCase("anyOf", "'values':['Paris','Lyon']", "'lyon'", true, TestName = "Any of holds for one of them")]
    [TestCase("anyOf", "'values':[1,2]", "2", true, TestName = "Any of takes numbers")]
    [TestCase("noneOf", "'values':['Paris','Lyon']", "'Nice'", true, TestName = "None of holds for another")]
    [TestCase("contains", "'value':'@EXAMPLE.'", "'ann@example.com'", true, TestName = "Contains looks anywhere")]
    [TestCase("notContains", "'value':'example'", "null", true, TestName = "No value contains nothing")]
    [TestCase("startsWith", "'value':'+47'", "'+4790000000'", true, TestName = "Starts with looks at the beginning")]
    [TestCase("startsWith", "'value':'47'", "4790000000", true, TestName = "A number has a text")]
    [TestCase("endsWith", "'value':'.NO'", "'ann@shop.no'", true, TestName = "Ends with looks at the end")]
    [TestCase("endsWith", "'value':'.se'", "'ann@shop.no'", false, TestName = "Another end is another end")]
    [TestCase("exists", "", "false", true, TestName = "False is a value")]
    [TestCase("exists", "", "[1]", false, TestName = "A list is no value to rules")]
    [TestCase("notExists", "", "null", true, TestName = "Null is no value")]
    [TestCase("lt", "'value':500", "499.99", true, TestName = "Less than")]
    [TestCase("lt", "'value':500", "500", false, TestName = "Less than leaves the bound out")]
    [TestCase("lte", "'value':500", "'500'", true, TestName = "At most takes the bound in, also as text")]
    [TestCase("gt", "'value':500", "500", false, TestName = "More than leaves the bound out")]
    [TestCase("gte", "'value':500", "500", true, TestName = "At least takes the bound in")]
    [TestCase("gt", "'value':0", "'many'", false, TestName = "A word is no number")]
    [TestCase("lt", "'value':0", "null", false, TestName = "No value is less than nothing")]
    [TestCase("between", "'from':1,'to':2", "2", true, TestName = "Between takes both bounds in")]
    [TestCase("is", "'value':true", "true", true, TestName = "Is true")]
    [TestCase("is", "'value':false", "null", false, TestName = "No value is neither true nor false")]
    [TestCase("before", "'value':'2026-03-01'", "'2026-02-28T23:59:59Z'", true, TestName = "Before a day ends where it begins")]
    [TestCase("after", "'value':'2026-03-01'", "'2026-03-01T12:00:00Z'", false, TestName = "After a day begins where it ends")]
    [TestCase("after", "'value':'2026-03-01T10:00:00Z'", "'2026-03-01T12:00:00+01:00'", true, TestName = "Zones are minded")]
    [TestCase("withinLast", "'amount':30,'unit':'days'", "'2026-01-31T09:00:00Z'", true, TestName = "The last 30 days begin 720 hours ago")]
    [TestCase("withinLast", "'amount':30,'unit':'days'", "'2026-01-31T08:59:59Z'", false, TestName = "A second earlier is outside")]
    [TestCase("withinLast", "'amount':30,'unit':'days'", "'2026-03-03'", false, TestName = "The future is not within the last days")]
    [TestCase("withinNext", "'amount':7,'unit':'days'", "'2026-03-09'", true, TestName = "Within the next days")]
    [TestCase("withinNext", "'amount':48,'unit':'hours'", "'2026-03-04T09:00:01Z'", false, TestName = "Beyond the next hours")]
    [TestCase("moreThanAgo", "'amount':90,'unit':'days'", "'2025-11-01'", true, TestName = "More than 90 days ago")]
    [TestCase("moreThanAgo", "'amount':90,'unit':'days'", "null", false, TestName = "Never is not long ago")]
    public void Operators(string op, string operands, string value, bool holds)
    {
        var json = $"{{'version':1,'match':{{'kind':'trait','trait':'t','op':'{op}'{(operands == "" ? "" : ",")}{operands}}}}}".Replace('\'', '"');
        var node = (TraitNode)RuleParser.Parse(json).Outcome.Value.Match;
        using var document = JsonDocument.Parse(value.Replace('\'', '"'));
        Assert.That(node.Condition.Holds(RuleParser.Scalar(document.RootElement), ManualClock.Start.ToUnixTimeMilliseconds()), Is.EqualTo(holds));
    }

    [TestCase("2026-03-02", 0)]
    [TestCase("2026-03-02T09:30", 34_200_000)]
    [TestCase("2026-03-02 09:30:05", 34_205_000)]
    [TestCase("2026-03-02T09:30:05.25Z", 34_205_250)]
    [TestCase("2026-03-02T09:30:05.1234567+01:30", 28_805_123)]
    [TestCase("2026-03-02T00:00:00-0200", 7_200_000)]
    public void Times_are_read_as_iso_8601(string text, long withinTheDay) => Assert.That(
        IsoTime.Parse(text), Is.EqualTo(new DateTimeOffset(2026, 3, 2, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds() + withinTheDay));

    [TestCase("2026-02-30")]
    [TestCase("02/03/2026")]
    [TestCase("2026-03-02T25:00")]
    [TestCase("2026-03-02T09:30+1")]
    [TestCase("2026-03-02 soon")]
    [TestCase("20260302")]
    public void What_is_no_time_is_none(string text) => Assert.That(IsoTime.Parse(text), Is.EqualTo(IsoTime.None));

    [TestCase("12.50", 12.5)]
    [TestCase("-3", -3)]
    [TestCase("1e3", double.NaN)]
    [TestCase(".5", double.NaN)]
    [TestCase(" 7", double.NaN)]
    [TestCase("1,000", double.NaN)]
    [TestCase("", double.NaN)]
    public void Plain_decimals_are_numbers(string text, double number) => Assert.That(Fact.NumberOf(text), Is.EqualTo(number));
}
