using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CdpMonolith.Commands.Bench;

/// <summary>What a run of load came to.</summary>
/// <param name="Latencies">One a request, ascending, in milliseconds.</param>
internal sealed record LoadResult(int Requests, int Events, int Refused, TimeSpan Took, double[] Latencies)
{
    public double EventsPerSecond => Events / Took.TotalSeconds;

    public double RequestsPerSecond => Requests / Took.TotalSeconds;

    /// <param name="share">0.5 for the median.</param>
    public double Latency(double share) => Latencies.Length == 0 ? 0 : Latencies[(int)((Latencies.Length - 1) * share)];
}

/// <summary>
/// Many connections that each send the next call as soon as the last is answered. It speaks HTTP/1.1 over bare sockets, and what
/// comes next is done on the thread that the system told of the answer (<see cref="Inline"/>), so that it takes little of the machine it shares with the server.
/// </summary>
internal sealed class LoadClient(IPEndPoint server, string writeKey)
{
    private const int IdDigits = 12;
    /// <summary>What an event says beside its ids.</summary>
    public const string Properties =
        "\"properties\":{\"product_id\":\"sku-1042\",\"category\":\"shoes\",\"name\":\"Runner, blue\",\"price\":79.5,\"currency\":\"EUR\",\"quantity\":1,\"url\":\"https://shop.example/p/1042\"}," +
        "\"context\":{\"library\":{\"name\":\"bench\",\"version\":\"1\"},\"locale\":\"en-GB\",\"page\":{\"path\":\"/p/1042\",\"title\":\"Runner\",\"url\":\"https://shop.example/p/1042\"},\"userAgent\":\"Mozilla/5.0 (X11; Linux x86_64)\"}";

    /// <summary>
    /// Of .NET's sockets; read from the environment before the first of them is made. Only what never waits may run so: the measured server does not.
    /// </summary>
    public const string Inline = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private long _nextId;

    /// <summary>Sends the same message ids once more from here on.</summary>
    public void StartOver() => _nextId = 0;

    /// <param name="people">How many different userIds the events are spread over.</param>
    /// <param name="eventsPerSecond">
    /// Null: as fast as the answers come. Otherwise calls are due at even intervals, and one that had to wait for the answer before
    /// it counts from when it was due.
    /// </param>
    public async Task<LoadResult> RunAsync(
        int connections, int batch, int events, int people, CancellationToken ct, double? eventsPerSecond = null)
    {
        var every = eventsPerSecond is { } rate ? TimeSpan.FromSeconds(connections * batch / rate) : TimeSpan.Zero;
        var left = events;
        var refused = 0;
        var sent = 0;
        var latencies = new List<double>[connections];
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, connections).Select(n => Task.Run(
            async () =>
            {
                latencies[n] = [];
                using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(server, ct);
                var request = new Request(writeKey, batch, _run);
                var answer = new byte[4096];
                var due = Stopwatch.GetTimestamp() + (long)(every.TotalSeconds / connections * n * Stopwatch.Frequency);
                while (Interlocked.Add(ref left, -batch) >= 0)
                {
                    var waited = await WaitAsync(due, ct);
                    request.Number(Interlocked.Add(ref _nextId, batch) - batch, people);
                    var started = waited || eventsPerSecond is null ? Stopwatch.GetTimestamp() : due;
                    due += (long)(every.TotalSeconds * Stopwatch.Frequency);
                    await SendAllAsync(socket, request.Bytes, ct);
                    if (await ReadStatusAsync(socket, answer, ct) == 200)
                    {
                        Interlocked.Add(ref sent, batch);
                    }
                    else
                    {
                        Interlocked.Increment(ref refused);
                    }

                    latencies[n].Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                }
            }, ct)));
        watch.Stop();
        var all = latencies.SelectMany(list => list).Order().ToArray();
        return new LoadResult(all.Length, sent, refused, watch.Elapsed, all);
    }

    /// <returns>Whether there was anything to wait for.</returns>
    private static async ValueTask<bool> WaitAsync(long due, CancellationToken ct)
    {
        var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
        if (left <= TimeSpan.Zero)
        {
            return false;
        }

        await Task.Delay(left, ct);
        return true;
    }

    private static async ValueTask SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes, ct)..];
        }
    }

    /// <summary>Reads one whole answer; its status.</summary>
    private static async ValueTask<int> ReadStatusAsync(Socket socket, byte[] buffer, CancellationToken ct)
    {
        var have = 0;
        while (true)
        {
            var got = await socket.ReceiveAsync(buffer.AsMemory(have), ct);
            if (got == 0)
            {
                throw new IOException("The server closed the connection.");
            }

            have += got;
            var end = buffer.AsSpan(0, have).IndexOf("\r\n\r\n"u8);
            if (end >= 0 && have >= end + 4 + BodyLength(buffer.AsSpan(0, end)))
            {
                return int.Parse(buffer.AsSpan(9, 3), CultureInfo.InvariantCulture);
            }
        }
    }

    private static int BodyLength(ReadOnlySpan<byte> head)
    {
        var at = head.IndexOf("Content-Length: "u8);
        return at >= 0 && Utf8Parser.TryParse(head[(at + 16)..], out int length, out _) ? length : 0;
    }

    /// <summary>A request whose ids are overwritten in place, so that sending costs no formatting.</summary>
    private sealed class Request
    {
        private readonly byte[] _bytes;
        private readonly int[] _messageAt;
        private readonly int[] _userAt;

        public Request(string writeKey, int batch, string run)
        {
            var messages = new List<int>();
            var users = new List<int>();
            var body = new StringBuilder();
            body.Append(batch == 1 ? "" : "{\"batch\":[");
            for (var n = 0; n < batch; n++)
            {
                body.Append(n == 0 ? "" : ",").Append("{\"type\":\"track\",\"event\":\"").Append(n % 5 == 0 ? "Order Completed" : "Product Viewed")
                    .Append("\",\"messageId\":\"").Append(run).Append('-');
                messages.Add(body.Length);
                body.Append('0', IdDigits).Append("\",\"userId\":\"u");
                users.Add(body.Length);
                body.Append('0', IdDigits).Append("\",").Append(Properties).Append('}');
            }

            body.Append(batch == 1 ? "" : "]}");
            var head = $"POST /v1/{(batch == 1 ? "track" : "batch")} HTTP/1.1\r\nHost: cdp\r\nAuthorization: Basic " +
                Convert.ToBase64String(Encoding.ASCII.GetBytes(writeKey + ":")) +
                $"\r\nContent-Type: application/json\r\nContent-Length: {body.Length.ToString(CultureInfo.InvariantCulture)}\r\n\r\n";
            _bytes = Encoding.ASCII.GetBytes(head + body);
            _messageAt = [.. messages.Select(at => at + head.Length)];
            _userAt = [.. users.Select(at => at + head.Length)];
        }

        public ReadOnlyMemory<byte> Bytes => _bytes;

        public void Number(long first, int people)
        {
            for (var n = 0; n < _messageAt.Length; n++)
            {
                Write(_messageAt[n], first + n);
                // Spread over all people without a pattern: a multiplier without a common factor.
                Write(_userAt[n], (first + n) * 7_919 % people);
            }
        }

        private void Write(int at, long value)
        {
            for (var digit = at + IdDigits - 1; digit >= at; digit--)
            {
                _bytes[digit] = (byte)('0' + (value % 10));
                value /= 10;
            }
        }
    }
}
