namespace CdpMonolith.Activation.Rules;

/// <summary>What happened to a person's membership. Stored as these numbers.</summary>
internal enum DeliveryChange
{
    Entered = 1,
    Left = 2,
}

/// <summary>Why a delivery was queued. Stored as these numbers.</summary>
internal enum DeliveryCause
{
    /// <summary>The person entered or left the segment.</summary>
    Membership = 1,

    /// <summary>The members were compared with what the destination had been told.</summary>
    Reconciled = 2,

    /// <summary>The person, still in the segment, gave or took back consent.</summary>
    Consent = 3,
}

/// <summary>Where a delivery stands. Stored as these numbers.</summary>
internal enum DeliveryState
{
    Pending = 1,
    Delivered = 2,

    /// <summary>Not sent, for a reason we can show.</summary>
    Withheld = 3,

    /// <summary>Refused for good, or tried for too long; kept to be sent again by hand.</summary>
    Parked = 4,

    /// <summary>Something newer about the same person made it pointless.</summary>
    Superseded = 5,
}

/// <summary>Why a delivery ended or waits: codes that the console has a sentence for.</summary>
internal static class Reasons
{
    public const string NewerChange = "sync.newer_change";
    public const string NothingToRemove = "sync.nothing_to_remove";
    public const string Merged = "person.merged";
    public const string Gone = "person.gone";
    public const string NoIdentifier = "person.no_identifier";

    public const string Timeout = "http.timeout";
    public const string Unreachable = "http.unreachable";
    public const string NotTrusted = "http.not_trusted";
    public const string AddressRefused = "http.address_refused";
    public const string Unavailable = "http.unavailable";
    public const string Throttled = "http.throttled";
    public const string Moved = "http.moved";
    public const string Unauthorized = "http.unauthorized";
    public const string NotFound = "http.not_found";
    public const string Gone410 = "http.gone";
    public const string TooLarge = "http.too_large";
    public const string Rejected = "http.rejected";
    public const string SecretUnreadable = "destination.secret_unreadable";
}
