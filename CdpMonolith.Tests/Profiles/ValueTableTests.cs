using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;
using CdpMonolith.Profiles.Unify;
using CdpMonolith.Tests.Ingestion;
using CdpMonolith.Tests.Support;
using static CdpMonolith.Tests.Profiles.UnifyTest;

namespace CdpMonolith.Tests.Profiles;

/// <summary>Tables of values: one spelling for what people choose, and what was sent is kept.</summary>
public sealed class ValueTableTests
{
    private static readonly ValueTable Gender = new("gender", [new("female", ["F", "Woman", "หญิง"]), new("male", ["M", "1"])]);

    [TestCase("\"f\"", "\"female\"")]
    [TestCase("\" WOMAN  \"", "\"female\"")]
    [TestCase("\"หญิง\"", "\"female\"")]
    [TestCase("\"Female\"", "\"female\"")]
    [TestCase("1", "\"male\"")]
    [TestCase("true", "true")]
    [TestCase("\"x\"", "\"x\"")]
    [TestCase("[\"f\"]", "[\"f\"]")]
    public void A_value_stands_for_what_the_table_says_whatever_its_case_and_white_space(string sent, string holds)
    {
        var standards = new Standards([Gender]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Encoding.UTF8.GetString(standards.Of("gender", Encoding.UTF8.GetBytes(sent))), Is.EqualTo(holds));
            Assert.That(Encoding.UTF8.GetString(standards.Of("plan", Encoding.UTF8.GetBytes(sent))), Is.EqualTo(sent));
        }
    }

    [Test]
    public void Letters_composed_or_not_are_the_same() =>
        Assert.That(
            Encoding.UTF8.GetString(new Standards([new("town", [new("Å", ["Ålesund"])])]).Of("town", Encoding.UTF8.GetBytes("\"A\u030Alesund\""))),
            Is.EqualTo("\"Å\""));

    [Test]
    public async Task What_comes_is_believed_by_the_table_and_kept_as_it_was_sent()
    {
        await using var door = await Door.OpenAsync();
        var tables = door.Test.Get<ValueTables>();
        Assert.That((await tables.PutAsync(Actor.System, Gender, default)).Problem, Is.Null);
        await door.SendAsync("{'batch':[{'type':'identify','userId':'ann','traits':{'gender':'F'}},{'type':'identify','userId':'eve','traits':{'gender':'Kvinne'}},{'type':'identify','userId':'kim','traits':{'gender':'kvinne'}}]}");
        await door.Test.CatchUpAsync();
        var view = (await tables.FindAsync("gender", default))!;
        var ann = (await door.Test.Get<PersonStore>().FindAsync(1, default))!.Traits.Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await TraitsAsync(door.Test, "ann"), Is.EqualTo("""{"gender":"female"}"""));
            Assert.That(Encoding.UTF8.GetString(door.Events()[0].Body), Does.Contain("\"gender\":\"F\""));
            Assert.That((ann.Holds.Value, ann.Standard), Is.EqualTo(("\"F\"", "\"female\"")));
            Assert.That(view.Unmatched.Select(value => (value.Value, value.People)), Is.EquivalentTo(new[] { ("Kvinne", 1L), ("kvinne", 1L) }));
        }
    }

    [Test]
    public async Task A_changed_table_changes_those_who_have_the_trait_and_a_removed_one_gives_back_what_was_sent()
    {
        await using var door = await Door.OpenAsync();
        var people = string.Join(',', Enumerable.Range(0, 900).Select(n => $$"""{'type':'identify','userId':'u{{n}}','traits':{'gender':'{{(n % 2 == 0 ? "F" : "M")}}','n':{{n}} } }"""));
        await door.SendAsync($"{{'batch':[{people}]}}");
        await door.Test.CatchUpAsync();
        var (tables, work) = (door.Test.Get<ValueTables>(), door.Test.Get<Restandardising>());

        await tables.PutAsync(Actor.System, Gender, default);
        await work.RunAsync(default);
        await door.Test.CatchUpAsync();
        Assert.That((await tables.FindAsync("gender", default))!.Unmatched, Is.Empty);
        Assert.That(await TraitsAsync(door.Test, "u899"), Is.EqualTo("""{"gender":"male","n":899}"""));
        Assert.That(Women(), Is.EqualTo(new[] { new TraitValue("female", 450), new TraitValue("male", 450) }));

        await tables.PutAsync(Actor.System, new ValueTable("gender", [new("woman", ["f"])]), default);
        await work.RunAsync(default);
        await door.Test.CatchUpAsync();
        Assert.That(Women(), Is.EqualTo(new[] { new TraitValue("M", 450), new TraitValue("woman", 450) }));

        Assert.That(await tables.RemoveAsync(Actor.System, "gender", default), Is.Null);
        await work.RunAsync(default);
        await door.Test.CatchUpAsync();
        Assert.That(Women(), Is.EqualTo(new[] { new TraitValue("F", 450), new TraitValue("M", 450) }));
        Assert.That(
            (await door.Test.Get<IAudit>().ReadAsync(long.MaxValue, 10, null, default)).Select(entry => entry.Action),
            Is.SupersetOf(new[] { "values.changed", "values.removed" }));
        Assert.That((await tables.RemoveAsync(Actor.System, "gender", default))!.Code, Is.EqualTo("values.unknown"));

        IReadOnlyList<TraitValue> Women() => door.Test.Get<ITraitValues>().Of("gender");
    }

    [Test]
    public async Task What_was_decided_before_the_table_changed_is_decided_again()
    {
        await using var unify = new UnifyTest();
        unify.Events.Add(Identify("ann", traits: new { gender = "F" }));
        var decided = unify.Decide()!.Value;
        await unify.Test.Get<ValueTables>().PutAsync(Actor.System, Gender, default);
        await unify.Test.Get<Restandardising>().RunAsync(default);
        await unify.CommitAsync(decided);
        Assert.That(await TraitsAsync(unify.Test, "ann"), Is.EqualTo("""{"gender":"female"}"""));
    }

    [Test]
    public async Task Of_two_profiles_that_join_the_value_that_holds_is_by_the_table()
    {
        await using var unify = new UnifyTest();
        await unify.Test.Get<ValueTables>().PutAsync(Actor.System, Gender, default);
        await unify.TakeAsync(
            Identify(anonymousId: "a1", traits: new { gender = "M" }, at: 1), Identify("ann", traits: new { gender = "woman" }, at: 2), Identify("ann", "a1", new { }, at: 3));
        Assert.That(await TraitsAsync(unify.Test, "ann"), Is.EqualTo("""{"gender":"female"}"""));
    }

    [Test]
    public async Task A_table_of_a_store_that_was_closed_in_the_middle_is_applied_to_the_rest()
    {
        using var folder = new TempFolder();
        await using (var before = await Door.OpenAsync(folder))
        {
            await before.SendAsync("{'batch':[{'type':'identify','userId':'ann','traits':{'gender':'F'}}]}");
            await before.Test.CatchUpAsync();
            await before.Test.Get<ValueTables>().PutAsync(Actor.System, Gender, default);
        }

        await using var after = await Door.OpenAsync(folder);
        Assert.That((await after.Test.Get<ValueTables>().FindAsync("gender", default))!.IsSettling, Is.True);
        await after.Test.Get<Restandardising>().RunAsync(default);
        Assert.That(await TraitsAsync(after.Test, "ann"), Is.EqualTo("""{"gender":"female"}"""));
        Assert.That((await after.Test.Get<ValueTables>().FindAsync("gender", default))!.IsSettling, Is.False);
    }

    [Test]
    public async Task Over_HTTP_marketers_change_what_viewers_see()
    {
        await using var app = await TestApp.StartAsync();
        using var marketer = await app.UserAsync(Roles.Marketer);
        using var viewer = await app.UserAsync(Roles.Viewer);
        object wanted = new { values = new[] { new { value = "female", written = new[] { "F", " f ", "" } } } };
        using var forbidden = await viewer.PutAsJsonAsync("/api/values/gender", wanted);
        using var made = await marketer.PutAsJsonAsync("/api/values/gender", wanted);
        using var none = await viewer.GetAsync("/api/values/plan");
        var seen = await viewer.GetFromJsonAsync<JsonElement>("/api/values");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(new[] { forbidden.StatusCode, made.StatusCode, none.StatusCode }, Is.EqualTo(new[] { HttpStatusCode.Forbidden, HttpStatusCode.OK, HttpStatusCode.NotFound }));
            Assert.That(seen[0].GetProperty("values").GetRawText(), Is.EqualTo("""[{"value":"female","written":["F"]}]"""));
        }

        foreach (var (trait, body, code) in new (string, object, string)[]
        {
            ("email", wanted, "values.trait_has_rules"), ("gender", new { }, "values.empty"), ("gender", new { values = new[] { new { value = " " } } }, "values.value_missing"),
            ("gender", new { values = new[] { new { value = "a", written = new[] { "x" } }, new { value = "b", written = new[] { " X" } } } }, "values.written_twice"),
            ("gender", new { values = new[] { new { value = new string('a', 201) } } }, "values.too_long"),
        })
        {
            using var answer = await marketer.PutAsJsonAsync($"/api/values/{trait}", body);
            Assert.That((answer.StatusCode, (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()), Is.EqualTo((HttpStatusCode.UnprocessableEntity, code)));
        }

        using var removed = await marketer.DeleteAsync("/api/values/gender");
        using var gone = await marketer.DeleteAsync("/api/values/gender");
        Assert.That(new[] { removed.StatusCode, gone.StatusCode }, Is.EqualTo(new[] { HttpStatusCode.NoContent, HttpStatusCode.NotFound }));
    }

    [Test]
    public void A_table_that_goes_out_as_CSV_comes_in_as_it_was()
    {
        var odd = new ValueTable("gender", [new("female", ["F", "Woman, adult", "the \"W\""]), new("=other", ["-x", "'quoted", "line\nbreak"]), new("หญิง", [])]);
        var (values, faults) = ValueCsv.Read(Encoding.UTF8.GetBytes(ValueCsv.Write(odd)));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ValueCsv.Write(odd), Does.Contain("'=other,-x").Or.Contain("'=other,'-x"), "a spreadsheet must not run it");
            Assert.That(faults, Is.Empty);
            Assert.That(JsonSerializer.Serialize(values), Is.EqualTo(JsonSerializer.Serialize(odd.Values)));
        }
    }

    [TestCase("\uFEFFvalue;written\r\nfemale;F\r\nfemale;Woman\r\nmale;\r\n", "female=F/Woman male=")]
    [TestCase("Written\tNote\tVALUE\nF\tx\tfemale\n\n\t\tmale\nf\t\tfemale\nFEMALE\t\tfemale", "female=F male=")]
    [TestCase("value,written\nfemale,\"F\"\nfemale\n", "female=F")]
    public void A_table_is_read_as_spreadsheets_write_it(string text, string holds)
    {
        var (values, faults) = ValueCsv.Read(Encoding.UTF8.GetBytes(text));
        Assert.That(faults, Is.Empty);
        Assert.That(string.Join(' ', values.Select(value => $"{value.Value}={string.Join('/', value.Written)}")), Is.EqualTo(holds));
    }

    [TestCase("", "0 values.columns_missing")]
    [TestCase("value\nfemale\n", "0 values.columns_missing")]
    [TestCase("value,written\n", "0 values.empty")]
    [TestCase("value,written\nfemale,F\n,M\nmale,f\nfemale,a,b\n", "2 values.value_missing 3 values.written_twice 4 values.too_many_cells")]
    [TestCase("value,written\nfemale,F\nFemale,W\n", "2 values.written_twice")]
    [TestCase("value,written\nfemale,\"F\nmale,M\n", "1 values.quote_open")]
    public void What_is_wrong_with_a_file_is_told_by_row(string text, string wrong)
    {
        var (_, faults) = ValueCsv.Read(Encoding.UTF8.GetBytes(text));
        Assert.That(string.Join(' ', faults.Select(fault => $"{fault.Row} {fault.Code}")), Is.EqualTo(wrong));
    }

    [Test]
    public void A_file_that_is_not_text_in_UTF_8_or_16_is_refused()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ValueCsv.Read(Encoding.Latin1.GetBytes("value,written\nkjønn,Kjønn")).Faults.Single().Code, Is.EqualTo("values.not_text"));
            Assert.That(ValueCsv.Read([0xFF, 0xFE, .. Encoding.Unicode.GetBytes("value,written\nkjønn,K")]).Values.Single().Value, Is.EqualTo("kjønn"));
        }
    }

    [Test]
    public async Task Over_the_API_a_table_comes_in_as_CSV_whole_or_not_at_all()
    {
        await using var app = await TestApp.StartAsync();
        using var marketer = await app.UserAsync(Roles.Marketer);
        using var viewer = await app.UserAsync(Roles.Viewer);
        static StringContent Csv(string text) => new(text, Encoding.UTF8, "text/csv");
        using var forbidden = await viewer.PutAsync("/api/values/gender/csv", Csv("value,written\nfemale,F\n"));
        using var none = await viewer.GetAsync("/api/values/gender/csv");
        using var made = await marketer.PutAsync("/api/values/gender/csv", Csv("value,written\nfemale,F\nmale,M\n"));
        using var faulty = await marketer.PutAsync("/api/values/gender/csv", Csv("value,written\nfemale,F\n,M\nmale,F\n"));
        using var large = await marketer.PutAsync("/api/values/gender/csv", Csv(new string('x', ValueCsv.BytesAtMost + 1)));
        using var owned = await marketer.PutAsync("/api/values/email/csv", Csv("value,written\nfemale,F\n"));
        var errors = (await faulty.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").EnumerateArray();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                new[] { forbidden.StatusCode, none.StatusCode, made.StatusCode, faulty.StatusCode, large.StatusCode, owned.StatusCode },
                Is.EqualTo(new[]
                {
                    HttpStatusCode.Forbidden, HttpStatusCode.NotFound, HttpStatusCode.OK, HttpStatusCode.UnprocessableEntity, HttpStatusCode.RequestEntityTooLarge,
                    HttpStatusCode.UnprocessableEntity,
                }));
            Assert.That(
                errors.Select(error => (error.GetProperty("row").GetInt32(), error.GetProperty("code").GetString())),
                Is.EqualTo(new[] { (2, "values.value_missing"), (3, "values.written_twice") }));
            Assert.That(await viewer.GetStringAsync("/api/values/gender/csv"), Is.EqualTo("value,written\r\nfemale,F\r\nmale,M\r\n"));
        }
    }

    private static async Task<string?> TraitsAsync(TestStore test, string userId)
    {
        var person = await test.Get<IProfiles>().FindAsync(new Identifier(IdentifierTypes.UserId, userId), default);
        return test.Store.Read(read => RecordStore.GoldenOf(read, person!.ProfileId)) is { } golden ? Encoding.UTF8.GetString(golden) : null;
    }
}
