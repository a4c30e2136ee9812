using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>
/// Whatever is sent, it is stored, put aside or refused, never lost and never a fault; and after each case a good event passes.
/// </summary>
public sealed class DoorCorpusTests
{
    private TestApp _app = null!;
    private Source _source = null!;
    private int _sentinel;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await TestApp.StartAsync(null, null, "--Ingestion:EventsPerSecond=0");
        _source = (await _app.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Website, default)).Value;
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TearDown]
    public async Task A_good_event_passes()
    {
        var stored = Stored();
        using var answer = await SendAsync(new DoorCase(
            "good", "track", Encoding.UTF8.GetBytes($"{{\"userId\":\"u\",\"event\":\"E\",\"messageId\":\"good-{++_sentinel}\"}}"), 200, 1, 0, null));
        Assert.That(((int)answer.StatusCode, Stored() - stored), Is.EqualTo((200, 1L)));
    }

    [TestCaseSource(typeof(DoorCases), nameof(DoorCases.All))]
    public async Task Over_HTTP(object given)
    {
        var one = (DoorCase)given;
        var (stored, aside) = (Stored(), Aside());
        using var answer = await SendAsync(one);
        var text = await answer.Content.ReadAsStringAsync();
        var last = aside == Aside() ? null : LastAside();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((int)answer.StatusCode, Is.EqualTo(one.Status), text);
            Assert.That(Stored() - stored, Is.EqualTo(one.Stored), "stored");
            Assert.That(Aside() - aside, Is.EqualTo(one.Aside), "put aside");
            if (one.Code is not null && one.Status != 200)
            {
                Assert.That(JsonDocument.Parse(text).RootElement.GetProperty("code").GetString(), Is.EqualTo(one.Code));
            }

            if (one.Aside > 0)
            {
                Assert.That(last, Is.EqualTo(one.Code));
            }
        }
    }

    private static IEnumerable<TestCaseData> RawRequests()
    {
        const string Host = "Host: cdp\r\n";
        const string Body = "{\"userId\":\"u\",\"event\":\"E\"}";
        static TestCaseData Raw(string name, string request, params int[] statuses) => new TestCaseData(request, statuses.Contains(0), statuses).SetArgDisplayNames(name);
        var first = $"POST /v1/track HTTP/1.1\r\n{Host}Authorization: Basic {{key}}\r\n";
        var post = $"{first}Connection: close\r\n";
        yield return Raw("good", $"{post}Content-Length: 26\r\n\r\n{Body}", 200);
        yield return Raw("chunked", $"{post}Transfer-Encoding: chunked\r\n\r\n1a\r\n{Body}\r\n0\r\n\r\n", 200);
        yield return Raw("two chunks", $"{post}Transfer-Encoding: chunked\r\n\r\n5\r\n{Body[..5]}\r\n15\r\n{Body[5..]}\r\n0\r\n\r\n", 200);
        yield return Raw("two requests in one piece", $"{first}Content-Length: 26\r\n\r\n{Body}{post}Content-Length: 26\r\n\r\n{Body}", 200);
        yield return Raw("a whole address", $"POST http://cdp/v1/track HTTP/1.1\r\n{Host}Connection: close\r\nAuthorization: Basic {{key}}\r\nContent-Length: 26\r\n\r\n{Body}", 200);
        yield return Raw("HTTP/1.0", $"POST /v1/track HTTP/1.0\r\nAuthorization: Basic {{key}}\r\nContent-Length: 26\r\n\r\n{Body}", 200);
        yield return Raw("no request", "\r\n\r\n\r\n", 0, 400);
        yield return Raw("nonsense", "hello\r\n\r\n", 400);
        yield return Raw("a TLS hello", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001", 0, 400);
        yield return Raw("no version", "POST /v1/track\r\n\r\n", 400, 505);
        yield return Raw("HTTP/9", "POST /v1/track HTTP/9.0\r\n\r\n", 400, 505);
        yield return Raw("no host", $"POST /v1/track HTTP/1.1\r\nContent-Length: 26\r\n\r\n{Body}", 400);
        yield return Raw("two hosts", $"POST /v1/track HTTP/1.1\r\n{Host}{Host}Content-Length: 26\r\n\r\n{Body}", 400);
        yield return Raw("a length of letters", $"{post}Content-Length: many\r\n\r\n{Body}", 400);
        yield return Raw("a negative length", $"{post}Content-Length: -1\r\n\r\n{Body}", 400);
        yield return Raw("two lengths", $"{post}Content-Length: 26\r\nContent-Length: 20\r\n\r\n{Body}", 400);
        yield return Raw("a length beyond all", $"{post}Content-Length: 99999999999999999999999\r\n\r\n{Body}", 400);
        yield return Raw("a length of 2 GB", $"{post}Content-Length: 2000000000\r\n\r\n{Body}", 413);
        yield return Raw("a chunk of letters", $"{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{Body}\r\n0\r\n\r\n", 400);
        yield return Raw("a chunk that is too short", $"{post}Transfer-Encoding: chunked\r\n\r\n2\r\n{Body}\r\n0\r\n\r\n", 400);
        yield return Raw("a length and chunks", $"{post}Content-Length: 26\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\n{Body}\r\n0\r\n\r\n", 200, 400);
        yield return Raw("an unknown transfer", $"{post}Transfer-Encoding: rot13\r\n\r\n{Body}", 400, 501);
        yield return Raw("a header without a colon", $"{post}Nonsense\r\nContent-Length: 26\r\n\r\n{Body}", 400);
        yield return Raw("a folded header", $"{post}X-A: b\r\n c\r\nContent-Length: 26\r\n\r\n{Body}", 400);
        yield return Raw("a space before the colon", $"{post}X-A : b\r\nContent-Length: 26\r\n\r\n{Body}", 400);
        yield return Raw("headers of 40 KB", $"{post}X-A: {new string('x', 40_000)}\r\nContent-Length: 26\r\n\r\n{Body}", 431);
        yield return Raw("200 headers", $"{post}{string.Concat(Enumerable.Range(0, 200).Select(n => $"X-{n}: 1\r\n"))}Content-Length: 26\r\n\r\n{Body}", 431);
        yield return Raw("an address of 10 KB", $"POST /v1/track?{new string('x', 10_000)} HTTP/1.1\r\n{Host}Content-Length: 26\r\n\r\n{Body}", 414);
        yield return Raw("a NUL in the address", $"POST /v1/tr\u0000ck HTTP/1.1\r\n{Host}Content-Length: 26\r\n\r\n{Body}", 400);
        yield return Raw("a lone percent", $"POST /v1/track%zz HTTP/1.1\r\n{Host}Connection: close\r\nContent-Length: 26\r\n\r\n{Body}", 400, 401, 404);
        yield return Raw("hung up in the head", "POST /v1/track HTT", 0, 400);
        yield return Raw("hung up in the body", $"{post}Content-Length: 26\r\n\r\n{Body[..9]}", 0, 400);
        yield return Raw("hung up in a chunk", $"{post}Transfer-Encoding: chunked\r\n\r\n1a\r\n{Body[..9]}", 0, 400);
    }

    [TestCaseSource(nameof(RawRequests))]
    public async Task Over_a_bare_socket(string request, bool isHungUp, int[] statuses)
    {
        var (stored, aside) = (Stored(), Aside());
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", _app.Address.Port);
        var key = Convert.ToBase64String(Encoding.ASCII.GetBytes(_source.WriteKey + ":"));
        await socket.SendAsync(Encoding.Latin1.GetBytes(request.Replace("{key}", key, StringComparison.Ordinal)));
        if (isHungUp)
        {
            socket.Shutdown(SocketShutdown.Send);
        }

        var answer = await AnswerAsync(socket);
        var answers = answer.Split("HTTP/1.1 ").Skip(1).Select(one => int.Parse(one[..3], System.Globalization.CultureInfo.InvariantCulture)).ToList();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answers.Count == 0 ? [0] : answers.Distinct(), Is.SubsetOf(statuses), answer);
            Assert.That(Stored() - stored, Is.EqualTo(answers.Count(status => status == 200)), "stored");
            Assert.That(Aside(), Is.EqualTo(aside), "put aside");
        }
    }

    [Test]
    public async Task Fuzzed_requests_are_stored_put_aside_or_refused_and_nothing_else([Values(1, 2)] int seed) => await FuzzAsync(seed, 1500);

    /// <summary>CDP_FUZZ says how many requests; 3,000 when it says nothing.</summary>
    [Test]
    public async Task Fuzzed_requests_leave_the_memory_as_it_was()
    {
        await FuzzAsync(3, 2_000);
        var before = Memory();
        await FuzzAsync(4, int.TryParse(Environment.GetEnvironmentVariable("CDP_FUZZ"), out var rounds) ? rounds : 3_000);
        var grown = Memory() - before;
        TestContext.Out.WriteLine($"memory grew by {grown / 1e6:0.0} MB");
        Assert.That(grown, Is.LessThan(50_000_000));

        static long Memory() => GC.GetTotalMemory(forceFullCollection: true);
    }

    private async Task FuzzAsync(int seed, int rounds)
    {
        var random = new Random(seed);
        var seeds = DoorCases.All.Where(one => one is { Method: "POST", Status: 200, Stored: 1, Body.Length: > 0 and < 20_000, Path: "track" } && one.Body.AsSpan().IndexOf("messageId"u8) < 0).ToArray();
        var (sent, refused, stored, aside) = (0, 0, Stored(), Aside());
        for (var round = 0; round < rounds; round++)
        {
            var picked = seeds[random.Next(seeds.Length)];
            var body = picked.Body.ToArray();
            for (var n = random.Next(3); n > 0; n--)
            {
                var at = random.Next(body.Length);
                switch (random.Next(4))
                {
                    case 0: body[at] = (byte)random.Next(256); break;
                    case 1: body = [.. body[..at], .. body[random.Next(at + 1)..]]; break;
                    case 2: body = body[..Math.Max(1, at)]; break;
                    default: body = [.. body[..at], .. "\"{}[],:\\u0000\\ud800 1e999"u8[..random.Next(24)], .. body[at..]]; break;
                }
            }

            using var answer = await SendAsync(picked with { Path = "track?strict=1", Body = body });
            sent++;
            refused += answer.StatusCode is System.Net.HttpStatusCode.OK ? 0 : 1;
            Assert.That((int)answer.StatusCode, Is.AnyOf(200, 400, 401, 413), () => $"{picked.Name}: {Convert.ToBase64String(body)}");
        }

        // Every request is one call: it is an event, a repeat of one, put aside, or was refused before it could be read.
        Assert.That(Stored() - stored, Is.LessThanOrEqualTo(sent - refused));
        Assert.That(Aside() - aside, Is.LessThanOrEqualTo(refused));
        TestContext.Out.WriteLine($"{sent} sent, {Stored() - stored} stored, {Aside() - aside} put aside, {refused} answered with a refusal");
    }

    private static async Task<string> AnswerAsync(Socket socket)
    {
        var answer = new StringBuilder();
        var buffer = new byte[8192];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            while (await socket.ReceiveAsync(buffer, limit.Token) is var got and > 0)
            {
                answer.Append(Encoding.Latin1.GetString(buffer, 0, got));
            }
        }
        catch (SocketException)
        {
            // Reset: the server would not read what it refused.
        }

        return answer.ToString();
    }

    private async Task<HttpResponseMessage> SendAsync(DoorCase one)
    {
        using var request = new HttpRequestMessage(new HttpMethod(one.Method), "/v1/" + one.Path.Replace(DoorCases.Mine, _source.WriteKey, StringComparison.Ordinal))
        {
            Content = new ByteArrayContent(one.Body),
        };
        if (one.Key is { } key)
        {
            var named = key == DoorCases.Mine ? _source.WriteKey : key;
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(named + ":")));
        }

        if (one.Coding is { } coding)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Encoding", coding);
        }

        foreach (var (name, value) in one.Headers)
        {
            var filled = value == DoorCases.Mine ? _source.WriteKey : value;
            if (!request.Headers.TryAddWithoutValidation(name, filled))
            {
                request.Content.Headers.TryAddWithoutValidation(name, filled);
            }
        }

        return await _app.Client.SendAsync(request);
    }

    private long Stored() => _app.Get<IStore>().Read(read => read.Scalar<long>("SELECT COUNT(*) FROM ingestion_event"));

    private long Aside() => _app.Get<IStore>().Read(read => read.Scalar<long>("SELECT COUNT(*) FROM ingestion_quarantine"));

    private string LastAside() => _app.Get<IStore>().Read(
        read => read.Scalar<string>("SELECT reason FROM ingestion_quarantine ORDER BY id DESC LIMIT 1"));
}
