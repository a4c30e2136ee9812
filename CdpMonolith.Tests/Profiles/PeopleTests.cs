using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Storage;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static CdpMonolith.Tests.Profiles.UnifyTest;

namespace CdpMonolith.Tests.Profiles;

public sealed class PeopleTests
{
    private UnifyTest _unify = null!;

    private PeopleStore People => _unify.Test.Get<PeopleStore>();

    private PersonStore Persons => _unify.Test.Get<PersonStore>();

    [SetUp]
    public async Task Open()
    {
        _unify = new UnifyTest();
        await _unify.TakeAsync(
            Identify("u1", "a1", new { name = "Kari Nordmann", email = "kari@example.com", phone = "+47 900 10 001" }, at: 10),
            Identify("u2", "a2", new { firstName = "Ola", lastName = "Nordmann" }, at: 20),
            Track(anonymousId: "a3", at: 30),
            Identify("U-3", traits: new { name = "สมชาย ใจดี" }, at: 40, source: 2));
    }

    [TearDown]
    public async Task Close() => await _unify.DisposeAsync();

    [Test]
    public void A_survey_is_summed_up_by_its_question_and_answer_before_all_else()
    {
        var question = new string('q', 130);
        var answered = Call(CallType.Track, "u1", body: new
        {
            properties = new { survey_id = "form-1", survey_name = "Visit", question_id = "q1", question_type = "text", note = new string('n', 61), list = new[] { 1 }, question, answer = "Fine", more = 1 },
        });
        Assert.That(
            CdpMonolith.Profiles.Rules.CallSummary.Of(answered),
            Is.EqualTo($"question: {question[..120]}… · answer: Fine · survey_id: form-1 · survey_name: Visit · question_id: q1"));
    }

    [TestCase("nordmann", "u2 u1")]
    [TestCase("kari nord", "u1")]
    [TestCase("NORD kari", "u1")]
    [TestCase("kari@ex", "u1")]
    [TestCase("KARI@EX", "u1")]
    [TestCase("+47900", "u1")]
    [TestCase("0047 900", "u1")]
    [TestCase("สมชาย", "U-3")]
    [TestCase("U-", "U-3")]
    [TestCase("a", "u2 u1 a3")]
    [TestCase("ola kari", "")]
    [TestCase("nobody", "")]
    public async Task People_are_found_by_the_beginning_of_names_and_identifiers(string text, string found)
    {
        var rows = await People.SearchAsync(text, PeopleFilter.All, long.MaxValue, 10, default);
        Assert.That(rows.Select(row => row.Person.Identifiers[0].Value), Is.EquivalentTo(found.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Test]
    public async Task A_name_that_changed_is_found_and_the_old_one_is_not()
    {
        await _unify.TakeAsync(Identify("u1", traits: new { name = "Kari Berg" }, at: 50));
        Assert.That(await CountAsync("berg"), Is.EqualTo(1));
        Assert.That(await CountAsync("kari"), Is.EqualTo(1));
        Assert.That(await CountAsync("nordmann"), Is.EqualTo(1), "the other one");
    }

    [Test]
    public async Task Words_are_found_while_they_wait_and_when_they_stand_in_their_table()
    {
        Assert.That(await WaitingAsync(), Is.True, "words that came with the last batch wait");
        await QuietAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await WaitingAsync(), Is.False);
            Assert.That(await CountAsync("nordmann"), Is.EqualTo(2));
        }

        await _unify.TakeAsync(Identify("u1", traits: new { name = "Kari Berg" }, at: 50));
        foreach (var when in new[] { "waiting", "settled" })
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(await CountAsync("nordmann"), Is.EqualTo(1), when);
                Assert.That(await CountAsync("berg"), Is.EqualTo(1), when);
                Assert.That(await CountAsync("kari berg"), Is.EqualTo(1), when);
            }

