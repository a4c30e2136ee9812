namespace CdpMonolith.Activation.Contracts;

/// <summary>How deliveries stand.</summary>
/// <param name="Pending">Waiting for their first try or the next one.</param>
/// <param name="Withheld">Not sent, for a reason we can show.</param>
/// <param name="Parked">Gave up or refused for good; kept to be sent again by hand.</param>
public sealed record DeliveryFacts(long Pending, long Delivered, long Withheld, long Parked);

/// <summary>Deliveries that ended within an hour.</summary>
/// <param name="Hour">Start of the hour, Unix ms.</param>
public sealed record DeliveriesOfHour(long Hour, long Delivered, long Withheld, long Failed);

/// <summary>Activation, for reports.</summary>
public interface IActivation
{
    Task<DeliveryFacts> FactsAsync(CancellationToken ct);

    /// <summary>How many destinations there are.</summary>
    Task<int> DestinationsAsync(CancellationToken ct);

    Task<IReadOnlyList<DeliveriesOfHour>> PerHourAsync(long from, CancellationToken ct);
}
