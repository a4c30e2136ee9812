using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Fetch;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Tests.Stories;

/// <summary>
/// The product is killed again and again while it takes files of a watched folder, pulls others over HTTPS and imports them. A quarter
/// as often as CDP_KILLS says, 5 times when it says nothing.
/// </summary>
[Category("Crash")]
public sealed class FeedCrashTests
{
    private const int RowsOfFile = 3000;
    private const int Seed = 20_260_310;
    private const string EveryMinute = "0 * * * * ?";

    private static int Kills => Math.Max((int.TryParse(Environment.GetEnvironmentVariable("CDP_KILLS"), out var kills) ? kills : 20) / 4, 3);

    [Test]
    public async Task Every_file_that_a_feed_finds_becomes_one_import_and_every_row_one_event()
    {
        var env = Tools.Need("env", "/usr/bin/env", "/bin/env");
        using var folder = new TempFolder();
        using var drop = new TempFolder("sqlite");
        Directory.CreateDirectory(drop.PathOf("crm"));
        var version = 1;
        using var certificate = TestCertificate.Make();
        await using var server = await ServeAsync(certificate, () => Volatile.Read(ref version));
        var pem = drop.PathOf("trusted.pem");
        await File.WriteAllTextAsync(pem, certificate.ExportCertificatePem());
        await using (var app = await TestApp.StartAsync(folder: folder, args: [$"--Feeds:Root={drop.Path}", "--Feeds:AllowPrivateNetworks=true"]))
        {
            await MakeFeedsAsync(app, PortOf(server));
        }

        string[] under = [env, $"SSL_CERT_FILE={pem}", $"Feeds__Root={drop.Path}", "Feeds__AllowPrivateNetworks=true", "Feeds__StableSeconds=1"];
        var random = new Random(Seed);
        var dropped = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            Drop(drop, dropped++);
            await using var child = await ChildServer.StartAsync(folder, under);
            using var admin = (await LocalAccess.ConnectAsync(folder.Path, default))!;

            // A new version only once the last one was taken, and not each time: one that was taken already comes again as well.
            var taken = (int)await TakenAsync(admin, 2);
            Volatile.Write(ref version, Math.Max(kill % 2 == 0 ? taken + 1 : taken, 1));
            await RunBothAsync(admin);
            await Task.Delay(random.Next(100, 1200));
            Drop(drop, dropped++);
            await Task.Delay(random.Next(100, 2500));
            await child.KillAsync();
        }

        await using (var last = await ChildServer.StartAsync(folder, under))
        {
            using var admin = (await LocalAccess.ConnectAsync(folder.Path, default))!;
            await RunBothAsync(admin);
            await Eventually.SeeAsync(
                async () => await TakenAsync(admin, 1) == dropped && await TakenAsync(admin, 2) == Volatile.Read(ref version) && await AreDoneAsync(admin) ? "all taken" : null,
                TimeSpan.FromSeconds(90));
            foreach (var id in new[] { 1, 2 })
            {
                using var paused = await admin.PostAsync($"/api/feeds/{id}/pause", null);
                paused.EnsureSuccessStatusCode();
            }
        }

