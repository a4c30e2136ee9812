using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Catalogue;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

public sealed class PlanTests
{
    private static readonly PlannedMember Total = new("total", PlanType.Number);

    [TestCase("""{"total":1}""", null)]
    [TestCase("""{"total":"1"}""", ViolationKind.Type)]
    [TestCase("""{"total":null}""", null)]
    [TestCase("""{}""", null)]
    public void A_value_of_another_type_strays(string properties, object? kind) => Expect(Total, properties, kind);

    [TestCase(PlanType.Text, "\"a\"", true)]
    [TestCase(PlanType.Text, "1", false)]
    [TestCase(PlanType.Boolean, "false", true)]
    [TestCase(PlanType.Boolean, "\"false\"", false)]
    [TestCase(PlanType.Time, "\"2026-03-02T09:00:00Z\"", true)]
    [TestCase(PlanType.Time, "\"soon\"", false)]
    [TestCase(PlanType.Time, "1772442000", false)]
    [TestCase(PlanType.List, "[1]", true)]
    [TestCase(PlanType.List, "{}", false)]
    [TestCase(PlanType.Object, "{\"a\":[{}]}", true)]
    [TestCase(PlanType.Object, "[]", false)]
    [TestCase(PlanType.Any, "[]", true)]
    public void Each_type_takes_its_own(object type, string value, bool fits) =>
        Expect(new PlannedMember("total", (PlanType)type), $"{{\"total\":{value}}}", fits ? null : ViolationKind.Type);

    [TestCase("""{"total":1}""", null)]
    [TestCase("""{"total":null}""", ViolationKind.Missing)]
    [TestCase("""{"Total":1}""", ViolationKind.Missing)]
    [TestCase("""{}""", ViolationKind.Missing)]
    public void What_is_required_must_be_there(string properties, object? kind) => Expect(Total with { Required = true }, properties, kind, unplanned: false);

    [TestCase("\"S\"", null)]
    [TestCase("\"XL\"", ViolationKind.Value)]
    [TestCase("42", null)]
    [TestCase("true", ViolationKind.Value)]
    [TestCase("[\"S\"]", ViolationKind.Value)]
    public void A_value_must_be_one_of_those_allowed(string value, object? kind) =>
        Expect(new PlannedMember("total", Values: ["S", "M", "42"]), $"{{\"total\":{value}}}", kind);

    [TestCase("\"NOK\"", null)]
    [TestCase("\"nok\"", ViolationKind.Pattern)]
    [TestCase("\"\\u004eOK\"", null)]
    [TestCase("7", ViolationKind.Pattern)]
    [TestCase("{}", ViolationKind.Pattern)]
    public void A_value_must_match_the_pattern(string value, object? kind) =>
        Expect(new PlannedMember("total", Pattern: "^[A-Z]{3}$"), $"{{\"total\":{value}}}", kind);

    [Test]
    public void Without_properties_what_is_required_is_missing()
    {
        foreach (var body in new[] { """{"userId":"u","event":"E"}""", """{"userId":"u","event":"E","properties":null}""", """{"userId":"u","event":"E","properties":[]}""" })
        {
            var (call, found) = Check(new PlannedEvent(CallType.Track, "E", [Total with { Required = true, Action = PlanAction.Quarantine }]), body);
            Assert.That(found.Select(one => one.Kind), Is.EqualTo(new[] { ViolationKind.Missing }), body);
            Assert.That((call.Refusal?.Code, call.Refusal?.Field), Is.EqualTo(("plan.property_missing", "properties.total")), body);
        }
    }

