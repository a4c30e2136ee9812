using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Stories;

/// <summary>The field's server clients, unchanged but for their host: what they say they sent is what is stored, once, whatever the line does.</summary>
public sealed class NodeClientTests
{
    private static readonly string Clients = Repo.Path("CdpMonolith.Tests", "Clients");

    private TempFolder _folder = null!;
    private TestApp _app = null!;
    private string _node = null!;
    private Gate _gate = null!;
    private Source _source = null!;

    [OneTimeSetUp]
    public void Need() => _node = Tools.NodeWithClients();

    [SetUp]
    public async Task Open()
    {
        _folder = new TempFolder();
        _app = await TestApp.StartAsync(folder: _folder);
        _gate = await Gate.OpenAsync(_app.Address);
        _source = (await _app.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Server, default)).Value;
    }

    [TearDown]
    public async Task Close()
    {
        await _gate.DisposeAsync();
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    [TestCase("segment", 6)]
    [TestCase("rudderstack", 6)]
    [TestCase("jitsu", 4)]
    public async Task Every_kind_of_call_arrives(string client, int kinds)
    {
        var sent = await SendAsync(client, rounds: 3);
        Assert.That(sent, Has.Length.EqualTo(3 * kinds));
        Assert.That(Stored(), Is.EquivalentTo(sent));
    }

    [TestCase("segment", Fate.Cut)]
    [TestCase("segment", Fate.Later)]
    [TestCase("segment", Fate.LoseAnswer)]
    [TestCase("rudderstack", Fate.Cut)]
    [TestCase("rudderstack", Fate.Later)]
    [TestCase("rudderstack", Fate.LoseAnswer)]
    public async Task A_call_that_had_to_be_sent_again_is_stored_once(string client, Fate fate)
    {
        _gate.Next(fate, Fate.Pass, fate, fate);
        var sent = await SendAsync(client, rounds: 4);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_gate.Came.Count(request => request.Fate == fate), Is.EqualTo(3), "the line was as bad as it was to be");
            Assert.That(Stored(), Is.EquivalentTo(sent));
        }
    }

    [TestCase("segment")]
    [TestCase("rudderstack")]
    public async Task A_restart_of_the_server_in_the_middle_costs_nothing(string client)
    {
        var sending = SendAsync(client, rounds: 20, pauseMs: 80);
        await Eventually.SeeAsync(() => Task.FromResult(_gate.Came.Count > 3 ? "some came" : null), TimeSpan.FromSeconds(20));
        _gate.Target = null;
        await _app.DisposeAsync();
        await Eventually.SeeAsync(() => Task.FromResult(_gate.Came.Any(request => request.Fate == Fate.Cut) ? "it tried" : null), TimeSpan.FromSeconds(20));
        _app = await TestApp.StartAsync(folder: _folder);
        var before = Stored();
        _gate.Target = _app.Address;
        var sent = await sending;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(before, Is.Not.Empty.And.Length.LessThan(sent.Length), "it was in the middle");
            Assert.That(Stored(), Is.EquivalentTo(sent));
        }
    }

    private string[] Stored() =>
        [.. _app.Get<IEventLog>().Read(0, 10_000).Select(call => FormattableString.Invariant(
            $"{call.Type.ToString().ToLowerInvariant()} {call.UserId} {(call.Type is CallType.Track or CallType.Group ? call.Name : "")}").Trim())];

    private async Task<string[]> SendAsync(string client, int rounds, int pauseMs = 0)
    {
        string[] arguments =
        [
            "calls.mjs", client, _gate.Address, _source.WriteKey, rounds.ToString(CultureInfo.InvariantCulture), pauseMs.ToString(CultureInfo.InvariantCulture),
        ];
        using var process = Process.Start(new ProcessStartInfo(_node, arguments)
        {
            WorkingDirectory = Clients, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var faults = process.StandardError.ReadToEndAsync();
        var said = process.StandardOutput.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }

        var last = (await said).Split('\n').LastOrDefault(line => line.StartsWith("sent ", StringComparison.Ordinal));
        Assert.That(last, Is.Not.Null, $"{await said}\n{await faults}");
        return JsonSerializer.Deserialize<string[]>(last![5..])!;
    }
}
