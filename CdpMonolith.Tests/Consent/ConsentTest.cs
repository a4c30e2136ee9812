using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Decide;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CdpMonolith.Tests.Consent;

/// <summary>Consent on a real store, with people as the test wants them.</summary>
public abstract class ConsentTest
{
    private protected static readonly DateTimeOffset Monday = ManualClock.Start - TimeSpan.FromDays(7);

    private protected FakePeople People { get; private set; } = null!;

    private protected TestStore Test { get; private set; } = null!;

    private protected IConsent Consent => Test.Get<IConsent>();

    [SetUp]
    public void Open()
    {
        People = new FakePeople();
        Test = new TestStore(services => services.RemoveAll<IStage>().AddStage<RecordStage>()
            .AddSingleton<IProfiles>(People).AddSingleton<IEventLog>(People));
    }

    [TearDown]
    public async Task Close() => await Test.DisposeAsync();

    private protected static object Preferences(params (string Purpose, bool Agreed)[] preferences) => new
    {
        context = new { consent = new { categoryPreferences = preferences.ToDictionary(p => p.Purpose, p => p.Agreed) } },
    };

    private protected static object Decided(string purpose, string status, string? channel = null, DateTimeOffset? at = null) => new
    {
        context = new
        {
            consent = new { decisions = new[] { new { purpose, channel, status, at = at?.ToString("O"), textVersion = "v3", source = "summer form" } } },
        },
    };

    private protected Task RecordAsync() => Test.CatchUpAsync();

    private protected ConsentAnswer Answer(long profileId, string purpose, string channel = Channels.Email) =>
        Consent.MayReach([profileId], purpose, channel)[profileId];

    private protected IReadOnlyList<ConsentEntry> Ledger() => Consent.Read(0, 1000);
}
