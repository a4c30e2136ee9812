using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Tests.Support;
using static CdpMonolith.Tests.Profiles.UnifyTest;

namespace CdpMonolith.Tests.Profiles;

public sealed class UnifyTests
{
    private const string Device = "8d4c5a7e-0b1f-4d3e-9a55-0c9a6e1f2b11";

    private UnifyTest _unify = null!;

    [SetUp]
    public void Open() => _unify = new UnifyTest();

    [TearDown]
    public async Task Close() => await _unify.DisposeAsync();

    [Test]
    public async Task A_visitor_who_signs_in_is_one_person_with_the_visits_before()
    {
        await _unify.TakeAsync(Track(anonymousId: "a1", at: 1), Track(anonymousId: "a1", at: 2));
        await _unify.TakeAsync(Identify("u1", "a1", new { email = "Ann@Example.com", name = "Ann Berg" }, at: 3));
        Assert.That(_unify.People(), Is.EqualTo(new[]
        {
            """anonymous_id:a1 email:ann@example.com user_id:u1 → {"email":"Ann@Example.com","name":"Ann Berg"}""",
        }));
    }

    [Test]
    public async Task The_profile_seen_first_keeps_its_id()
    {
        await _unify.TakeAsync(Identify("u1", traits: new { name = "Ann" }, at: 10));
        await _unify.TakeAsync(Track(anonymousId: "a1", at: 5));
        await _unify.TakeAsync(Track("u1", "a1", at: 20));
        Assert.That((await _unify.PersonAsync("user_id", "u1")).ProfileId, Is.EqualTo((await _unify.PersonAsync("anonymous_id", "a1")).ProfileId).And.EqualTo(2));
    }

    [Test]
    public async Task History_that_comes_late_makes_the_older_profile_the_survivor()
    {
        await _unify.TakeAsync(Identify("u1", "a1", new { name = "Ann" }, at: 10));
        await _unify.TakeAsync(Track(anonymousId: "a1", at: 3));
        Assert.That((await _unify.PersonAsync("user_id", "u1")).ProfileId, Is.EqualTo(2));
        Assert.That(await _unify.TraitsAsync("user_id", "u1"), Is.EqualTo("""{"name":"Ann"}"""));
    }

