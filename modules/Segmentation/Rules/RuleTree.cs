namespace CdpMonolith.Segmentation.Rules;

/// <summary>A rule as a tree. Its JSON is described in docs/segments.md.</summary>
internal sealed record RuleTree(Node Match)
{
    /// <summary>The version of the JSON that is read and written.</summary>
    public const int Schema = 1;
}

/// <summary>A part of a rule that holds for a person or does not.</summary>
/// <param name="Path">Where it stands in the rule's JSON, such as <c>match.of[1]</c>.</param>
internal abstract record Node(string Path);

internal enum GroupKind
{
    /// <summary>Every one holds; without any: everybody.</summary>
    All,

    /// <summary>At least one holds.</summary>
    Any,

    /// <summary>None holds.</summary>
    Not,
}

internal sealed record Group(string Path, GroupKind Kind, IReadOnlyList<Node> Of) : Node(Path);

/// <summary>A trait of the golden record; <c>a.b</c> reaches into an object.</summary>
internal sealed record TraitNode(string Path, string Trait, Condition Condition) : Node(Path);

/// <summary>What is measured of the events that match.</summary>
internal enum Measure
{
    Count,
    Sum,
    Average,
    Min,
    Max,
    First,
    Last,
}

internal sealed record PropertyFilter(string Property, Condition Condition);

/// <summary>What somebody did, or did not.</summary>
/// <param name="Event">Null: any event.</param>
/// <param name="Property">What is summed, averaged or compared; null for count, first and last.</param>
/// <param name="Number">The test of count, sum, average, min and max.</param>
/// <param name="Time">The test of first and last.</param>
/// <param name="Window">Which events are looked at; those after the moment of asking never are.</param>
internal sealed record EventNode(
    string Path, string? Event, IReadOnlyList<PropertyFilter> Where, Measure Measure, string? Property, Op Op, NumberTest Number,
    TimeRange Time, TimeRange Window) : Node(Path);

internal sealed record SegmentNode(string Path, long SegmentId) : Node(Path);

/// <summary>What somebody's consent must be.</summary>
internal enum ConsentWanted
{
    Granted = 1,
    Denied = 2,
    Withdrawn = 3,
    NeverAsked = 4,
}

internal sealed record ConsentNode(string Path, string Purpose, string Channel, ConsentWanted Status) : Node(Path);

/// <summary>How events are called in rules: tracked ones by their name; views of pages and screens, and joining a group, by one name each.</summary>
internal static class EventNames
{
    public const string Page = "Page Viewed";
    public const string Screen = "Screen Viewed";
    public const string Group = "Group Joined";
}