        await using var after = await TestApp.StartAsync(folder: folder);
        await after.CatchUpAsync();
        var imports = await after.Get<Imports>().LatestAsync(long.MaxValue, 1000, default);
        var (messages, people) = await after.Get<IStore>().ReadAsync(
            read => (read.Query<string>("SELECT message_id FROM ingestion_event").ToList(), read.Scalar<long>("SELECT COUNT(DISTINCT user_id) FROM ingestion_event")), default);
        TestContext.Out.WriteLine($"{Kills} kills: {dropped} files of the folder, {version} versions over HTTPS, {imports.Count} imports, {messages.Count} events");
        var rows = (dropped + version) * RowsOfFile;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(imports.Where(import => import.Actor == "feed:1").Select(import => import.FileName), Is.EquivalentTo(Enumerable.Range(0, dropped).Select(NameOf)));
            Assert.That(imports.Count(import => import.Actor == "feed:2"), Is.EqualTo(version));
            Assert.That(imports.Select(import => (import.State, import.Stored, import.Duplicates, import.Rejected)), Is.All.EqualTo((ImportState.Done, (long)RowsOfFile, 0L, 0L)));
            Assert.That(messages, Is.Unique.And.Count.EqualTo(rows), "every row once");
            Assert.That(people, Is.EqualTo(rows), "and each its own");
            Assert.That(Directory.GetFiles(Path.Combine(drop.PathOf("crm"), "done")), Has.Length.EqualTo(dropped), "each file was moved");
            Assert.That(Directory.GetFiles(drop.PathOf("crm")), Is.Empty);
            Assert.That(Directory.GetFiles(after.Get<DataFolder>().FolderOf("uploads")), Has.Length.EqualTo(imports.Count), "nothing is left of what was cut off");
        }
    }

    private static async Task MakeFeedsAsync(TestApp app, int port)
    {
        await app.Get<Sources>().CreateAsync(Actor.CommandLine, "CRM", SourceKind.File, default);
        var mapping = new MappingWish("Contacts", ["Id", "Name"], ImportMapping.ParseShort("Id=userId,Name=trait:name").Value, new CsvShape("utf-8", ',', true, 0), null);
        await app.Get<SavedMappings>().SaveAsync(Actor.CommandLine, mapping, false, default);
        foreach (var wish in new[]
        {
            new FeedWish("Folder", Feed.Folder, "crm", "*.csv", null, null, null, EveryMinute, 1, 1, Feed.Move),
            new FeedWish("Server", Feed.Https, $"https://localhost:{port}/contacts.csv", null, "none", "", "", EveryMinute, 1, 1, null),
        })
        {
            var made = await app.Get<Feeds>().CreateAsync(Actor.CommandLine, wish, default);
            Assert.That(made.Problem?.Message, Is.Null);
        }
    }

    private static async Task RunBothAsync(HttpClient admin)
    {
        foreach (var id in new[] { 1, 2 })
        {
            using var asked = await admin.PostAsync($"/api/feeds/{id}/run", null);
            asked.EnsureSuccessStatusCode();
        }
    }

    private static async Task<long> TakenAsync(HttpClient admin, long id) => (long)(await admin.GetFromJsonAsync<JsonNode>($"/api/feeds/{id}"))!["taken"]!;

    private static async Task<bool> AreDoneAsync(HttpClient admin) =>
        (await admin.GetFromJsonAsync<JsonArray>("/api/imports?limit=200"))!.All(import => (string)import!["state"]! == nameof(ImportState.Done));

    private static string NameOf(int number) => $"contacts-{number}.csv";

    /// <summary>As programs put files down: whole, by renaming.</summary>
    private static void Drop(TempFolder drop, int number)
    {
        var path = Path.Combine(drop.PathOf("crm"), NameOf(number));
        File.WriteAllText(path + ".part", TableOf($"f{number}"));
        File.Move(path + ".part", path);
    }

    private static string TableOf(string prefix)
    {
        var text = new StringBuilder("Id,Name\n");
        for (var row = 0; row < RowsOfFile; row++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{prefix}-{row},Name {row}\n");
        }

        return text.ToString();
    }

    /// <summary>A server whose file is sent slowly enough to be cut off.</summary>
    private static async Task<WebApplication> ServeAsync(X509Certificate2 certificate, Func<int> version)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        var server = builder.Build();
        server.Run(async context =>
        {
            var now = version();
            context.Response.Headers.ETag = $"\"v{now}\"";
            if (context.Request.Headers.IfNoneMatch == $"\"v{now}\"")
            {
                context.Response.StatusCode = StatusCodes.Status304NotModified;
                return;
            }

            var body = Encoding.UTF8.GetBytes(TableOf($"v{now}"));
            context.Response.ContentLength = body.Length;
            try
            {
                foreach (var piece in body.Chunk((body.Length / 5) + 1))
                {
                    await context.Response.Body.WriteAsync(piece, context.RequestAborted);
                    await context.Response.Body.FlushAsync(context.RequestAborted);
                    await Task.Delay(60, context.RequestAborted);
                }
            }
            catch (OperationCanceledException)
            {
                // Killed while it read.
            }
        });
        await server.StartAsync();
        return server;
    }

    private static int PortOf(WebApplication server) =>
        new Uri(server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
}
