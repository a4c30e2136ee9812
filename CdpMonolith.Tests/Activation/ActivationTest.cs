using CdpMonolith.Activation.Deliver;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Activation.Sync;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Decide;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CdpMonolith.Tests.Activation;

/// <summary>Activation and Consent on a real store, with people and segments as the test wants them.</summary>
public abstract class ActivationTest
{
    private protected static readonly Actor Mia = new(5, "mia@example.com");

    private TempFolder _folder = null!;

    private protected FakePeople People { get; private set; } = null!;

    private protected FakeSegments Segments { get; private set; } = null!;

    private protected TestStore Test { get; private set; } = null!;

    private protected Destinations Destinations => Test.Get<Destinations>();

    private protected Syncs Syncs => Test.Get<Syncs>();

    private protected Deliverer Deliverer => Test.Get<Deliverer>();

    private protected ManualClock Clock => Test.Clock;

    [SetUp]
    public async Task Open()
    {
        _folder = new TempFolder();
        People = new FakePeople();
        Segments = new FakeSegments(() => Test.Clock.NowMs);
        Test = Start();
        for (var id = 1; id <= 9; id++)
        {
            People.Add(id, $"p{id}@example.com", new { firstName = $"P{id}", plan = "gold" });
        }

        await Test.Get<Purposes>().CreateAsync(new NewPurpose("newsletter", "Newsletter", null), Mia, default);
    }

    [TearDown]
    public async Task Close()
    {
        await Test.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>As after the end of the process: what was in memory is gone.</summary>
    private protected async Task RestartAsync()
    {
        var now = Clock.GetUtcNow();
        await Test.DisposeAsync();
        Test = Start();
        Clock.Advance(now - Clock.GetUtcNow());
    }

    private protected async Task GrantAsync(params long[] people) => await SayAsync(ConsentStatus.Granted, people);

    private protected async Task WithdrawAsync(params long[] people) => await SayAsync(ConsentStatus.Withdrawn, people);

    private protected async Task<Destination> WebhookAsync(string address, string name = "Mailer", bool allowLocal = true) =>
        (await Destinations.CreateAsync(
            new NewDestination("webhook", name, new Dictionary<string, string?> { ["url"] = address, ["allowLocal"] = allowLocal ? "true" : "false" }),
            Mia, default)).Value;

    private protected async Task<SegmentSync> SyncAsync(Destination destination, string name = "Regulars to mailer", bool start = true)
    {
        var sync = (await Syncs.CreateAsync(
            new NewSync(name, 1, destination.Id, "newsletter", Channels.Email, null, [new MappedTrait("firstName", "FNAME")]), Mia, default)).Value;
        return start ? (await Syncs.StartAsync(sync.Id, Mia, default)).Value : sync;
    }

    /// <summary>Lets the stages and the comparing take what is there.</summary>
    private protected async Task QueueAsync()
    {
        await Test.CatchUpAsync();
        await Test.Get<Reconciler>().RunAsync(default);
    }

    /// <summary>Queues and sends all that is due now.</summary>
    private protected async Task DeliverAsync()
    {
        await QueueAsync();
        await Deliverer.DeliverDueAsync(default);
    }

    private protected async Task<IReadOnlyList<Delivery>> LogAsync(long syncId = 1) =>
        [.. (await Test.Get<DeliveryStore>().OfSyncAsync(syncId, null, long.MaxValue, 1000, default)).Reverse()];

    private protected async Task<DeliveryState> StateOfAsync(long profileId, long syncId = 1) =>
        (await LogAsync(syncId)).Last(delivery => delivery.ProfileId == profileId).State;

    private protected virtual void Change(IServiceCollection services)
    {
    }

    private async Task SayAsync(ConsentStatus status, long[] people)
    {
        Clock.Advance(TimeSpan.FromSeconds(1));
        foreach (var id in people)
        {
            var said = await Test.Get<Decisions>().RecordAsync(
                new NewDecision(id, "newsletter", Channels.Email, status, null, "form", "v1", null), Mia, default);
            Assert.That(said.Problem, Is.Null);
        }
    }

    private TestStore Start()
    {
        var test = new TestStore(
            services =>
            {
                services.RemoveAll<IStage>().AddStage<MembershipStage>().AddStage<ConsentStage>()
                    .AddSingleton<IProfiles>(People).AddSingleton<IEventLog>(People).AddSingleton<ISegments>(Segments);
                Change(services);
            }, _folder);
        test.Get<Deliverer>().Jitter = () => 1;
        return test;
    }
}
