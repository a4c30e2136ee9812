using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Tests.Activation;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Stories;

/// <summary>
/// The product is killed at random moments while calls, an import, all stages and deliveries are at work. An id is written
/// down as acknowledged only after its whole 200 was read; a call without an answer is sent again, as client libraries do.
/// CDP_KILLS says how often it is killed; 20 when it says nothing.
/// </summary>
[Category("Crash")]
public sealed class CrashTests
{
    private const int Clients = 4;
    private const int Seed = 20_260_302;
    private const int ImportRows = 60_000;

    private static int Kills => int.TryParse(Environment.GetEnvironmentVariable("CDP_KILLS"), out var kills) ? kills : 20;

    [Test]
    public async Task Nothing_acknowledged_is_lost_and_nothing_happens_twice()
    {
        using var folder = new TempFolder();
        await using var mailer = await Receiver.StartAsync();
        Shop shop;
        long fileSource;
        await using (var app = await TestApp.StartAsync(folder: folder))
        {
            shop = await Shop.OpenAsync(app, mailer.Address);
            fileSource = (await app.Get<Sources>().CreateAsync(Actor.CommandLine, "CRM", SourceKind.File, default)).Value.Id;
        }

        var acknowledged = new ConcurrentDictionary<string, int>();
        var random = new Random(Seed);
        var number = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            await using var server = await ChildServer.StartAsync(folder);
            if (kill == 0)
            {
                await StartImportAsync(folder.Path, fileSource);
            }

            using var stop = new CancellationTokenSource();
            var clients = Enumerable.Range(0, Clients)
                .Select(n => Task.Run(() => SendAsync(server.Address, shop.Source.WriteKey, n, () => Interlocked.Increment(ref number), acknowledged, stop.Token)))
                .ToArray();
            await Task.Delay(random.Next(100, 900));
            await server.KillAsync();
            await stop.CancelAsync();
            await Task.WhenAll(clients);
        }

        await using var last = await TestApp.StartAsync(folder: folder);
        await Eventually.SeeAsync(
            async () => (await last.Get<Imports>().LatestAsync(long.MaxValue, 1, default)).Single() is { State: ImportState.Done } done ? done : null, TimeSpan.FromSeconds(60));
        await last.CatchUpAsync();
        await Eventually.SeeAsync(
            () => last.Get<IStore>().ReadAsync(read => read.Scalar<long>("SELECT COUNT(*) FROM activation_delivery WHERE state = 1") == 0 ? "all ended" : null, default),
            TimeSpan.FromSeconds(60));

