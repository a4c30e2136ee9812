using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>What is done with what the plan does not want; all of it is reported.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PlanAction>))]
internal enum PlanAction
{
    /// <summary>It is stored as it came.</summary>
    Allow,

    /// <summary>The property is taken out before the call is stored.</summary>
    Drop,

    /// <summary>The call goes into quarantine.</summary>
    Quarantine,
}

/// <summary>What a value has to be.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PlanType>))]
internal enum PlanType
{
    Any,
    Text,
    Number,
    Boolean,

    /// <summary>Text that is a time as the door reads it.</summary>
    Time,
    List,
    Object,
}

/// <summary>The four classes of customer data.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DataClass>))]
internal enum DataClass
{
    Personal,
    Engagement,
    Behavioural,
    Attitudinal,
}

/// <summary>A property or trait as it should be.</summary>
/// <param name="Values">All that it may be, as text; null or empty: anything.</param>
/// <param name="Pattern">A regular expression that its text must match somewhere, without look-around and back references.</param>
/// <param name="Sensitive">Its values are shown as their shape in the catalogue, whatever they look like.</param>
/// <param name="Action">What is done with a value that is not as it should be; one that is missing cannot be dropped and is reported.</param>
internal sealed record PlannedMember(
    string Name, PlanType Type = PlanType.Any, bool Required = false, IReadOnlyList<string>? Values = null, string? Pattern = null,
    string? Description = null, string? Owner = null, DataClass? Class = null, bool Sensitive = false, PlanAction Action = PlanAction.Allow);

/// <summary>An event as it should be; of identify and group calls, the traits of people (in whatever call) and of companies.</summary>
/// <param name="Event">The name of a track call; else empty.</param>
/// <param name="Unplanned">What is done with properties that are not in <paramref name="Members"/>.</param>
internal sealed record PlannedEvent(
    CallType Type, string Event, IReadOnlyList<PlannedMember> Members, PlanAction Unplanned = PlanAction.Allow, string? Description = null,
    string? Owner = null, DataClass? Class = null);

/// <summary>What sources should send.</summary>
/// <param name="UnplannedEvents">What is done with track calls whose event is not in the plan: allow or quarantine.</param>
internal sealed record TrackingPlan(IReadOnlyList<PlannedEvent> Events, PlanAction UnplannedEvents = PlanAction.Allow)
{
    public static readonly TrackingPlan Empty = new([]);

    private const int EventsAtMost = 1000;

    /// <summary>Nothing is checked.</summary>
    [JsonIgnore]
    public bool IsEmpty => Events.Count == 0 && UnplannedEvents == PlanAction.Allow;

    public PlannedEvent? Find(CallType type, string name) => Events.FirstOrDefault(planned => planned.Type == type && planned.Event == name);

    /// <summary>The plan with this event in place of the one of its name.</summary>
    public TrackingPlan With(PlannedEvent planned) => this with
    {
        Events = [.. Events.Where(other => (other.Type, other.Event) != (planned.Type, planned.Event)), planned],
    };

    public TrackingPlan Without(CallType type, string name) => this with { Events = [.. Events.Where(other => (other.Type, other.Event) != (type, name))] };

    /// <summary>Without white space around names, and without empty texts.</summary>
    public TrackingPlan Tidied() => this with
    {
        Events =
        [
            .. (Events ?? []).Select(planned => planned with
            {
                Event = planned.Event?.Trim() ?? "", Description = Some(planned.Description), Owner = Some(planned.Owner),
                Members =
                [
                    .. (planned.Members ?? []).Select(member => member with
                    {
                        Name = member.Name?.Trim() ?? "", Description = Some(member.Description), Owner = Some(member.Owner), Pattern = Some(member.Pattern),
                        Values = (member.Values ?? []).Select(value => value?.Trim() ?? "").Where(value => value.Length > 0).Distinct().ToList() is { Count: > 0 } values ? values : null,
                    }),
                ],
            }),
        ],
    };

    /// <summary>Why it cannot be a plan; null: it can. Of a tidied plan.</summary>
    public Problem? Check() =>
        Events.Count > EventsAtMost ? new Problem("plan.too_many_events", $"A plan has at most {EventsAtMost} events.", "events")
        : UnplannedEvents == PlanAction.Drop
            ? new Problem("plan.event_dropped", "An event that is not planned can be allowed or put into quarantine; nothing is dropped whole.", "unplannedEvents")
        : Events.GroupBy(planned => (planned.Type, planned.Event)).FirstOrDefault(same => same.Count() > 1) is { } twice
            ? new Problem("plan.event_twice", $"The event {Title(twice.First())} stands in the plan twice.", "events")
        : Events.Select(Check).FirstOrDefault(problem => problem is not null);

    private static Problem? Check(PlannedEvent planned)
    {
        const int NameAtMost = 200;
        const int MembersAtMost = 500;
        var title = Title(planned);
        if (!Enum.IsDefined(planned.Type) || planned.Type == CallType.Alias)
        {
            return new Problem("plan.type_unusable", "The type is track, page, screen, identify or group.", "type");
        }

        if (planned.Type == CallType.Track ? planned.Event.Length is 0 or > NameAtMost : planned.Event.Length > 0)
        {
            return new Problem("plan.event_unusable", "Track calls need the name of their event, of at most 200 characters; other calls have none.", "event");
        }

        if (planned.Members.Count > MembersAtMost)
        {
            return new Problem("plan.too_many_members", $"{title} has more than {MembersAtMost} properties.", "members");
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in planned.Members)
        {
            if (member.Name.Length is 0 or > NameAtMost)
            {
                return new Problem("plan.member_unusable", $"A property of {title} has no name, or one of more than {NameAtMost} characters.", "name");
            }

            if (!names.Add(member.Name))
            {
                return new Problem("plan.member_twice", $"{title} has the property {member.Name} twice.", "name");
            }

            if (member.Pattern is { } pattern && Compile(pattern) is null)
            {
                return new Problem(
                    "plan.pattern_unusable", $"The pattern of {member.Name} in {title} is no regular expression, or looks around or back, which is not possible here.", "pattern");
            }

            if (member.Values is { Count: > 1000 })
            {
                return new Problem("plan.too_many_values", $"{member.Name} in {title} has more than 1,000 values.", "values");
            }
        }

        return null;
    }

    /// <summary>In time that grows with the text only; null: it cannot be.</summary>
    internal static Regex? Compile(string pattern)
    {
        try
        {
            return pattern.Length > 1000 ? null : new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception fault) when (fault is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    private static string Title(PlannedEvent planned) => planned.Event.Length > 0 ? planned.Event : planned.Type.ToString();

    private static string? Some(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
