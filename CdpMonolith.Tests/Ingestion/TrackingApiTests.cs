using System.IO.Compression;
using System.Net;
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
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>The tracking API over HTTP, as the field's clients use it. Tests share one server and look only at their own events.</summary>
public sealed class TrackingApiTests
{
    private TestApp _app = null!;
    private Source _source = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await TestApp.StartAsync();
        _source = (await _app.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Website, default)).Value;
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("track", CallType.Track)]
    [TestCase("identify", CallType.Identify)]
    [TestCase("page", CallType.Page)]
    [TestCase("screen", CallType.Screen)]
    [TestCase("group", CallType.Group)]
    [TestCase("alias", CallType.Alias)]
    [TestCase("t", CallType.Track)]
    [TestCase("i", CallType.Identify)]
    [TestCase("p", CallType.Page)]
    [TestCase("s", CallType.Screen)]
    [TestCase("g", CallType.Group)]
    [TestCase("a", CallType.Alias)]
    public async Task A_single_call_is_stored_and_answered_with_exactly_200(string path, CallType type)
    {
        using var answer = await SendAsync(path, "{'userId':'u','previousId':'v','groupId':'g','event':'E','messageId':'single-" + path + ".'}");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("{\"success\":true}"));
            Assert.That(answer.Content.Headers.ContentType!.MediaType, Is.EqualTo("application/json"));
            Assert.That(Stored("single-" + path + ".").Select(e => e.Type), Is.EqualTo(new[] { type }));
        }
    }

    [TestCase("batch")]
    [TestCase("b")]
    [TestCase("import")]
    public async Task A_batch_is_stored_call_by_call(string path)
    {
        using var answer = await SendAsync(
            path, "{'batch':[{'type':'track','userId':'u','event':'E','messageId':'" + path + "-1'},{'type':'track','event':'E'},{'type':'page','userId':'u','messageId':'" + path + "-2'}]}");
        Assert.That((answer.StatusCode, Stored(path + "-").Count), Is.EqualTo((HttpStatusCode.OK, 2)));
    }

    [Test]
    public async Task Who_asks_is_told_what_became_of_each_call()
    {
        const string Call = "{'type':'identify','userId':'u','messageId':'verbose-1'}";
        using var request = Request("batch", "{'batch':[" + Call + ",{'type':'identify'}," + Call + "]}");
        request.Headers.Add("X-CDP-Verbose", "1");
        using var answer = await _app.Client.SendAsync(request);
        Assert.That(
            await answer.Content.ReadAsStringAsync(),
            Is.EqualTo("""{"success":true,"stored":1,"duplicates":1,"blocked":0,"quarantined":[{"index":1,"code":"event.id_missing","message":"The call needs a userId or an anonymousId.","field":"userId"}]}"""));
    }

    [TestCase("track?strict=1", "{'userId':'u'}", 400, "event.name_missing")]
    [TestCase("track", "not json", 400, "body.not_json")]
    [TestCase("batch", "[]", 400, "body.not_object")]
    [TestCase("batch", "{}", 400, "batch.missing")]
    [TestCase("nothing", "{}", 404, "route.unknown")]
    public async Task A_refusal_says_why_in_the_shape_that_every_client_reads(string path, string body, int status, string code)
    {
        using var answer = await SendAsync(path, body);
        var error = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((int)answer.StatusCode, Is.EqualTo(status));
            Assert.That(error.GetProperty("success").GetBoolean(), Is.False);
            Assert.That(error.GetProperty("code").GetString(), Is.EqualTo(code));
            Assert.That(error.GetProperty("error").GetString(), Is.EqualTo(code));
            Assert.That(error.GetProperty("message").GetString(), Is.Not.Empty);
            Assert.That(error.GetProperty("requestId").GetString(), Is.Not.Empty);
        }
    }

    [Test]
    public async Task A_bad_single_call_is_in_quarantine_all_the_same()
    {
        using var answer = await SendAsync("track", "{'userId':'kept-in-quarantine'}");
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("""{"success":true}"""));
        var aside = await _app.Get<QuarantineStore>().ReadAsync("event.name_missing", null, long.MaxValue, 100, default);
        Assert.That(aside.Count(q => Encoding.UTF8.GetString(q.Raw).Contains("kept-in-quarantine", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public async Task The_key_may_come_in_any_of_the_ways_that_clients_know()
    {
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes(_source.WriteKey + ":"));
        var bare = Convert.ToBase64String(Encoding.UTF8.GetBytes(_source.WriteKey));
        var odd = Convert.ToBase64String(Encoding.UTF8.GetBytes(_source.WriteKey + ":secret"));
        const string Call = "{'userId':'u','event':'E'}";
        var withKey = "{'userId':'u','event':'E','writeKey':'" + _source.WriteKey + "'}";
        var answers = new[]
        {
            await StatusAsync(Call, authorization: $"Basic {basic}"),
            await StatusAsync(Call, authorization: $"Basic {bare}"),
            await StatusAsync(Call, authorization: $"basic {odd}"),
            await StatusAsync(withKey),
            await StatusAsync(withKey, authorization: "Bearer something"),
            await StatusAsync(Call, header: _source.WriteKey),
            await StatusAsync(Call, query: $"?writeKey={_source.WriteKey}"),
            await StatusAsync("{'batch':[{'type':'page','userId':'u'}],'writeKey':'" + _source.WriteKey + "'}", path: "batch"),
        };
        Assert.That(answers, Is.All.EqualTo((200, "")));

        var refused = new[]
        {
            await StatusAsync(Call),
            await StatusAsync(Call, authorization: "Basic d3Jvbmc6"),
            await StatusAsync(withKey, authorization: "Basic d3Jvbmc6"),
            await StatusAsync(Call, header: "wrong-too"),
        };
        using (Assert.EnterMultipleScope())
        {
            Assert.That(refused, Is.EqualTo(new[]
            {
                (401, "write_key.missing"), (401, "write_key.unknown"), (401, "write_key.unknown"), (401, "write_key.unknown"),
            }));
            Assert.That(
                (await _app.Get<Tallies>().RejectedKeysAsync(default)).Select(k => (k.WriteKey, k.Calls)),
                Is.SupersetOf(new[] { ("wrong", 2L), ("wrong-too", 1L) }));
        }
    }

    [Test]
    public async Task A_source_that_is_switched_off_takes_nothing_until_it_is_on_again()
    {
        var sources = _app.Get<Sources>();
        var source = (await sources.CreateAsync(Actor.System, "Old app", SourceKind.App, default)).Value;
        await sources.SetEnabledAsync(Actor.System, source.Id, false, default);
        var off = await StatusAsync("{'userId':'u','event':'E'}", header: source.WriteKey);
        await sources.SetEnabledAsync(Actor.System, source.Id, true, default);
        Assert.That((off, await StatusAsync("{'userId':'u','event':'E'}", header: source.WriteKey)), Is.EqualTo(((401, "source.disabled"), (200, ""))));
    }

    [Test]
    public async Task An_old_key_is_taken_beside_the_new_one_until_it_is_ended()
    {
        var sources = _app.Get<Sources>();
        var source = (await sources.CreateAsync(Actor.System, "Till", SourceKind.Server, default)).Value;
        var changed = (await sources.RotateKeyAsync(Actor.System, source.Id, default)).Value;
        var both = (await StatusAsync("{'userId':'u','event':'E'}", header: source.WriteKey), await StatusAsync("{'userId':'u','event':'E'}", header: changed.WriteKey));
        await sources.ExpireOldKeysAsync(Actor.System, source.Id, default);
        var after = (await StatusAsync("{'userId':'u','event':'E'}", header: source.WriteKey), await StatusAsync("{'userId':'u','event':'E'}", header: changed.WriteKey));
        Assert.That((both, after), Is.EqualTo((((200, ""), (200, "")), ((401, "write_key.unknown"), (200, "")))));
    }

    [TestCase("gzip")]
    [TestCase("deflate")]
    [TestCase("br")]
    [TestCase("GZIP")]
    public async Task A_packed_body_is_unpacked(string coding)
    {
        var text = Body("{'batch':[" + string.Join(',', Enumerable.Range(0, 500).Select(n => $"{{'type':'page','userId':'u','messageId':'{coding}-{n}'}}")) + "]}");
        using var answer = await SendBytesAsync("batch", Pack(text, coding), coding);
        Assert.That((answer.StatusCode, Stored(coding + "-").Count), Is.EqualTo((HttpStatusCode.OK, 500)));
    }

    [Test]
    public async Task A_body_that_is_not_packed_as_it_says_is_refused()
    {
        var good = Pack(Body("{'batch':[]}"), "gzip");
        using var broken = await SendBytesAsync("batch", [1, 2, 3, 4], "gzip");
        using var brokenBr = await SendBytesAsync("batch", [1, 2, 3, 4], "br");
        using var cut = await SendBytesAsync("batch", good[..^12], "gzip");
        using var unknown = await SendBytesAsync("batch", good, "zstd");
        using var twice = await SendBytesAsync("batch", good, "gzip, gzip");
        Assert.That(
            new[] { broken, brokenBr, cut, unknown, twice }.Select(answer => (int)answer.StatusCode),
            Is.EqualTo(new[] { 400, 400, 400, 400, 400 }));
    }

    [Test]
    public async Task A_body_too_large_is_refused_before_and_after_unpacking()
    {
        var large = Body("{'batch':[],'x':'" + new string('x', 1024 * 1024) + "'}");
        using var plain = await SendBytesAsync("batch", large, null);
        using var packed = await SendBytesAsync("batch", Pack(large, "gzip"), "gzip");
        using var chunked = new HttpRequestMessage(HttpMethod.Post, "/v1/batch") { Content = new StreamContent(new MemoryStream(large)) };
        chunked.Headers.Authorization = Basic(_source.WriteKey);
        chunked.Headers.TransferEncodingChunked = true;
        using var streamed = await _app.Client.SendAsync(chunked);
        Assert.That(
            new[] { plain, packed, streamed }.Select(answer => (int)answer.StatusCode), Is.All.EqualTo(413));
    }

    [Test]
    public async Task A_body_that_comes_in_pieces_is_put_together()
    {
        var body = Body("{'batch':[" + string.Join(',', Enumerable.Range(0, 3000).Select(n => $"{{'type':'page','userId':'u','messageId':'pieces-{n}'}}")) + "]}");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/b") { Content = new StreamContent(new MemoryStream(body), 1000) };
        request.Headers.Authorization = Basic(_source.WriteKey);
        request.Headers.TransferEncodingChunked = true;
        using var answer = await _app.Client.SendAsync(request);
        Assert.That((answer.StatusCode, Stored("pieces-").Count), Is.EqualTo((HttpStatusCode.OK, 3000)));
    }

    [Test]
    public async Task A_browser_of_any_shop_may_send()
    {
        using var ask = new HttpRequestMessage(HttpMethod.Options, "/v1/t");
        ask.Headers.Add("Origin", "https://shop.example");
        ask.Headers.Add("Access-Control-Request-Headers", "authorization,content-type,x-retry-count");
        using var allowed = await _app.Client.SendAsync(ask);
        using var send = Request("t", "{'anonymousId':'a','event':'E'}");
        send.Headers.Add("Origin", "https://shop.example");
        using var answer = await _app.Client.SendAsync(send);
        using var wrong = new HttpRequestMessage(HttpMethod.Post, "/v1/t") { Content = new StringContent("{}") };
        wrong.Headers.Add("Origin", "https://shop.example");
        using var refused = await _app.Client.SendAsync(wrong);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(allowed.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
            Assert.That(allowed.Headers.GetValues("Access-Control-Allow-Headers").Single(), Does.Contain("authorization").And.Contain("x-retry-count"));
            Assert.That(new[] { allowed, answer, refused }.Select(a => a.Headers.GetValues("Access-Control-Allow-Origin").Single()), Is.All.EqualTo("https://shop.example"));
            Assert.That(new[] { allowed, answer, refused }.Select(a => a.Headers.Vary.Single()), Is.All.EqualTo("Origin"));
        }
    }

    [Test]
    public async Task Another_method_is_refused_and_never_redirected()
    {
        using var answer = await _app.Client.GetAsync("/v1/track");
        Assert.That((answer.StatusCode, answer.Content.Headers.Allow), Is.EqualTo((HttpStatusCode.MethodNotAllowed, new[] { "POST", "OPTIONS" })));
    }

    [Test]
    public async Task The_settings_name_this_server_and_nobody_else()
    {
        using var answer = await _app.Client.GetAsync($"/v1/projects/{_source.WriteKey}/settings");
        var settings = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        using var unknown = await _app.Client.GetAsync("/v1/projects/nobody/settings");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(settings.GetProperty("integrations").EnumerateObject().Select(i => i.Name), Is.EqualTo(new[] { "Segment.io" }));
            Assert.That(settings.GetProperty("integrations").GetProperty("Segment.io").GetProperty("apiHost").GetString(), Is.EqualTo($"{_app.Address.Authority}/v1"));
            Assert.That(unknown.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        }
    }

    [Test]
    public async Task When_the_store_cannot_write_the_client_is_asked_to_come_again()
    {
        await using var app = await TestApp.StartAsync(builder => builder.Services.AddSingleton<IStore>(all => new FullStore(ActivatorUtilities.CreateInstance<SqliteStore>(all))));
        var source = (await app.Get<Sources>().CreateAsync(Actor.System, "Shop", SourceKind.Website, default)).Value;
        ((FullStore)app.Get<IStore>()).IsFull = true;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/track") { Content = new ByteArrayContent(Body("{'userId':'u','event':'E'}")) };
        request.Headers.Authorization = Basic(source.WriteKey);
        using var answer = await app.Client.SendAsync(request);
        ((FullStore)app.Get<IStore>()).IsFull = false;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((int)answer.StatusCode, Is.EqualTo(429));
            Assert.That(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, Is.InRange(60, 300));
            Assert.That(await answer.Content.ReadAsStringAsync(), Does.Contain("\"code\":\"store.unavailable\""));
        }
    }

    [Test]
    public async Task A_client_that_leaves_in_the_middle_harms_nobody()
    {
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(_app.Address.Host, _app.Address.Port);
            await socket.GetStream().WriteAsync("POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"batch\""u8.ToArray());
        }

        using var answer = await SendAsync("track", "{'userId':'u','event':'E'}");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    private static byte[] Body(string text) => Encoding.UTF8.GetBytes(text.Replace('\'', '"'));

    private static AuthenticationHeaderValue Basic(string key) => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(key + ":")));

    private static byte[] Pack(byte[] bytes, string coding)
    {
        using var packed = new MemoryStream();
        using (Stream stream = coding.ToLowerInvariant() switch
               {
                   "deflate" => new ZLibStream(packed, CompressionLevel.Fastest),
                   "br" => new BrotliStream(packed, CompressionLevel.Fastest),
                   _ => new GZipStream(packed, CompressionLevel.Fastest),
               })
        {
            stream.Write(bytes);
        }

        return packed.ToArray();
    }

    private HttpRequestMessage Request(string path, string body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/{path}") { Content = new ByteArrayContent(Body(body)) };
        request.Headers.Authorization = Basic(_source.WriteKey);
        return request;
    }

    private async Task<HttpResponseMessage> SendAsync(string path, string body)
    {
        using var request = Request(path, body);
        return await _app.Client.SendAsync(request);
    }

    private async Task<HttpResponseMessage> SendBytesAsync(string path, byte[] body, string? coding)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/{path}") { Content = new ByteArrayContent(body) };
        request.Headers.Authorization = Basic(_source.WriteKey);
        if (coding is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Encoding", coding);
        }

        return await _app.Client.SendAsync(request);
    }

    private async Task<(int Status, string Code)> StatusAsync(
        string body, string? authorization = null, string? header = null, string query = "", string path = "track")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/{path}{query}") { Content = new ByteArrayContent(Body(body)) };
        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        if (header is not null)
        {
            request.Headers.Add("X-Write-Key", header);
        }

        using var answer = await _app.Client.SendAsync(request);
        var text = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        return ((int)answer.StatusCode, text.TryGetProperty("code", out var code) ? code.GetString()! : "");
    }

    private List<Event> Stored(string messageId) =>
        [.. _app.Get<IEventLog>().Read(0, 100_000).Where(e => e.MessageId.StartsWith(messageId, StringComparison.Ordinal))];

    /// <summary>A store whose disk is full when the test says so.</summary>
    private sealed class FullStore(SqliteStore inner) : IStore, IDisposable
    {
        public bool IsFull { get; set; }

        public bool IsShared => inner.IsShared;

        public event Action<IReadOnlyCollection<string>>? LogsGrew
        {
            add => inner.LogsGrew += value;
            remove => inner.LogsGrew -= value;
        }

        public Task<T> WriteAsync<T>(Func<WriteSession, T> work, CancellationToken ct) =>
            IsFull ? throw new StoreUnavailableException("The disk is full.") : inner.WriteAsync(work, ct);

        public Task WriteAsync(Action<WriteSession> work, CancellationToken ct) =>
            IsFull ? throw new StoreUnavailableException("The disk is full.") : inner.WriteAsync(work, ct);

        public Task<T> ReadAsync<T>(Func<ReadSession, T> query, CancellationToken ct) => inner.ReadAsync(query, ct);

        public T Read<T>(Func<ReadSession, T> query) => inner.Read(query);

        public StoreFacts Facts() => inner.Facts();

        public void Dispose() => inner.Dispose();
    }
}
