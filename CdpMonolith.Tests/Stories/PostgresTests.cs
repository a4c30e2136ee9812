using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Tests.Activation;
using CdpMonolith.Tests.Support;
using Npgsql;

namespace CdpMonolith.Tests.Stories;

/// <summary>What can happen to the program on PostgreSQL and cannot on SQLite: the server goes away, and there are two processes.</summary>
[Category(Engine.One)]
[Category("Crash")]
public sealed class PostgresTests
{
    private const int Clients = 6;

    [Test]
    public async Task The_server_ends_and_comes_back_under_load_and_everything_goes_on()
    {
        await using var server = await PostgresServer.StartAsync();
        using var folder = new TempFolder(Engine.Sqlite);
        await using var app = await TestApp.StartAsync(null, folder, $"--Store:PostgreSql={server.Connection}");
        var source = (await app.Get<Sources>().CreateAsync(Actor.CommandLine, "Web shop", SourceKind.Website, default)).Value;
        var load = new Load(source.WriteKey, [app.Address]);
        var clients = load.Start(Clients);
        await load.ReachAsync(200);
        foreach (var signal in new[] { "INT", "QUIT" })
        {
            await server.EndAsync(signal);
            var refused = load.Refused;
            await Eventually.SeeAsync(() => Task.FromResult(load.Refused >= refused + Clients ? "refused" : null), TimeSpan.FromSeconds(30));
            await server.BeginAsync();
            await load.ReachAsync(load.Acknowledged.Count + 200);
        }

        await load.EndAsync(clients);
        await app.Get<IStages>().CatchUpAsync(default).WaitAsync(TimeSpan.FromSeconds(60));
        var (calls, resolved) = await app.Get<IStore>().ReadAsync(
            read => (read.Query<string>("SELECT message_id FROM ingestion_event").ToList(),
                read.Query<long>("SELECT event_seq FROM profiles_change WHERE kind = 1").ToList()), default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(load.Acknowledged.Keys.Except(calls), Is.Empty, "acknowledged and lost");
            Assert.That(calls, Is.Unique, "stored twice");
            Assert.That(resolved, Is.Unique.And.Count.EqualTo(calls.Count), "every event once");
            Assert.That(load.RefusedWithoutRetryAfter, Is.Zero);
            Assert.That(load.Other, Is.Empty, "no answer but 200 and 429");
            Assert.That(await app.Get<IStages>().QuarantineAsync(10, default), Is.Empty);
        }
    }

    [Test]
    public async Task Two_processes_share_the_work_and_one_goes_on_when_the_other_stands_still_or_is_killed()
    {
        using var folder = new TempFolder(Engine.Postgres);
        await using var mailer = await Receiver.StartAsync();
        Shop shop;
        await using (var app = await TestApp.StartAsync(folder: folder))
        {
            shop = await Shop.OpenAsync(app, mailer.Address);
        }

        using var beside = folder.Beside();
        await using var one = await ChildServer.StartAsync(folder);
        await using var two = await ChildServer.StartAsync(beside);
        var load = new Load(shop.Source.WriteKey, [one.Address, two.Address]);
        var clients = load.Start(Clients);
        await load.ReachAsync(300);

        // The one that unifies stands still for as long as it takes the other to do the work, and wakes up again.
        var held = await HolderAsync(folder, one, two);
        await SignalAsync("STOP", held.Pid);
        var other = held == one ? two : one;
        await Eventually.SeeAsync(async () => await HolderAsync(folder, one, two) == other ? "taken over" : null, TimeSpan.FromSeconds(60));
        await load.ReachAsync(load.Acknowledged.Count + 300);
        await SignalAsync("CONT", held.Pid);
        await load.ReachAsync(load.Acknowledged.Count + 300);

        // The holder is killed; the one that had stood still takes the work over again.
        await other.KillAsync();
        await Eventually.SeeAsync(async () => await HolderAsync(folder, one, two) == held ? "taken over" : null, TimeSpan.FromSeconds(60));
        await load.ReachAsync(load.Acknowledged.Count + 300);
        await load.EndAsync(clients);
        await held.StopAsync();

        await using var last = await TestApp.StartAsync(folder: folder);
        await last.CatchUpAsync();
        await Eventually.SeeAsync(
            () => last.Get<IStore>().ReadAsync(read => read.Scalar<long>("SELECT COUNT(*) FROM activation_delivery WHERE state = 1") == 0 ? "all ended" : null, default),
            TimeSpan.FromSeconds(60));
        var (calls, resolved, deliveries, orders) = await last.Get<IStore>().ReadAsync(
            read => (
                read.Query<(string MessageId, string UserId)>("SELECT message_id AS MessageId, user_id AS UserId FROM ingestion_event ORDER BY seq").ToList(),
                read.Query<long>("SELECT event_seq FROM profiles_change WHERE kind = 1 ORDER BY seq").ToList(),
                read.Query<string>("SELECT message_id FROM activation_delivery").ToList(),
                read.Query<(string User, long Event)>("""
                    SELECT p.value AS "User", c.event_seq AS Event
                    FROM   profiles_change  AS c
                    JOIN   profiles_profile AS p ON p.id = c.profile_id
                    WHERE  c.kind = 1
                    ORDER  BY c.seq
                    """).ToList()), default);
        var stored = calls.Select(call => call.MessageId).ToList();
        TestContext.Out.WriteLine($"{load.Acknowledged.Count} calls acknowledged, {stored.Count} stored, {deliveries.Count} deliveries");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(load.Acknowledged.Keys.Except(stored), Is.Empty, "acknowledged and lost");
            Assert.That(stored, Is.Unique, "stored twice");
            Assert.That(resolved, Is.Unique.And.Count.EqualTo(stored.Count), "every event belongs to a profile, once");
            Assert.That(deliveries, Is.Unique, "announced twice");
            Assert.That(await last.Get<IStages>().QuarantineAsync(10, default), Is.Empty);
            foreach (var person in calls.GroupBy(call => call.UserId))
            {
                Assert.That(person.Select(call => Load.NumberOf(call.MessageId)), Is.Ordered, $"events of {person.Key} in the order in which they were sent");
            }

            foreach (var person in orders.GroupBy(order => order.User))
            {
                Assert.That(person.Select(order => order.Event), Is.Ordered, "and taken in that order");
            }
        }

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

