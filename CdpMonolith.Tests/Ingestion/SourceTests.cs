using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

public sealed class SourceTests
{
    [Test]
    public async Task Two_sources_cannot_have_one_name_whatever_its_case()
    {
        await using var test = new TestStore();
        var sources = test.Get<Sources>();
        var shop = (await sources.CreateAsync(Actor.System, " Web shop ", SourceKind.Website, default)).Value;
        var app = (await sources.CreateAsync(Actor.System, "App", SourceKind.App, default)).Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((shop.Name, shop.WriteKey.Length), Is.EqualTo(("Web shop", 32)));
            Assert.That((await sources.CreateAsync(Actor.System, "WEB SHOP", SourceKind.App, default)).Problem!.Code, Is.EqualTo("source.name_taken"));
            Assert.That((await sources.RenameAsync(Actor.System, app.Id, "web shop", default)).Problem!.Code, Is.EqualTo("source.name_taken"));
            Assert.That((await sources.RenameAsync(Actor.System, app.Id, "APP", default)).Value.Name, Is.EqualTo("APP"));
            Assert.That((await sources.RenameAsync(Actor.System, 99, "X", default)).Problem!.Code, Is.EqualTo("source.unknown"));
            Assert.That((await sources.CreateAsync(Actor.System, "  ", SourceKind.App, default)).Problem!.Code, Is.EqualTo("source.name_missing"));
            Assert.That(sources.NameOf(app.Id), Is.EqualTo("APP"));
            Assert.That(sources.NameOf(99), Is.EqualTo("99"));
        }
    }

    [Test]
    public async Task Changes_are_audited_and_never_name_the_key()
    {
        await using var test = new TestStore();
        var sources = test.Get<Sources>();
        var shop = (await sources.CreateAsync(Actor.System, "Shop", SourceKind.Website, default)).Value;
        await sources.RotateKeyAsync(Actor.System, shop.Id, default);
        await sources.SetEnabledAsync(Actor.System, shop.Id, false, default);
        var entries = await test.Get<IAudit>().ReadAsync(long.MaxValue, 10, null, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(entries.Select(e => e.Action).Reverse(), Is.EqualTo(new[] { "source.created", "source.key_rotated", "source.disabled" }));
            Assert.That(entries.Select(e => e.Details ?? ""), Has.None.Contain(shop.WriteKey));
        }
    }

    [Test]
    public async Task An_old_key_ends_by_itself()
    {
        await using var test = new TestStore();
        var sources = test.Get<Sources>();
        var shop = (await sources.CreateAsync(Actor.System, "Shop", SourceKind.Website, default)).Value;
        await sources.RotateKeyAsync(Actor.System, shop.Id, default);
        var map = test.Get<SourceMap>();
        test.Clock.Advance(TimeSpan.FromDays(29));
        var before = map.FindByKey(shop.WriteKey);
        test.Clock.Advance(TimeSpan.FromDays(2));
        Assert.That((before?.Id, map.FindByKey(shop.WriteKey)), Is.EqualTo((shop.Id, (Source?)null)));
    }

    [Test]
    public async Task Counts_of_a_source_survive_a_restart()
    {
        using var folder = new TempFolder();
        await using (var before = await Door.OpenAsync(folder))
        {
            await before.SendAsync("{'batch':[{'type':'page','userId':'u','messageId':'1'},{'type':'page','userId':'u','messageId':'1'},{'type':'page'}]}");
            await before.Test.Get<Tallies>().SaveAsync(default);
            await before.Test.Get<Tallies>().SaveAsync(default);
        }

        await using var after = await Door.OpenAsync(folder);
        await after.SendAsync("{'batch':[{'type':'page','userId':'u'}]}");
        var counts = after.Test.Get<Tallies>().Of(after.Source.Id);
        Assert.That(
            (counts.Stored, counts.Duplicates, counts.Quarantined, counts.LastEventAt), Is.EqualTo((2L, 1L, 1L, (long?)after.Test.Clock.NowMs)));
    }
}
