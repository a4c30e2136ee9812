using System.Text;
using CdpMonolith.Ingestion;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Jobs;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Tests.Ingestion;

public sealed class QuarantineTests
{
    private Door _door = null!;
    private QuarantineDesk _desk = null!;

    [SetUp]
    public async Task Open()
    {
        _door = await Door.OpenAsync();
        _desk = _door.Test.Get<QuarantineDesk>();
    }

    [TearDown]
    public async Task Close() => await _door.DisposeAsync();

    [Test]
    public async Task A_mended_call_becomes_the_event_it_should_have_been_with_its_batch_and_its_time()
    {
        await _door.SendAsync("{'context':{'ip':'9.9.9.9'},'sentAt':'2026-03-02T10:00:00Z','batch':[{'type':'track','userId':'u1','timestamp':'2026-03-02T09:59:00Z'}]}");
        var received = _door.Test.Clock.NowMs;
        _door.Test.Clock.Advance(TimeSpan.FromHours(3));
        var id = (await _door.QuarantineAsync()).Single().Id;

        var asItWas = await _desk.ReplayAsync(Actor.System, id, null, default);
        var tries = (await _door.QuarantineAsync()).Single().Tries;
        var mended = await _desk.ReplayAsync(
            Actor.System, id, "{\"type\":\"track\",\"userId\":\"u1\",\"event\":\"Paid\",\"timestamp\":\"2026-03-02T09:59:00Z\"}", default);

        var stored = _door.Events().Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((asItWas.Problem!.Code, tries), Is.EqualTo(("event.name_missing", 1L)));
            Assert.That(mended.Value, Is.EqualTo(new ReplayCount(1, 0)));
            Assert.That((stored.Name, stored.ReceivedAt, stored.OccurredAt), Is.EqualTo(("Paid", received, received - 60_000)));
            Assert.That(Encoding.UTF8.GetString(stored.Body), Does.Contain("9.9.9.0"));
            Assert.That(await _door.QuarantineAsync(), Is.Empty);
        }
    }

    [Test]
    public async Task A_call_refused_on_a_path_of_its_type_is_replayed_as_that_type()
    {
        await _door.SendAsync("{'userId':'u1'}", new Arrival(CallType.Track));
        await _desk.ReplayAsync(Actor.System, 1, "{\"userId\":\"u1\",\"event\":\"Paid\"}", default);
        Assert.That(_door.Events().Select(e => (e.Type, e.Name)), Is.EqualTo(new[] { (CallType.Track, "Paid") }));
    }

    [Test]
    public async Task A_body_that_was_broken_is_replayed_as_a_batch_and_its_bad_calls_stay()
    {
        await _door.SendAsync("{'batch':[{'type':'page','userId':'u1'},{'type':'page'}");
        await _desk.ReplayAsync(Actor.System, 1, "{\"batch\":[{\"type\":\"page\",\"userId\":\"u1\"},{\"type\":\"page\"}]}", default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_door.Events().Select(e => e.UserId), Is.EqualTo(new[] { "u1" }));
            Assert.That((await _door.QuarantineAsync()).Select(q => q.Reason), Is.EqualTo(new[] { "event.id_missing" }));
        }
    }

    [Test]
    public async Task Everything_of_a_reason_can_be_replayed_or_dismissed()
    {
        await _door.SendAsync("{'batch':[{'type':'page'},{'type':'page'},{'type':'track','userId':'u'}]}");
        var replayed = await _desk.ReplayAllAsync(Actor.System, "event.id_missing", default);
        var dismissed = await _desk.DismissAllAsync(Actor.System, "event.id_missing", default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((replayed, dismissed), Is.EqualTo((new ReplayCount(0, 2), 2)));
            Assert.That(_door.Test.Get<Tallies>().Of(_door.Source.Id).Quarantined, Is.EqualTo(3), "a replay that fails puts nothing more aside");
            Assert.That((await _door.QuarantineAsync()).Select(q => q.Reason), Is.EqualTo(new[] { "event.name_missing" }));
        }
    }

    [Test]
    public async Task Those_of_one_source_are_read_and_counted_by_themselves()
    {
        await _door.SendAsync("{'batch':[{'type':'page'},{'type':'page'},{'type':'track','userId':'u'}]}");
        var till = (await _door.Test.Get<Sources>().CreateAsync(Actor.System, "Till", SourceKind.Server, default)).Value;
        var acceptor = _door.Test.Get<Acceptor>();
        var body = Encoding.UTF8.GetBytes("{\"batch\":[{\"type\":\"page\"}]}");
        await acceptor.AcceptAsync(till, acceptor.Read(body, Arrival.Batch), body, Arrival.Batch);
        var store = _door.Test.Get<QuarantineStore>();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await store.ReadAsync(null, till.Id, long.MaxValue, 9, default)).Select(item => item.Id), Is.EqualTo(new[] { 4L }));
            Assert.That((await store.ReadAsync("event.id_missing", _door.Source.Id, 2, 9, default)).Select(item => item.Id), Is.EqualTo(new[] { 1L }));
            Assert.That(await store.IdsAsync("event.id_missing", _door.Source.Id, default), Is.EqualTo(new[] { 1L, 2L }));
            Assert.That(
                (await store.CountsAsync(_door.Source.Id, default)).Select(count => (count.Reason, count.Count)),
                Is.EqualTo(new[] { ("event.id_missing", 2L), ("event.name_missing", 1L) }));
            Assert.That((await store.CountsAsync(null, default)).Sum(count => count.Count), Is.EqualTo(4));
        }
    }

    [Test]
    public async Task Replaying_what_is_stored_already_changes_nothing()
    {
        await _door.SendAsync("{'messageId':'m','type':'track','userId':'u'}", new Arrival(Route: null));
        await _door.SendAsync("{'messageId':'m','type':'track','userId':'u','event':'E'}", new Arrival(Route: null));
        await _desk.ReplayAsync(Actor.System, 1, "{\"messageId\":\"m\",\"type\":\"track\",\"userId\":\"u\",\"event\":\"E\"}", default);
        Assert.That((_door.Events().Count, (await _door.QuarantineAsync()).Count), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task What_was_kept_only_in_part_cannot_be_replayed_as_it_is()
    {
        await _door.SendAsync($"{{'batch':[{{'type':'identify','userId':'u1','traits':{{'a':'{new string('x', 40_000)}'}}}}]}}");
        var outcome = await _desk.ReplayAsync(Actor.System, 1, null, default);
        Assert.That(outcome.Problem!.Code, Is.EqualTo("quarantine.head_only"));
    }

    [Test]
    public async Task What_lies_there_for_too_long_or_takes_too_much_room_is_thrown_away_oldest_first()
    {
        var job = _door.Test.Get<IEnumerable<IJob>>().OfType<TidyJob>().Single();
        await _door.SendAsync("{'batch':[{'type':'page'}]}");
        _door.Test.Clock.Advance(TimeSpan.FromDays(60));
        await _door.SendAsync("{'batch':[{'type':'page'},{'type':'screen'}]}");
        Assert.That(await RunAsync(), Does.StartWith("Thrown away: 0 calls"));

        _door.Test.Clock.Advance(TimeSpan.FromDays(31));
        Assert.That(await RunAsync(), Does.StartWith("Thrown away: 1 calls"));
        Assert.That((await _door.QuarantineAsync()).Select(item => item.Id).Order(), Is.EqualTo(new[] { 2L, 3L }));

        _door.Test.Get<IOptions<IngestionOptions>>().Value.QuarantineMiB = 1;
        var filler = new string('x', 30_000);
        for (var n = 0; n < 40; n++)
        {
            await _door.SendAsync($"{{'batch':[{{'type':'page','x':'{filler}'}}]}}");
        }

        await RunAsync();
        var left = await _door.QuarantineAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(left.Sum(item => (long)item.Raw.Length), Is.LessThanOrEqualTo(1 << 20).And.GreaterThan(1_000_000));
            Assert.That(left.Max(item => item.Id), Is.EqualTo(43));
        }

        Task<string> RunAsync() => job.RunAsync(new JobRun(1, _door.Test.Clock.NowMs, (_, _) => Task.CompletedTask), default);
    }

    [Test]
    public async Task Those_that_were_picked_are_replayed_or_dismissed_and_all_are_exported()
    {
        await _door.SendAsync("{'batch':[{'type':'page'},{'type':'screen'},{'type':'track','userId':'u'}]}");
        var lines = new List<Quarantined>();
        await foreach (var item in _desk.ExportAsync(Actor.System, null, default))
        {
            lines.Add(item);
        }

        var replayed = await _desk.ReplayPickedAsync(Actor.System, [1, 3], default);
        var dismissed = await _desk.DismissPickedAsync(Actor.System, [1, 3, 99], default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(lines.Select(item => item.Id), Is.EqualTo(new[] { 1L, 2L, 3L }));
            Assert.That(replayed, Is.EqualTo(new ReplayCount(0, 2)));
            Assert.That(dismissed, Is.EqualTo(2));
            Assert.That((await _door.QuarantineAsync()).Single().Id, Is.EqualTo(2));
        }
    }
}