    [Test]
    public async Task The_second_user_of_a_shared_device_stays_another_person()
    {
        await _unify.TakeAsync(Identify("u1", "kiosk", at: 1), Identify("u2", "kiosk", at: 2));
        var link = await _unify.Test.Store.ReadAsync(
            read => read.Query<(long State, string Reason)>("SELECT state, reason FROM profiles_link WHERE state <> 1").Single(), default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_unify.People(), Is.EqualTo(new[] { "anonymous_id:kiosk user_id:u1 → {}", "user_id:u2 → {}" }));
            Assert.That(link, Is.EqualTo(((long)LinkState.Refused, "limit:user_id")));
        }
    }

    [Test]
    public async Task Older_evidence_that_comes_late_moves_a_shared_device_to_its_first_user()
    {
        await _unify.TakeAsync(Identify("u2", "kiosk", at: 5));
        await _unify.TakeAsync(Identify("u1", "kiosk", at: 1));
        Assert.That(_unify.People(), Is.EqualTo(new[] { "anonymous_id:kiosk user_id:u1 → {}", "user_id:u2 → {}" }));
    }

    [Test]
    public async Task An_identifier_shared_too_widely_joins_nobody()
    {
        await using var unify = new UnifyTest(limits => (limits.UserIdsPerPerson, limits.KnownNeighbours) = (1000, 3));
        await unify.TakeAsync([.. Enumerable.Range(1, 3).Select(n => Identify($"u{n}", "kiosk", at: n))]);
        Assert.That(unify.People(), Has.Count.EqualTo(1));
        await unify.TakeAsync(Identify("u4", "kiosk", at: 4));
        Assert.That(unify.People(), Has.Count.EqualTo(5));
        await unify.TakeAsync(Identify("u5", "kiosk", at: 5));
        var (kept, counted) = await unify.FactsAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(kept, Is.EqualTo(counted));
            Assert.That(kept, Is.EqualTo(new ProfileFacts(5, 1, 0, 5)));
        }
    }

    [Test]
    public async Task An_event_stays_on_the_profile_of_its_strongest_identifier()
    {
        await _unify.TakeAsync(Track(anonymousId: "a1", at: 1), Track("u1", "a1", at: 2));
        var events = _unify.Profiles.ReadChanges(0, 100).Where(change => change.Kind == ProfileChangeKind.EventResolved);
        Assert.That(events.Select(change => (change.ProfileId, change.EventSeq, change.OccurredAt)), Is.EqualTo(new (long, long?, long)[] { (1, 1, 1), (2, 2, 2) }));
    }

    [Test]
    public async Task An_event_whose_only_identifier_stands_for_nobody_is_given_to_nobody()
    {
        await _unify.TakeAsync(Track("undefined", at: 1), Track("u1", "null", at: 2));
        Assert.That(_unify.People(), Is.EqualTo(new[] { "user_id:u1 → {}" }));
    }

    [Test]
    public async Task An_alias_joins_the_device_to_the_user()
    {
        await _unify.TakeAsync(Track(anonymousId: Device, at: 1));
        await _unify.TakeAsync(Call(CallType.Alias, "u1", at: 2, body: new { previousId = Device }));
        Assert.That(_unify.People(), Is.EqualTo(new[] { $"anonymous_id:{Device} user_id:u1 → {{}}" }));
    }

    [Test]
    public async Task An_alias_of_one_user_id_to_another_waits_for_a_persons_word()
    {
        await _unify.TakeAsync(Identify("old-7", traits: new { name = "Ann" }, at: 1));
        await _unify.TakeAsync(Call(CallType.Alias, "new-7", at: 2, body: new { previousId = "old-7" }));
        Assert.That(_unify.People(), Has.Count.EqualTo(2));
        await _unify.Unmerging.DecideAsync(1, 2, LinkDecision.Join, Actor.CommandLine, default);
        await _unify.TakeAsync(Track("new-7", "a1", at: 3));
        Assert.That(_unify.People(), Is.EqualTo(new[] { """anonymous_id:a1 user_id:new-7 user_id:old-7 → {"name":"Ann"}""" }));
    }

    [Test]
    public async Task The_latest_word_on_a_trait_holds_whatever_source_it_comes_from()
    {
        await _unify.TakeAsync(Identify("u1", traits: new { email = "ann@example.com", city = "Oslo", tier = "gold" }, at: 10));
        await _unify.TakeAsync(Identify(traits: new { email = "ann@example.com", city = "Bergen" }, at: 20, source: 2));
        await _unify.TakeAsync(Identify("u1", traits: new { city = "Bodø", tier = (string?)null }, at: 15));
        Assert.That(await _unify.TraitsAsync("user_id", "u1"), Is.EqualTo("""{"city":"Bergen","email":"ann@example.com"}"""));
    }

    [Test]
    public async Task An_empty_field_says_nothing()
    {
        await _unify.TakeAsync(Identify("u1", traits: new { city = "Oslo" }, at: 10), Identify("u1", traits: new { city = " " }, at: 20));
        Assert.That(await _unify.TraitsAsync("user_id", "u1"), Is.EqualTo("""{"city":"Oslo"}"""));
    }

    [Test]
    public async Task Traits_that_stay_as_they_are_make_no_news()
    {
        await _unify.TakeAsync(Identify("u1", traits: new { city = "Oslo" }, at: 10));
        var before = _unify.Profiles.LastSeq();
        await _unify.TakeAsync(Identify("u1", traits: new { city = "Oslo" }, at: 20));
        Assert.That(_unify.Profiles.ReadChanges(before, 10).Select(change => change.Kind), Is.EqualTo(new[] { ProfileChangeKind.EventResolved }));
    }

    [Test]
    public async Task Another_clients_traits_in_the_context_count_for_identify_alone()
    {
        var context = new { traits = new { email = "ann@example.com", city = "Oslo" } };
        await _unify.TakeAsync(Call(CallType.Identify, "u1", at: 1, body: new { context }));
        await _unify.TakeAsync(Call(CallType.Track, "u1", at: 2, body: new { context = new { traits = new { city = "Bergen" } } }));
        Assert.That(_unify.People(), Is.EqualTo(new[] { """email:ann@example.com user_id:u1 → {"city":"Oslo","email":"ann@example.com"}""" }));
    }

    [Test]
    public async Task What_is_said_of_a_group_is_not_said_of_the_person()
    {
        await _unify.TakeAsync(Call(CallType.Group, "u1", at: 1, body: new { groupId = "g", traits = new { name = "Acme", email = "post@acme.example" } }));
        Assert.That(_unify.People(), Is.EqualTo(new[] { "user_id:u1 → {}" }));
    }

    [Test]
    public async Task A_sources_own_id_points_to_the_person()
    {
        object Body(string id, string email) => new
        {
            traits = new { email },
            context = new { externalIds = new[] { new { id, type = IdentifierTypes.OwnIdOf(3), collection = "users" } } },
        };
        await _unify.TakeAsync(Call(CallType.Identify, at: 1, source: 3, body: Body("C-7", "ann@example.com")));
        await _unify.TakeAsync(Call(CallType.Identify, at: 2, source: 3, body: Body("C-7", "ann@work.example")));
        Assert.That(_unify.People(), Is.EqualTo(new[] { """email:ann@example.com email:ann@work.example source_3_id:C-7 → {"email":"ann@work.example"}""" }));
    }

    [Test]
    public async Task A_follower_of_the_log_knows_who_is_one_person()
    {
        await _unify.TakeAsync(Track(anonymousId: "a1", at: 1), Identify("u1", "a1", new { email = "ann@example.com" }, at: 2), Identify("u2", "a1", at: 3));
        await _unify.TakeAsync(Track("u2", at: 4, email: "bob@example.com"), Track(anonymousId: "a9", at: 0));
        var stored = _unify.Profiles.PointersAfter(0, 100).ToDictionary(pointer => pointer.ProfileId, pointer => pointer.CanonicalId);
        Assert.That(_unify.Followed().Canonical, Is.EquivalentTo(stored));
    }

    [Test]
    public async Task Consent_events_are_read_without_the_others()
    {
        await _unify.TakeAsync(Track("u1", at: 1), Call(CallType.Track, "u1", at: 2, flags: EventFlags.HasConsent | EventFlags.Historical));
        Assert.That(
            _unify.Profiles.ReadEvents(0, EventFlagsFilter.HasConsent, 10).Select(change => (change.EventSeq, change.Flags)),
            Is.EqualTo(new (long?, EventFlags)[] { (2, EventFlags.HasConsent | EventFlags.Historical) }));
    }

    [Test]
    public async Task After_a_stop_between_deciding_and_writing_nothing_has_changed_and_it_goes_on()
    {
        await _unify.TakeAsync(Identify("u1", "a1", new { name = "Ann" }, at: 1));
        _unify.Events.Add(Identify("u1", "a2", new { name = "Ann Berg" }, at: 2));
        _ = _unify.Decide();
        _unify.Stage.Forget();
        Assert.That(_unify.People(), Is.EqualTo(new[] { """anonymous_id:a1 user_id:u1 → {"name":"Ann"}""" }));
        await _unify.TakeAsync();
        Assert.That(_unify.People(), Is.EqualTo(new[] { """anonymous_id:a1 anonymous_id:a2 user_id:u1 → {"name":"Ann Berg"}""" }));
    }

    [Test]
    public async Task A_write_that_fails_leaves_nothing_behind_and_can_be_tried_again()
    {
        _unify.Events.Add(Identify("u1", "a1", new { name = "Ann" }, at: 1));
        var decided = _unify.Decide()!.Value;
        Assert.That(
            async () => await _unify.Test.Store.WriteAsync(
                write =>
                {
                    decided.Write!(write);
                    throw new InvalidOperationException("the power went");
                }, default),
            Throws.InvalidOperationException);
        _unify.Stage.Forget();
        Assert.That(_unify.People(), Is.Empty);
        await _unify.TakeAsync(Track("u1", at: 2));
        Assert.That(_unify.People(), Is.EqualTo(new[] { """anonymous_id:a1 user_id:u1 → {"name":"Ann"}""" }));
        Assert.That(_unify.Profiles.ReadChanges(0, 100).Select(change => change.Seq), Is.EqualTo(new long[] { 1, 2 }));
    }

    [Test]
    public async Task A_backlog_that_is_read_ahead_ends_where_small_batches_do([Values(0, 7, 400)] int returning)
    {
        // Strangers in whole batches, but for some who come again: within a batch, in the next one, and much later.
        var calls = new List<Event>();
        for (var n = 0; n < 5500; n++)
        {
            var who = returning > 0 && n % returning == 0 ? n - ((n * 31) % (n + 1)) : n;
            calls.Add(Identify($"u{who}", n % 3 == 0 ? $"a{n}" : null, new { email = $"person{who}@example.com", name = $"Ann {n % 10}" }, at: n));
        }

        await using var backlog = new UnifyTest { Limit = _unify.Stage.BatchSize };
        await backlog.TakeAsync([.. calls]);
        await using var single = new UnifyTest { Limit = 333 };
        await single.TakeAsync([.. calls]);
        var (kept, counted) = await backlog.FactsAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(backlog.People(), Is.EqualTo(single.People()));
            Assert.That(kept, Is.EqualTo(counted));
            Assert.That(
                backlog.Followed().Canonical,
                Is.EquivalentTo(backlog.Profiles.PointersAfter(0, int.MaxValue).ToDictionary(pointer => pointer.ProfileId, pointer => pointer.CanonicalId)));
            Assert.That(backlog.Followed().TraitsRead, Is.EquivalentTo(single.Followed().TraitsRead));
        }
    }

    [Test]
    public async Task It_goes_on_after_a_restart()
    {
        using var folder = new TempFolder();
        var events = new MadeEvents();
        await using (var before = new UnifyTest(folder: folder, events: events))
        {
            await before.TakeAsync(Identify("u1", "a1", new { name = "Ann" }, at: 1));
        }

        await using var after = new UnifyTest(folder: folder, events: new MadeEvents());
        await after.TakeAsync(Identify("u1", "a2", at: 2));
        Assert.That(after.People(), Is.EqualTo(new[] { """anonymous_id:a1 anonymous_id:a2 user_id:u1 → {"name":"Ann"}""" }));
    }
}
