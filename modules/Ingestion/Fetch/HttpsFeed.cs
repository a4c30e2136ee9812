using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Secrets;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Web;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Fetch;

/// <summary>The file is larger than a feed may take.</summary>
internal sealed class FeedTooLargeException() : IOException("The file is too large.");

/// <summary>
/// Fetches a file from somebody else's server, if it changed. What it knows of the file's version is written in the transaction that makes
/// the import. Redirects are followed to https only, and the secret goes to no other server.
/// </summary>
internal sealed class HttpsFeed : IDisposable
{
    private const int Redirects = 5;
    private const int LargestAnswerHeadKiB = 32;
    private static readonly TimeSpan ConnectsWithin = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);
    private static readonly TimeSpan[] Waits = [TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), TimeSpan.FromHours(1)];

    private readonly IStore _store;
    private readonly FeedTaker _taker;
    private readonly ISecrets _secrets;
    private readonly FeedOptions _options;
    private readonly TimeProvider _clock;
    private readonly HttpClient _client;

    public HttpsFeed(IStore store, FeedTaker taker, ISecrets secrets, IOptions<FeedOptions> options, TimeProvider clock)
    {
        (_store, _taker, _secrets, _options, _clock) = (store, taker, secrets, options.Value, clock);
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseProxy = false,
            UseCookies = false,
            ConnectTimeout = ConnectsWithin,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            MaxResponseHeadersLength = LargestAnswerHeadKiB,
            ConnectCallback = (context, ct) => GuardedConnection.OpenAsync(context.DnsEndPoint, _options.AllowPrivateNetworks, Resolve, ct),
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, certificate, _, errors) => errors == SslPolicyErrors.None || Trusts?.Invoke(certificate?.GetCertHashString(HashAlgorithmName.SHA256)) == true,
            },
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>How names become addresses; a test has its own.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; set; } = (host, ct) => Dns.GetHostAddressesAsync(host, ct);

    /// <summary>Certificates that are good although nobody vouches for them, by their SHA-256; a test has one. Null: none.</summary>
    public Func<string?, bool>? Trusts { get; set; }

    public void Dispose() => _client.Dispose();

    public async Task<FeedRun> RunAsync(Feed feed, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(TimeSpan.FromSeconds(_options.TimeoutSeconds));
        try
        {
            return await FetchAsync(feed, limit.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return Later(feed, "feed.timeout", $"The server did not send the file within {_options.TimeoutSeconds} seconds. It is tried again.");
        }
        catch (FeedTooLargeException)
        {
            return new FeedRun(0, new Problem("feed.too_large", $"The file is larger than {_options.FileMiB} MiB. Have the server send a smaller one, or raise Feeds:FileMiB."));
        }
        catch (HttpRequestException fault)
        {
            return OfFault(feed, fault);
        }
        catch (HttpIOException)
        {
            return CutOff(feed);
        }
        catch (CryptographicException)
        {
            return new FeedRun(0, new Problem("feed.secret_lost", "The secret cannot be read with the keys of this data folder. Give it again."));
        }
    }

    private async Task<FeedRun> FetchAsync(Feed feed, CancellationToken ct)
    {
        var address = new Uri(feed.Place);
        for (var hop = 0; ; hop++)
        {
            using var request = Request(feed, address);
            using var answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            if ((int)answer.StatusCode is 301 or 302 or 303 or 307 or 308 && answer.Headers.Location is { } location)
            {
                var next = new Uri(address, location);
                if (next.Scheme != Uri.UriSchemeHttps || next.UserInfo.Length > 0)
                {
                    return new FeedRun(0, new Problem("feed.redirect_refused", $"{address.Host} sends on to an address that is not https. Give the feed the address where the file is."));
                }

                if (hop == Redirects)
                {
                    return new FeedRun(0, new Problem("feed.redirects", $"{address.Host} sends on more than {Redirects} times. Give the feed the address where the file is."));
                }

                address = next;
                continue;
            }

            return await TakeAsync(feed, address, answer, ct);
        }
    }

    private async Task<FeedRun> TakeAsync(Feed feed, Uri address, HttpResponseMessage answer, CancellationToken ct)
    {
        if (answer.StatusCode == HttpStatusCode.NotModified)
        {
            return new FeedRun(0);
        }

        if (answer.StatusCode != HttpStatusCode.OK)
        {
            return OfStatus(feed, address, answer);
        }

        if (answer.Content.Headers.ContentType?.MediaType is "text/html" or "application/xhtml+xml")
        {
            return Later(feed, "feed.web_page", $"{address.Host} answered with a web page where a table should be; it may ask one to sign in. Look at the address and the secret.");
        }

        var atMost = _options.FileMiB * 1024L * 1024;
        if (answer.Content.Headers.ContentLength > atMost)
        {
            throw new FeedTooLargeException();
        }

        var version = (Etag: answer.Headers.ETag?.ToString(), Modified: answer.Content.Headers.LastModified?.ToString("r", CultureInfo.InvariantCulture));
        await using var body = new Capped(await answer.Content.ReadAsStreamAsync(ct), atMost);
        var (end, problem) = await _taker.TakeAsync(
            feed, NameOf(feed, address), body, () => answer.Content.Headers.ContentLength is not { } said || body.Read64 == said,
            (_, current) => current with { Etag = version.Etag, LastModified = version.Modified }, ct);
        switch (end)
        {
            case TakeEnd.Taken:
                return new FeedRun(1);
            case TakeEnd.Same:
                await _store.WriteAsync(
                    write =>
                    {
                        if (FeedStore.Find(write, feed.Id) is { } current && current.IsAs(feed))
                        {
                            FeedStore.Save(write, current with { Etag = version.Etag, LastModified = version.Modified });
                        }
                    }, ct);
                return new FeedRun(0);
            case TakeEnd.Changing:
                return CutOff(feed);
            case TakeEnd.OtherColumns:
                return new FeedRun(0, problem, Stops: true);
            case TakeEnd.Refused:
                await _store.WriteAsync(
                    write => FeedStore.AddFile(write, feed.Id, NameOf(feed, address), null, FeedLook.Refused, null, problem!.Message, _clock.GetUtcNow().ToUnixTimeMilliseconds()), ct);
                return new FeedRun(0, problem);
            default:
                return new FeedRun(0, problem);
        }
    }

    private HttpRequestMessage Request(Feed feed, Uri address)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("CdpMonolith", null));
        request.Headers.TryAddWithoutValidation("Accept", "text/csv, text/*;q=0.9, */*;q=0.5");
        if (feed.Etag is not null)
        {
            request.Headers.TryAddWithoutValidation("If-None-Match", feed.Etag);
        }

        if (feed.LastModified is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Modified-Since", feed.LastModified);
        }

        if (feed.Secret is { } kept && SameServer(address, new Uri(feed.Place)))
        {
            var secret = _secrets.Reveal(kept);
            if (feed.Proof == "basic")
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{feed.ProofName}:{secret}")));
            }
            else if (feed.Proof == "header")
            {
                request.Headers.TryAddWithoutValidation(feed.ProofName, secret);
            }
        }

        return request;
    }

    private FeedRun OfStatus(Feed feed, Uri address, HttpResponseMessage answer)
    {
        var status = (int)answer.StatusCode;
        return status switch
        {
            401 or 403 => Later(feed, "feed.http_refused", $"{address.Host} answered {status}: it does not know the secret, or does not let it see the file. Give the secret again."),
            404 or 410 => Later(feed, "feed.http_missing", $"{address.Host} answered {status}: there is no file at this address. Look at the address."),
            429 or >= 500 => Later(feed, "feed.http_trouble", $"{address.Host} answered {status}: it is in trouble or wants to be left alone for a while. It is tried again.", Asked(answer)),
            _ => Later(feed, "feed.http_status", $"{address.Host} answered {status} and sent no file. Look at the address."),
        };
    }

    private static FeedRun OfFault(Feed feed, HttpRequestException fault)
    {
        var host = new Uri(feed.Place).Host;
        for (Exception? cause = fault; cause is not null; cause = cause.InnerException)
        {
            if (cause is AddressRefusedException)
            {
                return new FeedRun(0, new Problem("feed.address_refused", $"{host} is on this machine or its network, where feeds may not look. Feeds:AllowPrivateNetworks lets them."));
            }

            if (cause is AuthenticationException)
            {
                return Later(feed, "feed.not_trusted", $"The certificate of {host} is not to be trusted: it may have ended, or be of another server. Have it renewed.");
            }
        }

        return fault.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            ? Later(feed, "feed.unreachable", $"{host} could not be reached. Look at the address; it is tried again.")
            : CutOff(feed);
    }

    private static FeedRun CutOff(Feed feed) => Later(feed, "feed.cut_off", "The connection broke before the file was whole. It is tried again.");

    /// <summary>Again sooner than the schedule, but less and less often.</summary>
    private static FeedRun Later(Feed feed, string code, string message, TimeSpan? asked = null) => new(
        0, new Problem(code, message), Again: asked ?? Waits[Math.Min((int)feed.Failures, Waits.Length - 1)]);

    private TimeSpan? Asked(HttpResponseMessage answer)
    {
        var wait = answer.Headers.RetryAfter is { } said ? said.Delta ?? said.Date - _clock.GetUtcNow() : null;
        return wait is not { } pause ? null : pause < Waits[0] ? Waits[0] : pause > LongestWait ? LongestWait : pause;
    }

    private static bool SameServer(Uri one, Uri other) => one.Host.Equals(other.Host, StringComparison.OrdinalIgnoreCase) && one.Port == other.Port;

    private static string NameOf(Feed feed, Uri address) =>
        Uri.UnescapeDataString(address.Segments[^1]).Trim('/') is { Length: > 0 } last ? last : $"{feed.Name}.csv";

    /// <summary>Counts what comes and breaks off beyond the cap.</summary>
    private sealed class Capped(Stream from, long atMost) : Stream
    {
        public long Read64 { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => Read64;
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var got = await ReceiveAsync(buffer, cancellationToken);
            Read64 += got;
            return Read64 > atMost ? throw new FeedTooLargeException() : got;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        /// <summary>A connection that is reset shows as a bare fault of the socket; here it gets a name, so that a full disk's is not taken for it.</summary>
        private async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken ct)
        {
            try
            {
                return await from.ReadAsync(buffer, ct);
            }
            catch (IOException fault) when (fault is not HttpIOException)
            {
                throw new HttpIOException(HttpRequestError.ResponseEnded, innerException: fault);
            }
        }
    }
}
