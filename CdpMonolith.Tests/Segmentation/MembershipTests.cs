using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Segmentation;

/// <summary>Who enters and leaves when, and that the log says it once, whatever happens.</summary>
public sealed class MembershipTests : SegmentTest
{
    private const string Buyers = "{'kind':'event','event':'Order Completed','window':{'kind':'last','amount':30,'unit':'days'}}";
    private const string Gold = "{'kind':'trait','trait':'plan','op':'equals','value':'gold'}";

    private EvaluateStage Stage => Test.Get<EvaluateStage>();

    [Test]
    public async Task People_enter_when_they_meet_the_rule_and_leave_when_they_do_not()
    {
        await IdentifyAsync("ann", new { plan = "basic" });
        await Test.CatchUpAsync();
        var gold = await SegmentAsync("Gold", Gold);
        Test.Clock.Advance(TimeSpan.FromMinutes(1));
        await IdentifyAsync("ann", new { plan = "gold" });
        await Test.CatchUpAsync();
        Test.Clock.Advance(TimeSpan.FromMinutes(1));
        await IdentifyAsync("ann", new { plan = "basic" });
        await Test.CatchUpAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await LogAsync(gold), Is.EqualTo(new[] { "+ann", "-ann" }));
            Assert.That(await MembersAsync(gold), Is.Empty);
            Assert.That((await Segments.FindAsync(gold, default))!.Size, Is.Zero);
        }
    }

    [Test]
    public async Task A_new_segment_is_evaluated_at_once_and_a_new_rule_too()
    {
        await IdentifyAsync("ann", new { plan = "gold" });
        await IdentifyAsync("ben", new { plan = "basic" });
        await Test.CatchUpAsync();
        var created = (await Segments.CreateAsync(new WantedSegment("Plan", null, Rule(Gold)), Mia, default)).Value;
        var changed = (await Segments.UpdateAsync(
            created.Id, new WantedSegment("Plan", "By plan", Rule(Gold.Replace("gold", "basic")), 1), Mia, default)).Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((created.Size, created.EvaluatedAt, created.Version), Is.EqualTo((1L, Test.Clock.NowMs, 1)));
            Assert.That((changed.Size, changed.Version, changed.Description), Is.EqualTo((1L, 2, "By plan")));
            Assert.That(await LogAsync(created.Id), Is.EqualTo(new[] { "+ann", "-ann", "+ben" }));
            Assert.That(Segments.ReadChanges(0, 10).Select(change => change.Version), Is.EqualTo(new[] { 1, 2, 2 }));
        }
    }

    [Test]
    public async Task Time_alone_lets_people_leave()
    {
        await TrackAsync("ann", "Order Completed", null, TimeSpan.FromDays(29));
        await Test.CatchUpAsync();
        var buyers = await SegmentAsync("Buyers", Buyers);
        await OnTimeAsync();
        var before = await MembersAsync(buyers);
        Test.Clock.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(15));
        await OnTimeAsync();
        Assert.That((before, await MembersAsync(buyers)), Is.EqualTo((new[] { "ann" }, Array.Empty<string>())));
    }

    [Test]
    public async Task Of_two_that_become_one_the_survivor_stays_and_the_other_leaves()
    {
        var everybody = await SegmentAsync("Everybody", "{'kind':'all','of':[]}");
        await IdentifyAsync("ann");
        await SendAsync(new { type = "track", anonymousId = "a-1", @event = "Product Viewed" });
        await Test.CatchUpAsync();
        var before = (await Segments.MembersAsync(everybody, 0, 10, default)).Count;
        await IdentifyAsync("ann", null, "a-1");
        await Test.CatchUpAsync();
        Assert.That((before, await MembersAsync(everybody)), Is.EqualTo((2, new[] { "ann" })));
    }

    [Test]
    public async Task A_cut_link_brings_both_back()
    {
        await IdentifyAsync("ann", new { plan = "gold" }, "a-1");
        await Test.CatchUpAsync();
        var everybody = await SegmentAsync("Everybody", "{'kind':'all','of':[]}");
        var members = Test.Get<IProfiles>().MembersOf(await IdAsync("ann")).Order().ToList();
        Assert.That((await Segments.FindAsync(everybody, default))!.Size, Is.EqualTo(1));
        await Test.Get<CdpMonolith.Profiles.Unify.Unmerging>().DecideAsync(
            members[0], members[1], CdpMonolith.Profiles.Rules.LinkDecision.Cut, Mia, default);
        await Test.CatchUpAsync();
        Assert.That(await Segments.MembersAsync(everybody, 0, 10, default), Is.EqualTo(members));
    }

    [Test]
    public async Task A_decision_about_consent_moves_people_by_itself()
    {
        var readers = await SegmentAsync("Readers", "{'kind':'consent','purpose':'newsletter','channel':'any','status':'granted'}");
        await SayAsync("ann", "newsletter", true);
        await Test.CatchUpAsync();
        Test.Clock.Advance(TimeSpan.FromMinutes(1));
        await SayAsync("ann", "newsletter", false);
        await Test.CatchUpAsync();
        Assert.That(await LogAsync(readers), Is.EqualTo(new[] { "+ann", "-ann" }));
    }

    [Test]
    public async Task A_restart_changes_nothing_and_goes_on()
    {
        using var folder = new TempFolder();
        await RestartAsync(folder);
        await TrackAsync("ann", "Order Completed");
        await IdentifyAsync("ben", new { plan = "gold" });
        await SayAsync("ann", "newsletter", true);
        await Test.CatchUpAsync();
        var buyers = await SegmentAsync("Buyers", Buyers);
        var gold = await SegmentAsync("Gold", Gold);
        await RestartAsync(folder);
        await OnTimeAsync();
        await IdentifyAsync("ann", new { plan = "gold" });
        await Test.CatchUpAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await LogAsync(buyers), Is.EqualTo(new[] { "+ann" }));
            Assert.That(await LogAsync(gold), Is.EqualTo(new[] { "+ben", "+ann" }));
        }

        await RestartAsync();
    }

    [Test]
    public async Task What_was_decided_and_not_written_is_decided_again()
    {
        var gold = await SegmentAsync("Gold", Gold);
        await IdentifyAsync("ann", new { plan = "gold" });
        await CatchUpButAsync();

        // Decided, and lost before it was written: as when the disk is full.
        var lost = Next(Stage).Decide();
        Stage.Forget();
        await Test.CatchUpAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(lost, Is.Not.Null);
            Assert.That(await LogAsync(gold), Is.EqualTo(new[] { "+ann" }));
        }
    }

    [Test]
    public async Task What_was_written_and_undone_is_written_again()
    {
        var gold = await SegmentAsync("Gold", Gold);
        await IdentifyAsync("ann", new { plan = "gold" });
        await CatchUpButAsync();
        var decided = Next(Stage).Decide()!;
        await Assert.ThrowsAsync<InvalidOperationException>(() => Test.Store.WriteAsync(
            write =>
            {
                decided(write);
                throw new InvalidOperationException("the transaction is undone");
            }, default));
        Stage.Forget();
        await Test.CatchUpAsync();
        Assert.That(await LogAsync(gold), Is.EqualTo(new[] { "+ann" }));
    }

    [Test]
    public async Task An_answer_that_is_older_than_what_is_written_is_not_written()
    {
        var gold = await SegmentAsync("Gold", Gold);
        await IdentifyAsync("ann", new { plan = "gold" });
        await CatchUpButAsync();
        var old = Next(Stage).Decide()!;
        Test.Clock.Advance(TimeSpan.FromMinutes(1));
        await IdentifyAsync("ann", new { plan = "basic" });
        await Test.CatchUpAsync();
        await Test.Store.WriteAsync(old, default);
        Assert.That(await MembersAsync(gold), Is.Empty);
    }

    [Test]
    public async Task A_rebuilt_stage_writes_only_what_differs()
    {
        var gold = await SegmentAsync("Gold", Gold);
        await IdentifyAsync("ann", new { plan = "gold" });
        await Test.CatchUpAsync();
        await Test.Get<IStages>().RebuildAsync(Stage.Name, default);
        await Test.CatchUpAsync();
        Assert.That((await LogAsync(gold), await MembersAsync(gold)), Is.EqualTo((new[] { "+ann" }, new[] { "ann" })));
    }

    [Test]
    public async Task Who_asks_for_a_segment_that_changes_is_evaluated_with_it()
    {
        await IdentifyAsync("ann", new { plan = "gold" });
        await Test.CatchUpAsync();
        var gold = await SegmentAsync("Gold", Gold);
        var others = await SegmentAsync("Others", $"{{'kind':'not','of':[{{'kind':'segment','segment':{gold}}}]}}");
        var before = await MembersAsync(others);
        await Segments.UpdateAsync(gold, new WantedSegment("Gold", null, Rule(Gold.Replace("gold", "platinum"))), Mia, default);
        Assert.That((before, await MembersAsync(others)), Is.EqualTo((Array.Empty<string>(), new[] { "ann" })));
    }

    [Test]
    public async Task Segments_that_ask_for_each_other_are_refused_with_the_circle()
    {
        var gold = await SegmentAsync("Gold", Gold);
        var rich = await SegmentAsync("Rich", $"{{'kind':'segment','segment':{gold}}}");
        var refused = await Segments.UpdateAsync(
            gold, new WantedSegment("Gold", null, Rule($"{{'kind':'all','of':[{{'kind':'segment','segment':{rich}}}]}}")), Mia, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((refused.Problem?.Code, refused.Problem?.Field), Is.EqualTo(("rule.segment_loop", "rule.match.of[0].segment")));
            Assert.That(refused.Problem?.Message, Does.Contain("Gold → Rich → Gold"));
        }
    }

    [Test]
    public async Task A_segment_that_is_used_stays_and_one_that_is_not_goes_with_its_members()
    {
        await IdentifyAsync("ann", new { plan = "gold" });
        await Test.CatchUpAsync();
        var gold = await SegmentAsync("Gold", Gold);
        var rich = await SegmentAsync("Rich", $"{{'kind':'segment','segment':{gold}}}");
        var refused = await Segments.DeleteAsync(gold, Mia, default);
        var first = await Segments.DeleteAsync(rich, Mia, default);
        var second = await Segments.DeleteAsync(gold, Mia, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(refused.Problem?.Code, Is.EqualTo("segment.in_use"));
            Assert.That((first.Problem, second.Problem), Is.EqualTo(((CdpMonolith.Platform.Problem?)null, (CdpMonolith.Platform.Problem?)null)));
            Assert.That(await LogAsync(gold), Is.EqualTo(new[] { "+ann", "-ann" }));
            Assert.That(await Segments.ListAsync(default), Is.Empty);
            Assert.That(
                (await Test.Get<IAudit>().ReadAsync(long.MaxValue, 10, "segment", default)).Select(entry => entry.Action),
                Is.EqualTo(new[] { "segment.deleted", "segment.deleted", "segment.created", "segment.created" }));
        }
    }

    [Test]
    public async Task A_name_belongs_to_one_segment()
    {
        var gold = await SegmentAsync("Gold", Gold);
        await SegmentAsync("Rich", Gold);
        var again = await Segments.CreateAsync(new WantedSegment(" GOLD ", null, Rule(Gold)), Mia, default);
        var renamed = await Segments.UpdateAsync(gold, new WantedSegment("rich", null, Rule(Gold)), Mia, default);
        var stale = await Segments.UpdateAsync(gold, new WantedSegment("Gold", null, Rule(Gold), 7), Mia, default);
        Assert.That(
            (again.Problem?.Code, renamed.Problem?.Code, stale.Problem?.Code),
            Is.EqualTo(("segment.name_taken", "segment.name_taken", "segment.changed_meanwhile")));
    }

    /// <summary>As the runner does when time has passed.</summary>
    private async Task OnTimeAsync()
    {
        await Test.CatchUpAsync();
        if (((IStage)Stage).DecideOnTime() is { } write)
        {
            await Test.Store.WriteAsync(write, default);
        }
    }

    /// <summary>Runs every stage but those of segmentation.</summary>
    private async Task CatchUpButAsync()
    {
        foreach (var stage in Test.Get<IEnumerable<IStage>>().Where(stage => !stage.Name.StartsWith("segmentation", StringComparison.Ordinal)))
        {
            while (stage.Next(CursorOf(stage), stage.BatchSize) is { } batch)
            {
                var decided = batch.Decide();
                await Test.Store.WriteAsync(
                    write =>
                    {
                        decided?.Invoke(write);
                        write.Prepare(StageSql.MoveCursor).Set(1, stage.Name).Set(2, batch.LastSeq).Set(3, Test.Clock.NowMs).Run();
                    }, default);
                stage.Committed();
            }
        }
    }

    private StageBatch Next(IStage stage) => stage.Next(CursorOf(stage), stage.BatchSize)!;

    private long CursorOf(IStage stage) =>
        Test.Store.Read(read => read.FirstOrDefault<long?>(StageSql.Cursor, new { stage = stage.Name })) ?? 0;
}
