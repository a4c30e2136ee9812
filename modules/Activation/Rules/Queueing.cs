namespace CdpMonolith.Activation.Rules;

/// <summary>The last that was queued for a person in a sync.</summary>
internal readonly record struct LastDelivery(long Id, DeliveryChange Change, DeliveryCause Cause, DeliveryState State, long Tries);

/// <summary>What to do with news about a person.</summary>
internal enum QueueAction
{
    Nothing,
    Insert,

    /// <summary>Insert, and the one before, which nobody was told of, is superseded.</summary>
    Replace,

    /// <summary>The one that was withheld is asked again.</summary>
    AskAgain,

    /// <summary>The removal stays as it is, but from now on because of the segment: consent alone brings nobody back.</summary>
    TakeCause,
}

/// <summary>Decides by the last delivery of a person whether a change is news. At most one per person and sync is ever pending.</summary>
internal static class Queueing
{
    public static QueueAction Of(LastDelivery? last, DeliveryChange change, DeliveryCause cause)
    {
        if (last is not { } known)
        {
            // Who was never told of need not be removed; consent alone makes nobody a member.
            return change == DeliveryChange.Entered && cause != DeliveryCause.Consent ? QueueAction.Insert : QueueAction.Nothing;
        }

        if (known.Change == change)
        {
            return change == DeliveryChange.Left
                ? known.Cause == DeliveryCause.Consent && cause != DeliveryCause.Consent ? QueueAction.TakeCause : QueueAction.Nothing
                : known.State == DeliveryState.Withheld ? QueueAction.AskAgain : QueueAction.Nothing;
        }

        if (cause == DeliveryCause.Consent && !Concerns(known, change))
        {
            return QueueAction.Nothing;
        }

        return known.State is DeliveryState.Pending or DeliveryState.Parked ? QueueAction.Replace : QueueAction.Insert;
    }

    private static bool Concerns(LastDelivery known, DeliveryChange change) => change == DeliveryChange.Entered
        ? known.Cause == DeliveryCause.Consent
        // What was never tried is asked for consent when it is sent; what was tried may have arrived.
        : known.State is not (DeliveryState.Pending or DeliveryState.Withheld) || known.Tries > 0;
}
