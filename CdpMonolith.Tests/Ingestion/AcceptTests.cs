using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Tests.Ingestion;

public sealed class AcceptTests
{
    private Door _door = null!;

    [SetUp]
    public async Task Open() => _door = await Door.OpenAsync();

    [TearDown]
    public async Task Close() => await _door.DisposeAsync();

    [Test]
    public async Task A_call_becomes_an_event_with_all_that_it_says()
    {
        const string Body = """
            {'type':'track','messageId':'m-1','userId':'u1','anonymousId':'a1','event':'Order Completed',
             'timestamp':'2026-03-02T08:59:00.500Z','sentAt':'2026-03-02T08:59:30Z','properties':{'total':12.5}}
            """;
        await _door.SendAsync(Body, new Arrival(CallType.Track));

        var stored = _door.Events().Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(stored with { Body = [] }, Is.EqualTo(new Event(
                1, _door.Source.Id, CallType.Track, "m-1", "u1", "a1", "Order Completed",
                _door.Test.Clock.NowMs - 29_500, _door.Test.Clock.NowMs - 30_000, _door.Test.Clock.NowMs, EventFlags.None, null, [])));
            Assert.That(Encoding.UTF8.GetString(stored.Body), Is.EqualTo(Body.Replace('\'', '"')));
        }
    }

    [TestCase("{'type':'identify','userId':'u1'}", CallType.Identify, null)]
    [TestCase("{'type':'track','userId':'u1','event':'Signed Up'}", CallType.Track, "Signed Up")]
    [TestCase("{'type':'Page','anonymousId':'a','name':'Home'}", CallType.Page, "Home")]
    [TestCase("{'type':'page','anonymousId':'a'}", CallType.Page, null)]
    [TestCase("{'type':'screen','anonymousId':'a','name':'Start'}", CallType.Screen, "Start")]
    [TestCase("{'type':'group','userId':'u1','groupId':'acme'}", CallType.Group, "acme")]
    [TestCase("{'type':'group','userId':'u1','groupId':42}", CallType.Group, "42")]
    [TestCase("{'type':'alias','userId':'u1','previousId':'u0'}", CallType.Alias, null)]
    [TestCase("{'type':'track','userId':'u1','event':'Caf\\u00e9 \\ud83d\\ude00'}", CallType.Track, "Café 😀")]
    public async Task A_call_of_each_type_is_taken(string call, CallType type, string? name)
    {
        await _door.SendAsync(call, new Arrival(Route: null));
        Assert.That(_door.Events().Select(e => (e.Type, e.Name)), Is.EqualTo(new[] { (type, name) }));
    }

    [TestCase("{'type':'track','event':'X'}", "event.id_missing")]
    [TestCase("{'type':'track','userId':' ','anonymousId':null,'event':'X'}", "event.id_missing")]
    [TestCase("{'type':'track','userId':{'id':1},'event':'X'}", "event.not_text")]
    [TestCase("{'type':'track','userId':true,'event':'X'}", "event.not_text")]
    [TestCase("{'type':'track','userId':'u1'}", "event.name_missing")]
    [TestCase("{'type':'track','userId':'u1','event':''}", "event.name_missing")]
    [TestCase("{'type':'group','userId':'u1'}", "event.group_missing")]
    [TestCase("{'type':'alias','previousId':'u1'}", "event.user_missing")]
    [TestCase("{'type':'alias','userId':'u1'}", "event.previous_missing")]
    [TestCase("{'userId':'u1'}", "event.type_missing")]
    [TestCase("{'type':'merge','userId':'u1'}", "event.type_unknown")]
    [TestCase("'text'", "event.not_object")]
    [TestCase("null", "event.not_object")]
    [TestCase("[{'type':'identify','userId':'u1'}]", "event.not_object")]
    [TestCase("{'type':'identify','userId':'u1','traits':{'a':1,'a':2}}", "event.duplicate_key")]
    [TestCase("{'type':'identify','userId':'u1','userI\\u0064':'u2'}", "event.duplicate_key")]
    [TestCase("{'type':'identify','userId':'u1','traits':{'a':'\\ud800'}}", "event.lone_surrogate")]
    [TestCase("{'type':'identify','userId':'u1','traits':{'a':'\\udc00\\ud800'}}", "event.lone_surrogate")]
    [TestCase("{'type':'identify','userId':'u1','traits':{'\\ud800':1}}", "event.lone_surrogate")]
    [TestCase("{'type':'identify','userId':'u1','traits':{'a':'x\\u0000y'}}", "event.nul")]
    [TestCase("{'type':'identify','userId':'u1','traits':{'a':1e400}}", "event.number_out_of_range")]
    [TestCase("{'type':'identify','userId':'u1','traits':'many'}", "event.member_not_object")]
    [TestCase("{'type':'identify','userId':'u1','context':[1]}", "event.member_not_object")]
    public async Task An_unusable_call_goes_into_quarantine_with_its_reason_and_bytes(string call, string reason)
    {
        await _door.SendAsync($"{{'batch':[{call}]}}");

        var aside = (await _door.QuarantineAsync()).Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(aside.Reason, Is.EqualTo(reason));
            Assert.That(Encoding.UTF8.GetString(aside.Raw), Is.EqualTo(call.Replace('\'', '"')));
            Assert.That(_door.Events(), Is.Empty);
        }
    }

    [Test]
    public async Task One_bad_call_costs_its_neighbours_nothing()
    {
        var bad = Encoding.UTF8.GetBytes("{\"type\":\"identify\",\"userId\":\"x-\"}");
        bad[^3] = 0xFF;
        byte[] body =
        [
            .. "{\"batch\":[{\"type\":\"identify\",\"userId\":\"u1\"},"u8, .. bad,
            .. Encoding.UTF8.GetBytes($",{{\"type\":\"identify\",\"userId\":\"deep\",\"traits\":{Nested(40)}}},7,".Replace('\'', '"')),
            .. "{\"type\":\"identify\",\"userId\":\"ว\"}]}"u8,
        ];
        await _door.SendAsync(body);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_door.Events().Select(e => e.UserId), Is.EqualTo(new[] { "u1", "ว" }));
            Assert.That(
                (await _door.QuarantineAsync()).Select(q => q.Reason).Reverse(),
                Is.EqualTo(new[] { "event.not_utf8", "event.too_deep", "event.not_object" }));
            Assert.That((await _door.QuarantineAsync()).Last().Raw, Is.EqualTo(bad));
        }
    }

    [Test]
    public async Task Nesting_of_32_levels_is_taken_and_one_more_is_not()
    {
        // The call is the first level, its traits the second.
        await _door.SendAsync($"{{'batch':[{{'type':'identify','userId':'a','traits':{Nested(31)}}},{{'type':'identify','userId':'b','traits':{Nested(32)}}}]}}");
        Assert.That(_door.Events().Select(e => e.UserId), Is.EqualTo(new[] { "a" }));
    }

    [TestCase("{'batch':[{'type':'identify','userId':'u1'}", "body.not_json")]
    [TestCase("", "body.not_json")]
    [TestCase("{'batch':[]} {}", "body.not_json")]
    [TestCase("[]", "body.not_object")]
    [TestCase("{}", "batch.missing")]
    [TestCase("{'batch':{}}", "batch.missing")]
    [TestCase("{'context':{'a':1,'a':2},'batch':[{'type':'identify','userId':'u1'}]}", "batch.shared_unusable")]
    public async Task A_body_that_cannot_be_taken_apart_is_kept_whole(string body, string reason)
    {
        var request = await _door.SendAsync(body);
        var aside = (await _door.QuarantineAsync()).Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(request.Refusal!.Code, Is.EqualTo(reason));
            Assert.That((aside.Reason, aside.Route, Encoding.UTF8.GetString(aside.Raw)), Is.EqualTo((reason, "batch", body.Replace('\'', '"'))));
        }
    }

    [Test]
    public async Task The_same_message_is_one_event_however_often_it_comes()
    {
        const string Call = "{'type':'identify','userId':'u1','messageId':'m-1'}";
        await _door.SendAsync($"{{'batch':[{Call},{Call},{{'type':'identify','userId':'u2','messageId':'m-2'}},{Call}]}}");
        var again = await _door.SendAsync($"{{'batch':[{Call}]}}");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_door.Events().Select(e => (e.Seq, e.MessageId)), Is.EqualTo(new[] { (1L, "m-1"), (2L, "m-2") }));
            Assert.That(again.Calls.Single(), Has.Property("IsDuplicate").True.And.Property("Seq").EqualTo(1));
            Assert.That((await _door.Test.Get<IIngestionReport>().FactsAsync(default)), Is.EqualTo(new IngestionFacts(2, 3, 0)));
        }
    }

    [Test]
    public async Task The_same_message_of_another_source_is_another_event()
    {
        var other = (await _door.Test.Get<Sources>().CreateAsync(CdpMonolith.Platform.Users.Actor.System, "App", SourceKind.App, default)).Value;
        var body = "{\"type\":\"identify\",\"userId\":\"u1\",\"messageId\":\"m-1\"}"u8.ToArray();
        var arrival = new Arrival(CallType.Identify);
        await _door.SendAsync(body, arrival);
        var acceptor = _door.Test.Get<Acceptor>();
        await acceptor.AcceptAsync(other, acceptor.Read(body, arrival), body, arrival);

        Assert.That(_door.Events().Select(e => e.SourceId), Is.EqualTo(new[] { _door.Source.Id, other.Id }));
    }

    [Test]
    public async Task Messages_are_recognised_after_a_restart_and_after_their_keys_were_settled([Values] bool settled, [Values] bool cutShort)
    {
        using var folder = new TempFolder();
        await using (var before = await Door.OpenAsync(folder))
        {
            await before.SendAsync(Batch(0, 50));
            if (settled)
            {
                await before.Test.Get<MessageIndex>().SettleAsync(default);
            }

            await before.SendAsync(Batch(50, 100));
            if (cutShort)
            {
                // As if a run had been cut short: keys are in the table that the mark does not cover.
                await before.Test.Get<MessageIndex>().SettleAsync(default);
                await before.Test.Store.WriteAsync(
                    write => { write.Execute("UPDATE ingestion_settled SET seq = @seq", new { seq = settled ? 50 : 0 }); }, default);
            }
        }

        await using var after = await Door.OpenAsync(folder);
        await after.SendAsync(Batch(0, 101));
        await after.Test.Get<MessageIndex>().SettleAsync(default);
        await after.SendAsync(Batch(0, 101));
        Assert.That(after.Events().Select(e => e.MessageId), Is.EqualTo(Enumerable.Range(0, 101).Select(n => $"m-{n}")));
    }

    [Test]
    public async Task Two_messages_with_one_key_are_told_apart([Values] bool settled)
    {
        var index = _door.Test.Get<MessageIndex>();
        foreach (var id in new[] { "a", "b", "c", "b", "a", "c", "d" })
        {
            await StoreWithKeyAsync(id, long.MaxValue);
            if (settled)
            {
                await index.SettleAsync(default);
            }
        }

        Assert.That(_door.Events().Select(e => e.MessageId), Is.EqualTo(new[] { "a", "b", "c", "d" }));

        async Task StoreWithKeyAsync(string id, long key) => await _door.Test.Store.WriteAsync(
            write =>
            {
                var call = new Call { MessageId = Encoding.UTF8.GetBytes(id), Key = key, Type = CallType.Identify, Body = "{}"u8.ToArray() };
                call.Seq = write.NextSeq(IEventLog.Log);
                if (index.FindOrAdd(write, call, _door.Source.Id, call.Seq, call.Seq, []) == 0)
                {
                    EventStore.Append(write, [call], _door.Source.Id, 0, null);
                }
            }, default);
    }

    [Test]
    public async Task A_message_whose_write_was_undone_is_taken_when_it_comes_again()
    {
        var bodies = new ReadOnlyMemory<byte>[] { "{\"type\":\"identify\",\"userId\":\"u1\",\"messageId\":\"m-1\"}"u8.ToArray() };
        var acceptor = _door.Test.Get<Acceptor>();
        Assert.That(
            async () => await acceptor.AcceptAsync(
                _door.Source.Id, bodies, Arrival.OfImport(1), (_, _) => throw new InvalidOperationException("changed its mind"), default),
            Throws.InvalidOperationException);
        await _door.SendAsync("{'type':'identify','userId':'u2','messageId':'m-2'}", new Arrival(CallType.Identify));
        var verdicts = await acceptor.AcceptAsync(_door.Source.Id, bodies, Arrival.OfImport(1), null, default);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(verdicts, Is.EqualTo(new[] { new Verdict(2, false, null) }));
            Assert.That(_door.Events().Select(e => e.MessageId), Is.EqualTo(new[] { "m-2", "m-1" }));
            Assert.That(_door.Events()[1], Has.Property("ImportId").EqualTo(1).And.Property("Flags").EqualTo(EventFlags.Historical));
        }
    }

    [Test]
    public async Task An_import_hears_what_became_of_each_call_and_nothing_is_put_aside()
    {
        var verdicts = await _door.Test.Get<Acceptor>().AcceptAsync(
            _door.Source.Id,
            new[] { "{\"type\":\"identify\",\"userId\":\"u1\",\"messageId\":\"1\"}", "{\"type\":\"track\",\"userId\":\"u1\"}", "oops", "{\"type\":\"identify\",\"userId\":\"u1\",\"messageId\":\"1\"}" }
                .Select(text => new ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes(text))).ToList(),
            Arrival.OfImport(7), null, default);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                verdicts.Select(v => (v.Seq, v.IsDuplicate, v.Refusal?.Code)),
                Is.EqualTo(new (long, bool, string?)[]
                {
                    (1, false, null), (0, false, "event.name_missing"), (0, false, "body.not_json"), (1, true, null),
                }));
            Assert.That(await _door.QuarantineAsync(), Is.Empty);
        }
    }

    [Test]
    public async Task A_call_without_a_message_id_gets_one_and_a_long_one_is_hashed()
    {
        await _door.SendAsync($"{{'batch':[{{'type':'identify','userId':'u1'}},{{'type':'identify','userId':'u1'}},{{'type':'identify','userId':'u1','messageId':'{new string('x', 201)}'}},{{'type':'identify','userId':'u1','messageId':'{new string('å', 200)}'}}]}}");
        var ids = _door.Events().Select(e => e.MessageId).ToList();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ids[0], Does.StartWith("cdp-").And.Not.EqualTo(ids[1]));
            Assert.That(ids[2], Does.Match("^[0-9a-f]{64}$"));
            Assert.That(ids[3], Is.EqualTo(new string('å', 200)));
        }
    }

    [Test]
    public async Task What_a_batch_says_for_all_is_given_to_each_call_and_the_call_wins()
    {
        await _door.SendAsync("""
            {'batch':[
               {'type':'identify','userId':'a'},
               {'type':'identify','userId':'b','context':{'ip':'1.1.1.1','locale':'nb-NO'},'integrations':{'All':false}},
               {'context':null,'type':'identify','userId':'c','integrations':[]},
               {'type':'identify','userId':'d','sentAt':'2026-03-02T08:00:00Z','timestamp':'2026-03-02T08:00:00Z'}],
             'context':{'ip':'9.9.9.9','app':{'name':'Shop'}},'integrations':{'Mail':true},'sentAt':'2026-03-02T09:00:00Z'}
            """);

        var bodies = _door.Events().Select(e => JsonDocument.Parse(e.Body).RootElement).ToList();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(bodies[0].GetProperty("context").GetRawText(), Is.EqualTo("{\"ip\":\"9.9.9.0\",\"app\":{\"name\":\"Shop\"}}"));
            Assert.That(bodies[1].GetProperty("context").GetRawText(), Is.EqualTo("{\"ip\":\"1.1.1.0\",\"locale\":\"nb-NO\",\"app\":{\"name\":\"Shop\"}}"));
            Assert.That(bodies[1].GetProperty("integrations").GetRawText(), Is.EqualTo("{\"All\":false,\"Mail\":true}"));
            Assert.That(bodies[2].GetProperty("context").GetProperty("ip").GetString(), Is.EqualTo("9.9.9.0"));
            Assert.That(bodies[2].GetProperty("integrations").GetRawText(), Is.EqualTo("{\"Mail\":true}"));
            Assert.That(bodies.Select(b => b.EnumerateObject().Count()), Is.EqualTo(new[] { 4, 4, 4, 6 }));
            Assert.That(_door.Events().Select(e => e.SentAt), Is.EqualTo(new long?[]
            {
                _door.Test.Clock.NowMs, _door.Test.Clock.NowMs, _door.Test.Clock.NowMs, _door.Test.Clock.NowMs - 3_600_000,
            }));
        }
    }

    [TestCase("{'type':'identify','userId':'u','context':{'consent':{}}}", true)]
    [TestCase("{'type':'identify','userId':'u','context':{'consentManagement':{}}}", true)]
    [TestCase("{'type':'identify','userId':'u','context':{'app':{'consent':1}}}", false)]
    [TestCase("{'type':'identify','userId':'u','traits':{'consent':1}}", false)]
    [TestCase("{'type':'track','userId':'u','event':'Segment Consent Preference Updated'}", true)]
    public async Task Calls_about_consent_are_flagged(string call, bool flagged)
    {
        await _door.SendAsync(call, new Arrival(Route: null));
        Assert.That(_door.Events().Single().Flags.HasFlag(EventFlags.HasConsent), Is.EqualTo(flagged));
    }

    [Test]
    public async Task Consent_of_the_batch_flags_every_call()
    {
        await _door.SendAsync("{'context':{'consent':{'categoryPreferences':{'ads':true}}},'batch':[{'type':'identify','userId':'u'}]}");
        Assert.That(_door.Events().Single().Flags, Is.EqualTo(EventFlags.HasConsent));
    }

    [Test]
    public async Task The_path_says_the_type_and_php_may_write_empty_objects_as_arrays()
    {
        await _door.SendAsync("{'type':'identify','userId':7,'event':'X','properties':[],'context':[]}", new Arrival(CallType.Track));
        Assert.That(_door.Events().Select(e => (e.Type, e.UserId, e.Name)), Is.EqualTo(new[] { (CallType.Track, "7", "X") }));
    }

    [Test]
    public async Task A_call_too_large_is_put_aside_with_its_head()
    {
        await _door.SendAsync($"{{'batch':[{{'type':'identify','userId':'u1','traits':{{'a':'{new string('x', 40_000)}'}}}}]}}");
        var aside = (await _door.QuarantineAsync()).Single();
        Assert.That((aside.Reason, aside.IsHeadOnly, aside.Raw.Length), Is.EqualTo(("event.too_large", true, 4096)));
    }

    [Test]
    public void Too_many_calls_or_members_are_refused()
    {
        var limits = new IngestionOptions { BatchEvents = 2, Properties = 3 };
        var acceptor = BodyReader.Read("{\"batch\":[1,2,3]}"u8.ToArray(), true, limits);
        var call = BodyReader.Read("{\"properties\":{\"a\":1,\"b\":{\"x\":1,\"y\":1},\"c\":1,\"d\":1}}"u8.ToArray(), false, limits);
        var fits = BodyReader.Read("{\"properties\":{\"a\":1,\"b\":{\"x\":1,\"y\":1,\"z\":1,\"w\":1},\"c\":1}}"u8.ToArray(), false, limits);
        Assert.That(
            (acceptor.Refusal?.Code, call.Calls[0].Refusal?.Code, fits.Calls[0].Refusal),
            Is.EqualTo(("batch.too_many_events", "event.too_many_properties", (Refusal?)null)));
    }

    private static string Nested(int levels) =>
        string.Concat(Enumerable.Repeat("{'a':", levels - 1)) + "{}" + new string('}', levels - 1);

    private static string Batch(int from, int to) =>
        $"{{'batch':[{string.Join(',', Enumerable.Range(from, to - from).Select(n => $"{{'type':'identify','userId':'u','messageId':'m-{n}'}}"))}]}}";
}
