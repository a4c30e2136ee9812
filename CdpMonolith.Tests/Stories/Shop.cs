using CdpMonolith.Activation.Sync;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Decide;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Stories;

/// <summary>A small shop that has set the product up: a website, buyers as a segment, and a mailer that hears of them.</summary>
internal sealed record Shop(Source Source, long SegmentId, long SyncId)
{
    public const string Buyers = """{"version":1,"match":{"kind":"event","event":"Order Completed"}}""";

    public static async Task<Shop> OpenAsync(TestApp app, string mailer)
    {
        var me = Actor.CommandLine;
        var source = (await app.Get<Sources>().CreateAsync(me, "Web shop", SourceKind.Website, default)).Value;
        await app.Get<Purposes>().CreateAsync(new NewPurpose("newsletter", "Newsletter", null), me, default);
        var segment = (await app.Get<Segments>().CreateAsync(new WantedSegment("Buyers", null, Buyers), me, default)).Value;
        var destination = (await app.Get<Destinations>().CreateAsync(
            new NewDestination("webhook", "Mailer", new Dictionary<string, string?> { ["url"] = mailer, ["allowLocal"] = "true" }), me, default)).Value;
        var sync = (await app.Get<Syncs>().CreateAsync(
            new NewSync("Buyers to mailer", segment.Id, destination.Id, "newsletter", Channels.Email, null, null), me, default)).Value;
        await app.Get<Syncs>().StartAsync(sync.Id, me, default);
        return new Shop(source, segment.Id, sync.Id);
    }
}

/// <summary>Waiting for what happens by itself, bounded.</summary>
internal static class Eventually
{
    public static async Task<T> SeeAsync<T>(Func<Task<T?>> look, TimeSpan within) where T : class
    {
        var until = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (await look() is { } seen)
            {
                return seen;
            }

            Assert.That(TimeProvider.System.GetElapsedTime(until), Is.LessThan(within), "it did not happen in time");
            await Task.Delay(20);
        }
    }
}
