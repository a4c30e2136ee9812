namespace CdpMonolith.Platform.Store;

/// <summary>
/// The lease under which the present flow of control works. On a shared database every write of that flow, in its own
/// transaction, is refused once the lease has another token.
/// </summary>
internal sealed record Fence(string Lease, long Token) : IDisposable
{
    private static readonly AsyncLocal<Fence?> Flow = new();

    public static Fence? Current => Flow.Value;

    /// <summary>From here on, until disposed of or until the asynchronous method ends.</summary>
    public static Fence? Enter(Fence? fence) => Flow.Value = fence;

    public void Dispose() => Flow.Value = null;
}

/// <summary>Another process has the lease under which this was to be written; nothing of it was kept.</summary>
public sealed class LeaseLostException(string lease) : StoreUnavailableException($"Another process has taken over: {lease}.");
