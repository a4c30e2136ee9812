using System.Globalization;
using System.Text;
using System.Text.Json;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>After the undo of an import everything is as if its file had never come.</summary>
public sealed class UndoTests
{
    private static readonly int Worlds = Engine.IsPostgres(null) ? 15 : 40;
    private const string Map =
        "Id=userId,Mail=email,Browser=anonymousId,Name=trait:name,Plan=trait:plan,News=consent:newsletter:email,When=time";

    private const string Header = "Id,Mail,Browser,Name,Plan,News,When";

    [Test]
    public async Task Undoing_one_of_several_imports_in_any_order_with_calls_is_as_if_it_had_never_come()
    {
        for (var seed = 1; seed <= Worlds; seed++)
        {
            var random = new Random(seed);
            string[] files = [FileOf(random), FileOf(random)];
            var calls = Enumerable.Range(0, random.Next(2, 14)).Select(n => CallOf(random, n)).ToList();
            var (with, without) = (Steps(random, files, calls), new List<Step>());
            without.AddRange(with.Where(step => step is not { Kind: 'I', Number: 1 } and not { Kind: 'U' }));

            await using var undone = await World.OpenAsync();
            await using var never = await World.OpenAsync();
            foreach (var step in with)
            {
                await undone.TakeAsync(step, files, calls);
            }

            foreach (var step in without)
            {
                await never.TakeAsync(step, files, calls);
            }

            var told = string.Join(' ', with) + "\n" + string.Join("\n\n", files) + "\n" + string.Join("\n", calls);
            var (is_, should) = (await undone.DescribeAsync(), await never.DescribeAsync());
            Assert.That(is_, Is.EqualTo(should), () => $"seed {seed}\n{told}");
            var (kept, counted) = await undone.FactsAsync();
            Assert.That(kept, Is.EqualTo(counted), () => $"seed {seed}\n{told}");
        }
    }

    [Test]
    public async Task The_same_file_can_be_imported_again_after_its_undo()
    {
        await using var world = await World.OpenAsync();
        var id = await world.ImportAsync($"{Header}\nu1,ann@example.com,,Ann,gold,yes,2024-01-01\n");
        var before = await world.DescribeAsync();
        await world.UndoAsync(id);
        Assert.That(await world.Test.Get<IProfiles>().FindAsync(new Identifier("email", "ann@example.com"), default), Is.Null);
        await world.ImportAsync($"{Header}\nu1,ann@example.com,,Ann,gold,yes,2024-01-01\n");
        Assert.That(await world.DescribeAsync(), Is.EqualTo(before));
    }

    [Test]
    public async Task An_import_that_found_its_rows_there_already_is_run_again_when_the_first_is_undone()
    {
        await using var world = await World.OpenAsync();
        var file = $"{Header}\nu1,ann@example.com,,Ann,gold,yes,2024-01-01\n";
        var first = await world.ImportAsync(file);
        var second = await world.ImportAsync(file);
        var before = await world.DescribeAsync();
        var (undos, imports) = (world.Test.Get<Undos>(), world.Test.Get<Imports>());
        var comes = await undos.ComingAgainAsync((await imports.FindAsync(first, default))!, default);
        Assert.That((comes.Imports.Single(), comes.Calls), Is.EqualTo((second, (await imports.FindAsync(first, default))!.Stored)));
        Assert.That((await undos.ComingAgainAsync((await imports.FindAsync(second, default))!, default)).Imports, Is.Empty);
        await world.UndoAsync(first);
        Assert.That(await undos.TakenAgainAsync(first, default), Is.EqualTo(new[] { second }));
        var again = (await world.Test.Get<Imports>().FindAsync(second, default))!;
        Assert.That((again.State, again.RowsDone), Is.EqualTo((ImportState.Queued, 0L)));
        await world.Test.Get<ImportRunner>().RunQueuedAsync(default);
        await world.Test.CatchUpAsync();
        Assert.That(await world.DescribeAsync(), Is.EqualTo(before));
    }

