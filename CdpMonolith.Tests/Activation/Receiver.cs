using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Tests.Activation;

/// <summary>A request as it arrived.</summary>
internal sealed record Arrived(string Id, string Timestamp, string Signature, byte[] Body)
{
    public JsonElement Json { get; } = JsonDocument.Parse(Body).RootElement;

    public string Type => Json.GetProperty("type").GetString()!;

    public JsonElement Data => Json.GetProperty("data");

    public long ProfileId => Data.GetProperty("profileId").GetInt64();
}

/// <summary>Somebody else's server, a real one, on this machine.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Arrived> _arrived = new();

    private Receiver(WebApplication app) => _app = app;

    /// <summary>What it answers, after the request is noted; at first 200.</summary>
    public Func<HttpContext, Arrived, Task> Answer { get; set; } = (_, _) => Task.CompletedTask;

    public IReadOnlyList<Arrived> Arrived => [.. _arrived];

    public string Address { get; private set; } = "";

    public static async Task<Receiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var receiver = new Receiver(builder.Build());
        receiver._app.Run(receiver.TakeAsync);
        await receiver._app.StartAsync();
        receiver.Address = receiver._app.Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return receiver;
    }

    public void AnswersStatus(int status, string? retryAfter = null) => Answer = (context, _) =>
    {
        context.Response.StatusCode = status;
        if (retryAfter is not null)
        {
            context.Response.Headers.RetryAfter = retryAfter;
        }

        return Task.CompletedTask;
    };

    public void Forget() => _arrived.Clear();

    /// <summary>Who is in, by what this server was told in the order in which it was told.</summary>
    public IReadOnlyCollection<long> People()
    {
        var people = new SortedSet<long>();
        foreach (var message in Arrived)
        {
            _ = message.Type == "segment.entered" ? people.Add(message.ProfileId) : people.Remove(message.ProfileId);
        }

        return people;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var headers = context.Request.Headers;
        var arrived = new Arrived(
            headers["webhook-id"].ToString(), headers["webhook-timestamp"].ToString(), headers["webhook-signature"].ToString(), body.ToArray());
        _arrived.Enqueue(arrived);
        await Answer(context, arrived);
    }
}
