using System.Collections.Concurrent;
using System.Net;
using CdpMonolith.Commands;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Tests.Support;

/// <summary>What happens to the next request that a client sends.</summary>
public enum Fate
{
    /// <summary>It gets through, and so does its answer.</summary>
    Pass,

    /// <summary>The line is down: the connection breaks before the server hears of it.</summary>
    Cut,

    /// <summary>The server stores it, and the connection breaks before its answer.</summary>
    LoseAnswer,

    /// <summary>429 with Retry-After of one second; the server does not hear of it.</summary>
    Later,
}

/// <summary>A server of its own between a client and the product, where lines break.</summary>
internal sealed class Gate : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false });
    private readonly ConcurrentQueue<Fate> _fates = new();

    private Gate(WebApplication app) => _app = app;

    public string Address { get; private set; } = "";

    /// <summary>Where the product is; null: nowhere, and every line is down.</summary>
    public Uri? Target { get; set; }

    /// <summary>The paths of the POST requests that came, with what became of them.</summary>
    public ConcurrentQueue<(string Path, Fate Fate)> Came { get; } = new();

    public static async Task<Gate> OpenAsync(Uri target)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var gate = new Gate(app) { Target = target };
        app.Run(gate.HandleAsync);
        await app.StartAsync();
        gate.Address = ServeCommand.AddressOf(app).TrimEnd('/');
        return gate;
    }

    /// <summary>The fates of the next POST requests, in order; those after them pass.</summary>
    public void Next(params Fate[] fates)
    {
        foreach (var fate in fates)
        {
            _fates.Enqueue(fate);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _client.Dispose();
    }

    private async Task HandleAsync(HttpContext http)
    {
        var fate = Fate.Pass;
        if (HttpMethods.IsPost(http.Request.Method))
        {
            fate = Target is null ? Fate.Cut : _fates.TryDequeue(out var next) ? next : Fate.Pass;
            Came.Enqueue((http.Request.Path, fate));
        }

        switch (fate)
        {
            case Fate.Cut:
                http.Abort();
                return;
            case Fate.Later:
                http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
                http.Response.Headers.RetryAfter = "1";
                http.Response.Headers.AccessControlAllowOrigin = http.Request.Headers.Origin;
                http.Response.Headers.AccessControlExposeHeaders = "Retry-After";
                return;
        }

        if (Target is not { } target)
        {
            http.Abort();
            return;
        }

        try
        {
            using var answer = await _client.SendAsync(await CopyAsync(http.Request, target), http.RequestAborted);
            if (fate == Fate.LoseAnswer)
            {
                http.Abort();
                return;
            }

            http.Response.StatusCode = (int)answer.StatusCode;
            foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers).Where(header => header.Key != "Transfer-Encoding"))
            {
                http.Response.Headers[name] = values.ToArray();
            }

            await answer.Content.CopyToAsync(http.Response.Body);
        }
        catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
        {
            http.Abort();
        }
    }

    private static async Task<HttpRequestMessage> CopyAsync(HttpRequest request, Uri target)
    {
        var copy = new HttpRequestMessage(new HttpMethod(request.Method), new Uri(target, request.GetEncodedPathAndQuery()));
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        copy.Content = new ByteArrayContent(body.ToArray());
        foreach (var (name, values) in request.Headers)
        {
            if (name is "Host" or "Connection" or "Content-Length" or "Transfer-Encoding")
            {
                continue;
            }

            if (!copy.Headers.TryAddWithoutValidation(name, values.ToArray()))
            {
                copy.Content.Headers.TryAddWithoutValidation(name, values.ToArray());
            }
        }

        return copy;
    }
}