    /// <summary>Which of the processes unifies now; null: neither, yet.</summary>
    private static async Task<ChildServer> HolderAsync(TempFolder folder, ChildServer one, ChildServer two)
    {
        await using var connection = new NpgsqlConnection(folder.Database);
        await connection.OpenAsync();
        await using var ask = new NpgsqlCommand("SELECT holder FROM platform_lease WHERE name = 'profiles'", connection);
        var holder = (string)(await ask.ExecuteScalarAsync())!;
        return holder.Contains($":{one.Pid}:", StringComparison.Ordinal) ? one : holder.Contains($":{two.Pid}:", StringComparison.Ordinal) ? two : null!;
    }

    private static async Task SignalAsync(string signal, int pid)
    {
        using var kill = Process.Start("kill", [$"-{signal}", pid.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>
    /// People who each send one call after the other, some to one process and some to the next; what got no answer or was refused
    /// is sent again, to the next, until it is acknowledged.
    /// </summary>
    private sealed class Load(string writeKey, Uri[] servers)
    {
        private const int CallsInARow = 20;
        private static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(3);
        private readonly CancellationTokenSource _stop = new();
        private int _refused;
        private int _refusedWithoutRetryAfter;

        public ConcurrentDictionary<string, int> Acknowledged { get; } = new();

        public ConcurrentBag<int> Other { get; } = [];

        public int Refused => Volatile.Read(ref _refused);

        public int RefusedWithoutRetryAfter => Volatile.Read(ref _refusedWithoutRetryAfter);

        public static int NumberOf(string messageId) => int.Parse(messageId.AsSpan(messageId.LastIndexOf('-') + 1), CultureInfo.InvariantCulture);

        public Task[] Start(int clients) => [.. Enumerable.Range(0, clients).Select(client => Task.Run(() => SendAsync(client)))];

        public Task ReachAsync(int acknowledged) => Eventually.SeeAsync(
            () => Task.FromResult(Acknowledged.Count >= acknowledged ? "reached" : null), TimeSpan.FromSeconds(60));

        public async Task EndAsync(Task[] clients)
        {
            await _stop.CancelAsync();
            await Task.WhenAll(clients);
        }

        private async Task SendAsync(int client)
        {
            using var http = new HttpClient { Timeout = AnswersWithin };
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(writeKey + ":")));
            for (int number = 0, turn = client; !_stop.IsCancellationRequested; number++)
            {
                if (number % CallsInARow == 0)
                {
                    turn++;
                }

                while (!_stop.IsCancellationRequested && !await TryAsync(http, servers[turn % servers.Length], client, number))
                {
                    turn++;
                    await Task.Delay(20);
                }
            }
        }

        private async Task<bool> TryAsync(HttpClient http, Uri server, int client, int number)
        {
            try
            {
                using var answer = await http.PostAsync(new Uri(server, "/v1/track"), new StringContent(Call(client, number)));
                await answer.Content.ReadAsByteArrayAsync();
                switch ((int)answer.StatusCode)
                {
                    case 200:
                        Acknowledged[$"m-{client}-{number}"] = client;
                        return true;
                    case 429:
                        Interlocked.Increment(ref _refused);
                        if (answer.Headers.RetryAfter is null)
                        {
                            Interlocked.Increment(ref _refusedWithoutRetryAfter);
                        }

                        return false;
                    default:
                        Other.Add((int)answer.StatusCode);
                        return false;
                }
            }
            catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
            {
                // Killed or stopped: not acknowledged.
                return false;
            }
        }

        private static string Call(int client, int number) => $$$$"""
            {"type":"track","event":"{{{{(number % 2 == 0 ? "Order Completed" : "Product Viewed")}}}}","messageId":"m-{{{{client}}}}-{{{{number}}}}","userId":"u{{{{client}}}}",
             "properties":{"revenue":10},"context":{"traits":{"email":"p{{{{client}}}}@example.com"},"consent":{"categoryPreferences":{"newsletter":true } } } }
            """;
    }
}
