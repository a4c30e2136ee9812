using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Stories;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Commands;

/// <summary><c>cdp import</c> as it is typed: the program in a process of its own, in a folder of its own.</summary>
public sealed class ImportCommandTests
{
    private const string People = "Id,Mail,Born\nC1,ann@example.com,1980-02-29\nC2,bob@example.com,1975-10-01\n";
    private const string Map = "Id=ownId,Mail=email,Born=trait:birthday:date";

    private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(60);

    private TempFolder _folder = null!;
    private string _work = null!;

    [SetUp]
    public void Make()
    {
        _folder = new TempFolder();
        _work = Directory.CreateTempSubdirectory("cdp-test-").FullName;
    }

    [TearDown]
    public void Remove()
    {
        _folder.Dispose();
        Directory.Delete(_work, recursive: true);
    }

    [Test]
    public async Task With_no_server_it_tries_takes_and_tells_what_was_there_already()
    {
        await File.WriteAllTextAsync(Path.Combine(_work, "people.csv"), People);
        var tried = await RunAsync("people.csv", "--source", "CRM", "--map", Map, "--dry-run");
        Assert.That(tried, Is.EqualTo((0, "would take 2 of 2 rows, 0 are there already; 2 new people, 0 known ones; nothing was stored")));

        var taken = await RunAsync("people.csv", "--source=CRM", $"--map={Map}");
        Assert.That(taken.Code, Is.Zero, taken.Said);
        Assert.That(taken.Said, Does.EndWith("done: 2 calls stored, 0 were there already, 0 rows rejected"));

        // Packed, and with the mapping of the last time.
        await using (var file = File.Create(Path.Combine(_work, "people.csv.gz")))
        await using (var zip = new GZipStream(file, CompressionLevel.Fastest))
        {
            await zip.WriteAsync(Encoding.UTF8.GetBytes(People));
        }

        // Packed it is another file, whose rows may be told anew.
        tried = await RunAsync("people.csv.gz", "--source", "crm", "--dry-run");
        Assert.That(tried, Is.EqualTo((0, "would take 2 of 2 rows, 0 are there already; 0 new people, 2 known ones; nothing was stored")), "the source is found whatever its case");
        tried = await RunAsync("people.csv", "--source", "CRM", "--dry-run");
        Assert.That(tried, Is.EqualTo((0, "would take 0 of 2 rows, 2 are there already; 0 new people, 2 known ones; nothing was stored")));
        taken = await RunAsync("people.csv", "--source", "CRM");
        Assert.That(taken.Said, Does.EndWith("done: 0 calls stored, 2 were there already, 0 rows rejected"));

        await using var server = await ChildServer.StartAsync(_folder);
        using var client = await LocalAccess.ConnectAsync(_folder.Path, default);
        var sources = await client!.GetFromJsonAsync<JsonArray>("/api/sources");
        Assert.That(sources!.Select(source => (string)source!["name"]!), Is.EqualTo(new[] { "CRM" }), "the first try made none");
    }

    [Test]
    public async Task With_a_running_server_a_saved_mapping_says_what_the_columns_are_and_rejected_rows_come_as_a_file()
    {
        await using var server = await ChildServer.StartAsync(_folder);
        using var client = (await LocalAccess.ConnectAsync(_folder.Path, default))!;
        using var made = await client.PostAsJsonAsync("/api/sources", new { name = "Club", kind = "file" });
        var source = (long)(await made.Content.ReadFromJsonAsync<JsonNode>())!["id"]!;
        using var saved = await client.PostAsJsonAsync(
            "/api/mappings", new { name = "Members", header = new[] { "Mail", "Fee" }, map = "Mail=email,Fee=trait:fee:number", delimiter = ";", quote = "single", sourceId = source });
        saved.EnsureSuccessStatusCode();

        await File.WriteAllTextAsync(Path.Combine(_work, "members.csv"), "Mail;Fee\n'ann@example.com';12\nbob@example.com;much\n");
        var taken = await RunAsync("members.csv", "--mapping", "members");
        Assert.That(taken.Code, Is.EqualTo(1));
        Assert.That(taken.Said, Does.Contain("done: 1 calls stored, 0 were there already, 1 rows rejected").And.Contain("import-1-rejected.csv"));
        var rejected = await File.ReadAllLinesAsync(Path.Combine(_work, "import-1-rejected.csv"));
        Assert.That(rejected[0], Is.EqualTo("rejected_row,rejected_reason,rejected_column,rejected_message,Mail,Fee"));
        Assert.That(rejected[1], Does.StartWith("2,cell.not_number,Fee,").And.EndsWith("bob@example.com,much"));

        var import = await client.GetFromJsonAsync<JsonNode>("/api/imports/1");
        Assert.That((long)import!["sourceId"]!, Is.EqualTo(source));

        var unknown = await RunAsync("members.csv", "--mapping", "Guests");
        Assert.That(unknown, Is.EqualTo((1, "There is no saved mapping 'Guests'; there are 'Members'.")));
    }

    [TestCase("Which file?", "--source", "CRM")]
    [TestCase("There is no file nowhere.csv.", "nowhere.csv", "--source", "CRM")]
    [TestCase("--source is missing.", "people.csv")]
    [TestCase("--map needs a value.", "people.csv", "--source", "CRM", "--map")]
    [TestCase("'--sauce' is not understood.", "people.csv", "--sauce", "CRM")]
    [TestCase("--date-order is ymd, dmy or mdy.", "people.csv", "--source", "CRM", "--date-order", "myd")]
    [TestCase("--map and --mapping are two answers to one question.", "people.csv", "--map", Map, "--mapping", "Members")]
    [TestCase("map.json is not JSON: line 2.", "people.csv", "--source", "CRM", "--map", "map.json")]
    public async Task What_is_wrong_with_the_command_line_is_said_in_its_first_line(string said, params string[] typed)
    {
        await File.WriteAllTextAsync(Path.Combine(_work, "people.csv"), People);
        await File.WriteAllTextAsync(Path.Combine(_work, "map.json"), "{\n  columns }");
        var ended = await RunAsync(typed);
        Assert.That(ended.Code, Is.EqualTo(2));
        Assert.That(ended.Said.Split('\n')[0], Is.EqualTo(said));
        Assert.That(Directory.Exists(_folder.PathOf("keys")), Is.False, "no server was started");
    }

