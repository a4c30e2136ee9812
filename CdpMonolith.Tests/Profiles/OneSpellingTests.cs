using System.Text;
using System.Text.Json.Nodes;
using CdpMonolith.Ingestion;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Tests.Profiles;

/// <summary>One rule for e-mail addresses and phone numbers, whichever way they come, and for the search.</summary>
public sealed class OneSpellingTests
{
    [Test]
    public async Task One_number_in_many_spellings_is_one_person_by_call_by_import_and_in_the_search()
    {
        await using var test = InCountry("TH");
        var source = (await test.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Server, default)).Value;
        await IdentifyAsync(test, source, "081-234-5678", "๐๘๑ ๒๓๔ ๕๖๗๘", "+66 (0)81 234 5678", "66812345678");
        await ImportAsync(test, source, "Phone,Name\n0066 81 234 5678,Somchai\n");
        await test.CatchUpAsync();

        var people = test.Get<IProfiles>();
        var found = new List<long?>();
        foreach (var written in new[] { "+66812345678", "0812345678", "081 234 5678", "๐๘๑๒๓๔๕๖๗๘" })
        {
            found.Add((await people.FindAsync(new Identifier(IdentifierTypes.Phone, written), default))?.ProfileId);
        }

        var events = test.Get<IEventLog>().Read(0, 10);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(found.Distinct().Single(), Is.Not.Null);
            Assert.That(Phone(events[0]), Is.EqualTo("081-234-5678"), "kept as it was sent");
            Assert.That(events, Has.Count.EqualTo(5));
            Assert.That((await people.FactsAsync(default)).Known, Is.EqualTo(1));
        }
    }

    [Test]
    public async Task A_number_stored_before_a_country_was_set_is_still_found()
    {
        using var folder = new TempFolder();
        long id;
        await using (var before = new TestStore(folder: folder))
        {
            var source = (await before.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Server, default)).Value;
            await IdentifyAsync(before, source, "0812345678");
            await before.CatchUpAsync();
            id = (await before.Get<IProfiles>().FindAsync(new Identifier(IdentifierTypes.Phone, "0812345678"), default))!.ProfileId;
        }

        await using var after = InCountry("TH", folder);
        Assert.That(
            (await after.Get<IProfiles>().FindAsync(new Identifier(IdentifierTypes.Phone, "081 234 5678"), default))?.ProfileId, Is.EqualTo(id));
    }

    [Test]
    public async Task Numbers_of_a_source_with_a_country_of_its_own_are_found_again_by_the_undo()
    {
        await using var test = InCountry("NO");
        var sources = test.Get<Sources>();
        var source = (await sources.CreateAsync(Actor.System, "Bangkok", SourceKind.File, default)).Value;
        _ = (await sources.SetAsync(Actor.System, source.Id, SourceSettings.Default with { Country = "TH" }, default)).Value;
        await ImportAsync(test, source, "Phone,Name\n081 234 5678,Somchai\n");
        await test.CatchUpAsync();
        var thai = new Identifier(IdentifierTypes.Phone, "+66812345678");
        Assert.That(await test.Get<IProfiles>().FindAsync(thai, default), Is.Not.Null);

        _ = (await test.Get<Undos>().StartAsync(Actor.CommandLine, 1, default)).Value;
        await test.Get<UndoRunner>().RunQueuedAsync(default);
        await test.CatchUpAsync();
        Assert.That(await test.Get<IProfiles>().FindAsync(thai, default), Is.Null);
    }

    [TestCase("phone", "+66 (0)81 234 5678", "+66812345678")]
    [TestCase("phone", "22 22 22 22", "+4722222222")]
    [TestCase("phone", "22 22 22 22 ext 3", "+4722222222;ext=3")]
    [TestCase("phone", "+999 1234567", "+9991234567")]
    [TestCase("phone", "1234567", "1234567")]
    [TestCase("phone", "+999 1234567 / 22 22 22 22", "+9991234567")]
    [TestCase("phone", "033701/123456", "033701123456")]
    [TestCase("email", "Ann <Ann@Example.com>", "ann@example.com")]
    [TestCase("email", "<Ann@Example.com>", "ann@example.com")]
    public void What_fits_a_plan_is_E164_and_the_rest_keeps_its_digits(string type, string given, string kept)
    {
        var rules = new IdentifierRules([], "NO");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(rules.Normalise(type, given)?.Value, Is.EqualTo(kept));
            Assert.That(rules.Normalise(type, kept)?.Value, Is.EqualTo(kept));
        }
    }

    [TestCase("""{"currency":"kr"}""", "\"NOK\"")]
    [TestCase("""{"currency":"gold"}""", "null")]
    [TestCase("""{"country":"Norge"}""", "\"NO\"")]
    [TestCase("""{"country":"norway "}""", "\"NO\"")]
    [TestCase("""{"country":"ประเทศไทย"}""", "\"TH\"")]
    [TestCase("""{"country":"Narnia"}""", "null")]
    [TestCase("""{"country":null}""", "null")]
    [TestCase("""{"country":7}""", "null")]
    [TestCase("""{"country":"Norge","countryCode":"SJ"}""", "\"SJ\"")]
    [TestCase("""{"address":{"city":"Oslo","country":"Norge"}}""", "\"NO\"")]
    [TestCase("""{"address":{"country":"Norge"},"country":"Sweden"}""", "\"SE\"")]
    [TestCase("""{"address":{"country":"Narnia"}}""", "null")]
    [TestCase("""{"address":{"country":"Narnia"},"countryCode":"SE"}""", "\"SE\"")]
    [TestCase("""{"address":"Norway"}""", null)]
    [TestCase("""{"city":"Oslo"}""", null)]
    public void Beside_a_country_or_currency_as_it_was_sent_stands_its_code(string traits, string? code)
    {
        var body = Encoding.UTF8.GetBytes($$"""{"traits":{{traits}}}""");
        var read = new CdpMonolith.Profiles.Rules.CallReader(new IdentifierRules([]), new InNorway()).Read(UnifyTest.Identify("u1", at: 5) with { Body = body }).Traits;
        Assert.That(read.Where(trait => trait.Name is "countryCode" or "currencyCode").Select(trait => Encoding.UTF8.GetString(trait.Value)).SingleOrDefault(), Is.EqualTo(code));
    }

    [TestCase("""{"traits":{"phone":"922 33 445","country":"NO"}}""", "+4792233445")]
    [TestCase("""{"traits":{"country":"Norge","phone":"922 33 445"}}""", "+4792233445")]
    [TestCase("""{"traits":{"phone":"922 33 445","countryCode":"NO","country":"Thailand"}}""", "+4792233445")]
    [TestCase("""{"traits":{"phone":"922 33 445","address":{"country":"Norway"}}}""", "+4792233445")]
    [TestCase("""{"context":{"traits":{"phone":"922 33 445","country":"NO"}}}""", "+4792233445")]
    [TestCase("""{"traits":{"phone":"922 33 445"},"context":{"traits":{"address":{"countryCode":"NO"}}}}""", "+4792233445")]
    [TestCase("""{"traits":{"phone":"081 234 5678","country":"NO"}}""", "+66812345678")]
    [TestCase("""{"traits":{"phone":"+66 81 234 5678","country":"NO"}}""", "+66812345678")]
    [TestCase("""{"traits":{"phone":"081 234 5678","country":"Narnia"}}""", "+66812345678")]
    [TestCase("""{"traits":{"phone":"922 33 445","country":{"address":"NO"}}}""", "+6692233445")]
    [TestCase("""{"context":{"externalIds":[{"id":"922 33 445","type":"phone","collection":"users"}]}}""", "+6692233445")]
    [TestCase("""{"context":{"externalIds":[{"id":"922 33 445","type":"phone"}],"traits":{"country":"NO"}}}""", "+4792233445")]
    public void A_phone_number_without_a_country_is_one_of_the_country_that_its_call_names_before_that_of_the_source(string body, string phone)
    {
        var call = UnifyTest.Identify("u1", at: 5) with { Body = Encoding.UTF8.GetBytes(body) };
        var read = new CdpMonolith.Profiles.Rules.CallReader(new IdentifierRules([]), new At("TH"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(read.Read(call).Identifiers.Single(one => one.Type == IdentifierTypes.Phone).Value, Is.EqualTo(phone));
            Assert.That(
                read.Read(UnifyTest.Identify("u1", at: 5) with { Body = Encoding.UTF8.GetBytes("""{"traits":{"phone":"922 33 445"}}""") }).Identifiers[^1].Value,
                Is.EqualTo("+6692233445"), "nothing is left of the call before");
        }
    }

    [Test]
    public async Task A_row_and_the_event_in_it_are_read_for_the_country_of_the_row()
    {
        await using var test = InCountry("TH");
        var source = (await test.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.File, default)).Value;
        await ImportAsync(test, source, "Phone,Land\n922 33 445,Norge\n", "Phone=phone,Land=trait:country", "Bought");
        await test.CatchUpAsync();
        var people = test.Get<IProfiles>();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await people.FindAsync(new Identifier(IdentifierTypes.Phone, "+4792233445"), default), Is.Not.Null);
            Assert.That((await people.FactsAsync(default)).Known, Is.EqualTo(1));
            Assert.That(test.Get<IEventLog>().Read(0, 10), Has.Count.EqualTo(2));
        }
    }

    private sealed class At(string country) : ISourceCountries
    {
        public string? Default => null;

        public string? Of(long sourceId) => country;
    }

    private sealed class InNorway : ISourceCountries
    {
        public string? Default => null;

        public string? Of(long sourceId) => "NO";
    }

    private static TestStore InCountry(string country, TempFolder? folder = null) =>
        new(services => services.Configure<IngestionOptions>(options => options.DefaultCountry = country), folder);

    private static async Task IdentifyAsync(TestStore test, Source source, params string[] phones)
    {
        foreach (var (device, phone) in phones.Index())
        {
            var call = new JsonObject { ["anonymousId"] = $"a{device}", ["traits"] = new JsonObject { ["phone"] = phone } };
            ReadOnlyMemory<byte> body = Encoding.UTF8.GetBytes(call.ToJsonString());
            await test.Get<Acceptor>().AcceptAsync(source.Id, [body], new Arrival(CallType.Identify), null, default);
        }
    }

    private static async Task ImportAsync(
        TestStore test, Source source, string text, string map = "Phone=phone,Name=trait:name", string? happening = null)
    {
        var imports = test.Get<Imports>();
        var file = (await imports.KeepAsync(Actor.CommandLine, "people.csv", new MemoryStream(Encoding.UTF8.GetBytes(text)), default)).Value;
        var mapping = ImportMapping.ParseShort(map).Value with { Event = happening };
        _ = (await imports.StartAsync(Actor.CommandLine, file.Id, source.Id, mapping, default)).Value;
        await test.Get<ImportRunner>().RunQueuedAsync(default);
    }

    private static string? Phone(Event call) => (string?)JsonNode.Parse(call.Body)!["traits"]!["phone"];
}
