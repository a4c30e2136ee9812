using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Rules;
using CdpMonolith.Consent.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Consent.Decide;

/// <summary>A decision that a user records for a person.</summary>
/// <param name="OccurredAt">When the person decided, Unix ms; null: now.</param>
/// <param name="Method">How the person told us: a word of <see cref="Evidence.Methods"/>.</param>
internal sealed record NewDecision(
    long ProfileId, string Purpose, string Channel, ConsentStatus Status, long? OccurredAt, string Method, string? TextVersion,
    string? Note);

/// <summary>Records by hand what people tell us in other ways than calls.</summary>
internal sealed class Decisions(
    IStore store, LedgerStore ledger, PurposeStore purposes, IProfiles profiles, IAudit audit, TimeProvider clock)
{
    private const int LongestNote = 500;

    public async Task<Outcome<ConsentEntry>> RecordAsync(NewDecision wanted, Actor actor, CancellationToken ct)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        if (await RefusalAsync(wanted, now, ct) is { } problem)
        {
            return problem;
        }

        var canonicalId = profiles.CanonicalOf(wanted.ProfileId)!.Value;
        var evidence = new Evidence(
            "console", TextVersion: Words.Evidence(wanted.TextVersion), UserId: actor.UserId, Method: wanted.Method,
            Note: string.IsNullOrWhiteSpace(wanted.Note) ? null : wanted.Note.Trim());
        var entry = new NewEntry(
            canonicalId, wanted.Purpose, wanted.Channel, wanted.Status, wanted.OccurredAt ?? now, evidence.ToJson(), null);
        var seqs = await store.WriteAsync(
            write =>
            {
                var given = ledger.Append(write, [entry], now);
                if (given.Count > 0)
                {
                    audit.Record(
                        write, actor, "consent.recorded", $"profile:{canonicalId}",
                        new { entry.Purpose, entry.Channel, Status = Words.Of(entry.Status), Record = given[0] });
                }

                return given;
            }, ct);
        return seqs.Count > 0
            ? ledger.Records(seqs)[0]
            : new Problem("consent.already_recorded", "This decision of that moment is in the ledger already.");
    }

    private async Task<Problem?> RefusalAsync(NewDecision wanted, long now, CancellationToken ct)
    {
        if (profiles.CanonicalOf(wanted.ProfileId) is null)
        {
            return new Problem("profile.unknown", "There is no such person.", "profileId");
        }

        if ((await purposes.AllAsync(ct)).All(purpose => purpose.Key != wanted.Purpose))
        {
            return new Problem("purpose.unknown", "There is no such purpose; create it first.", "purpose");
        }

        return wanted switch
        {
            _ when !Channels.All.Contains(wanted.Channel) =>
                new Problem("channel.unknown", $"A channel is one of {string.Join(", ", Channels.All)}.", "channel"),
            _ when !Enum.IsDefined(wanted.Status) =>
                new Problem("consent.status_unknown", "A decision is granted, denied or withdrawn.", "status"),
            _ when wanted.OccurredAt > now =>
                new Problem("consent.in_the_future", "The moment of the decision lies in the future.", "occurredAt"),
            _ when wanted.OccurredAt <= 0 =>
                new Problem("consent.moment_invalid", "Give the moment of the decision, or leave it out for now.", "occurredAt"),
            _ when !Evidence.Methods.Contains(wanted.Method) =>
                new Problem("consent.method_unknown", $"How it was told is one of {string.Join(", ", Evidence.Methods)}.", "method"),
            { Note.Length: > LongestNote } =>
                new Problem("consent.note_too_long", $"A note has at most {LongestNote} characters.", "note"),
            _ when wanted.Note?.Contains('@') == true =>
                new Problem("consent.note_has_address", "Leave e-mail addresses out of the note: evidence is never deleted.", "note"),
            _ => null,
        };
    }
}
