using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Catalogue;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>Events, properties and traits are discovered from what comes in.</summary>
public sealed class CatalogueTests
{
    private static readonly CatalogueFilter All = new(null, null, null);

    [Test]
    public async Task Events_properties_and_traits_are_found_with_their_types_counts_and_samples()
    {
        await using var door = await Door.OpenAsync();
        await door.SendAsync("""
            {'batch':[
            {'type':'track','userId':'u','event':'Paid','properties':{'amount':12.5,'plan':'gold','at':'2026-01-02T03:04:05Z','gift':true,'lines':[1],'note':null}},
            {'type':'track','userId':'u','event':'Paid','properties':{'amount':'12','plan':'silver'},'context':{'traits':{'city':'Oslo'}}},
            {'type':'page','userId':'u','name':'Home','properties':{'path':'/'}},
            {'type':'identify','userId':'u','traits':{'city':'Bergen','email':'Ann@example.com'}}]}
            """);
        await door.Test.CatchUpAsync();
        var list = await Reader(door).ListAsync(All, default);
        var paid = (await Reader(door).FindAsync(CallType.Track, "Paid", default))!;
        var people = (await Reader(door).FindAsync(CallType.Identify, "", default))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                list.Events.Select(seen => (seen.Event.Key.Call, seen.Event.Key.Event, seen.Event.Seen, seen.Members)),
                Is.EquivalentTo(new[] { (CallType.Track, "Paid", 2L, 6), (CallType.Page, "", 1L, 1), (CallType.Identify, "", 1L, 2) }));
            Assert.That(Of(paid, "amount"), Is.EqualTo((2, SeenTypes.Number | SeenTypes.Text, "99", 2)));
            Assert.That(Of(paid, "plan"), Is.EqualTo((2, SeenTypes.Text, "xxxxxx", 2)));
            Assert.That(Of(paid, "at"), Is.EqualTo((1, SeenTypes.Time, "2026-01-02T03:04:05Z", 1)));
            Assert.That(Of(paid, "gift"), Is.EqualTo((1, SeenTypes.Boolean, "true", 1)));
            Assert.That(Of(paid, "lines"), Is.EqualTo((1, SeenTypes.List, (string?)null, 0)));
            Assert.That(Of(paid, "note"), Is.EqualTo((1, SeenTypes.Null, (string?)null, 0)));
            Assert.That(Of(people, "city"), Is.EqualTo((2, SeenTypes.Text, "Xxxxxx", 2)));
            Assert.That(Of(people, "email"), Is.EqualTo((1, SeenTypes.Text, "Xxx@xxxxxxx.xxx", 1)));
            Assert.That(paid.Members.Where(CatalogueReader.IsMixed).Select(name => name.Key.Member), Is.EqualTo(new[] { "amount" }));
            Assert.That(paid.Days, Has.Count.EqualTo(CatalogueReader.DaysShown));
            Assert.That(paid.Days[^1].Seen, Is.EqualTo(2));
            Assert.That(paid.Event.SourceIds, Is.EqualTo(new[] { door.Source.Id }));
        }
    }

    /// <summary>The estimate of how many different values there were is as often too high as too low.</summary>
    [Test]
    public async Task Never_more_different_values_are_told_than_came()
    {
        await using var door = await Door.OpenAsync();
        var names = Enumerable.Range(0, 8).Select(n => $"id{n}").ToList();
        var calls = Enumerable.Range(0, 700).Select(n => new
        {
            type = "track", userId = "u", @event = "Paid", properties = names.ToDictionary(name => name, name => $"{name}-{n}"),
        });
        await door.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { batch = calls }));
        await door.Test.CatchUpAsync();
        var different = (await Reader(door).FindAsync(CallType.Track, "Paid", default))!.Members.Select(member => member.Different).ToList();
        Assert.That(different, Has.Count.EqualTo(8).And.All.LessThanOrEqualTo(700).And.Some.EqualTo(700).And.Some.LessThan(700));
    }

    [Test]
    public async Task A_text_is_shown_as_it_came_when_it_is_a_choice_and_not_when_it_tells_of_one_person()
    {
        await using var door = await Door.OpenAsync();
        for (var n = 0; n < 20; n++)
        {
            await door.SendAsync($"{{'batch':[{{'type':'track','userId':'u','event':'Won','properties':{{'size':'{"SML"[n % 3]}','winner':'Person {n}'}}}}]}}");
            await door.Test.CatchUpAsync();
        }

        var won = (await Reader(door).FindAsync(CallType.Track, "Won", default))!;
        Assert.That((Of(won, "size").Sample, Of(won, "winner").Sample), Is.EqualTo(("M", "Xxxxxx 99")));
    }

    [Test]
    public async Task A_search_finds_an_event_by_its_name_or_by_what_it_carries()
    {
        await using var door = await Door.OpenAsync();
        await door.SendAsync("{'batch':[{'type':'track','userId':'u','event':'Ærlig talt','properties':{'a':1}},{'type':'track','userId':'u','event':'Paid','properties':{'Voucher':1}}]}");
        await door.Test.CatchUpAsync();
        async Task<string> FoundAsync(CatalogueFilter filter) =>
            string.Join(',', (await Reader(door).ListAsync(filter, default)).Events.Select(seen => seen.Event.Key.Event));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await FoundAsync(All with { Search = "ærlig" }), Is.EqualTo("Ærlig talt"));
            Assert.That(await FoundAsync(All with { Search = "vouch" }), Is.EqualTo("Paid"));
            Assert.That(await FoundAsync(All with { Call = CallType.Page }), Is.Empty);
            Assert.That(await FoundAsync(All with { SourceId = door.Source.Id + 1 }), Is.Empty);
        }
    }

    [Test]
    public async Task Counting_in_many_turns_over_a_restart_and_from_the_start_gives_the_same()
    {
        using var folder = new TempFolder();
        string first;
        await using (var door = await Door.OpenAsync(folder))
        {
            for (var n = 0; n < 40; n++)
            {
                await door.SendAsync(Call(n));
                await door.Test.CatchUpAsync();
            }
        }

        await using (var door = await Door.OpenAsync(folder))
        {
            for (var n = 40; n < 80; n++)
            {
                await door.SendAsync(Call(n));
            }

            await door.Test.CatchUpAsync();
            first = await TextAsync(door);
            var rebuilt = await door.Test.Get<IStages>().RebuildAsync(CatalogueStage.StageName, default);
            Assert.That(rebuilt.Problem, Is.Null);
            await door.Test.CatchUpAsync();
            Assert.That(await TextAsync(door), Is.EqualTo(first));
        }

        Assert.That(first, Does.Contain("\"Seen\":80"));
        static string Call(int n) =>
            $"{{'batch':[{{'type':'track','userId':'u','event':'Step','properties':{{'n':{n},'kind':'k{n % 3}'}}}},{{'type':'identify','userId':'u{n}','traits':{{'t{n % 5}':{n}}}}}]}}";
    }

    [Test]
    public async Task What_was_counted_but_not_committed_is_not_counted_twice()
    {
        await using var door = await Door.OpenAsync();
        await door.SendAsync("{'batch':[{'type':'track','userId':'u','event':'Paid'}]}");
        var stage = (IStage)door.Test.Get<IEnumerable<IStage>>().Single(each => each.Name == CatalogueStage.StageName);
        _ = stage.Next(0, 10)!.Decide();
        await door.Test.CatchUpAsync();
        Assert.That((await Reader(door).FindAsync(CallType.Track, "Paid", default))!.Event.Seen, Is.EqualTo(1));
    }

    [Test]
    public async Task Names_beyond_the_bounds_are_counted_as_left_out_and_those_there_first_go_on()
    {
        await using var door = await Door.OpenAsync();
        for (var at = 0; at < CatalogueTally.EventsAtMost + 50; at += 250)
        {
            await door.SendAsync($"{{'batch':[{string.Join(',', Enumerable.Range(at, 250).Select(n => $"{{'type':'track','userId':'u','event':'Event {n}'}}"))}]}}");
        }

        var wide = string.Join(',', Enumerable.Range(0, CatalogueTally.MembersAtMost + 30).Select(n => $"'p{n}':1"));
        await door.SendAsync($"{{'batch':[{{'type':'track','userId':'u','event':'Event 1','properties':{{{wide},'{new string('ø', 101)}':1}}}}]}}");
        await door.Test.CatchUpAsync();
        var list = await Reader(door).ListAsync(All, default);
        var one = (await Reader(door).FindAsync(CallType.Track, "Event 1", default))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(list.Total, Is.EqualTo(CatalogueTally.EventsAtMost));
            Assert.That(list.LeftOut.Seen, Is.EqualTo(250));
            Assert.That(list.LeftOut.Names, Is.EqualTo(250).Within(40));
            Assert.That(one.Event.Seen, Is.EqualTo(2));
            Assert.That(one.Members, Has.Count.EqualTo(CatalogueTally.MembersAtMost));
            Assert.That(one.Event.LeftOut, Is.EqualTo(31));
        }
    }

    [Test]
    public async Task An_undone_import_takes_its_counts_back()
    {
        await using var door = await Door.OpenAsync();
        await door.SendAsync("{'batch':[{'type':'track','userId':'u','event':'Paid','properties':{'a':1}}]}");
        await door.SendAsync("{'batch':[{'type':'track','userId':'u','event':'Paid','properties':{'a':2,'b':'x'}},{'type':'track','userId':'u','event':'Lost'}]}");
        await door.Test.CatchUpAsync();
        var gone = door.Events().Skip(1).ToList();
        await door.Test.Store.WriteAsync(write => new CatalogueUndo().TakeBack(write, new UndoneEvents(1, gone)), default);
        var list = await Reader(door).ListAsync(All, default);
        var paid = (await Reader(door).FindAsync(CallType.Track, "Paid", default))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(list.Events.Select(seen => seen.Event.Key.Event), Is.EqualTo(new[] { "Paid" }));
            Assert.That(paid.Members.Select(name => (name.Key.Member, name.Seen)), Is.EqualTo(new[] { ("a", 1L) }));
            Assert.That(paid.Days[^1].Seen, Is.EqualTo(1));
            Assert.That(await Reader(door).FindAsync(CallType.Track, "Lost", default), Is.Null);
        }
    }

    [TestCase(1)]
    [TestCase(10)]
    [TestCase(500)]
    [TestCase(20_000)]
    [TestCase(1_000_000)]
    public void The_number_of_different_values_is_estimated_within_a_fifth(int values)
    {
        var sketch = new DistinctSketch();
        for (var n = 0; n < values; n++)
        {
            sketch.Add(Encoding.UTF8.GetBytes($"value-{n}"));
            sketch.Add(Encoding.UTF8.GetBytes($"value-{n / 2}"));
        }

        Assert.That(DistinctSketch.Of(sketch.Text).Estimate(), Is.EqualTo(values).Within(20).Percent);
    }

    [TestCase("email", "ann@example.com", false, "xxx@xxxxxxx.xxx")]
    [TestCase("contact", "ann@example.com", false, "xxx@xxxxxxx.xxx")]
    [TestCase("Phone Number", "+47 22 22 22 22", true, "+99 99 99 99 99")]
    [TestCase("callback", "081-234-5678", false, "999-999-9999")]
    [TestCase("name", "Åse Ødegård", true, "Xxx Xxxxxxx")]
    [TestCase("first_name", "สมชาย", true, "xxxxx")]
    [TestCase("name", "Blue shirt", false, "Blue shirt")]
    [TestCase("seen_from", "192.168.1.20", false, "999.999.9.99")]
    [TestCase("plan", "gold", true, "gold")]
    [TestCase("total", "29.5", false, "29.5")]
    [TestCase("seen_from", "fe80::1", false, "xx99::9")]
    public void A_sample_that_may_be_personal_keeps_only_its_shape(string name, string value, bool isTrait, string shown) =>
        Assert.That(Samples.Of(name, value, isTrait, isTime: false), Is.EqualTo(shown));

    private static CatalogueReader Reader(Door door) => door.Test.Get<CatalogueReader>();

    private static (long Seen, SeenTypes Types, string? Sample, long Different) Of(SeenDetails seen, string member)
    {
        var name = seen.Members.Single(each => each.Key.Member == member);
        return (name.Seen, name.Types, name.Sample, name.Different);
    }

    private static async Task<string> TextAsync(Door door) => JsonSerializer.Serialize(
        (await door.Test.Store.ReadAsync(CatalogueStore.All, default)).OrderBy(name => (name.Key.Call, name.Key.Event, name.Key.Member)));
}
