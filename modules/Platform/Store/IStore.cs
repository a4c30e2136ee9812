namespace CdpMonolith.Platform.Store;

/// <summary>
/// The product's one store. Every write goes through one lane, which commits many waiting writes as one durable
/// transaction; reads see a consistent snapshot and never wait for writes.
/// </summary>
public interface IStore
{
    /// <summary>
    /// Runs <paramref name="work"/> in the write lane. The task ends when the transaction that holds it is on disk.
    /// The work runs synchronously on the lane's thread, so it must be short and must not wait for anything.
    /// When it throws, what it wrote is undone, its neighbours are untouched, and the exception comes out here.
    /// </summary>
    /// <exception cref="StoreUnavailableException">The database cannot take writes now (full disk, closing, faulty).</exception>
    Task<T> WriteAsync<T>(Func<WriteSession, T> work, CancellationToken ct);

    /// <inheritdoc cref="WriteAsync{T}"/>
    Task WriteAsync(Action<WriteSession> work, CancellationToken ct);

    /// <summary>Runs <paramref name="query"/> on a read-only connection, in one snapshot.</summary>
    Task<T> ReadAsync<T>(Func<ReadSession, T> query, CancellationToken ct);

    /// <summary>As <see cref="ReadAsync{T}"/>, on the calling thread: for stages and tools that have a thread of their own.</summary>
    T Read<T>(Func<ReadSession, T> query);

    /// <summary>Other processes may write this database too: what is remembered of it can be overtaken, and work is held by leases.</summary>
    bool IsShared { get; }

    /// <summary>Called after each commit, of another process too, with the names of the logs that grew. Must return at once.</summary>
    event Action<IReadOnlyCollection<string>>? LogsGrew;

    /// <summary>Facts for the health page.</summary>
    StoreFacts Facts();
}

/// <summary>What the store says of itself.</summary>
/// <param name="Engine">Engine and version, such as <c>SQLite 3.50.4</c>.</param>
/// <param name="SizeBytes">The database with its write-ahead log, in bytes.</param>
/// <param name="LogBytes">Of that the write-ahead log, in bytes.</param>
/// <param name="FreeBytes">Space left on the volume of the data folder, in bytes.</param>
/// <param name="WaitingWrites">Writes queued for the lane now.</param>
/// <param name="OldEngine">The engine's version has a known fault that the way it is used here rules out.</param>
public sealed record StoreFacts(string Engine, long SizeBytes, long LogBytes, long FreeBytes, int WaitingWrites, bool OldEngine);

/// <summary>The database cannot take this write now; nothing of it was kept and the caller may try again later.</summary>
public class StoreUnavailableException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>It does not heal by waiting: the database is faulty and the program must be started again.</summary>
    public bool IsFinal { get; init; }
}

/// <summary>Another process holds the data folder.</summary>
public sealed class FolderInUseException(string message) : Exception(message);
