using CdpMonolith.Platform.Logs;

namespace CdpMonolith.Consent.Contracts;

/// <summary>What a person decided. Never asked is the absence of an entry and counts as no. Stored as these numbers.</summary>
public enum ConsentStatus
{
    Granted = 1,
    Denied = 2,
    Withdrawn = 3,
}

/// <summary>A use that people agree to.</summary>
/// <param name="Key">Stable, lower-case, such as <c>newsletter</c>; what <c>context.consent.categoryPreferences</c> names.</param>
/// <param name="Seen">Made by us because a call or an import named it; nobody has said yet what it means.</param>
public sealed record Purpose(string Key, string Name, string Description, long CreatedAt, bool Seen = false);

/// <summary>The ways to reach people. <see cref="Any"/> is an answer given for all of them.</summary>
public static class Channels
{
    public const string Any = "any";
    public const string Email = "email";
    public const string Sms = "sms";
    public const string Phone = "phone";
    public const string Post = "post";
    public const string Ads = "ads";
    public const string Web = "web";

    public static IReadOnlyList<string> All { get; } = [Any, Email, Sms, Phone, Post, Ads, Web];
}

/// <summary>An entry of the consent ledger: a decision and its evidence, never changed by us, and deleted only with the import that told of it.</summary>
/// <param name="ProfileId">The profile that the evidence names; not necessarily the canonical one.</param>
/// <param name="OccurredAt">When the person decided, Unix ms. See <see cref="HoldsOver"/>.</param>
/// <param name="RecordedAt">When we had it, Unix ms.</param>
/// <param name="Evidence">How we know: a JSON object with <c>kind</c> (call, import, console), event seq, text version, page, actor.</param>
/// <param name="RestatedBy">
/// Null for a decision of its own. Else what keeps saying the same with every call (a browser with a consent banner): of a row of
/// equal entries by the same one, only the earliest is a decision.
/// </param>
public sealed record ConsentEntry(
    long Seq, long ProfileId, string Purpose, string Channel, ConsentStatus Status, long OccurredAt, long RecordedAt,
    string Evidence, string? RestatedBy = null) : ILogEntry
{
    /// <summary>
    /// Of two decisions about the same, the later one holds; of two at the same moment the one that allows less (so the order of
    /// arrival never matters), then the higher seq.
    /// </summary>
    public bool HoldsOver(ConsentEntry other) =>
        (OccurredAt, (int)Status, Seq).CompareTo((other.OccurredAt, (int)other.Status, other.Seq)) > 0;
}

/// <summary>May this person be reached for this purpose on this channel, and by which record?</summary>
/// <param name="Status">Null: never asked.</param>
/// <param name="RecordSeq">The ledger entry that decides; null when there is none.</param>
/// <param name="Reason"><c>consent.granted</c>, <c>consent.denied</c>, <c>consent.withdrawn</c> or <c>consent.never_asked</c>.</param>
public sealed record ConsentAnswer(bool Allowed, ConsentStatus? Status, long? RecordSeq, string Reason)
{
    public static ConsentAnswer NeverAsked { get; } = new(false, null, null, "consent.never_asked");
}

/// <summary>How far a purpose is covered.</summary>
public sealed record ConsentCoverage(string Purpose, string Channel, long Granted, long Denied, long Withdrawn);

/// <summary>What people agreed to, for the modules above.</summary>
public interface IConsent
{
    /// <summary>Name of the ledger as a log.</summary>
    const string Log = "consent.ledger";

    IReadOnlyList<ConsentEntry> Read(long after, int limit);

    Task<IReadOnlyList<Purpose>> PurposesAsync(CancellationToken ct);

    /// <summary>
    /// Answers for people given by their canonical profiles; every one of them is in the answer. A decision for the channel
    /// and one for <see cref="Channels.Any"/> both count: the latest holds.
    /// </summary>
    IReadOnlyDictionary<long, ConsentAnswer> MayReach(IReadOnlyCollection<long> canonicalIds, string purpose, string channel);

    /// <summary>The ledger entries with these seqs, in ascending order.</summary>
    IReadOnlyList<ConsentEntry> Records(IReadOnlyCollection<long> seqs);

    /// <summary>How many people said what, by purpose and channel; an answer given for any channel counts for each one in use.</summary>
    Task<IReadOnlyList<ConsentCoverage>> CoverageAsync(CancellationToken ct);
}