        var found = await last.Get<IStore>().ReadAsync(Found.Read, default);
        TestContext.Out.WriteLine(
            $"{Kills} kills: {acknowledged.Count} calls acknowledged, {found.Calls.Count} stored; {found.Imported.Count} rows imported; {found.Deliveries.Count} deliveries, {mailer.Arrived.Count} requests for {mailer.Arrived.Select(a => a.Id).Distinct().Count()} of them");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(acknowledged, Has.Count.GreaterThan(Kills), "the load must have got through");
            Assert.That(acknowledged.Keys.Except(found.Calls), Is.Empty, "acknowledged and lost");
            Assert.That(found.Calls, Is.Unique, "stored twice");
            Assert.That(found.Imported, Is.Unique.And.Count.EqualTo(ImportRows), "every row once");
            Assert.That(found.Resolved, Is.Unique, "given to a profile twice");
            Assert.That(found.Resolved, Has.Count.EqualTo(found.Events), "every event belongs to a profile");
            Assert.That(found.Deliveries, Is.Unique, "announced twice");
            Assert.That(await last.Get<IStages>().QuarantineAsync(10, default), Is.Empty);
        }

        // Where several processes share a store each counts its own, and what a killed one had not saved is not counted.
        if (!folder.IsPostgres)
        {
            var shown = await Eventually.SeeAsync(
                () => Task.FromResult(last.Get<Tallies>().Of(shop.Source.Id) is { } counts && counts.Stored == found.Calls.Count ? counts : null), TimeSpan.FromSeconds(20));
            Assert.That(shown.Stored + last.Get<Tallies>().Of(fileSource).Stored, Is.EqualTo(found.Events), "what the page of a source says");
        }

        // The members are those whom the rule finds now, and each of them who agreed was told of once.
        var members = await last.Get<ISegments>().MembersAsync(shop.SegmentId, 0, 100_000, default);
        var buyers = await last.Get<IStore>().ReadAsync(
            read => read.Query<long>("""
                SELECT DISTINCT p.canonical_id
                FROM   profiles_change  AS c
                JOIN   ingestion_event  AS e ON e.seq = c.event_seq
                JOIN   profiles_profile AS p ON p.id = c.profile_id
                WHERE  c.kind = 1 AND e.name = 'Order Completed'
                """).Order().ToList(), default);
        Assert.That(members, Is.EqualTo(buyers));
    }

    [Test]
    public async Task An_undo_goes_on_where_it_was_killed()
    {
        const int Rows = 12_000;
        using var folder = new TempFolder();
        await using (var app = await TestApp.StartAsync(folder: folder))
        {
            var source = (await app.Get<Sources>().CreateAsync(Actor.CommandLine, "CRM", SourceKind.File, default)).Value;
            await StartImportAsync(folder.Path, source.Id, Rows);
            await StateAsync(app, ImportState.Done);
            await app.CatchUpAsync();
            ReadOnlyMemory<byte> call = """{"userId":"ann","traits":{"name":"Ann"}}"""u8.ToArray();
            await app.Get<Acceptor>().AcceptAsync(source.Id, [call], new Arrival(CallType.Identify), null, default);
            await app.CatchUpAsync();
        }

        var random = new Random(Seed);
        for (var kill = 0; kill < Math.Max(Kills / 4, 3); kill++)
        {
            await using var server = await ChildServer.StartAsync(folder);
            if (kill == 0)
            {
                using var admin = (await LocalAccess.ConnectAsync(folder.Path, default))!;
                using var asked = await admin.PostAsync("/api/imports/1/undo", null);
                asked.EnsureSuccessStatusCode();
            }

            await Task.Delay(random.Next(50, 500));
            await server.KillAsync();
        }

        await using var last = await TestApp.StartAsync(folder: folder);
        var between = last.Get<IStore>().Read(read => read.Scalar<long>("SELECT COUNT(*) FROM ingestion_event WHERE import_id IS NOT NULL"));
        await StateAsync(last, ImportState.Undone);
        await last.CatchUpAsync();
        var (left, people) = await last.Get<IStore>().ReadAsync(
            read => (read.Scalar<long>("SELECT COUNT(*) FROM ingestion_event WHERE import_id IS NOT NULL"), read.Scalar<long>("SELECT COUNT(*) FROM profiles_profile")), default);
        TestContext.Out.WriteLine($"{between} of {Rows} calls were left after the last kill");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((left, people), Is.EqualTo((0L, 1L)), "nothing but what came otherwise");
            Assert.That((await last.Get<Undos>().FindAsync(1, default))!.Events, Is.EqualTo(Rows), "each call is taken back once");
            Assert.That((await last.Get<Sources>().ListAsync(default)).Sum(one => last.Get<Tallies>().Of(one.Id).Stored), Is.EqualTo(1), "what the page of the source says");
            Assert.That(await last.Get<IStages>().QuarantineAsync(10, default), Is.Empty);
        }
    }

    private static Task<FileImport> StateAsync(TestApp app, ImportState state) => Eventually.SeeAsync(
        async () => (await app.Get<Imports>().LatestAsync(long.MaxValue, 1, default)).Single() is var import && import.State == state ? import : null, TimeSpan.FromSeconds(60));

    private static async Task StartImportAsync(string folder, long sourceId, int rows = ImportRows)
    {
        using var server = (await LocalAccess.ConnectAsync(folder, default))!;
        var text = new StringBuilder("Id,Name\n");
        for (var row = 0; row < rows; row++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"c{row},Name {row}\n");
        }

        using var kept = await server.PostAsync("/api/imports/files?name=crm.csv", new StringContent(text.ToString()));
        var file = (await kept.Content.ReadFromJsonAsync<JsonNode>())!;
        using var started = await server.PostAsJsonAsync("/api/imports", new { fileId = (long)file["fileId"]!, sourceId, map = "Id=ownId,Name=trait:name" });
        started.EnsureSuccessStatusCode();
    }

    /// <summary>One client: singles or batches; what got no answer is sent again until it does or the server is gone.</summary>
    private static async Task SendAsync(
        Uri address, string writeKey, int client, Func<int> next, ConcurrentDictionary<string, int> acknowledged, CancellationToken ct)
    {
        using var http = new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromSeconds(10) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(writeKey + ":")));
        while (!ct.IsCancellationRequested)
        {
            var numbers = Enumerable.Range(0, client % 2 == 0 ? 1 : 25).Select(_ => next()).ToArray();
            for (var tries = 0; tries < 3 && !ct.IsCancellationRequested; tries++)
            {
                try
                {
                    using var answer = await http.PostAsync(
                        numbers.Length == 1 ? "/v1/track" : "/v1/batch",
                        new StringContent(numbers.Length == 1 ? Call(numbers[0]) : $$"""{"batch":[{{string.Join(',', numbers.Select(Call))}}]}"""), ct);
                    await answer.Content.ReadAsByteArrayAsync(ct);
                    if ((int)answer.StatusCode == 200)
                    {
                        foreach (var number in numbers)
                        {
                            acknowledged[$"m-{number}"] = client;
                        }

                        break;
                    }
                }
                catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
                {
                    // Killed under our feet: not acknowledged.
                }
            }
        }
    }

    private static string Call(int number)
    {
        var person = number % 97;
        return $$$$"""
            {"type":"track","event":"{{{{(person % 2 == 0 ? "Order Completed" : "Product Viewed")}}}}","messageId":"m-{{{{number}}}}","userId":"u{{{{person}}}}","anonymousId":"a{{{{person}}}}",
             "properties":{"revenue":10},"context":{"traits":{"email":"p{{{{person}}}}@example.com"},"consent":{"categoryPreferences":{"newsletter":{{{{(person % 3 == 0 ? "false" : "true")}}}} } } } }
            """;
    }

    private sealed record Found(List<string> Calls, List<string> Imported, List<long> Resolved, List<string> Deliveries, long Events)
    {
        public static Found Read(ReadSession read) => new(
            [.. read.Query<string>("SELECT message_id FROM ingestion_event WHERE import_id IS NULL")],
            [.. read.Query<string>("SELECT message_id FROM ingestion_event WHERE import_id IS NOT NULL")],
            [.. read.Query<long>("SELECT event_seq FROM profiles_change WHERE kind = 1")],
            [.. read.Query<string>("SELECT message_id FROM activation_delivery")],
            (int)read.Scalar<long>("SELECT COUNT(*) FROM ingestion_event"));
    }
}
