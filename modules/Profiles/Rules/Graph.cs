using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Profiles.Rules;

/// <summary>What became of a link. Stored as these numbers.</summary>
internal enum LinkState
{
    /// <summary>The two are one person.</summary>
    Active = 1,

    /// <summary>A guard stands against it.</summary>
    Refused = 2,

    /// <summary>A person said no.</summary>
    Cut = 3,
}

/// <summary>What a person said of a link. Stored as these numbers.</summary>
internal enum LinkDecision
{
    None = 0,

    /// <summary>They are not one person, whatever comes.</summary>
    Cut = 1,

    /// <summary>They are one person, whatever the guards say.</summary>
    Join = 2,
}

/// <summary>A profile as the graph sees it; made for one decision and thrown away.</summary>
internal sealed class Node
{
    public required long Id { get; init; }

    public required Identifier Identifier
    {
        get;
        init
        {
            field = value;
            Rank = IdentifierRules.RankOf(value.Type);
            IsAnonymous = value.Type == IdentifierTypes.AnonymousId;
        }
    }

    /// <summary>As <see cref="IdentifierRules.RankOf"/> of its type.</summary>
    public int Rank { get; private init; }

    public required long FirstSeenAt { get; set; }

    public required long SourceId { get; set; }

    /// <summary>The person it belongs to: as stored, then as decided.</summary>
    public required long CanonicalId { get; set; }

    /// <summary>As stored; its own id when it is new, for that is what followers of the log take it for.</summary>
    public required long StoredCanonicalId { get; init; }

    public bool IsNew { get; init; }

    public long NamedLinks { get; set; }

    public long AnonymousLinks { get; set; }

    public long StoredNamedLinks { get; init; }

    public long StoredAnonymousLinks { get; init; }

    public bool IsAnonymous { get; private init; }

    /// <summary>Place in the decision that is being made.</summary>
    public int Index { get; set; } = -1;

    /// <summary>Counts a link to another one for the size alarm.</summary>
    public void CountLinkTo(Node other)
    {
        if (other.IsAnonymous)
        {
            AnonymousLinks++;
        }
        else
        {
            NamedLinks++;
        }
    }

    /// <summary>Whether it is seen together with so many of the other's kind that this proves nothing.</summary>
    public bool IsTooWideFor(Node other, ProfilesOptions limits) =>
        other.IsAnonymous ? AnonymousLinks > limits.AnonymousNeighbours : NamedLinks > limits.KnownNeighbours;

    /// <summary>Whether it has only now come to be too wide: links that held until now fall.</summary>
    public bool HasBecomeTooWideFor(Node other, ProfilesOptions limits) =>
        !IsNew && IsTooWideFor(other, limits)
        && (other.IsAnonymous ? StoredAnonymousLinks <= limits.AnonymousNeighbours : StoredNamedLinks <= limits.KnownNeighbours);
}

/// <summary>Evidence that two profiles are one person; made for one decision and thrown away.</summary>
internal sealed class Link
{
    /// <summary>The end with the smaller id.</summary>
    public required Node Low { get; init; }

    public required Node High { get; init; }

    public required LinkState State { get; set; }

    /// <summary>Null for a new link.</summary>
    public LinkState? StoredState { get; init; }

    /// <summary>Why it is refused: <c>limit:TYPE</c> or <c>shared</c>; else null.</summary>
    public string? Reason { get; set; }

    public string? StoredReason { get; init; }

    public LinkDecision Decision { get; set; }

    /// <summary>When it was first seen, Unix ms.</summary>
    public required long EvidenceAt { get; init; }

    public bool IsTooWide(ProfilesOptions limits) =>
        Decision != LinkDecision.Join && (Low.IsTooWideFor(High, limits) || High.IsTooWideFor(Low, limits));
}
