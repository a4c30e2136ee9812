using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using static CdpMonolith.Tests.Profiles.UnifyTest;

namespace CdpMonolith.Tests.Profiles;

public sealed class UnmergeTests
{
    private static readonly Actor Kari = new(7, "kari@example.com");

    private UnifyTest _unify = null!;

    [SetUp]
    public void Open() => _unify = new UnifyTest();

    [TearDown]
    public async Task Close() => await _unify.DisposeAsync();

    [Test]
    public async Task Splitting_gives_both_people_back_with_what_came_after_the_merge()
    {
        await _unify.TakeAsync(Identify("u1", "a1", new { name = "Ann", city = "Oslo" }, at: 1));
        await _unify.TakeAsync(Identify(anonymousId: "a2", traits: new { name = "Bob", email = "bob@example.com" }, at: 2));
        await _unify.TakeAsync(Track("u1", at: 3, email: "bob@example.com"));
        Assert.That(_unify.People(), Has.Count.EqualTo(1), "they are merged");
        await _unify.TakeAsync(Identify(traits: new { email = "bob@example.com", city = "Bergen" }, at: 4), Identify("u1", traits: new { city = "Bodø" }, at: 5));

        var bob = await Task.WhenAll(IdAsync("email", "bob@example.com"), IdAsync("anonymous_id", "a2"));
        var outcome = await _unify.Unmerging.SplitAsync(1, bob, Kari, default);
        var (kept, counted) = await _unify.FactsAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(outcome.Problem, Is.Null);
            Assert.That(_unify.People(), Is.EqualTo(new[]
            {
                """anonymous_id:a1 user_id:u1 → {"city":"Bodø","name":"Ann"}""",
                """anonymous_id:a2 email:bob@example.com → {"city":"Bergen","email":"bob@example.com","name":"Bob"}""",
            }));
            Assert.That(kept, Is.EqualTo(counted));
            Assert.That(
                _unify.Followed().Canonical,
                Is.EquivalentTo(_unify.Profiles.PointersAfter(0, 100).ToDictionary(pointer => pointer.ProfileId, pointer => pointer.CanonicalId)));
        }
    }

    [Test]
    public async Task What_was_cut_stays_cut_when_the_same_evidence_comes_again()
    {
        await _unify.TakeAsync(Identify("u1", "a1", at: 2));
        await _unify.Unmerging.SplitAsync(1, [2], Kari, default);
        await _unify.TakeAsync(Track("u1", "a1", at: 1), Track("u1", "a1", at: 5));
        Assert.That(_unify.People(), Is.EqualTo(new[] { "anonymous_id:a1 → {}", "user_id:u1 → {}" }));
    }

    [Test]
    public async Task A_cut_that_is_taken_back_makes_them_one_person_again()
    {
        await _unify.TakeAsync(Identify("u1", "a1", new { name = "Ann" }, at: 2));
        var before = _unify.People();
        await _unify.Unmerging.DecideAsync(2, 1, LinkDecision.Cut, Kari, default);
        Assert.That(_unify.People(), Has.Count.EqualTo(2));
        await _unify.Unmerging.DecideAsync(1, 2, LinkDecision.None, Kari, default);
        Assert.That(_unify.People(), Is.EqualTo(before));
    }

    [Test]
    public async Task A_link_that_a_guard_refused_holds_once_what_stood_against_it_is_cut()
    {
        await _unify.TakeAsync(Identify("u1", "kiosk", at: 1), Identify("u2", "kiosk", at: 2));
        await _unify.Unmerging.DecideAsync(await IdAsync("user_id", "u1"), await IdAsync("anonymous_id", "kiosk"), LinkDecision.Cut, Kari, default);
        Assert.That(_unify.People(), Is.EqualTo(new[] { "anonymous_id:kiosk user_id:u2 → {}", "user_id:u1 → {}" }));
    }

    [Test]
    public async Task A_split_holds_although_a_third_identifier_would_join_the_two_again()
    {
        // u1 and a1 are linked both directly and by way of the e-mail address.
        await _unify.TakeAsync(Identify("u1", "a1", at: 1), Track("u1", at: 2, email: "ann@example.com"));
        await _unify.TakeAsync(Track(anonymousId: "a1", at: 3, email: "ann@example.com"));
        await _unify.Unmerging.SplitAsync(1, [await IdAsync("anonymous_id", "a1")], Kari, default);
        Assert.That(_unify.People(), Is.EqualTo(new[] { "anonymous_id:a1 → {}", "email:ann@example.com user_id:u1 → {}" }));
    }

    [Test]
    public async Task What_is_split_off_stays_together_though_only_the_others_held_it_together()
    {
        await _unify.TakeAsync(Identify("u1", "a1", at: 1), Track("u1", "a2", at: 2));
        var off = await Task.WhenAll(IdAsync("anonymous_id", "a1"), IdAsync("anonymous_id", "a2"));
        await _unify.Unmerging.SplitAsync(1, off, Kari, default);
        Assert.That(_unify.People(), Is.EqualTo(new[] { "anonymous_id:a1 anonymous_id:a2 → {}", "user_id:u1 → {}" }));
        await _unify.Unmerging.DecideAsync(off[0], off[1], LinkDecision.None, Kari, default);
        var (kept, counted) = await _unify.FactsAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_unify.People(), Has.Count.EqualTo(3), "the word is taken back");
            Assert.That(kept, Is.EqualTo(counted));
        }
    }

    [Test]
    public async Task A_preview_tells_the_result_and_changes_nothing()
    {
        await _unify.TakeAsync(Identify("u1", "a1", at: 1), Track("u1", at: 2, email: "ann@example.com"));
        var preview = (await _unify.Unmerging.PreviewSplitAsync(1, [2], default)).Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(preview.Select(person => string.Join(' ', person.Identifiers.Select(i => i.Value))), Is.EqualTo(new[] { "u1 ann@example.com", "a1" }));
            Assert.That(_unify.People(), Has.Count.EqualTo(1));
        }
    }

    [Test]
    public async Task A_word_that_comes_between_deciding_and_writing_is_heard()
    {
        await _unify.TakeAsync(Identify("u1", "a1", new { name = "Ann" }, at: 1));
        _unify.Events.Add(Track("u1", at: 2, email: "ann@example.com"));
        _unify.Events.Add(Identify(anonymousId: "a1", traits: new { name = "Bob" }, at: 3));
        var decided = _unify.Decide()!.Value;
        await _unify.Unmerging.SplitAsync(1, [2], Kari, default);
        await _unify.CommitAsync(decided);
        var (kept, counted) = await _unify.FactsAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_unify.People(), Is.EqualTo(new[]
            {
                """anonymous_id:a1 → {"name":"Bob"}""", """email:ann@example.com user_id:u1 → {"name":"Ann"}""",
            }));
            Assert.That(kept, Is.EqualTo(counted));
        }
    }

    [TestCase(new long[] { }, "unmerge.not_of_person")]
    [TestCase(new long[] { 1, 2 }, "unmerge.nothing_left")]
    [TestCase(new long[] { 3 }, "unmerge.not_of_person")]
    public async Task A_split_needs_some_of_the_identifiers_and_not_all(long[] off, string code)
    {
        await _unify.TakeAsync(Identify("u1", "a1", at: 1), Track("u3", at: 1));
        Assert.That((await _unify.Unmerging.SplitAsync(1, off, Kari, default)).Problem?.Code, Is.EqualTo(code));
    }

    [Test]
    public async Task The_trail_names_who_split_and_no_identifier()
    {
        await _unify.TakeAsync(Identify("u1", "a1", at: 1));
        await _unify.Unmerging.SplitAsync(1, [2], Kari, default);
        var entry = (await _unify.Test.Get<CdpMonolith.Platform.Audit.IAudit>().ReadAsync(long.MaxValue, 10, null, default)).First();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((entry.Actor, entry.Action, entry.Subject), Is.EqualTo(("kari@example.com", "profile.split", "profile:1")));
            Assert.That(entry.Details, Does.Not.Contain("u1").And.Not.Contain("a1"));
        }
    }

    private async Task<long> IdAsync(string type, string value) => await _unify.Test.Store.ReadAsync(
        read => read.Scalar<long>("SELECT id FROM profiles_profile WHERE type = @type AND value = @value", new { type, value }), default);
}