    [Test]
    public async Task An_undo_that_fails_in_the_middle_stands_still_and_goes_on_where_it_was()
    {
        var trouble = new Trouble();
        await using var world = await World.OpenAsync(services => services.AddSingleton<ITakesBack>(trouble));
        var rows = string.Concat(Enumerable.Range(1, 1300).Select(n => FormattableString.Invariant($"u{n},p{n}@example.com,,Person {n},,yes,2024-01-01\n")));
        var id = await world.ImportAsync($"{Header}\n{rows}");
        trouble.At = 2;
        await world.UndoAsync(id);
        var undos = world.Test.Get<Undos>();
        var still = (await undos.FindAsync(id, default))!;
        Assert.That((still.Error, still.Events, still.EndedAt), Is.EqualTo(("NotSupportedException: Out of order.", 500L, (long?)null)));

        await world.UndoAsync(id);
        var ended = (await undos.FindAsync(id, default))!;
        var facts = await world.Test.Get<IProfiles>().FactsAsync(default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((ended.Error, ended.Events), Is.EqualTo(((string?)null, 1300L)));
            Assert.That((await world.Test.Get<Imports>().FindAsync(id, default))!.State, Is.EqualTo(ImportState.Undone));
            Assert.That((facts.Known, facts.Anonymous, facts.Merges), Is.EqualTo((0L, 0L, 0L)));
            Assert.That(world.Test.Get<IEventLog>().Read(0, 10), Is.Empty);
            Assert.That(
                (await world.Test.Get<IAudit>().ReadAsync(long.MaxValue, 100, null, default)).Select(entry => entry.Action),
                Does.Contain("import.undo_started").And.Contain("import.undo_retried").And.Contain("import.undone"));
        }
    }

    [Test]
    public async Task What_runs_or_is_undone_cannot_be_undone()
    {
        await using var world = await World.OpenAsync();
        var undos = world.Test.Get<Undos>();
        Assert.That((await undos.StartAsync(Actor.CommandLine, 77, default)).Problem!.Code, Is.EqualTo("import.unknown"));
        var id = await world.ImportAsync($"{Header}\nu1,,,,,,2024-01-01\n");
        await world.UndoAsync(id);
        Assert.That((await undos.StartAsync(Actor.CommandLine, id, default)).Problem!.Code, Is.EqualTo("import.not_possible"));
    }

    /// <summary>I n: import file n; C n: send call n; U: undo file 1; a stage catches up where nothing says otherwise.</summary>
    private static List<Step> Steps(Random random, string[] files, List<string> calls)
    {
        var steps = files.Select((_, n) => new Step('I', n)).Concat(calls.Select((_, n) => new Step('C', n))).ToArray();
        random.Shuffle(steps);
        var all = steps.ToList();
        all.Insert(random.Next(all.IndexOf(new Step('I', 1)) + 1, all.Count + 1), new Step('U', 1));
        return all;
    }

    private static string FileOf(Random random)
    {
        var file = new StringBuilder(Header).Append('\n');
        for (var rows = random.Next(1, 9); rows > 0; rows--)
        {
            file.Append(CultureInfo.InvariantCulture, $"{Maybe(random, "u", 4)},{Maybe(random, "m", 4, "@example.com")},{Maybe(random, "b", 3)},{Maybe(random, "Name ", 3)},{Maybe(random, "plan", 3)},{(random.Next(3) switch { 0 => "yes", 1 => "no", _ => "" })},2024-01-{random.Next(1, 6):D2}\n");
        }

        return file.ToString();
    }

    private static string Maybe(Random random, string stem, int of, string end = "") =>
        random.Next(2) == 0 ? "" : FormattableString.Invariant($"{stem}{random.Next(of)}{end}");

