using System.Text.Json;
using CdpMonolith.Consent.Contracts;

namespace CdpMonolith.Consent.Rules;

/// <summary>The latest that a browser said about one purpose.</summary>
/// <param name="InLedger">False: it only said again what the ledger had.</param>
internal readonly record struct Sighting(long OccurredAt, ConsentStatus Status, long EventSeq, bool InLedger)
{
    public bool After(Sighting other) => (OccurredAt, (int)Status).CompareTo((other.OccurredAt, (int)other.Status)) > 0;
}

/// <summary>
/// What one browser, app or server keeps saying about one profile with every call, by purpose. Tells what of it must go into the
/// ledger: changes, and a repeat only when something that came late lies before it.
/// </summary>
internal sealed class Sightings
{
    private readonly Dictionary<string, Sighting> _byPurpose = [];

    public IEnumerable<string> Granted =>
        _byPurpose.Where(seen => seen.Value.Status == ConsentStatus.Granted).Select(seen => seen.Key);

    /// <param name="statusBefore">What the ledger says that the same one said before a moment; null: nothing.</param>
    /// <returns>What must be written, at most two.</returns>
    public IReadOnlyList<Sighting> Take(string purpose, Sighting now, Func<long, ConsentStatus?> statusBefore)
    {
        if (!_byPurpose.TryGetValue(purpose, out var latest))
        {
            _byPurpose[purpose] = now with { InLedger = true };
            return [now];
        }

        if (now.After(latest))
        {
            var repeats = now.Status == latest.Status;
            _byPurpose[purpose] = now with { InLedger = !repeats };
            return repeats ? [] : [now];
        }

        if (now.OccurredAt == latest.OccurredAt && now.Status == latest.Status)
        {
            return [];
        }

        var written = new List<Sighting>(2);
        if (statusBefore(now.OccurredAt) != now.Status)
        {
            written.Add(now);
        }

        if (now.Status != latest.Status && !latest.InLedger)
        {
            written.Add(latest);
            _byPurpose[purpose] = latest with { InLedger = true };
        }

        return written;
    }

    /// <summary>Notes what the ledger gets in any case.</summary>
    public void Note(string purpose, Sighting now)
    {
        if (!_byPurpose.TryGetValue(purpose, out var latest) || now.After(latest))
        {
            _byPurpose[purpose] = now with { InLedger = true };
        }
    }

    public string ToJson() => JsonSerializer.Serialize(_byPurpose.ToDictionary(
        seen => seen.Key,
        seen => new[] { seen.Value.OccurredAt, (long)seen.Value.Status, seen.Value.EventSeq, seen.Value.InLedger ? 1 : 0 }));

    public static Sightings FromJson(string json)
    {
        var sightings = new Sightings();
        foreach (var (purpose, seen) in JsonSerializer.Deserialize<Dictionary<string, long[]>>(json)!)
        {
            sightings._byPurpose[purpose] = new Sighting(seen[0], (ConsentStatus)seen[1], seen[2], seen[3] == 1);
        }

        return sightings;
    }
}
