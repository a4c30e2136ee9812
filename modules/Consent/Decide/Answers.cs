using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Rules;
using CdpMonolith.Consent.Storage;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Consent.Decide;

/// <summary>Where a person stands on one purpose and channel.</summary>
/// <param name="Record">The entry that decides; null: never asked.</param>
internal sealed record Standing(string Purpose, string Channel, ConsentAnswer Answer, ConsentEntry? Record);

/// <summary>All that a person ever told us.</summary>
/// <param name="Standings">For each purpose and each channel that is in use or was decided on.</param>
/// <param name="History">Latest decision first.</param>
internal sealed record PersonConsents(long CanonicalId, IReadOnlyList<Standing> Standings, IReadOnlyList<ConsentEntry> History);

/// <summary>Answers from the ledger; keeps no state that the ledger does not hold.</summary>
internal sealed class Answers(LedgerStore ledger, PurposeStore purposes, IProfiles profiles, TimeProvider clock) : IConsent
{
    private static readonly TimeSpan CheapCoverage = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan KeepDearCoverage = TimeSpan.FromSeconds(30);
    private const int PointersAtOnce = 10_000;

    private readonly SemaphoreSlim _counting = new(1, 1);
    private (long LedgerSeq, long ProfilesSeq, long At, TimeSpan Took, IReadOnlyList<ConsentCoverage> Rows)? _coverage;

    public IReadOnlyList<ConsentEntry> Read(long after, int limit) => ledger.Read(after, limit);

    public IReadOnlyList<ConsentEntry> Records(IReadOnlyCollection<long> seqs) => ledger.Records(seqs);

    public Task<IReadOnlyList<Purpose>> PurposesAsync(CancellationToken ct) => purposes.AllAsync(ct);

    public IReadOnlyDictionary<long, ConsentAnswer> MayReach(IReadOnlyCollection<long> canonicalIds, string purpose, string channel)
    {
        var members = profiles.MembersOf(canonicalIds);
        var answers = new Dictionary<long, ConsentAnswer>(canonicalIds.Count);
        ledger.EachPerson(
            canonicalIds.Distinct().Select(id => (id, members.Contains(id) ? members[id] : [id])), Words.Key(purpose) ?? "",
            (id, marks) => answers[id] = Fold.Answer(Fold.Latest(marks, channel)));
        return answers;
    }

    /// <summary>Null when there is no such profile.</summary>
    public async Task<PersonConsents?> OfPersonAsync(long profileId, CancellationToken ct)
    {
        if (profiles.CanonicalOf(profileId) is not { } canonicalId)
        {
            return null;
        }

        var history = await ledger.OfAsync(profiles.MembersOf(canonicalId), ct);
        var known = (await purposes.AllAsync(ct)).Select(purpose => purpose.Key);
        var standings =
            from purpose in known.Union(history.Select(entry => entry.Purpose))
            let entries = history.Where(entry => entry.Purpose == purpose).ToDictionary(entry => entry.Seq)
            let marks = entries.Values.Select(Mark.Of).ToList()
            from channel in Channels.All.Union(marks.Select(mark => mark.Channel))
            let latest = Fold.Latest(marks, channel)
            select new Standing(purpose, channel, Fold.Answer(latest), latest is { } mark ? entries[mark.Seq] : null);
        return new PersonConsents(
            canonicalId, [.. standings], [.. history.OrderByDescending(entry => (entry.OccurredAt, (int)entry.Status, entry.Seq))]);
    }

    public async Task<IReadOnlyList<ConsentCoverage>> CoverageAsync(CancellationToken ct)
    {
        await _counting.WaitAsync(ct);
        try
        {
            var (ledgerSeq, profilesSeq) = (ledger.LastSeq(), profiles.LastSeq());
            if (_coverage is { } kept
                && ((kept.LedgerSeq == ledgerSeq && kept.ProfilesSeq == profilesSeq)
                    || (kept.Took > CheapCoverage && clock.GetElapsedTime(kept.At) < KeepDearCoverage)))
            {
                return kept.Rows;
            }

            var began = clock.GetTimestamp();
            var rows = await CountAsync(ct);
            _coverage = (ledgerSeq, profilesSeq, clock.GetTimestamp(), clock.GetElapsedTime(began), rows);
            return rows;
        }
        finally
        {
            _counting.Release();
        }
    }

    private async Task<IReadOnlyList<ConsentCoverage>> CountAsync(CancellationToken ct)
    {
        var canonical = CanonicalIds();
        var people = new Dictionary<(string Purpose, long CanonicalId), List<Mark>>();
        var channels = new Dictionary<string, HashSet<string>>();
        await ledger.EachMarkAsync(
            (purpose, mark) =>
            {
                var person = (purpose, canonical.GetValueOrDefault(mark.ProfileId, mark.ProfileId));
                if (!people.TryGetValue(person, out var marks))
                {
                    people[person] = marks = [];
                }

                marks.Add(mark);
                if (!channels.TryGetValue(purpose, out var used))
                {
                    channels[purpose] = used = [Channels.Any];
                }

                used.Add(mark.Channel);
            }, ct);

        var counts = new Dictionary<(string Purpose, string Channel), long[]>();
        foreach (var ((purpose, _), marks) in people)
        {
            foreach (var channel in channels[purpose])
            {
                if (!counts.TryGetValue((purpose, channel), out var count))
                {
                    counts[(purpose, channel)] = count = new long[4];
                }

                if (Fold.Latest(marks, channel) is { } latest)
                {
                    count[(int)latest.Status]++;
                }
            }
        }

        return
        [
            .. counts.OrderBy(count => count.Key.Purpose, StringComparer.Ordinal)
                .ThenBy(count => IndexOf(count.Key.Channel)).ThenBy(count => count.Key.Channel, StringComparer.Ordinal)
                .Select(count => new ConsentCoverage(
                    count.Key.Purpose, count.Key.Channel, count.Value[(int)ConsentStatus.Granted],
                    count.Value[(int)ConsentStatus.Denied], count.Value[(int)ConsentStatus.Withdrawn])),
        ];
    }

    /// <summary>Profiles that are part of another; one that stands alone is not in it.</summary>
    private Dictionary<long, long> CanonicalIds()
    {
        var canonical = new Dictionary<long, long>();
        for (var (after, more) = (0L, true); more;)
        {
            var pointers = profiles.PointersAfter(after, PointersAtOnce);
            foreach (var pointer in pointers.Where(pointer => pointer.CanonicalId != pointer.ProfileId))
            {
                canonical[pointer.ProfileId] = pointer.CanonicalId;
            }

            more = pointers.Count > 0;
            after = more ? pointers[^1].ProfileId : after;
        }

        return canonical;
    }

    private static int IndexOf(string channel) =>
        Channels.All.Index().FirstOrDefault(known => known.Item == channel, (Index: int.MaxValue, Item: channel)).Index;
}