    [TestCase("'mail' is not a target; see cdp import --help. (map)", "--map", "Mail=mail")]
    [TestCase("The file has no column 'Post'. (Post)", "--map", "Post=email")]
    [TestCase("There is no time zone 'Mars'. (timeZone)", "--map", Map, "--time-zone", "Mars")]
    [TestCase("The encoding must be one of utf-8, utf-16, utf-16BE, windows-1252, windows-874. (encoding)", "--encoding", "ebcdic")]
    [TestCase("The delimiter must be one sign, or comma, semicolon, tab or bar. (delimiter)", "--delimiter", "dash")]
    public async Task What_does_not_exist_on_the_command_line_ends_with_2(string said, params string[] typed)
    {
        await File.WriteAllTextAsync(Path.Combine(_work, "people.csv"), People);
        Assert.That(await RunAsync(["people.csv", "--source", "CRM", .. typed]), Is.EqualTo((2, said)));
    }

    [Test]
    public async Task Columns_that_are_left_out_are_named_with_the_reason()
    {
        await File.WriteAllTextAsync(
            Path.Combine(_work, "people.csv"), "Mail,Fax,Note\n" + string.Concat(Enumerable.Range(0, 60).Select(n => $"a{n}@example.com,{(n > 55 ? "22222222" : "")},\n")));
        var tried = await RunAsync("people.csv", "--source", "CRM", "--dry-run");
        Assert.That(tried.Said.Split('\n')[0], Is.EqualTo("left out, they are empty in the first rows: Fax, Note; say with --map what they become"));
        tried = await RunAsync("people.csv", "--source", "CRM", "--dry-run", "--map", "Mail=email");
        Assert.That(tried.Said, Does.Not.Contain("left out"));
    }

    [Test]
    public async Task A_server_that_is_started_again_meanwhile_is_waited_for()
    {
        await File.WriteAllTextAsync(
            Path.Combine(_work, "many.csv"), "Id,Mail,Born\n" + string.Concat(Enumerable.Range(0, 150_000).Select(n => $"C{n},a{n}@example.com,1980-02-29\n")));
        Task<(int Code, string Said)> running;
        await using (var server = await ChildServer.StartAsync(_folder))
        {
            using var client = (await LocalAccess.ConnectAsync(_folder.Path, default))!;
            running = RunAsync("many.csv", "--source", "CRM", "--map", Map);
            await Eventually.SeeAsync(
                async () =>
                {
                    using var answer = await client.GetAsync("/api/imports/1");
                    return answer.IsSuccessStatusCode && (long)(await answer.Content.ReadFromJsonAsync<JsonNode>())!["rowsDone"]! > 0 ? "begun" : null;
                }, EndsWithin);
            await server.KillAsync();
        }

        await using var again = await ChildServer.StartAsync(_folder);
        var ended = await running;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ended.Code, Is.Zero, ended.Said);
            Assert.That(ended.Said, Does.Contain("waiting up to 60 s for it to come back").And.Contain("the server is back").And.EndsWith("0 rows rejected"));
        }
    }

    [Test]
    public async Task A_server_that_stops_answering_is_told_in_one_sentence()
    {
        await File.WriteAllTextAsync(Path.Combine(_work, "people.csv"), People);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await File.WriteAllTextAsync(
            _folder.PathOf("run.json"), $$"""{"Address":"http://127.0.0.1:{{((IPEndPoint)listener.LocalEndpoint).Port}}","Token":"t","Pid":1}""");
        var running = RunAsync("people.csv", "--source", "CRM", "--map", Map);
        using (var first = await listener.AcceptTcpClientAsync())
        await using (var stream = first.GetStream())
        {
            _ = await stream.ReadAsync(new byte[4096]);
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
        }

        listener.Stop();
        Assert.That(await running, Is.EqualTo((1, "The server stopped answering. Run the same command again once it is there: what was taken already is not taken twice.")));
    }

    [TestCase("--help")]
    [TestCase("-h")]
    [TestCase("serve", "--help")]
    public async Task Help_is_printed_and_nothing_is_served(params string[] typed)
    {
        var ended = await RunProgramAsync([.. ChildServer.Program, .. typed]);
        Assert.That((ended.Code, ended.Said.Split('\n')[0].Trim()), Is.EqualTo((0, "CdpMonolith, a customer data platform in one file.")));
    }

    /// <returns>What it wrote, on both of its ways out.</returns>
    private Task<(int Code, string Said)> RunAsync(params string[] typed) =>
        RunProgramAsync([.. ChildServer.Program, "import", $"--Store:Folder={_folder.Path}", .. typed]);

    private async Task<(int Code, string Said)> RunProgramAsync(string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _work };
        if (_folder.Database is { } database)
        {
            start.Environment["Store__PostgreSql"] = database;
        }

        using var process = Process.Start(start)!;
        var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync()).WaitAsync(EndsWithin);
        await process.WaitForExitAsync().WaitAsync(EndsWithin);
        return (process.ExitCode, string.Concat(said).Trim());
    }
}
