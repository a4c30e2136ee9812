using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;

namespace CdpMonolith.Ingestion.Pages;

/// <summary>A planned event while it is edited. Lists are texts with one value a line; what is not chosen is empty.</summary>
internal sealed class PlanEventDraft
{
    public CallType Type { get; set; } = CallType.Track;

    public string Event { get; set; } = "";

    public string Description { get; set; } = "";

    public string Owner { get; set; } = "";

    public string Class { get; set; } = "";

    public PlanAction Unplanned { get; set; }

    public List<Member> Members { get; } = [];

    public static PlanEventDraft Of(PlannedEvent planned)
    {
        var draft = new PlanEventDraft
        {
            Type = planned.Type, Event = planned.Event, Description = planned.Description ?? "", Owner = planned.Owner ?? "",
            Class = planned.Class?.ToString() ?? "", Unplanned = planned.Unplanned,
        };
        draft.Members.AddRange(planned.Members.Select(Member.Of));
        return draft;
    }

    public PlannedEvent Planned() => new(
        Type, Event, [.. Members.Select(member => member.Planned())], Unplanned, Description, Owner, ClassOf(Class));

    private static DataClass? ClassOf(string text) => Enum.TryParse<DataClass>(text, out var found) ? found : null;

    internal sealed class Member
    {
        public string Name { get; set; } = "";

        public PlanType Type { get; set; }

        public bool Required { get; set; }

        public PlanAction Action { get; set; }

        public string Values { get; set; } = "";

        public string Pattern { get; set; } = "";

        public string Description { get; set; } = "";

        public string Owner { get; set; } = "";

        public string Class { get; set; } = "";

        public bool Sensitive { get; set; }

        /// <summary>All that is said of it is shown.</summary>
        public bool IsOpen { get; set; }

        public static Member Of(PlannedMember planned) => new()
        {
            Name = planned.Name, Type = planned.Type, Required = planned.Required, Action = planned.Action,
            Values = string.Join('\n', planned.Values ?? []), Pattern = planned.Pattern ?? "", Description = planned.Description ?? "",
            Owner = planned.Owner ?? "", Class = planned.Class?.ToString() ?? "", Sensitive = planned.Sensitive,
        };

        public PlannedMember Planned() => new(
            Name, Type, Required, Values.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries), Pattern, Description, Owner,
            ClassOf(Class), Sensitive, Action);
    }
}
