using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>How a call strays from the plan. Stored by name.</summary>
internal enum ViolationKind
{
    EventUnplanned,
    MemberUnplanned,
    Missing,
    Type,
    Value,
    Pattern,
}

/// <summary>One way in which a call strays from the plan.</summary>
/// <param name="Event">Empty but for track calls.</param>
/// <param name="Member">The property or trait; empty: the event itself.</param>
/// <param name="Sample">The shape of the value: letters as x, digits as 9; null: there is none.</param>
internal readonly record struct Violation(CallType Type, string Event, string Member, ViolationKind Kind, PlanAction Action, string? Sample);

/// <summary>A plan made ready to be held against every call. Immutable.</summary>
internal sealed class PlanChecker
{
    private const int SampleBytesAtMost = 400;

    private readonly FrozenDictionary<(CallType, string), Planned> _events;
    private readonly PlanAction _unplanned;

    /// <summary>The rules for traits of people, which hold for what any call carries in <c>context.traits</c> too; null: there are none.</summary>
    private readonly Planned? _people;

    private PlanChecker(FrozenDictionary<(CallType, string), Planned> events, PlanAction unplanned) =>
        (_events, _unplanned, _people) = (events, unplanned, events.GetValueOrDefault((CallType.Identify, "")));

    /// <param name="plan">One that was checked.</param>
    public static PlanChecker Of(TrackingPlan plan) => new(
        plan.Events.ToFrozenDictionary(planned => (planned.Type, planned.Event), planned => new Planned(planned)), plan.UnplannedEvents);

    /// <summary>
    /// Adds what is wrong with a complete call, and does what the plan says: gives it a refusal, or a body without what is dropped.
    /// </summary>
    public void Check(Call call, List<Violation> found)
    {
        var name = call.Type == CallType.Track ? Encoding.UTF8.GetString(call.Name.Span) : "";
        if (_events.TryGetValue((call.Type, name), out var planned))
        {
            Hold(call, planned, isContext: false, found);
        }
        else if (call.Type == CallType.Track)
        {
            found.Add(new Violation(call.Type, name, "", ViolationKind.EventUnplanned, _unplanned, null));
            call.Refusal = _unplanned == PlanAction.Quarantine ? RefusalOf(found[^1], "event") : null;
        }

        if (_people is not null && call.Refusal is null && MayCarryTraits(call.Body.Span))
        {
            Hold(call, _people, isContext: true, found);
        }
    }

    /// <summary>Whether it is worth looking for <c>context.traits</c>: most calls have none, and telling so takes no parsing.</summary>
    private static bool MayCarryTraits(ReadOnlySpan<byte> body) => body.IndexOf("\"traits\""u8) >= 0 || body.IndexOf("\\u"u8) >= 0;

    /// <param name="isContext">
    /// It is about <c>context.traits</c>, where a client repeats some of what it knows of the person: nothing is missing there.
    /// </param>
    private static void Hold(Call call, Planned planned, bool isContext, List<Violation> found)
    {
        var first = found.Count;
        var (start, end, members) = Read(call.Body.Span, planned, isContext, found);
        foreach (var rule in isContext ? [] : planned.Required)
        {
            if (!members.Any(member => member.IsGiven && member.Rule == rule))
            {
                found.Add(planned.Strayed(rule.Of.Name, ViolationKind.Missing, rule.Of.Action, null));
            }
        }

        for (var n = first; n < found.Count; n++)
        {
            if (found[n].Action == PlanAction.Quarantine)
            {
                call.Refusal = RefusalOf(found[n], $"{(isContext ? "context.traits" : planned.IsOfTraits ? "traits" : "properties")}.{found[n].Member}");
                return;
            }
        }

        if (members.Exists(member => member.IsDropped))
        {
            call.Body = Without(call.Body.Span, start, end, members);
            call.Flags |= EventFlags.Trimmed;
        }
    }

    /// <summary>The members of the object that the plan is about; start and end are the places within its braces.</summary>
    private static (int Start, int End, List<Member> Members) Read(ReadOnlySpan<byte> body, Planned planned, bool isContext, List<Violation> found)
    {
        var members = new List<Member>();
        var json = new Utf8JsonReader(body);
        json.Read();
        if (isContext ? !(Enter(ref json, "context"u8) && Enter(ref json, "traits"u8)) : !Enter(ref json, planned.IsOfTraits ? "traits"u8 : "properties"u8))
        {
            return (0, 0, members);
        }

        var start = (int)json.BytesConsumed;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var from = (int)json.TokenStartIndex;
            var memberName = json.GetString()!;
            json.Read();
            var rule = planned.Members.GetValueOrDefault(memberName);
            var (kind, action) = rule is null ? (ViolationKind.MemberUnplanned, planned.Unplanned) : (rule.Wrong(ref json), rule.Of.Action);
            if (kind is { } wrong)
            {
                found.Add(planned.Strayed(memberName, wrong, action, SampleOf(ref json)));
            }

            var isGiven = json.TokenType != JsonTokenType.Null;
            json.Skip();
            members.Add(new Member(rule, isGiven, kind is not null && action == PlanAction.Drop, from, (int)json.BytesConsumed));
        }

