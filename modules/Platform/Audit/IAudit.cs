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

    Task<IReadOnlyList<AuditEntry>> ReadAsync(long before, int limit, string? text, CancellationToken ct);
}
