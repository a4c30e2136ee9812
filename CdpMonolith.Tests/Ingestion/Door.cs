using System.Text;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>A store with one source, for tests that send calls through the door without a server.</summary>
internal sealed class Door : IAsyncDisposable
{
    private Door(TestStore test) => Test = test;

    public TestStore Test { get; }

    public Source Source { get; private set; } = null!;

    public static async Task<Door> OpenAsync(TempFolder? folder = null, Action<IServiceCollection>? change = null)
    {
        var door = new Door(new TestStore(change, folder));
        door.Source = (await door.Test.Get<ISources>().ListAsync(default)).FirstOrDefault()
            ?? (await door.Test.Get<Sources>().CreateAsync(Actor.System, "Web shop", SourceKind.Website, default)).Value;
        return door;
    }

    /// <summary>Sends a body with ' for ".</summary>
    public Task<Request> SendAsync(string body, Arrival? arrival = null) =>
        SendAsync(Encoding.UTF8.GetBytes(body.Replace('\'', '"')), arrival);

    public async Task<Request> SendAsync(byte[] body, Arrival? arrival = null)
    {
        var acceptor = Test.Get<Acceptor>();
        arrival ??= Arrival.Batch;
        var request = acceptor.Read(body, arrival);
        await acceptor.AcceptAsync(Source, request, body, arrival);
        return request;
    }

    public IReadOnlyList<Event> Events() => Test.Get<IEventLog>().Read(0, 10_000);

    public Task<IReadOnlyList<Quarantined>> QuarantineAsync() =>
        Test.Get<QuarantineStore>().ReadAsync(null, null, long.MaxValue, 100, default);

    public ValueTask DisposeAsync() => Test.DisposeAsync();
}
