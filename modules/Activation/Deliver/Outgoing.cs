using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Platform.Web;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Activation.Deliver;

/// <summary>
/// Requests to other people's machines. The address is checked when the connection is made, after the name was resolved, so that
/// a name that changes its mind is caught too; redirects and proxies are not followed.
/// </summary>
internal sealed class Outgoing : IDisposable
{
    private const int LargestAnswerHeadKiB = 16;
    private const int LargestAnswerBytes = 64 * 1024;

    private readonly ActivationOptions _options;
    private readonly TimeProvider _clock;
    private readonly HttpClient _guarded;
    private readonly HttpClient _local;

    public Outgoing(IOptions<ActivationOptions> options, TimeProvider clock)
    {
        _options = options.Value;
        _clock = clock;
        // Two, so that a connection that one destination may have is never lent to another that may not.
        _guarded = Client(_options.AllowPrivateNetworks);
        _local = Client(allowLocal: true);
    }

    /// <summary>How names become addresses; a test has its own.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; set; } =
        (host, ct) => Dns.GetHostAddressesAsync(host, ct);

    /// <summary>One try, and what to do after it. Nothing of the answer but its status and Retry-After is looked at.</summary>
    public async Task<Verdict> PostAsync(
        Uri address, bool allowLocal, ReadOnlyMemory<byte> body, IEnumerable<(string Name, string Value)> headers, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("CdpMonolith", null));
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(TimeSpan.FromSeconds(_options.TimeoutSeconds));
        try
        {
            using var answer = await (allowLocal ? _local : _guarded).SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            var asked = answer.Headers.TryGetValues("Retry-After", out var values)
                ? Verdict.RetryAfter(values.First(), _clock.GetUtcNow())
                : null;
            return Verdict.OfStatus((int)answer.StatusCode, asked);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new Verdict(Next.Retry, Reasons.Timeout, null);
        }
        catch (HttpRequestException fault)
        {
            return OfFault(fault);
        }
    }

    public void Dispose()
    {
        _guarded.Dispose();
        _local.Dispose();
    }

    private static Verdict OfFault(HttpRequestException fault)
    {
        for (Exception? cause = fault; cause is not null; cause = cause.InnerException)
        {
            if (cause is AddressRefusedException)
            {
                return new Verdict(Next.Stop, Reasons.AddressRefused, null);
            }

            if (cause is AuthenticationException)
            {
                return new Verdict(Next.Retry, Reasons.NotTrusted, null, Verdict.AfterDistrust);
            }
        }

        return new Verdict(Next.Retry, Reasons.Unreachable, null);
    }

    private HttpClient Client(bool allowLocal) => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(_options.ConnectTimeoutSeconds),
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        MaxResponseHeadersLength = LargestAnswerHeadKiB,
        MaxResponseDrainSize = LargestAnswerBytes,
        ConnectCallback = (context, ct) => GuardedConnection.OpenAsync(context.DnsEndPoint, allowLocal, Resolve, ct),
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };
}