    [TestCase("""{"a":1,"b":2,"c":3}""", """{"a":1,"c":3}""")]
    [TestCase("""{ "b" : [1,{"x":"}"}] , "a" : 1 }""", """{"a" : 1}""")]
    [TestCase("""{"b":2}""", "{}")]
    [TestCase("""{"\u0062":"\"", "c":null}""", """{"c":null}""")]
    public void What_is_dropped_leaves_the_rest_as_it_was_sent(string properties, string kept)
    {
        var planned = new PlannedEvent(CallType.Track, "E", [new("a"), new("b", PlanType.Boolean, Action: PlanAction.Drop), new("c")]);
        var (call, _) = Check(planned, $$"""{"userId":"u","properties":{{properties}},"event":"E"}""");
        using var json = JsonDocument.Parse(call.Body);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(json.RootElement.GetProperty("properties").GetRawText(), Is.EqualTo(kept));
            Assert.That(json.RootElement.GetProperty("event").GetString(), Is.EqualTo("E"));
            Assert.That(call.Flags.HasFlag(EventFlags.Trimmed), Is.True);
            Assert.That(call.Refusal, Is.Null);
        }
    }

    [Test]
    public void Traits_are_planned_like_properties_and_other_members_are_left_alone()
    {
        var planned = new PlannedEvent(CallType.Identify, "", [new("email")], PlanAction.Drop);
        var (call, found) = Check(planned, """{"userId":"u","properties":{"x":1},"traits":{"email":"e","ssn":"12345"}}""", CallType.Identify);
        Assert.That(Encoding.UTF8.GetString(call.Body.Span), Is.EqualTo("""{"userId":"u","properties":{"x":1},"traits":{"email":"e"}}"""));
        Assert.That(found.Select(one => (one.Member, one.Kind, one.Sample)), Is.EqualTo(new[] { ("ssn", ViolationKind.MemberUnplanned, (string?)"99999") }));
    }

    [TestCase(CallType.Track, """{"userId":"u","event":"Other","context":{"ip":"1.2.3.4","traits":{"email":"e","ssn":"12345"}},"properties":{"ssn":1}}""")]
    [TestCase(CallType.Page, """{"context":{"library":{"traits":{"ssn":1}},"traits":{"ssn":"12345","email":"e"}},"userId":"u"}""")]
    [TestCase(CallType.Screen, """{"userId":"u","c\u006fntext":{"tr\u0061its":{"email":"e","\u0073sn":"12345"}}}""")]
    [TestCase(CallType.Alias, """{"userId":"u","previousId":"p","context":{"traits":{"email":"e","ssn":"12345"}}}""")]
    [TestCase(CallType.Group, """{"userId":"u","groupId":"g","traits":{"ssn":1},"context":{"traits":{"email":"e","ssn":"12345"}}}""")]
    [TestCase(CallType.Identify, """{"userId":"u","context":{"traits":{"email":"e","ssn":"12345"}},"traits":{"email":"e"}}""")]
    public void What_is_planned_for_people_holds_for_the_traits_in_the_context_of_every_call(object type, string body)
    {
        var planned = new PlannedEvent(CallType.Identify, "", [new("email")], PlanAction.Drop);
        var (call, found) = Check(planned, body, (CallType)type);
        using var before = JsonDocument.Parse(body);
        using var after = JsonDocument.Parse(call.Body);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(after.RootElement.GetProperty("context").GetProperty("traits").GetRawText(), Is.EqualTo("""{"email":"e"}"""));
            Assert.That(
                after.RootElement.EnumerateObject().Where(member => member.Name != "context").Select(member => member.ToString()),
                Is.EqualTo(before.RootElement.EnumerateObject().Where(member => member.Name != "context").Select(member => member.ToString())));
            Assert.That(
                found.Where(one => one.Member != "").Select(one => (one.Type, one.Event, one.Member, one.Kind, one.Action, one.Sample)),
                Is.EqualTo(new[] { (CallType.Identify, "", "ssn", ViolationKind.MemberUnplanned, PlanAction.Drop, (string?)"99999") }));
            Assert.That(call.Flags.HasFlag(EventFlags.Trimmed), Is.True);
        }
    }

    [TestCase(PlanAction.Allow, null)]
    [TestCase(PlanAction.Drop, null)]
    [TestCase(PlanAction.Quarantine, "plan.property_type context.traits.age")]
    public void A_wrong_trait_in_the_context_is_reported_taken_out_or_puts_the_call_aside(object action, string? refusal)
    {
        var planned = new PlannedEvent(CallType.Identify, "", [new("age", PlanType.Number, Action: (PlanAction)action), new("email", Required: true, Action: PlanAction.Quarantine)]);
        const string Body = """{"userId":"u","event":"Other","context":{"traits":{"age":"x"}}}""";
        var (call, found) = Check(planned, Body);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(call.Refusal is { } why ? $"{why.Code} {why.Field}" : null, Is.EqualTo(refusal));
            Assert.That(found.Where(one => one.Member != "").Select(one => (one.Member, one.Kind)), Is.EqualTo(new[] { ("age", ViolationKind.Type) }), "email is required of identify calls only");
            Assert.That(Encoding.UTF8.GetString(call.Body.Span), Is.EqualTo((PlanAction)action == PlanAction.Drop ? Body.Replace("\"age\":\"x\"", "") : Body));
        }
    }

    [TestCase("""{"userId":"u","event":"E","properties":{"total":"1"},"context":{"traits":{"total":"1"}}}""")]
    [TestCase("""{"userId":"u","event":"E","properties":{"total":"1"},"context":{"traits":null}}""")]
    [TestCase("""{"userId":"u","event":"E","properties":{"total":"1"},"context":{"traits":[]}}""")]
    public void Without_a_rule_for_people_or_without_traits_the_context_is_left_alone(string body)
    {
        var (_, found) = Check(new PlannedEvent(CallType.Track, "E", [Total]), body);
        Assert.That(found.Select(one => (one.Type, one.Member)), Is.EqualTo(new[] { (CallType.Track, "total") }));
        (_, found) = Check(new PlannedEvent(CallType.Identify, "", [], PlanAction.Allow), body);
        Assert.That(found.Select(one => one.Type).Distinct(), Is.EqualTo(body.Contains("{\"total\":\"1\"}}}") ? new[] { CallType.Track, CallType.Identify } : [CallType.Track]));
    }

    [Test]
    public async Task The_traits_that_a_batch_gives_to_all_its_calls_are_held_to_the_plan_as_well()
    {
        await using var door = await Door.OpenAsync();
        await door.Test.Get<Plans>().PutAsync(Actor.System, new PlannedEvent(CallType.Identify, "", [new("email")], PlanAction.Drop), default);
        await door.SendAsync("{'batch':[{'type':'track','userId':'u','event':'A'},{'type':'page','userId':'u'}],'context':{'traits':{'email':'a@b.example','ssn':'123'}}}");
        Assert.That(door.Events().Select(e => Encoding.UTF8.GetString(e.Body)), Is.All.Contains("a@b.example").And.All.Not.Contains("ssn"));
        var seen = (await door.Test.Get<Violations>().ReadAsync(default)).Single(one => one.Key.Kind == ViolationKind.MemberUnplanned);
        Assert.That((seen.Key.Type, seen.Key.Member, seen.Day), Is.EqualTo((CallType.Identify, "ssn", 2L)));
    }

    [Test]
    public void Whatever_is_dropped_what_is_left_is_the_same_JSON_without_it()
    {
        var random = new Random(7);
        var planned = new PlannedEvent(CallType.Track, "E", [.. Enumerable.Range(0, 5).Select(n => new PlannedMember($"k{n}"))], PlanAction.Drop);
        for (var round = 0; round < 500; round++)
        {
            var members = Enumerable.Range(0, 10).Where(_ => random.Next(2) == 0).OrderBy(_ => random.Next())
                .ToDictionary(n => $"k{n}", n => (object?)(random.Next(4) switch { 0 => n, 1 => $"\"text\" {{{n}}}, \\", 2 => new[] { n, n }, _ => new { n, deep = new { n } } }));
            var (call, found) = Check(planned, JsonSerializer.Serialize(new { userId = "u", @event = "E", properties = members }));
            using var json = JsonDocument.Parse(call.Body);
            var wanted = JsonSerializer.Serialize(members.Where(member => string.CompareOrdinal(member.Key, "k5") < 0).ToDictionary());
            Assert.That(json.RootElement.GetProperty("properties").GetRawText(), Is.EqualTo(wanted));
            Assert.That(found, Has.Count.EqualTo(members.Keys.Count(name => string.CompareOrdinal(name, "k5") >= 0)));
        }
    }

    [Test]
    public async Task At_the_door_the_plan_reports_drops_and_puts_aside_and_a_changed_plan_lets_a_replay_in()
    {
        await using var door = await Door.OpenAsync();
        var plans = door.Test.Get<Plans>();
        await plans.ReplaceAsync(Actor.System, new TrackingPlan(
            [
                new PlannedEvent(CallType.Track, "Paid", [Total with { Required = true, Action = PlanAction.Quarantine }, new("coupon", PlanType.Text, Action: PlanAction.Allow)], PlanAction.Drop),
            ], PlanAction.Quarantine), default);
        await door.SendAsync("""
            {'batch':[
            {'type':'track','userId':'u','event':'Paid','messageId':'1','properties':{'total':12,'ssn':'123'}},
            {'type':'track','userId':'u','event':'Paid','messageId':'2','properties':{'total':'12'}},
            {'type':'track','userId':'u','event':'Payd','messageId':'3'},
            {'type':'track','userId':'u','event':'Paid','messageId':'4','properties':{'total':1,'coupon':7}},
            {'type':'page','userId':'u','messageId':'5','properties':{'anything':1}}]}
            """);
        var seen = await door.Test.Get<Violations>().ReadAsync(default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(door.Events().Select(e => e.MessageId), Is.EqualTo(new[] { "1", "4", "5" }));
            Assert.That(Encoding.UTF8.GetString(door.Events()[0].Body), Does.Not.Contain("ssn").And.Contain("12"));
            Assert.That((await door.QuarantineAsync()).Select(item => item.Reason), Is.EquivalentTo(new[] { "plan.property_type", "plan.event_unplanned" }));
            Assert.That(
                seen.Select(one => (one.Key.Event, one.Key.Member, one.Key.Kind, one.Action, one.Day)),
                Is.EquivalentTo(new[]
                {
                    ("Paid", "ssn", ViolationKind.MemberUnplanned, PlanAction.Drop, 1L), ("Paid", "total", ViolationKind.Type, PlanAction.Quarantine, 1L),
                    ("Payd", "", ViolationKind.EventUnplanned, PlanAction.Quarantine, 1L), ("Paid", "coupon", ViolationKind.Type, PlanAction.Allow, 1L),
                }));
        }

        await plans.PutAsync(Actor.System, new PlannedEvent(CallType.Track, "Paid", [new("total")]), default);
        await plans.SetUnplannedAsync(Actor.System, PlanAction.Allow, default);
        foreach (var reason in new[] { "plan.property_type", "plan.event_unplanned" })
        {
            await door.Test.Get<QuarantineDesk>().ReplayAllAsync(Actor.System, reason, default);
        }

        Assert.That(door.Events().Select(e => e.MessageId), Is.EquivalentTo(new[] { "1", "2", "3", "4", "5" }));
        Assert.That(await door.QuarantineAsync(), Is.Empty);
        Assert.That((await door.Test.Get<Violations>().ReadAsync(default)).Sum(one => one.Week), Is.EqualTo(4), "what comes in again was counted when it came");
    }

    [Test]
    public async Task Violations_are_counted_by_hour_day_and_week_and_forgotten_after_it()
    {
        await using var door = await Door.OpenAsync();
        await door.Test.Get<Plans>().PutAsync(Actor.System, new PlannedEvent(CallType.Track, "E", [Total]), default);
        foreach (var pause in new[] { 0.0, 7 * 24, 2 * 24, 20, 3.9 })
        {
            door.Test.Clock.Advance(TimeSpan.FromHours(pause));
            await door.SendAsync("{'batch':[{'type':'track','userId':'u','event':'E','properties':{'total':'Kari 12'}}]}");
        }

        door.Test.Clock.Advance(TimeSpan.FromMinutes(30));
        var seen = (await door.Test.Get<Violations>().ReadAsync(default)).Single();
        Assert.That((seen.Hour, seen.Day, seen.Week, seen.Sample, seen.SourceId), Is.EqualTo((1L, 2L, 4L, "Xxxx 99", door.Source.Id)));
        Assert.That(seen.LastAt, Is.EqualTo(door.Test.Clock.GetUtcNow().AddMinutes(-30).ToUnixTimeMilliseconds()));
    }

    [Test]
    public async Task A_plan_starts_from_what_was_seen_and_what_was_seen_does_not_stray_from_it()
    {
        await using var door = await Door.OpenAsync();
        const string Calls = """
            {'batch':[
            {'type':'track','userId':'u','event':'Paid','properties':{'total':12,'at':'2026-01-02','gift':true,'lines':[1],'mixed':1,'email':'a@b.example'}},
            {'type':'track','userId':'u','event':'Paid','properties':{'total':1.5,'at':'2026-01-02T10:00:00Z','mixed':'x','lines':null}}]}
            """;
        await door.SendAsync(Calls);
        await door.Test.CatchUpAsync();
        var draft = PlanDraft.Of((await door.Test.Get<CatalogueReader>().FindAsync(CallType.Track, "Paid", default))!);
        Assert.That(
            draft.Members.Select(member => (member.Name, member.Type, member.Required, member.Class)),
            Is.EqualTo(new (string, PlanType, bool, DataClass?)[]
            {
                ("at", PlanType.Time, true, null), ("email", PlanType.Text, false, DataClass.Personal), ("gift", PlanType.Boolean, false, null),
                ("lines", PlanType.List, false, null), ("mixed", PlanType.Any, true, null), ("total", PlanType.Number, true, null),
            }));
        await door.Test.Get<Plans>().PutAsync(Actor.System, draft, default);
        await door.SendAsync(Calls);
        Assert.That(await door.Test.Get<Violations>().ReadAsync(default), Is.Empty);
    }

    [Test]
    public async Task Of_a_sensitive_property_the_catalogue_shows_the_shape_only()
    {
        await using var door = await Door.OpenAsync();
        await door.SendAsync("{'batch':[{'type':'track','userId':'u','event':'Visit','properties':{'ward':12,'total':7}}]}");
        await door.Test.CatchUpAsync();
        await door.Test.Get<Plans>().PutAsync(Actor.System, new PlannedEvent(CallType.Track, "Visit", [new PlannedMember("ward", Sensitive: true)]), default);
        var seen = (await door.Test.Get<CatalogueReader>().FindAsync(CallType.Track, "Visit", default))!;
        Assert.That(seen.Members.Select(member => member.Sample), Is.EquivalentTo(new[] { "99", "7" }));
    }

    [Test]
    public async Task A_plan_survives_a_restart_and_its_changes_are_audited()
    {
        using var folder = new TempFolder();
        await using (var before = await Door.OpenAsync(folder))
        {
            await before.Test.Get<Plans>().PutAsync(Actor.System, new PlannedEvent(CallType.Track, " Paid ", [Total]), default);
            Assert.That((await before.Test.Get<IAudit>().ReadAsync(long.MaxValue, 10, null, default)).Select(entry => entry.Action), Has.Member("plan.event_changed"));
        }

        await using var after = await Door.OpenAsync(folder);
        Assert.That(after.Test.Get<Plans>().Kept.Plan.Events.Single().Event, Is.EqualTo("Paid"));
    }

    [Test]
    public async Task Over_the_API_a_plan_goes_out_and_comes_in_and_what_is_wrong_is_named()
    {
        await using var app = await TestApp.StartAsync();
        using var admin = await app.UserAsync(Roles.Admin);
        const string Plan = """{"unplannedEvents":"quarantine","events":[{"type":"track","event":"Paid","unplanned":"drop","members":[{"name":"total","type":"number","required":true,"values":["1","2"],"class":"behavioural","sensitive":true}]}]}""";
        using var taken = await admin.PutAsync("/api/plan", new StringContent(Plan, Encoding.UTF8, "application/json"));
        var exported = await admin.GetStringAsync("/api/plan/export");
        using var again = await admin.PutAsync("/api/plan", new StringContent(exported, Encoding.UTF8, "application/json"));
        var member = JsonDocument.Parse(exported).RootElement.GetProperty("events")[0].GetProperty("members")[0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(new[] { taken.StatusCode, again.StatusCode }, Is.All.EqualTo(HttpStatusCode.OK));
            Assert.That(member.GetProperty("type").GetString(), Is.EqualTo("number"));
            Assert.That(member.GetProperty("class").GetString(), Is.EqualTo("behavioural"));
        }

        foreach (var (wrong, code) in new[]
        {
            ("[]", "plan.not_json"), ("{\"events\":[{\"type\":\"tracks\"}]}", "plan.not_json"), ("{\"event\":[]}", "plan.not_json"), ("null", "plan.not_json"), ("", "plan.not_json"),
            ("{\"events\":[],\"unplannedEvents\":\"drop\"}", "plan.event_dropped"), ("{\"events\":[{\"type\":\"alias\",\"event\":\"\",\"members\":[]}]}", "plan.type_unusable"),
            ("{\"events\":[{\"type\":\"track\",\"event\":\" \",\"members\":[]}]}", "plan.event_unusable"), ("{\"events\":[{\"type\":\"page\",\"event\":\"x\",\"members\":[]}]}", "plan.event_unusable"),
            ("{\"events\":[{\"type\":\"track\",\"event\":\"E\",\"members\":[{\"name\":\"a\"},{\"name\":\"a \"}]}]}", "plan.member_twice"),
            ("{\"events\":[{\"type\":\"track\",\"event\":\"E\",\"members\":[{\"name\":\"a\",\"pattern\":\"(\"}]}]}", "plan.pattern_unusable"),
            ("{\"events\":[{\"type\":\"track\",\"event\":\"E\",\"members\":[{\"name\":\"a\",\"pattern\":\"(?=a)b\"}]}]}", "plan.pattern_unusable"),
            ("{\"events\":[{\"type\":\"track\",\"event\":\"E\",\"members\":[]},{\"type\":\"track\",\"event\":\"E \",\"members\":[]}]}", "plan.event_twice"),
        })
        {
            using var answer = await admin.PutAsync("/api/plan", new StringContent(wrong, Encoding.UTF8, "application/json"));
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.UnprocessableEntity), wrong);
            Assert.That((await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(), Is.EqualTo(code), wrong);
        }

        using var marketer = await app.UserAsync(Roles.Marketer);
        using var seen = await marketer.GetAsync("/api/plan/violations");
        using var forbidden = await marketer.DeleteAsync("/api/plan/event?name=Paid");
        using var removed = await admin.DeleteAsync("/api/plan/event?name=Paid");
        using var gone = await admin.DeleteAsync("/api/plan/event?name=Paid");
        Assert.That(
            new[] { seen.StatusCode, forbidden.StatusCode, removed.StatusCode, gone.StatusCode },
            Is.EqualTo(new[] { HttpStatusCode.OK, HttpStatusCode.Forbidden, HttpStatusCode.OK, HttpStatusCode.NotFound }));
    }

    private static void Expect(PlannedMember member, string properties, object? kind, bool unplanned = true)
    {
        var (_, found) = Check(new PlannedEvent(CallType.Track, "E", [member]), $$"""{"userId":"u","event":"E","properties":{{properties}}}""");
        Assert.That(
            found.Where(one => unplanned || one.Kind != ViolationKind.MemberUnplanned).Select(one => one.Kind), Is.EqualTo(kind is ViolationKind one ? new[] { one } : []));
    }

    private static (Call Call, List<Violation> Found) Check(PlannedEvent planned, string body, CallType type = CallType.Track)
    {
        var call = BodyReader.Read(Encoding.UTF8.GetBytes(body), isBatch: false, new CdpMonolith.Ingestion.IngestionOptions()).Calls[0];
        CallRules.Complete(call, Shared.Nothing, type, 1, ManualClock.Start.ToUnixTimeMilliseconds(), EventFlags.None, new CdpMonolith.Ingestion.IngestionOptions());
        var found = new List<Violation>();
        if (call.Refusal is null)
        {
            PlanChecker.Of(new TrackingPlan([planned])).Check(call, found);
        }

        return (call, found);
    }
}
