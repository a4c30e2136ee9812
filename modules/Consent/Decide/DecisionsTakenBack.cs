using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Rules;
using CdpMonolith.Consent.Storage;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Consent.Decide;

/// <summary>
/// Takes out of the ledger what an import told that is undone. Where another call told of the same decision, and so was not written
/// again, the entry stays with that call as its evidence.
/// </summary>
internal sealed class DecisionsTakenBack(IProfiles profiles, IEventLog events, LedgerStore ledger) : ITakesBack
{
    public void TakeBack(WriteSession write, UndoneEvents undone)
    {
        var told = undone.Events.Where(one => (one.Flags & EventFlags.HasConsent) != 0).ToList();
        foreach (var profile in profiles.ProfilesOf(write, told).GroupBy(pair => pair.Value, pair => pair.Key))
        {
            var gone = profile.ToHashSet();
            var entries = ledger.EntriesOf(write, profile.Key)
                .Where(entry => Evidence.FromJson(entry.Evidence).EventSeq is { } seq && gone.Contains(seq)).ToList();
            if (entries.Count == 0)
            {
                continue;
            }

            var others = events.Read(profiles.EventsOf(write, profile.Key, EventFlagsFilter.HasConsent))
                .Where(one => one.ImportId != undone.ImportId).ToList();
            foreach (var entry in entries)
            {
                if (entry.RestatedBy is null && others.Select(one => Same(entry, one)).FirstOrDefault(found => found is not null) is { } evidence)
                {
                    ledger.SetEvidence(write, entry.Seq, evidence);
                }
                else
                {
                    ledger.Drop(write, entry.Seq);
                }
            }
        }
    }

    /// <summary>The evidence of a call that tells of the same decision; null when it tells of another.</summary>
    private static Evidence? Same(ConsentEntry entry, Event call)
    {
        var told = CallReader.Read(call);
        var evidence = new Evidence(
            call.ImportId is null ? "call" : "import", "decision", call.Seq, call.SourceId, call.ImportId, told.Page);
        if (told.Decisions.FirstOrDefault(one => one.Purpose == entry.Purpose && one.Channel == entry.Channel
                && one.Status == entry.Status && one.OccurredAt == entry.OccurredAt) is { } decision)
        {
            return evidence with { TextVersion = decision.TextVersion, Origin = decision.Source };
        }

        return told.IsUpdate && entry.Channel == Channels.Any && told.StateAt == entry.OccurredAt
            && told.State.TryGetValue(entry.Purpose, out var state) && state.Status == entry.Status
                ? evidence
                : null;
    }
}