    private static string CallOf(Random random, int n)
    {
        var identify = random.Next(2) == 0;
        var (user, mail, browser) = (Maybe(random, "u", 4), Maybe(random, "m", 4, "@example.com"), Maybe(random, "b", 3));
        var call = new Dictionary<string, object>
        {
            ["type"] = identify ? "identify" : "track", ["messageId"] = $"call{n}",
            ["timestamp"] = FormattableString.Invariant($"2024-01-{random.Next(1, 6):D2}T00:00:00.000Z"),
        };
        if (!identify)
        {
            call["event"] = random.Next(2) == 0 ? "Looked" : "Bought";
        }

        if (user.Length > 0)
        {
            call["userId"] = user;
        }

        call["anonymousId"] = browser.Length > 0 || user.Length > 0 || mail.Length > 0 ? browser.Length > 0 ? browser : "b9" : "b0";
        var traits = new Dictionary<string, string>();
        if (mail.Length > 0)
        {
            traits["email"] = mail;
        }

        if (identify && random.Next(2) == 0)
        {
            traits["plan"] = $"plan{random.Next(3)}";
        }

        var context = new Dictionary<string, object>();
        if (identify)
        {
            call["traits"] = traits;
        }
        else if (traits.Count > 0)
        {
            context["traits"] = traits;
        }

        if (random.Next(3) == 0)
        {
            context["consent"] = new
            {
                decisions = new[]
                {
                    new { purpose = "newsletter", channel = "email", status = random.Next(2) == 0 ? "granted" : "denied", at = $"2024-01-0{random.Next(1, 6)}T00:00:00.000Z" },
                },
            };
        }

        call["context"] = context;
        return JsonSerializer.Serialize(call);
    }

    private readonly record struct Step(char Kind, int Number)
    {
        public override string ToString() => FormattableString.Invariant($"{Kind}{Number}");
    }

    private sealed class Trouble : ITakesBack
    {
        private int _asked;

        public int At { get; set; }

        public void TakeBack(WriteSession write, UndoneEvents undone)
        {
            if (++_asked == At)
            {
                throw new NotSupportedException("Out of order.");
            }
        }
    }

    private sealed class World : IAsyncDisposable
    {
        private readonly Dictionary<int, long> _imports = [];
        private Source _site = null!;
        private Source _crm = null!;

        public TestStore Test { get; private init; } = null!;

        public static async Task<World> OpenAsync(Action<IServiceCollection>? change = null)
        {
            var world = new World
            {
                Test = new TestStore(services =>
                {
                    services.Configure<ProfilesOptions>(limits =>
                    {
                        (limits.EmailsPerPerson, limits.AnonymousIdsPerPerson, limits.KnownNeighbours, limits.AnonymousNeighbours) = (2, 2, 4, 3);
                    });
                    change?.Invoke(services);
                }),
            };
            world._site = (await world.Test.Get<Sources>().CreateAsync(Actor.System, "Site", SourceKind.Website, default)).Value;
            world._crm = (await world.Test.Get<Sources>().CreateAsync(Actor.System, "CRM", SourceKind.File, default)).Value;
            foreach (var (name, match) in new[]
                     {
                         ("Gold", """{"kind":"trait","trait":"plan","op":"equals","value":"plan1"}"""),
                         ("Buyers", """{"kind":"event","event":"Bought","op":"gte","value":1}"""),
                         ("Readers", """{"kind":"consent","purpose":"newsletter","channel":"email","status":"granted"}"""),
                         ("No plan", """{"kind":"not","of":[{"kind":"trait","trait":"plan","op":"exists"}]}"""),
                     })
            {
                var made = await world.Test.Get<Segments>().CreateAsync(
                    new WantedSegment(name, null, $$"""{"version":1,"match":{{match}}}"""), new Actor(5, "mia@example.com"), default);
                Assert.That(made.Problem?.Message, Is.Null, name);
            }

            return world;
        }

        public async Task TakeAsync(Step step, string[] files, List<string> calls)
        {
            switch (step.Kind)
            {
                case 'I':
                    _imports[step.Number] = await ImportAsync(files[step.Number]);
                    break;
                case 'U':
                    await UndoAsync(_imports[step.Number]);
                    break;
                default:
                    var body = Encoding.UTF8.GetBytes($$"""{"batch":[{{calls[step.Number]}}]}""");
                    var acceptor = Test.Get<Acceptor>();
                    await acceptor.AcceptAsync(_site, acceptor.Read(body, Arrival.Batch), body, Arrival.Batch);
                    break;
            }
        }

        public async Task<long> ImportAsync(string file)
        {
            var imports = Test.Get<Imports>();
            var kept = (await imports.KeepAsync(Actor.CommandLine, "people.csv", new MemoryStream(Encoding.UTF8.GetBytes(file)), default)).Value;
            var started = (await imports.StartAsync(Actor.CommandLine, kept.Id, _crm.Id, ImportMapping.ParseShort(Map).Value, default)).Value;
            await Test.Get<ImportRunner>().RunQueuedAsync(default);
            await Test.CatchUpAsync();
            return started.Id;
        }

