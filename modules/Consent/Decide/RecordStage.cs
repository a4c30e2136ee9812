using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Rules;
using CdpMonolith.Consent.Storage;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Consent.Decide;

/// <summary>
/// Follows the profile-change log for events that say something about consent and writes what they decide into the ledger. A
/// banner's state, which comes with every call, is written when it changes.
/// </summary>
internal sealed class RecordStage(
    IProfiles profiles, IEventLog events, LedgerStore ledger, PurposeStore purposes, TimeProvider clock) : Stage<ProfileChange>
{
    /// <summary>A sender can name any number of purposes; beyond this many unnamed ones the register does not grow by itself.</summary>
    public const int MostSeenPurposes = 500;

    private const int TellersKept = 50_000;

    private readonly Dictionary<(long ProfileId, string Teller), Sightings> _seen = [];
    private readonly HashSet<string> _known = [];

    public override string Name => "consent.record";

    public override string Follows => IProfiles.Log;

    public override void Forget()
    {
        _seen.Clear();
        _known.Clear();
    }

    protected override IReadOnlyList<ProfileChange> Read(long after, int limit) =>
        profiles.ReadEvents(after, EventFlagsFilter.HasConsent, limit);

    protected override long EndOfLog() => profiles.LastSeq();

    protected override Action<WriteSession>? Decide(IReadOnlyList<ProfileChange> entries)
    {
        if (_seen.Count > TellersKept)
        {
            _seen.Clear();
        }

        if (_known.Count == 0)
        {
            _known.UnionWith(purposes.ReadAll().Select(purpose => purpose.Key));
        }

        var batch = new Batch();
        var calls = events.Read([.. entries.Select(entry => entry.EventSeq!.Value).Order()]).ToDictionary(call => call.Seq);
        foreach (var entry in entries)
        {
            // An event that is no longer kept has nothing to say.
            if (calls.TryGetValue(entry.EventSeq!.Value, out var call) && CallReader.Read(call) is { IsNothing: false } told)
            {
                Take(batch, entry.ProfileId, call, told);
            }
        }

        return batch.Entries.Count == 0 && batch.Touched.Count == 0 ? null : write => Write(write, batch);
    }

    private void Take(Batch batch, long profileId, Event call, Told told)
    {
        var evidence = new Evidence(
            call.ImportId is null ? "call" : "import", EventSeq: call.Seq, SourceId: call.SourceId, ImportId: call.ImportId, Page: told.Page);
        foreach (var decision in told.Decisions)
        {
            Meet(batch, decision.Purpose, decision.Spelled);
            batch.Entries.Add(new NewEntry(
                profileId, decision.Purpose, decision.Channel, decision.Status, decision.OccurredAt,
                (evidence with { Form = "decision", TextVersion = decision.TextVersion, Origin = decision.Source }).ToJson(), null));
        }

        if (told.State.Count > 0 || told.IsUpdate)
        {
            var sightings = SeenOf(profileId, told.Teller);
            batch.Touched.Add((profileId, told.Teller));
            if (told.IsUpdate)
            {
                Update(batch, profileId, call, told, sightings, evidence);
            }
            else
            {
                Restate(batch, profileId, call, told, sightings, evidence);
            }
        }
    }

    /// <summary>The person has just changed it: every purpose in it is a decision, and what is missing is taken back.</summary>
    private void Update(Batch batch, long profileId, Event call, Told told, Sightings sightings, Evidence evidence)
    {
        var missing = sightings.Granted.Where(purpose => !told.State.ContainsKey(purpose)).ToList();
        foreach (var (purpose, (spelled, status)) in told.State)
        {
            Meet(batch, purpose, spelled);
            Decided(purpose, status, evidence with { Form = "decision" });
        }

        foreach (var purpose in missing)
        {
            Decided(purpose, ConsentStatus.Denied, evidence with { Form = "decision", Missing = true });
        }

        void Decided(string purpose, ConsentStatus status, Evidence how)
        {
            sightings.Note(purpose, new Sighting(told.StateAt, status, call.Seq, true));
            batch.Entries.Add(new NewEntry(profileId, purpose, Channels.Any, status, told.StateAt, how.ToJson(), null));
        }
    }

    private void Restate(Batch batch, long profileId, Event call, Told told, Sightings sightings, Evidence evidence)
    {
        foreach (var (purpose, (spelled, status)) in told.State)
        {
            Meet(batch, purpose, spelled);
            foreach (var change in sightings.Take(
                purpose, new Sighting(told.StateAt, status, call.Seq, false),
                moment => batch.StatusBefore(profileId, purpose, told.Teller, moment)
                          ?? ledger.StatusBefore(profileId, purpose, told.Teller, moment)))
            {
                var how = evidence with { Form = "state", EventSeq = change.EventSeq, Page = change.EventSeq == call.Seq ? told.Page : null };
                batch.Entries.Add(new NewEntry(
                    profileId, purpose, Channels.Any, change.Status, change.OccurredAt, how.ToJson(), told.Teller));
            }
        }
    }

    private void Meet(Batch batch, string purpose, string spelled)
    {
        if (_known.Add(purpose))
        {
            batch.NewPurposes.Add((purpose, spelled.Length > Words.LongestKey ? purpose : Words.Name(spelled)));
        }
    }

    private Sightings SeenOf(long profileId, string teller) =>
        _seen.TryGetValue((profileId, teller), out var sightings)
            ? sightings
            : _seen[(profileId, teller)] = ledger.Seen(profileId, teller);

    private void Write(WriteSession write, Batch batch)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        if (batch.NewPurposes.Count > 0)
        {
            foreach (var (key, name) in batch.NewPurposes.Take((int)Math.Max(0, MostSeenPurposes - purposes.SeenCount(write))))
            {
                purposes.Add(write, key, name, "", seen: true, now);
            }
        }

        ledger.Append(write, batch.Entries, now);
        foreach (var (profileId, teller) in batch.Touched)
        {
            ledger.KeepSeenOf(write, profileId, teller, _seen[(profileId, teller)]);
        }
    }

    private sealed class Batch
    {
        public List<NewEntry> Entries { get; } = [];

        public List<(string Key, string Name)> NewPurposes { get; } = [];

        public HashSet<(long ProfileId, string Teller)> Touched { get; } = [];

        /// <summary>As the ledger would answer, of what this batch is going to add; null when the ledger must be asked.</summary>
        public ConsentStatus? StatusBefore(long profileId, string purpose, string teller, long moment) => Entries
            .Where(entry => entry.ProfileId == profileId && entry.Purpose == purpose && entry.RestatedBy == teller
                            && entry.OccurredAt <= moment)
            .OrderByDescending(entry => (entry.OccurredAt, (int)entry.Status))
            .FirstOrDefault()?.Status;
    }
}
