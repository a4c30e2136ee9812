using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;

namespace CdpMonolith.Ingestion.Catalogue;

/// <summary>The plan of an event as it was seen: a start for somebody to change. Nothing that was seen so far would stray from its types.</summary>
internal static class PlanDraft
{
    public static PlannedEvent Of(SeenDetails seen) => new(
        seen.Event.Key.Call, seen.Event.Key.Event,
        [
            .. seen.Members.OrderBy(member => member.Key.Member, StringComparer.Ordinal).Select(member => new PlannedMember(
                member.Key.Member, TypeOf(member.Types), Required: member.Seen == seen.Event.Seen && (member.Types & SeenTypes.Null) == 0,
                Class: Samples.IsPersonalName(member.Key.Member, isTrait: seen.Event.Key.Call == Contracts.CallType.Identify) ? DataClass.Personal : null)),
        ]);

    /// <summary>The plan's event with what was seen since and is not in it yet.</summary>
    public static PlannedEvent Grown(PlannedEvent planned, SeenDetails seen) => planned with
    {
        Members = [.. planned.Members, .. Of(seen).Members.Where(member => planned.Members.All(known => known.Name != member.Name))],
    };

    private static PlanType TypeOf(SeenTypes types) => (types & ~SeenTypes.Null) switch
    {
        SeenTypes.Text or (SeenTypes.Text | SeenTypes.Time) => PlanType.Text,
        SeenTypes.Number => PlanType.Number,
        SeenTypes.Boolean => PlanType.Boolean,
        SeenTypes.Time => PlanType.Time,
        SeenTypes.List => PlanType.List,
        SeenTypes.Object => PlanType.Object,
        _ => PlanType.Any,
    };
}
