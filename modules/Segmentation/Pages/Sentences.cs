using System.Globalization;
using CdpMonolith.Segmentation.Rules;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Segmentation.Pages;

/// <summary>Rules in words. Every sentence is one text with its places; nothing is put together from pieces of grammar.</summary>
internal sealed class Sentences(IStringLocalizer<Texts> texts, Func<long, string?> segmentName, Func<string, string> purposeName)
{
    public string HeadOf(Group group) => group.Of.Count == 0 && group.Kind == GroupKind.All
        ? texts["Rule.Everybody"]
        : texts[$"Rule.Group.{group.Kind}"];

    public string Of(Node node) => node switch
    {
        Group group => HeadOf(group),
        TraitNode trait => Of(trait.Trait, trait.Condition),
        EventNode happened => Of(happened),
        SegmentNode segment => texts["Rule.Segment", segmentName(segment.SegmentId) ?? texts["Rule.SegmentGone"]],
        ConsentNode consent => texts[$"Rule.Consent.{consent.Status}", purposeName(consent.Purpose), ChannelName(consent.Channel)],
        _ => "",
    };

    public string ChannelName(string channel)
    {
        var name = texts[$"Channel.{channel}"];
        return name.ResourceNotFound ? channel : name;
    }

    private string Of(EventNode node)
    {
        var name = node.Event is { } known ? known : texts["Rule.AnyEvent"].Value;
        var said = node.Measure switch
        {
            Measure.Count => Times(node, name),
            Measure.First => Says(texts["Rule.Event.First", name], node.Op, node.Time),
            Measure.Last => Says(texts["Rule.Event.Last", name], node.Op, node.Time),
            _ => Says(texts[$"Rule.Event.{node.Measure}", node.Property!, name], node.Op, node.Number),
        };
        if (node.Where.Count > 0)
        {
            said = texts["Rule.Where", said, node.Where.Select(filter => Of(filter.Property, filter.Condition)).Aggregate((a, b) => texts["Rule.And", a, b])];
        }

        return Within(said, node.Window);
    }

    private string Times(EventNode node, string name) => node.Op switch
    {
        Op.Gte when node.Number.From == 1 => texts["Rule.Event.Did", name],
        Op.Equals when node.Number.From == 0 => texts["Rule.Event.DidNot", name],
        Op.Lt when node.Number.To == 1 => texts["Rule.Event.DidNot", name],
        Op.Between => texts["Rule.Event.Times.Between", name, Text(node.Number.From), Text(node.Number.To)],
        Op.Lt or Op.Lte => texts[$"Rule.Event.Times.{node.Op}", name, Text(node.Number.To)],
        _ => texts[$"Rule.Event.Times.{node.Op}", name, Text(node.Number.From)],
    };

    private string Within(string said, TimeRange window) => window switch
    {
        { From: TimeRange.Open } => said,
        { Relative: true, To: 1 } => texts["Rule.Window.Last", said, Length(-window.From)],
        { Relative: true } => texts["Rule.Window.Ago", said, Length(-window.From), Length(-window.To)],
        _ => texts["Rule.Window.Between", said, Date(window.From), Date(window.To % IsoTime.Day == 0 ? window.To - IsoTime.Day : window.To)],
    };

    private string Of(string name, Condition condition) => condition switch
    {
        Presence => texts[$"Rule.Says.{condition.Op}", name],
        Sameness same => texts[$"Rule.Says.{condition.Op}", name, List(same.Values)],
        TextPart part => texts[$"Rule.Says.{condition.Op}", name, Quoted(part.Part)],
        Truth truth => texts[truth.Wanted ? "Rule.Says.True" : "Rule.Says.False", name],
        Amount amount => Says(name, amount.Op, amount.Test),
        Moment moment => Says(name, moment.Op, moment.Range),
        _ => name,
    };

    private string Says(string name, Op op, NumberTest test) => op switch
    {
        Op.Between => texts["Rule.Says.Between", name, Text(test.From), Text(test.To)],
        Op.Lt or Op.Lte => texts[$"Rule.Says.{op}", name, Text(test.To)],
        _ => texts[$"Rule.Says.{op}", name, Text(test.From)],
    };

    private string Says(string name, Op op, TimeRange range) => op switch
    {
        Op.Before => texts["Rule.Says.Before", name, Date(range.To)],
        Op.After => texts["Rule.Says.After", name, Date(range.From % IsoTime.Day == 0 ? range.From - IsoTime.Day : range.From - 1)],
        Op.WithinLast => texts["Rule.Says.WithinLast", name, Length(-range.From)],
        Op.WithinNext => texts["Rule.Says.WithinNext", name, Length(range.To - 1)],
        _ => texts["Rule.Says.MoreThanAgo", name, Length(-range.To)],
    };

    private string List(IReadOnlyList<Fact> values)
    {
        var shown = values.Take(5).Select(value => value.Kind == FactKind.Text ? Quoted(value.Text!) : value.AsText()!).Aggregate((a, b) => texts["Rule.Or", a, b]);
        return values.Count > 5 ? texts["Rule.More", shown, values.Count - 5] : shown;
    }

    private string Quoted(string text) => texts["Rule.Quoted", text];

    private string Length(long ms) => ms % IsoTime.Day == 0
        ? texts[ms == IsoTime.Day ? "Rule.Day" : "Rule.Days", ms / IsoTime.Day]
        : texts[ms == IsoTime.Hour ? "Rule.Hour" : "Rule.Hours", ms / IsoTime.Hour];

    private static string Text(double number) => number.ToString("#,0.####", CultureInfo.CurrentCulture);

    private static string Date(long at) => DateTimeOffset.FromUnixTimeMilliseconds(at)
        .ToString(at % IsoTime.Day == 0 ? "d MMM yyyy" : "d MMM yyyy HH:mm", CultureInfo.CurrentCulture);
}
