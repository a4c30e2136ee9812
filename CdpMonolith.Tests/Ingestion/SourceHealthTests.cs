using CdpMonolith.Consent.Decide;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

public sealed class SourceHealthTests
{
    /// <summary>Open from 8 to 20 o'clock, seven days a week.</summary>
    private static IEnumerable<long> ShopHours(int days) =>
        from day in Enumerable.Range(0, days) from hour in Enumerable.Range(8, 12) select (day * 24L) + hour;

    [Test]
    public void Nights_are_usual() => Assert.That(Silence.Usual([.. ShopHours(28)], 28 * 24), Is.EqualTo(12));

    [Test]
    public void Weekends_are_usual_once_there_were_three_of_them()
    {
        var hours = ShopHours(28).Where(hour => hour / 24 % 7 < 5).ToList();
        Assert.That(Silence.Usual(hours, 28 * 24), Is.EqualTo(60));
    }

    [Test]
    public void Two_mishaps_are_not_taken_for_usual()
    {
        var hours = ShopHours(28).Where(hour => hour / 24 is not (5 or 6 or 15 or 16 or 17)).ToList();
        Assert.That(Silence.Usual(hours, 28 * 24), Is.EqualTo(12));
    }

    [TestCase(6, null)]
    [TestCase(7, 12)]
    public void In_the_first_week_nobody_knows(int days, int? usual) => Assert.That(Silence.Usual([.. ShopHours(days)], (days * 24) + 8), Is.EqualTo(usual));

    [Test]
    public void Nothing_heard_says_nothing() => Assert.That(Silence.Usual([], 1000), Is.Null);

    [TestCase(1.9, 0, false)]
    [TestCase(2.1, 0, true)]
    [TestCase(12, 12, false)]
    [TestCase(19.4, 12, false)]
    [TestCase(19.6, 12, true)]
    [TestCase(1000, null, false)]
    public void Half_as_long_again_is_unusual(double silent, int? usual, bool unusual) => Assert.That(Silence.IsUnusual(silent, usual), Is.EqualTo(unusual));

    [Test]
    public async Task A_source_that_falls_silent_is_reported_until_it_speaks_again()
    {
        await using var door = await Door.OpenAsync();
        var (clock, health) = (door.Test.Clock, door.Test.Get<SourceHealths>());
        for (var hour = 0; hour < 8 * 24; hour++)
        {
            await SendAsync();
            clock.Advance(TimeSpan.FromHours(1));
        }

        var before = health.Of(door.Source);
        clock.Advance(TimeSpan.FromHours(5));
        var silent = health.Of(door.Source);
        var reported = door.Test.Get<IIngestionReport>().Quiet().Select(source => source.Id).ToList();
        await SendAsync();
        var after = health.Of(door.Source);
        await door.Test.Get<Sources>().SetEnabledAsync(Actor.System, door.Source.Id, false, default);
        clock.Advance(TimeSpan.FromHours(50));
        using (Assert.EnterMultipleScope())
        {
            Assert.That((before.UsualHours, before.IsQuiet), Is.EqualTo((0, false)));
            Assert.That((silent.UsualHours, silent.IsQuiet), Is.EqualTo((0, true)));
            Assert.That(reported, Is.EqualTo(new[] { door.Source.Id }));
            Assert.That(after.IsQuiet, Is.False);
            Assert.That(door.Test.Get<IIngestionReport>().Quiet(), Is.Empty, "who is switched off is silent on purpose");
        }

        async Task SendAsync()
        {
            await door.SendAsync("{'batch':[{'type':'page','userId':'u'}]}");
            await door.Test.Get<Tallies>().SaveAsync(default);
        }
    }

    [Test]
    public async Task When_a_key_was_last_used_is_known_and_survives_a_restart()
    {
        using var folder = new TempFolder();
        string old;
        long used;
        await using (var before = await Door.OpenAsync(folder))
        {
            var map = before.Test.Get<SourceMap>();
            Assert.That(map.KeysOf(before.Source.Id).Single().LastUsedAt, Is.Null);
            old = before.Source.WriteKey;
            used = before.Test.Clock.NowMs;
            map.FindByKey(old);
            await before.Test.Get<Sources>().RotateKeyAsync(Actor.System, before.Source.Id, default);
            Assert.That(map.KeysOf(before.Source.Id).Select(key => key.LastUsedAt), Is.EqualTo(new long?[] { null, used }));
            await before.Test.Get<Tallies>().SaveAsync(default);
        }

        await using var after = await Door.OpenAsync(folder);
        var keys = after.Test.Get<SourceMap>().KeysOf(after.Source.Id);
        Assert.That(keys.Select(key => (key.Key == old, key.LastUsedAt)), Is.EqualTo(new (bool, long?)[] { (false, null), (true, used) }));
    }

    [Test]
    public async Task Who_watches_a_source_sees_what_is_blocked_and_what_is_turned_away()
    {
        await using var door = await Door.OpenAsync();
        await door.Test.Get<Purposes>().CreateAsync(new NewPurpose(null, "Analytics", null), Actor.System, default);
        var source = (await door.Test.Get<Sources>().SetAsync(Actor.System, door.Source.Id, SourceSettings.Default with { Consent = "analytics" }, default)).Value;
        using var watch = door.Test.Get<LiveFeed>().Follow(source.Id);
        await door.SendAsync("{'batch':[{'type':'page','userId':'u'}]}");
        var acceptor = door.Test.Get<Acceptor>();
        acceptor.TurnAway(source, acceptor.Read("""{"event":"E","userId":"u"}"""u8.ToArray(), new Arrival(CallType.Track)), new Arrival(CallType.Track));
        var counts = door.Test.Get<Tallies>().Of(source.Id);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(watch.Newest(10).Select(call => call.Verdict), Is.EqualTo(new[] { LiveVerdict.TurnedAway, LiveVerdict.Blocked }));
            Assert.That(watch.Newest(10).Select(call => (call.Reason, call.Type)), Is.EqualTo(new (string?, CallType?)[] { (null, CallType.Track), (null, CallType.Page) }));
            Assert.That((counts.Blocked, counts.TurnedAway, counts.Stored, counts.Quarantined), Is.EqualTo((1L, 1L, 0L, 0L)));
        }
    }
}
