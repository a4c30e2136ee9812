using CdpMonolith.Platform.Logs;

namespace CdpMonolith.Ingestion.Contracts;

/// <summary>The kinds of call that a source can send. Stored as these numbers.</summary>
public enum CallType
{
    Identify = 1,
    Track = 2,
    Page = 3,
    Screen = 4,
    Group = 5,
    Alias = 6,
}

/// <summary>What was noticed of a call at the door. Stored as these numbers.</summary>
[Flags]
public enum EventFlags
{
    None = 0,

    /// <summary>The time it claimed was unusable or in the future; <see cref="Event.OccurredAt"/> is when it was received.</summary>
    TimeClamped = 1,

    /// <summary>It carries <c>context.consent</c> or is a consent event: the consent stage must look at it.</summary>
    HasConsent = 2,

    /// <summary>It came by an import: history, not something that happens now.</summary>
    Historical = 4,

    /// <summary>It was sent under an older name of the event; <see cref="Event.Name"/> is today's, the body has what was sent.</summary>
    Renamed = 8,

    /// <summary>
    /// It came with <c>Sec-GPC: 1</c>, by which a browser says for its user: do not sell or share my data. W3C, Global Privacy Control.
    /// </summary>
    PrivacyControl = 16,

    /// <summary>The tracking plan took properties out of it before it was stored.</summary>
    Trimmed = 32,

    /// <summary>An identify or alias: it says who somebody is, and is nothing that somebody did. Only where an event was given to a profile.</summary>
    Statement = 64,
}

/// <summary>An accepted call.</summary>
/// <param name="Seq">Its place in the event log.</param>
/// <param name="MessageId">The sender's id, unique within its source; made by us when the sender gave none.</param>
/// <param name="UserId">Null when the call has none; numbers are kept as their text.</param>
/// <param name="Name">Track: the event; page and screen: the name; group: the groupId; else null.</param>
/// <param name="OccurredAt">At the sender, clock-corrected, Unix ms.</param>
/// <param name="SentAt">When the sender says it sent it, Unix ms.</param>
/// <param name="ReceivedAt">When we had it, Unix ms.</param>
/// <param name="ImportId">The import that brought it.</param>
/// <param name="Body">The call as sent: one JSON object in UTF-8, valid, no duplicate keys, depth at most 32.</param>
public sealed record Event(
    long Seq, long SourceId, CallType Type, string MessageId, string? UserId, string? AnonymousId, string? Name,
    long OccurredAt, long? SentAt, long ReceivedAt, EventFlags Flags, long? ImportId, byte[] Body) : ILogEntry;

/// <summary>What of an event can be read without its body.</summary>
/// <param name="ReceivedAt">Unix ms.</param>
public readonly record struct EventHead(long Seq, long SourceId, long ReceivedAt, EventFlags Flags) : ILogEntry;

/// <summary>The event log: every accepted call, in the order of acceptance.</summary>
public interface IEventLog
{
    /// <summary>Its name, for stages that follow it.</summary>
    const string Log = "ingestion.event";

    /// <summary>Events after a seq, in order.</summary>
    IReadOnlyList<Event> Read(long after, int limit);

    /// <summary>The events with these seqs that are still kept, in ascending order.</summary>
    /// <param name="seqs">Ascending; long runs of neighbours are cheap.</param>
    IReadOnlyList<Event> Read(IReadOnlyList<long> seqs);

    /// <summary>As <see cref="Read(long, int)"/>, without names and bodies: for those who only count.</summary>
    IReadOnlyList<EventHead> ReadHeads(long after, int limit) =>
        [.. Read(after, limit).Select(e => new EventHead(e.Seq, e.SourceId, e.ReceivedAt, e.Flags))];
}
