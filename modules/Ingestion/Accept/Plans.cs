using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>The tracking plan: in memory for the door, changed by administrators. Who changed what and when is in the audit trail.</summary>
internal sealed class Plans
{
    private static readonly Problem Unknown = new("plan.event_unknown", "The plan has no such event.");

    private readonly IStore _store;
    private readonly IAudit _audit;
    private readonly TimeProvider _clock;
    private volatile Content? _content;

    public Plans(IStore store, IAudit audit, TimeProvider clock)
    {
        (_store, _audit, _clock) = (store, audit, clock);
        if (store.IsShared)
        {
            // Another process may have changed it.
            store.LogsGrew += logs => _content = logs.Contains(PlanStore.Changes) ? null : _content;
        }
    }

    public KeptPlan Kept => Known.Kept;

    /// <summary>Null: there is nothing to check.</summary>
    public PlanChecker? Checker => Known.Checker;

    private Content Known => _content ??= Content.Of(_store.Read(PlanStore.Read));

    /// <summary>Puts a whole plan in place of the one there is.</summary>
    public Task<Outcome<KeptPlan>> ReplaceAsync(Actor actor, TrackingPlan wanted, CancellationToken ct) =>
        ChangeAsync(actor, "plan.replaced", new { events = wanted.Events?.Count ?? 0 }, _ => wanted, ct);

    /// <summary>Plans an event, anew or differently.</summary>
    public Task<Outcome<KeptPlan>> PutAsync(Actor actor, PlannedEvent wanted, CancellationToken ct) =>
        ChangeAsync(actor, "plan.event_changed", wanted, plan => plan.With(wanted with { Event = wanted.Event?.Trim() ?? "" }), ct);

    public Task<Outcome<KeptPlan>> RemoveAsync(Actor actor, CallType type, string name, CancellationToken ct) =>
        ChangeAsync(actor, "plan.event_removed", new { type, name }, plan => plan.Find(type, name) is null ? null : plan.Without(type, name), ct);

    /// <summary>Says what is done with events that are not planned.</summary>
    public Task<Outcome<KeptPlan>> SetUnplannedAsync(Actor actor, PlanAction action, CancellationToken ct) =>
        ChangeAsync(actor, "plan.unplanned_changed", new { action }, plan => plan with { UnplannedEvents = action }, ct);

    private async Task<Outcome<KeptPlan>> ChangeAsync(
        Actor actor, string action, object details, Func<TrackingPlan, TrackingPlan?> change, CancellationToken ct)
    {
        var problem = await _store.WriteAsync(
            write =>
            {
                if (change(PlanStore.Read(write).Plan)?.Tidied() is not { } plan)
                {
                    return Unknown;
                }

                if (plan.Check() is { } wrong)
                {
                    return wrong;
                }

                PlanStore.Save(write, plan, _clock.GetUtcNow().ToUnixTimeMilliseconds(), actor.Name);
                _audit.Record(write, actor, action, "plan", details);
                return null;
            }, ct);
        if (problem is not null)
        {
            return problem;
        }

        _content = Content.Of(_store.Read(PlanStore.Read));
        return Kept;
    }

    private sealed record Content(KeptPlan Kept, PlanChecker? Checker)
    {
        public static Content Of(KeptPlan kept) => new(kept, kept.Plan.IsEmpty ? null : PlanChecker.Of(kept.Plan));
    }
}
