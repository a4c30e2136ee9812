using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Platform;

public sealed class AuditTests
{
    private static readonly Actor Kari = new(7, "kari@example.no");
    private TestStore _test = null!;

    private IAudit Audit => _test.Get<IAudit>();

    [SetUp]
    public void Open() => _test = new TestStore();

    [TearDown]
    public async Task Close() => await _test.DisposeAsync();

    [Test]
    public async Task An_act_is_kept_with_who_what_and_when_newest_first()
    {
        await RecordAsync(Kari, "source.created", "source:3", new { name = "Nettbutikk Ås", limit = (int?)null });
        _test.Clock.Advance(TimeSpan.FromSeconds(1));
        await RecordAsync(Actor.System, "segment.exported", "segment:9");
        Assert.That(await Audit.ReadAsync(long.MaxValue, 10, null, default), Is.EqualTo(new[]
        {
            new AuditEntry(2, _test.Clock.NowMs, null, "system", "segment.exported", "segment:9", null),
            new AuditEntry(1, _test.Clock.NowMs - 1000, 7, "kari@example.no", "source.created", "source:3", "{\"name\":\"Nettbutikk Ås\"}"),
        }));
    }

    [Test]
    public async Task Words_are_kept_and_not_the_numbers_that_stand_for_them_in_the_program()
    {
        await RecordAsync(Kari, "plan.event_removed", "plan", new { type = DayOfWeek.Tuesday });
        Assert.That((await Audit.ReadAsync(long.MaxValue, 1, null, default)).Single().Details, Is.EqualTo("{\"type\":\"tuesday\"}"));
    }

    [Test]
    public async Task Pages_follow_each_other_and_text_filters_literally()
    {
        for (var id = 1; id <= 5; id++)
        {
            await RecordAsync(Kari, id == 4 ? "data_100%.done" : "source.created", $"source:{id}");
        }

        var second = await Audit.ReadAsync(4, 2, "SOURCE", default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(second.Select(e => e.Seq), Is.EqualTo(new[] { 3, 2 }));
            Assert.That((await Audit.ReadAsync(long.MaxValue, 9, "0%.", default)).Select(e => e.Seq), Is.EqualTo(new[] { 4 }));
            Assert.That(await Audit.ReadAsync(long.MaxValue, 9, "s%e", default), Is.Empty);
            Assert.That((await Audit.ReadAsync(long.MaxValue, 9, "Kari@", default)).Count, Is.EqualTo(5));
        }
    }

    [Test]
    public async Task An_act_that_is_undone_leaves_no_record()
    {
        Assert.That(
            async () => await _test.Store.WriteAsync(
                write =>
                {
                    Audit.Record(write, Kari, "source.created", "source:1");
                    throw new InvalidOperationException("changed its mind");
                }, default),
            Throws.InvalidOperationException);
        await RecordAsync(Kari, "source.created", "source:2");
        var check = await Audit.VerifyAsync(default);
        Assert.That((check.Sound, check.BrokenAt), Is.EqualTo((1L, (long?)null)));
    }

    [TestCase("UPDATE platform_audit SET actor = 'ola@example.no' WHERE seq = 3", 3)]
    [TestCase("UPDATE platform_audit SET details = NULL WHERE seq = 2", 2)]
    [TestCase("UPDATE platform_audit SET at = at + 1 WHERE seq = 1", 1)]
    [TestCase("DELETE FROM platform_audit WHERE seq = 4", 4)]
    [TestCase("DELETE FROM platform_audit WHERE seq = 6", 6)]
    [TestCase("DELETE FROM platform_audit WHERE seq = 4; UPDATE platform_audit SET seq = seq - 1 WHERE seq > 4", 4)]
    [TestCase("UPDATE platform_audit SET seq = -2 WHERE seq = 2; UPDATE platform_audit SET seq = 2 WHERE seq = 5; UPDATE platform_audit SET seq = 5 WHERE seq = -2", 2)]
    public async Task A_trail_that_somebody_edited_says_where(string edit, long brokenAt)
    {
        for (var id = 1; id <= 6; id++)
        {
            await RecordAsync(Kari, "source.created", $"source:{id}", new { id });
        }

        Assert.That((await Audit.VerifyAsync(default)).BrokenAt, Is.Null);
        await _test.Store.WriteAsync(write => { write.Execute(edit); }, default);
        Assert.That((await Audit.VerifyAsync(default)).BrokenAt, Is.EqualTo(brokenAt));
    }

    private Task RecordAsync(Actor actor, string action, string subject, object? details = null) =>
        _test.Store.WriteAsync(write => Audit.Record(write, actor, action, subject, details), default);
}
