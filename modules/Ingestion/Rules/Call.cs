using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// One call on its way through the door. Its parts point into the bytes of the request wherever they can, so it must not
/// outlive them. A part of length 0 was not sent.
/// </summary>
internal sealed class Call
{
    /// <summary>What was sent: from brace to brace.</summary>
    public ReadOnlyMemory<byte> Raw { get; set; }

    /// <summary>What is kept: as sent, with the batch's context and integrations merged in.</summary>
    public ReadOnlyMemory<byte> Body { get; set; }

    /// <summary>0: not known yet.</summary>
    public CallType Type { get; set; }

    public ReadOnlyMemory<byte> TypeText { get; set; }

    public ReadOnlyMemory<byte> MessageId { get; set; }

    public ReadOnlyMemory<byte> UserId { get; set; }

    public ReadOnlyMemory<byte> AnonymousId { get; set; }

    public ReadOnlyMemory<byte> PreviousId { get; set; }

    public ReadOnlyMemory<byte> GroupId { get; set; }

    /// <summary>The member <c>event</c>.</summary>
    public ReadOnlyMemory<byte> Event { get; set; }

    /// <summary>First the member <c>name</c>; once complete, what <see cref="Contracts.Event.Name"/> says.</summary>
    public ReadOnlyMemory<byte> Name { get; set; }

    /// <summary>The member <c>properties.name</c>, where some clients put the name of a page.</summary>
    public ReadOnlyMemory<byte> NameInside { get; set; }

    public ReadOnlyMemory<byte> WriteKey { get; set; }

    /// <summary>Where the value of <c>context</c> stands in <see cref="Raw"/>; empty: not sent.</summary>
    public Range Context { get; set; }

    /// <summary>Where the value of <c>integrations</c> stands in <see cref="Raw"/>; empty: not sent.</summary>
    public Range Integrations { get; set; }

    public long Timestamp { get; set; } = Times.Absent;

    public long OriginalTimestamp { get; set; } = Times.Absent;

    public long SentAt { get; set; } = Times.Absent;

    public long OccurredAt { get; set; }

    public EventFlags Flags { get; set; }

    /// <summary>Why it cannot become an event; null: it can.</summary>
    public Refusal? Refusal { get; set; }

    /// <summary>What its message id is looked up by.</summary>
    public long Key { get; set; }

    /// <summary>Its event, once stored; the earlier event, when it is a duplicate. 0: neither.</summary>
    public long Seq { get; set; }

    public bool IsDuplicate { get; set; }
}