            await QuietAsync();
        }
    }

    [Test]
    public async Task Words_go_into_their_table_in_the_midst_of_other_work_and_a_word_that_came_back_stays()
    {
        for (var n = 0; n < 300; n++)
        {
            await _unify.TakeAsync(Identify("u1", traits: new { name = n % 2 == 0 ? "Kari Berg" : "Kari Dahl" }, at: 100 + n));
        }

        var settled = _unify.Test.Store.Read(read => read.Scalar<long>("SELECT COUNT(*) FROM profiles_token"));
        await QuietAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(settled, Is.GreaterThan(0), "nobody was quiet yet");
            Assert.That(await CountAsync("dahl"), Is.EqualTo(1));
            Assert.That(await CountAsync("berg"), Is.Zero);
            Assert.That(await CountAsync("kari"), Is.EqualTo(1));
        }
    }

    [TestCase(PeopleFilter.All, "U-3 a3 u2 u1")]
    [TestCase(PeopleFilter.Known, "U-3 u2 u1")]
    [TestCase(PeopleFilter.Anonymous, "a3")]
    public async Task Lists_go_from_the_last_born_and_on_from_where_a_page_ended(object filter, string all)
    {
        var found = new List<string>();
        for (var before = long.MaxValue; (await People.ListAsync((PeopleFilter)filter, before, 2, default)) is { Count: > 0 } page;)
        {
            found.AddRange(page.Select(row => row.Person.Identifiers[0].Value));
            before = page[^1].Person.ProfileId;
        }

        Assert.That(string.Join(' ', found), Is.EqualTo(all));
    }

    [Test]
    public async Task A_line_tells_the_sources_and_when_somebody_was_last_seen()
    {
        await _unify.TakeAsync(Track("u1", at: 99), Identify(traits: new { email = "kari@example.com" }, at: 60, source: 3));
        var row = (await People.SearchAsync("kari@", PeopleFilter.All, long.MaxValue, 1, default)).Single();
        Assert.That((row.LastSeenAt, row.SourceIds), Is.EqualTo(((long?)99L, new long[] { 1, 3 })));
    }

    [Test]
    public async Task A_timeline_holds_every_event_of_all_profiles_once_latest_first()
    {
        for (var i = 0; i < 25; i++)
        {
            await _unify.TakeAsync(Track(i % 2 == 0 ? "u1" : null, "a1", at: 100 + (i / 5)));
        }

        var whole = await WholeAsync(null, 7);
        var tracks = await WholeAsync(CallType.Identify, 7);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(whole, Has.Count.EqualTo(26).And.Unique);
            Assert.That(whole, Is.EqualTo(whole.OrderByDescending(entry => (entry.At, entry.Seq))));
            Assert.That(tracks, Has.Count.EqualTo(1));
        }

        async Task<List<(long At, long Seq)>> WholeAsync(CallType? type, int limit)
        {
            var found = new List<(long, long)>();
            TimelinePlace? place = TimelinePlace.Now;
            while (place is { } from)
            {
                (var entries, place) = await Persons.TimelineAsync(1, from, type, null, limit, default);
                found.AddRange(entries.Select(entry => (entry.Event.OccurredAt, entry.Event.Seq)));
            }

            return found;
        }
    }

    [Test]
    public async Task A_trait_tells_who_said_it_and_what_else_was_said()
    {
        await _unify.TakeAsync(Identify(traits: new { email = "kari@example.com", name = "KARI N" }, at: 60, source: 3));
        var name = (await Persons.FindAsync(1, default))!.Traits.Single(trait => trait.Name == "name");
        Assert.That((name.Holds, name.Others.Single()), Is.EqualTo((new SaidTrait("\"KARI N\"", 3, 60), new SaidTrait("\"Kari Nordmann\"", 1, 10))));
    }

    [Test]
    public async Task Refused_links_wait_for_review_latest_first()
    {
        await _unify.TakeAsync(Identify("u8", "a1", at: 70), Identify("u9", "a1", at: 80));
        var first = await Persons.RefusedAsync(long.MaxValue, long.MaxValue, 1, default);
        var second = await Persons.RefusedAsync(first[0].Link.EvidenceSeq, first[0].Link.High, 10, default);
        Assert.That(first.Concat(second).Select(link => link.High.Value), Is.EqualTo(new[] { "u9", "u8" }));
    }

    [Test]
    public async Task Everything_can_be_read_in_pieces()
    {
        var all = _unify.Profiles.GoldenRecordsAfter(0, 100);
        var pieces = new List<GoldenRecord>();
        while (_unify.Profiles.GoldenRecordsAfter(pieces.LastOrDefault()?.ProfileId ?? 0, 1) is { Count: > 0 } some)
        {
            pieces.AddRange(some);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(pieces.Select(record => record.ProfileId), Is.EqualTo(all.Select(record => record.ProfileId)));
            Assert.That(_unify.Profiles.GoldenRecords([1, 3, 999]).Select(record => record.ProfileId), Is.EqualTo(new long[] { 1 }), "profile 3 is u1's e-mail");
            Assert.That(_unify.Profiles.MembersOf([1]).Single().Count(), Is.EqualTo(4));
            Assert.That(await Task.FromResult(_unify.Profiles.LastSeq()), Is.EqualTo(_unify.Profiles.ReadChanges(0, 1000)[^1].Seq));
        }
    }

    [Test]
    public async Task Over_http_a_person_is_found_and_split_by_those_who_may()
    {
        var events = new MadeEvents();
        events.Add(Identify("u1", "a1", new { email = "kari@example.com" }, at: 10));
        await using var app = await TestApp.StartAsync(builder => builder.Services.AddSingleton<IEventLog>(events));
        await app.CatchUpAsync();
        using var viewer = await app.UserAsync(Roles.Viewer);
        using var marketer = await app.UserAsync(Roles.Marketer);

        var found = await viewer.GetFromJsonAsync<JsonElement>("/api/profiles?identifier=email:%20KARI@example.com");
        var byMember = await viewer.GetFromJsonAsync<JsonElement>("/api/profiles/2");
        var split = new { identifiers = new[] { new { type = "anonymous_id", value = "a1" } } };
        using var refused = await viewer.PostAsJsonAsync("/api/profiles/1/unmerge", split);
        using var done = await marketer.PostAsJsonAsync("/api/profiles/1/unmerge", split);
        using var again = await marketer.PostAsJsonAsync("/api/profiles/1/unmerge", split);
        using var nobody = await viewer.GetAsync("/api/profiles/99");
        using var unreadable = await viewer.GetAsync("/api/profiles?identifier=kari");
        using var stranger = await app.Client.GetAsync("/api/profiles/1");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(found.GetProperty("id").GetInt64(), Is.EqualTo(1));
            Assert.That(byMember.GetProperty("traits").GetProperty("email").GetString(), Is.EqualTo("kari@example.com"));
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
            Assert.That(done.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That((await done.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("people").GetArrayLength(), Is.EqualTo(2));
            Assert.That(await CodeAsync(again), Is.EqualTo((HttpStatusCode.BadRequest, "unmerge.not_of_person")));
            Assert.That(await CodeAsync(nobody), Is.EqualTo((HttpStatusCode.NotFound, "profile.not_found")));
            Assert.That(await CodeAsync(unreadable), Is.EqualTo((HttpStatusCode.BadRequest, "identifier.not_readable")));
            Assert.That(stranger.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        }

        static async Task<(HttpStatusCode, string?)> CodeAsync(HttpResponseMessage answer) =>
            (answer.StatusCode, (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString());
    }

    [Test]
    public async Task Calls_that_come_through_the_door_become_people()
    {
        await using var door = await Ingestion.Door.OpenAsync();
        await door.SendAsync("""
            {'batch':[
              {'type':'page','messageId':'1','anonymousId':'a1','timestamp':'2026-03-01T10:00:00Z'},
              {'type':'identify','messageId':'2','anonymousId':'a1','userId':7,'traits':{'email':'Ann@Example.com'},'timestamp':'2026-03-01T11:00:00Z'},
              {'type':'track','messageId':'3','userId':'7','event':'Order Completed','timestamp':'2026-03-01T12:00:00Z'}]}
            """);
        await door.Test.CatchUpAsync();
        var person = (await door.Test.Get<IProfiles>().FindAsync(new Identifier(IdentifierTypes.Email, "ann@example.com"), default))!;
        var timeline = await door.Test.Get<PersonStore>().TimelineAsync(person.ProfileId, TimelinePlace.Now, null, null, 10, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(person.Identifiers.Select(identifier => identifier.Value), Is.EqualTo(new[] { "7", "ann@example.com", "a1" }));
            Assert.That(timeline.Entries.Select(entry => entry.Event.MessageId), Is.EqualTo(new[] { "3", "2", "1" }));
            Assert.That(timeline.Next, Is.Null);
        }
    }

    private Task<bool> WaitingAsync() => _unify.Test.Store.ReadAsync(WordStore.IsAnyDue, default);

    /// <summary>Nothing is to be done for a while.</summary>
    private async Task QuietAsync()
    {
        while (((IStage)_unify.Stage).DecideOnTime() is { } write)
        {
            await _unify.Test.Store.WriteAsync(write, default);
            _unify.Stage.Committed();
        }
    }

    private async Task<int> CountAsync(string text) => (await People.SearchAsync(text, PeopleFilter.All, long.MaxValue, 10, default)).Count;
}