        return (start, (int)json.TokenStartIndex, members);
    }

    /// <summary>Goes from the start of an object to the start of the one that is its member; false: there is no such object.</summary>
    private static bool Enter(ref Utf8JsonReader json, ReadOnlySpan<byte> name)
    {
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var isIt = json.ValueTextEquals(name);
            json.Read();
            if (isIt)
            {
                return json.TokenType == JsonTokenType.StartObject;
            }

            json.Skip();
        }

        return false;
    }

    private static ReadOnlyMemory<byte> Without(ReadOnlySpan<byte> body, int start, int end, List<Member> members)
    {
        var kept = new List<byte>(body.Length);
        kept.AddRange(body[..start]);
        var isFirst = true;
        foreach (var member in members.Where(member => !member.IsDropped))
        {
            if (!isFirst)
            {
                kept.Add((byte)',');
            }

            kept.AddRange(body[member.From..member.To]);
            isFirst = false;
        }

        kept.AddRange(body[end..]);
        return kept.ToArray();
    }

    private static string? SampleOf(ref Utf8JsonReader json) => json.TokenType switch
    {
        JsonTokenType.String when json.ValueSpan.Length <= SampleBytesAtMost => Samples.Shape(json.GetString()!),
        JsonTokenType.Number => Samples.Shape(Encoding.UTF8.GetString(json.ValueSpan)),
        JsonTokenType.True or JsonTokenType.False => Encoding.UTF8.GetString(json.ValueSpan),
        JsonTokenType.StartArray => "[…]",
        JsonTokenType.StartObject => "{…}",
        JsonTokenType.String => "x…",
        _ => "null",
    };

    /// <summary>The reason that calls of this kind lie in quarantine for.</summary>
    public static string ReasonOf(ViolationKind kind) => kind switch
    {
        ViolationKind.EventUnplanned => "plan.event_unplanned",
        ViolationKind.MemberUnplanned => "plan.property_unplanned",
        ViolationKind.Missing => "plan.property_missing",
        ViolationKind.Type => "plan.property_type",
        ViolationKind.Value => "plan.property_value",
        _ => "plan.property_pattern",
    };

    private static Refusal RefusalOf(Violation violation, string field) => new(
        ReasonOf(violation.Kind),
        violation.Kind switch
        {
            ViolationKind.EventUnplanned => "The event is not in the tracking plan.",
            ViolationKind.MemberUnplanned => $"{violation.Member} is not in the tracking plan.",
            ViolationKind.Missing => $"The tracking plan requires {violation.Member}.",
            ViolationKind.Type => $"{violation.Member} is of another type than the tracking plan says.",
            ViolationKind.Value => $"{violation.Member} is none of the values that the tracking plan allows.",
            _ => $"{violation.Member} does not match the pattern of the tracking plan.",
        },
        field);

    private readonly record struct Member(Rule? Rule, bool IsGiven, bool IsDropped, int From, int To);

    private sealed class Planned
    {
        private readonly PlannedEvent _of;

        public Planned(PlannedEvent planned)
        {
            _of = planned;
            Members = planned.Members.ToFrozenDictionary(member => member.Name, member => new Rule(member), StringComparer.Ordinal);
            Required = [.. Members.Values.Where(rule => rule.Of.Required)];
            Unplanned = planned.Unplanned;
            IsOfTraits = planned.Type is CallType.Identify or CallType.Group;
        }

        public FrozenDictionary<string, Rule> Members { get; }

        public IReadOnlyList<Rule> Required { get; }

        public PlanAction Unplanned { get; }

        public bool IsOfTraits { get; }

        /// <summary>Told as of the plan's own entry, whatever call it came in.</summary>
        public Violation Strayed(string member, ViolationKind kind, PlanAction action, string? sample) => new(_of.Type, _of.Event, member, kind, action, sample);
    }

    private sealed class Rule(PlannedMember of)
    {
        private readonly FrozenSet<string>? _values = of.Values is { Count: > 0 } values ? values.ToFrozenSet(StringComparer.Ordinal) : null;
        private readonly Regex? _pattern = of.Pattern is { } pattern ? TrackingPlan.Compile(pattern) : null;

        public PlannedMember Of => of;

        /// <summary>What is wrong with the value that the reader stands on; null: nothing. No value is not a wrong one.</summary>
        public ViolationKind? Wrong(ref Utf8JsonReader json)
        {
            if (json.TokenType == JsonTokenType.Null)
            {
                return null;
            }

            if (!IsOfType(ref json))
            {
                return ViolationKind.Type;
            }

            if (_values is null && _pattern is null)
            {
                return null;
            }

            if (json.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject)
            {
                return _values is null ? ViolationKind.Pattern : ViolationKind.Value;
            }

            var text = json.TokenType == JsonTokenType.String ? json.GetString()! : Encoding.UTF8.GetString(json.ValueSpan);
            return _values?.Contains(text) == false ? ViolationKind.Value
                : _pattern?.IsMatch(text) == false ? ViolationKind.Pattern
                : null;
        }

        private bool IsOfType(ref Utf8JsonReader json) => of.Type switch
        {
            PlanType.Text => json.TokenType == JsonTokenType.String,
            PlanType.Number => json.TokenType == JsonTokenType.Number,
            PlanType.Boolean => json.TokenType is JsonTokenType.True or JsonTokenType.False,
            PlanType.Time => json.TokenType == JsonTokenType.String && Times.Parse(json.ValueSpan) != Times.Unusable,
            PlanType.List => json.TokenType == JsonTokenType.StartArray,
            PlanType.Object => json.TokenType == JsonTokenType.StartObject,
            _ => true,
        };
    }
}
