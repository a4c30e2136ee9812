using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.Data.Sqlite;

namespace CdpMonolith.Tests.Stories;

/// <summary>Watched by strace: what was answered with 200 is on the disk, wherever the power fails and whatever the disk refuses.</summary>
[Category(Engine.One)]
public sealed class DurabilityTests
{
    private const int Clients = 6;
    private const int CallsOfClient = 40;
    private const int Cuts = 60;
    private const int Seed = 20_261_129;

    private string _strace = "";
    private TempFolder _folder = null!;
    private string _key = "";

    [SetUp]
    public async Task AddSource()
    {
        _strace = Tools.Need("strace", "/usr/bin/strace", "/usr/local/bin/strace");
        _folder = new TempFolder(Engine.Sqlite);
        await using var app = await TestApp.StartAsync(folder: _folder);
        _key = (await app.Get<Sources>().CreateAsync(Actor.CommandLine, "Till", SourceKind.Server, default)).Value.WriteKey;
    }

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public async Task No_power_cut_loses_what_was_answered() => Assert.That(await LostByPowerCutsAsync(), Is.Empty);

    /// <summary>That the cuts of the test above can lose something.</summary>
    [Test]
    public async Task Without_syncs_a_power_cut_loses_answered_calls() =>
        Assert.That(await LostByPowerCutsAsync("--Store:Durable=false"), Is.Not.Empty);

    [Test]
    public async Task After_a_failed_sync_nothing_is_answered_with_200_any_more()
    {
        const int Sound = 25;
        ConcurrentQueue<string> answered = [];
        var statuses = new ConcurrentQueue<int>();
        await using (var server = await ChildServer.StartAsync(
            _folder, _strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
            "-e", string.Create(CultureInfo.InvariantCulture, $"inject=fsync,fdatasync:error=EIO:when={Sound}"), "--"))
        {
            await SendAsync(server.Address, answered, statuses);
        }

        // One sync failed, those behind it would be told that all is well: that is not believed.
        var firstRefused = statuses.TakeWhile(status => status == 200).Count();
        Assert.That(statuses.Skip(firstRefused + Clients), Is.Not.Empty.And.All.EqualTo(503));
        await using var app = await TestApp.StartAsync(folder: _folder);
        Assert.That(answered.Except(StoredIn(_folder.PathOf("cdp.db"))), Is.Empty);
    }

    private async Task<IReadOnlyCollection<string>> LostByPowerCutsAsync(params string[] settings)
    {
        using var other = new TempFolder();
        var trace = other.PathOf("trace");
        var cut = new PowerCut(new Dictionary<string, byte[]> { ["cdp.db"] = await File.ReadAllBytesAsync(_folder.PathOf("cdp.db")), ["cdp.db-wal"] = [] });
        await using (var server = await ChildServer.RunAsync(
            [_strace, .. PowerCut.Tracing, "-o", trace, .. ChildServer.Program, "serve", "--urls=http://127.0.0.1:0", .. _folder.Settings, .. settings]))
        {
            await SendAsync(server.Address, [], []);
        }

        var lost = new HashSet<string>();
        var random = new Random(Seed);
        var lines = File.ReadLines(trace).ToList();
        var cuts = Enumerable.Range(0, Cuts).Select(_ => random.Next(lines.Count)).Append(lines.Count - 1).ToHashSet();
        for (var n = 0; n < lines.Count; n++)
        {
            cut.Play(lines[n]);
            if (!cuts.Contains(n))
            {
                continue;
            }

            var share = random.Next(3) / 2.0;
            foreach (var (name, bytes) in cut.Files(() => random.NextDouble() < share))
            {
                await File.WriteAllBytesAsync(other.PathOf(name), bytes);
            }

            File.Delete(other.PathOf("cdp.db-shm"));
            lost.UnionWith(cut.Answered.Except(StoredIn(other.PathOf("cdp.db"))));
        }

        Assert.That(cut.Answered, Has.Count.EqualTo(Clients * CallsOfClient), "answers seen");
        return lost;
    }

    private async Task SendAsync(Uri server, ConcurrentQueue<string> answered, ConcurrentQueue<int> statuses)
    {
        using var http = new HttpClient { BaseAddress = server };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(_key + ":")));
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            for (var n = 0; n < CallsOfClient; n++)
            {
                var id = string.Create(CultureInfo.InvariantCulture, $"m{client}-{n}");
                using var answer = await http.PostAsync("/v1/track", new StringContent($$"""{"userId":"u{{n}}","event":"Paid","messageId":"{{id}}"}"""));
                statuses.Enqueue((int)answer.StatusCode);
                if (answer.IsSuccessStatusCode)
                {
                    answered.Enqueue(id);
                }
            }
        }));
    }

    private static List<string> StoredIn(string database)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = database, Pooling = false }.ConnectionString);
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA quick_check";
        Assert.That(command.ExecuteScalar(), Is.EqualTo("ok"));
        command.CommandText = "SELECT message_id FROM ingestion_event";
        using var rows = command.ExecuteReader();
        var found = new List<string>();
        while (rows.Read())
        {
            found.Add(rows.GetString(0));
        }

        return found;
    }
}
