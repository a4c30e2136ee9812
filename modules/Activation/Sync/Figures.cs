using CdpMonolith.Activation.Contracts;
using CdpMonolith.Activation.Storage;

namespace CdpMonolith.Activation.Sync;

/// <summary>Activation, for reports.</summary>
internal sealed class Figures(DeliveryStore deliveries, DestinationStore destinations) : IActivation
{
    public async Task<DeliveryFacts> FactsAsync(CancellationToken ct)
    {
        var counts = await deliveries.CountsAsync(ct);
        return new DeliveryFacts(
            counts.Sum(sync => sync.Pending), counts.Sum(sync => sync.Delivered), counts.Sum(sync => sync.Withheld),
            counts.Sum(sync => sync.Parked));
    }

    public async Task<int> DestinationsAsync(CancellationToken ct) => (await destinations.ListAsync(ct)).Count;

    public Task<IReadOnlyList<DeliveriesOfHour>> PerHourAsync(long from, CancellationToken ct) => deliveries.PerHourAsync(from, ct);
}
