using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using static CdpMonolith.Tests.Profiles.UnifyTest;

namespace CdpMonolith.Tests.Profiles;

/// <summary>What must hold whatever the calls are: generated calls of few people who share much.</summary>
public sealed class OrderTests
{
    private const int Worlds = 150;

    [Test]
    public async Task Any_order_and_repetition_of_calls_ends_in_the_same_people()
    {
        await using var unify = Tight();
        for (var seed = 1; seed <= Worlds; seed++)
        {
            var random = new Random(seed);
            var calls = Enumerable.Range(0, random.Next(2, 26)).Select(_ => MakeCall(random)).ToList();
            var first = MarkOf(seed, 1);
            var second = MarkOf(seed, 2);
            await TakeAsync(unify, calls, first, random);
            var again = calls.Concat(calls.Where(_ => random.Next(3) == 0)).ToArray();
            random.Shuffle(again);
            await TakeAsync(unify, again, second, random);
            Assert.That(unify.People(second), Is.EqualTo(unify.People(first)), $"seed {seed}");
        }

        var (kept, counted) = await unify.FactsAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(kept, Is.EqualTo(counted));
            Assert.That(kept.Refused, Is.GreaterThan(Worlds), "the guards were put to the test");
            Assert.That(
                unify.Followed().Canonical,
                Is.EquivalentTo(unify.Profiles.PointersAfter(0, int.MaxValue).ToDictionary(pointer => pointer.ProfileId, pointer => pointer.CanonicalId)));
        }
    }

    [Test]
    public async Task Merge_then_unmerge_gives_the_same_people_back_with_what_came_after()
    {
        await using var unify = new UnifyTest();
        for (var seed = 1; seed <= Worlds / 2; seed++)
        {
            var random = new Random(seed);
            var (merged, apart) = (MarkOf(seed, 1), MarkOf(seed, 2));
            var ann = OfOne(random, "ann");
            var bob = OfOne(random, "bob");
            var bridge = MadeCall.Of(CallType.Track, user: "ann", email: "bob@example.com", at: random.Next(10));
            var later = OfOne(random, "ann").Concat(OfOne(random, "bob")).ToArray();
            random.Shuffle(later);

            await TakeAsync(unify, [.. ann, .. bob, bridge, .. later], merged, random);
            await TakeAsync(unify, [.. ann, .. bob, bridge with { Email = null }, .. later], apart, random);
            Assert.That(unify.People(merged), Has.Count.EqualTo(1), $"seed {seed}");

            var bobs = await unify.Test.Store.ReadAsync(
                read => read.Query<long>("SELECT id FROM profiles_profile WHERE value LIKE @mark", new { mark = $"%{merged}bob%" }).ToList(), default);
            var whole = await unify.PersonAsync("user_id", merged + "ann");
            Assert.That((await unify.Unmerging.SplitAsync(whole.ProfileId, bobs, Actor.CommandLine, default)).Problem, Is.Null, $"seed {seed}");
            Assert.That(unify.People(merged), Is.EqualTo(unify.People(apart)), $"seed {seed}");
        }
    }

    /// <summary>Ten digits, so that they fit into a phone number and a UUID too.</summary>
    private static string MarkOf(int seed, int world) => FormattableString.Invariant($"77{seed:D7}{world}");

    /// <summary>Guards so tight that few people run into all of them.</summary>
    private static UnifyTest Tight() => new(limits =>
    {
        limits.EmailsPerPerson = 2;
        limits.PhonesPerPerson = 1;
        limits.AnonymousIdsPerPerson = 2;
        limits.KnownNeighbours = 4;
        limits.AnonymousNeighbours = 3;
    });

    private static async Task TakeAsync(UnifyTest unify, IEnumerable<MadeCall> calls, string mark, Random random)
    {
        var rest = calls.Select(call => call.ToEvent(mark)).ToArray();
        while (rest.Length > 0)
        {
            var size = Math.Min(rest.Length, random.Next(1, 12));
            await unify.TakeAsync(rest[..size]);
            rest = rest[size..];
            if (random.Next(8) == 0)
            {
                unify.Stage.Forget();
            }
        }
    }

    private static MadeCall MakeCall(Random random)
    {
        string? Maybe(string prefix, int count) => random.Next(2) == 0 ? null : prefix + random.Next(count);
        var type = random.Next(10) switch { < 5 => CallType.Identify, < 9 => CallType.Track, _ => CallType.Alias };
        var previous = type == CallType.Alias ? (random.Next(2) == 0 ? "u" : "0") + random.Next(4) : null;
        var email = Maybe("e", 5) is { } name ? name + "@example.com" : null;
        return new MadeCall(
            type, Maybe("u", 4), Maybe("a", 6), email, Maybe("", 3), previous,
            random.Next(3) == 0 ? null : "City " + random.Next(3), random.Next(4) == 0, random.Next(8), random.Next(1, 3));
    }

    private static List<MadeCall> OfOne(Random random, string name) =>
    [
        .. Enumerable.Range(0, random.Next(1, 6)).Select(_ => MadeCall.Of(
            random.Next(2) == 0 ? CallType.Identify : CallType.Track,
            user: name == "ann" ? "ann" : null, anonymous: random.Next(2) == 0 ? name + random.Next(3) : null, email: name + "@example.com",
            at: random.Next(10)) with { City = "City " + random.Next(4), Source = random.Next(1, 3) }),
    ];

    private sealed record MadeCall(
        CallType Type, string? User, string? Anonymous, string? Email, string? Phone, string? Previous, string? City, bool Forgets, long At, long Source)
    {
        public static MadeCall Of(CallType type, string? user = null, string? anonymous = null, string? email = null, long at = 0) =>
            new(type, user, anonymous, email, null, null, null, false, at, 1);

        /// <param name="mark">Stands in every identifier, so that many worlds fit into one store.</param>
        public CdpMonolith.Ingestion.Contracts.Event ToEvent(string mark)
        {
            var traits = new Dictionary<string, object?>();
            void Say(string name, object? value, bool said)
            {
                if (said)
                {
                    traits[name] = value;
                }
            }

            Say("email", mark + Email, Email is not null);
            Say("phone", "+47" + mark + Phone, Phone is not null);
            Say("city", City, City is not null);
            Say("city", null, Forgets);
            object body = Type switch
            {
                CallType.Identify => new { traits },
                CallType.Alias => new { previousId = Previous is ['u', ..] ? mark + Previous : $"00000000-0000-4000-8000-{mark}{Previous}" },
                _ => new { context = new { traits } },
            };
            return Call(Type, User is null ? null : mark + User, Anonymous is null ? null : mark + Anonymous, At, Source, body);
        }
    }
}
