using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Platform.Audit;

/// <summary>One act that was done: who, what, to what, when.</summary>
/// <param name="At">Unix ms.</param>
/// <param name="Action"><c>thing.done</c>, such as <c>source.created</c>, <c>segment.exported</c>.</param>
/// <param name="Subject">What it was done to, such as <c>source:3</c>; never personal data.</param>
/// <param name="Details">JSON object with what changed; never personal data, never a secret. Null when there is nothing to add.</param>
public sealed record AuditEntry(long Seq, long At, long? UserId, string Actor, string Action, string Subject, string? Details);

/// <summary>The record of acts, append-only. An act and its record are one transaction.</summary>
public interface IAudit
{
    /// <param name="details">Is written as JSON; null when there is nothing to add.</param>
    void Record(WriteSession write, Actor actor, string action, string subject, object? details = null);

    /// <summary>Entries before a seq, newest first.</summary>
    /// <param name="before"><see cref="long.MaxValue"/> for the newest.</param>
    /// <param name="text">Only those with this text in their actor, action or subject; null or empty for all.</param>
    Task<IReadOnlyList<AuditEntry>> ReadAsync(long before, int limit, string? text, CancellationToken ct);

    /// <summary>Reads the whole trail and tells where it was changed, if anywhere.</summary>
    Task<AuditCheck> VerifyAsync(CancellationToken ct);
}

/// <summary>What a check of the trail found.</summary>
/// <param name="Sound">How many entries from the first on are as they were written.</param>
/// <param name="Hash">SHA-256 over those, lower-case hex; note it elsewhere to be able to prove that all of it was rewritten.</param>
/// <param name="BrokenAt">Seq of the first entry that was changed, removed or put elsewhere; null when all is sound.</param>
public sealed record AuditCheck(long Sound, string Hash, long? BrokenAt);
