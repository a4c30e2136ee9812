using CdpMonolith.Activation.Contracts;
using CdpMonolith.Activation.Storage;

namespace CdpMonolith.Activation.Sync;

/// <summary>Activation, for reports.</summary>
internal sealed class Figures(DeliveryStore deliveries) : IActivation
{
    public async Task<DeliveryFacts> FactsAsync(CancellationToken ct)
    {
        var counts = await deliveries.CountsAsync(ct);
        return new DeliveryFacts(
            counts.Sum(sync => sync.Pending), counts.Sum(sync => sync.Delivered), counts.Sum(sync => sync.Withheld),
            counts.Sum(sync => sync.Parked));
    }

    public Task<IReadOnlyList<DeliveriesOfHour>> PerHourAsync(long from, CancellationToken ct) => deliveries.PerHourAsync(from, ct);
}