        public async Task UndoAsync(long import)
        {
            await Test.CatchUpAsync();
            var started = await Test.Get<Undos>().StartAsync(Actor.CommandLine, import, default);
            Assert.That(started.Problem?.Message, Is.Null);
            await Test.Get<UndoRunner>().RunQueuedAsync(default);
            await Test.CatchUpAsync();
        }

        public Task<(ProfileFacts Kept, ProfileFacts Counted)> FactsAsync() => CdpMonolith.Tests.Profiles.UnifyTest.FactsAsync(Test);

        /// <summary>All that the floors believe, without ids that depend on what came before.</summary>
        public async Task<string> DescribeAsync()
        {
            await Test.CatchUpAsync();
            await Test.Store.WriteAsync(
                write =>
                {
                    var (words, last) = WordStore.Due(write);
                    WordStore.Settle(write, words);
                    WordStore.Forget(write, last);
                },
                default);
            var lines = Test.Store.Read(read => new[]
            {
                Rows(read, "person", """
                    SELECT p.type || ':' || p.value || ' first ' || p.first_seen_at || ' links ' || p.named_links || '/' || p.anonymous_links
                           || ' → ' || COALESCE(g.traits, '{}') || ' with '
                           || (SELECT MIN(m.type || ':' || m.value) FROM profiles_profile AS m WHERE m.canonical_id = p.canonical_id)
                    FROM   profiles_profile AS p
                    LEFT   JOIN profiles_golden AS g ON g.profile_id = p.canonical_id
                    """),
                Rows(read, "link", """
                    SELECT CASE WHEN a.value < b.value THEN a.value || ' ' || b.value ELSE b.value || ' ' || a.value END
                           || ' ' || l.state || ' ' || COALESCE(l.reason, '') || ' ' || l.evidence_at
                    FROM   profiles_link AS l
                    JOIN   profiles_profile AS a ON a.id = l.low
                    JOIN   profiles_profile AS b ON b.id = l.high
                    """),
                Rows(read, "said", """
                    SELECT p.value || ' ' || r.source_id || ' ' || r.traits
                    FROM   profiles_source_record AS r
                    JOIN   profiles_profile AS p ON p.id = r.profile_id
                    """),
                Rows(read, "word", "SELECT p.value || ' ' || t.token FROM profiles_token AS t JOIN profiles_profile AS p ON p.id = t.profile_id"),
                Rows(read, "timeline", """
                    SELECT p.value || ' ' || e.message_id || ' ' || c.occurred_at
                    FROM   profiles_change AS c
                    JOIN   profiles_profile AS p ON p.id = c.profile_id
                    JOIN   ingestion_event AS e ON e.seq = c.event_seq
                    WHERE  c.kind = 1
                    """),
                Rows(read, "timeline has", "SELECT CAST(COUNT(*) AS TEXT) FROM profiles_change WHERE kind = 1"),
                Rows(read, "consent", """
                    SELECT p.value || ' ' || l.purpose || ' ' || l.channel || ' ' || l.status || ' ' || l.occurred_at
                    FROM   consent_ledger AS l
                    LEFT   JOIN profiles_profile AS p ON p.id = l.profile_id
                    """),
                Rows(read, "member", """
                    SELECT m.segment_id || ' ' || (SELECT MIN(p.type || ':' || p.value) FROM profiles_profile AS p WHERE p.canonical_id = m.profile_id)
                    FROM   segmentation_member AS m
                    """),
                Rows(read, "hour", "SELECT source_id || ' ' || events || ' ' || imported FROM insights_hour"),
                Rows(read, "event", "SELECT message_id FROM ingestion_event"),
            });
            var coverage = (await Test.Get<IConsent>().CoverageAsync(default)).Select(row => $"coverage {row}");
            return string.Join('\n', lines.SelectMany(rows => rows).Concat(coverage));
        }

        public ValueTask DisposeAsync() => Test.DisposeAsync();

        private static IEnumerable<string> Rows(ReadSession read, string what, string sql) =>
            [.. read.Query<string?>(sql).Select(row => $"{what} {row}").Order(StringComparer.Ordinal)];
    }
}
