using System.Text;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Unify;
using static CdpMonolith.Tests.Profiles.UnifyTest;

namespace CdpMonolith.Tests.Profiles;

public sealed class IdentifierTests
{
    private static readonly IdentifierRules Rules = new(["0800-SHOP"]);

    [TestCase("email", " Ann@Example.com", "ann@example.com")]
    [TestCase("email", "KÅRE@Example.no", "kåre@example.no")]
    [TestCase("phone", "+47 900 10 001", "+4790010001")]
    [TestCase("phone", "0047 900 10 001", "+4790010001")]
    [TestCase("phone", "(081) 234-5678", "0812345678")]
    [TestCase("user_id", " U7 ", "U7")]
    [TestCase("anonymous_id", "a1", "a1")]
    [TestCase("Loyalty", "7", "7")]
    public void Values_are_compared_in_one_spelling(string type, string given, string kept) =>
        Assert.That(Rules.Normalise(type, given)?.Value, Is.EqualTo(kept));

    [TestCase("user_id", "undefined")]
    [TestCase("user_id", "NULL")]
    [TestCase("user_id", "0")]
    [TestCase("user_id", "-1")]
    [TestCase("user_id", "[object Object]")]
    [TestCase("user_id", "ไม่มี")]
    [TestCase("user_id", "tidak ada")]
    [TestCase("user_id", "")]
    [TestCase("user_id", "0800-shop")]
    [TestCase("user_id", "u\u00007")]
    [TestCase("anonymous_id", "00000000-0000-0000-0000-000000000000")]
    [TestCase("email", "noreply@example.com")]
    [TestCase("email", "test@test.com")]
    [TestCase("email", "ann@")]
    [TestCase("email", "ann at example.com")]
    [TestCase("email", "ann@example.com, bob@example.com")]
    [TestCase("phone", "0000000000")]
    [TestCase("phone", "12345")]
    [TestCase("phone", "call me")]
    public void What_stands_for_nobody_is_no_identifier(string type, string value) =>
        Assert.That(Rules.Normalise(type, value), Is.Null);

    [Test]
    public void A_call_names_people_strongest_first_and_each_once()
    {
        var call = Call(CallType.Identify, "u1", "a1", body: new
        {
            traits = new { phone = "+4790010001", email = "Ann@example.com" },
            context = new
            {
                traits = new { email = "ann@example.com" },
                externalIds = new object[] { new { id = 7, type = "Loyalty", collection = "users" }, new { id = "acme", type = "crm", collection = "accounts" }, "odd" },
            },
        });
        Assert.That(new CallReader(Rules).Read(call).Identifiers, Is.EqualTo(new[]
        {
            new Identifier("user_id", "u1"), new Identifier("email", "ann@example.com"), new Identifier("phone", "+4790010001"),
            new Identifier("loyalty", "7"), new Identifier("anonymous_id", "a1"),
        }));
    }

    [Test]
    public void Traits_are_kept_as_they_were_sent_without_spaces_and_needless_escapes()
    {
        var body = Encoding.UTF8.GetBytes("""{"traits":{"name":"J\u00f8rg \"J\"","tags":[ 1, {"a" : null} ],"age":7,"ok":true,"gone":null,"empty":""},"context":{"traits":{"name":"other","city":"Oslo"}}}""");
        var traits = new CallReader(Rules).Read(Identify("u1", at: 5) with { Body = body }).Traits;
        Assert.That(traits.Select(trait => $"{trait.Name}={Encoding.UTF8.GetString(trait.Value)}"), Is.EqualTo(new[]
        {
            "age=7", "city=\"Oslo\"", "gone=null", "name=\"Jørg \\\"J\\\"\"", "ok=true", "tags=[1,{\"a\":null}]",
        }));
        Assert.That(Encoding.UTF8.GetString(Traits.Golden(Traits.Parse(Traits.Write(traits)), Standards.None)), Is.EqualTo(
            """{"age":7,"city":"Oslo","name":"Jørg \"J\"","ok":true,"tags":[1,{"a":null}]}"""));
    }

    [Test]
    public void What_was_said_at_several_times_and_at_one_is_read_back_as_it_was()
    {
        Trait[] atOnce = [new("a", "1"u8.ToArray(), 5), new("t", "\"x\""u8.ToArray(), 5), new("v", """{"v":[1],"t":2}"""u8.ToArray(), 5)];
        Trait[] apart = [atOnce[0], atOnce[1] with { At = 6 }, atOnce[2]];
        foreach (var traits in new[] { atOnce, apart, [], [atOnce[0]] })
        {
            Assert.That(
                Traits.Parse(Traits.Write(traits)).Select(trait => (trait.Name, Encoding.UTF8.GetString(trait.Value), trait.At)),
                Is.EqualTo(traits.Select(trait => (trait.Name, Encoding.UTF8.GetString(trait.Value), trait.At))));
        }
    }

    [Test]
    public void The_cache_of_the_stage_knows_what_it_was_told_last_and_forgets_the_oldest()
    {
        var cache = new IdentityCache(10_000);
        for (var n = 0; n < 20_000; n++)
        {
            cache.Keep(new Identifier(n % 2 == 0 ? "email" : "phone", $"person{n}"), new KnownProfile(n, n * 2));
        }

        cache.Keep(new Identifier("email", "person19998"), new KnownProfile(7, 8));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(cache.TryGet(new Identifier("phone", "person19999"), out var kept) ? kept : default, Is.EqualTo(new KnownProfile(19_999, 39_998)));
            Assert.That(cache.TryGet(new Identifier("email", "person19998"), out kept) ? kept : default, Is.EqualTo(new KnownProfile(7, 8)));
            Assert.That(cache.TryGet(new Identifier("email", "person19999"), out _), Is.False, "another type");
            Assert.That(cache.TryGet(new Identifier("email", "person0"), out _), Is.False, "long ago");
            Assert.That(Enumerable.Range(15_001, 4_999).Count(n => cache.TryGet(new Identifier(n % 2 == 0 ? "email" : "phone", $"person{n}"), out _)), Is.EqualTo(4_999));
        }
    }

    [Test]
    public void Odd_bodies_name_whom_they_can()
    {
        foreach (var body in new[] { """{"traits":7,"context":[]}""", """{"traits":null,"context":{"traits":"x","externalIds":{}}}""", "{}" })
        {
            var call = new CallReader(Rules).Read(Identify("u1") with { Body = Encoding.UTF8.GetBytes(body) });
            Assert.That((call.Identifiers.Length, call.Traits.Length), Is.EqualTo((1, 0)), body);
        }
    }

    [TestCase("Kari  Nordmann-Berg", new[] { "kari", "nordmann", "berg" })]
    [TestCase("สมชาย ใจดี", new[] { "สมชาย", "ใจดี" })]
    [TestCase("Ｋａｒｉ O'Neil 2", new[] { "kari", "o", "neil", "2" })]
    public void Names_are_found_by_their_words(string name, string[] words) =>
        Assert.That(NameWords.Of(name), Is.EqualTo(words));
}
