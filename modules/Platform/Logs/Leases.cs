using System.Collections.Concurrent;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Platform.Logs;

/// <summary>Work that only one process may do at a time, where several share a database. With a store of its own a process holds all.</summary>
public interface ILeases
{
    /// <summary>Whether this process holds the lease; takes it when nobody does, or when its holder has gone silent.</summary>
    Task<bool> HoldAsync(string name, CancellationToken ct);

    /// <summary>Another one each time the lease has been taken, here or elsewhere; 0: it is not held here, or there is nobody to share with.</summary>
    long TokenOf(string name);

    /// <summary>
    /// What this flow of control writes from here on is refused when another process has taken the lease, however late the write
    /// comes. Call it right after <see cref="HoldAsync"/>.
    /// </summary>
    IDisposable? Under(string name);
}

/// <summary>
/// Leases on a table. A holder moves a number every second; who has seen the number stand still for some seconds, by a clock of its
/// own, takes the lease. No two clocks are compared, and safety rests on neither: the token decides, in the transaction of each write.
/// </summary>
internal sealed partial class Leases(IStore store, TimeProvider clock, ILogger<Leases> logger) : BackgroundService, ILeases
{
    private const string Read = "SELECT name AS Name, holder AS Holder, token AS Token, beat AS Beat FROM platform_lease WHERE name = @name";

    private const string Take = """
        INSERT INTO platform_lease (name, holder, token, beat) VALUES (@name, @me, 1, 0)
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = platform_lease.token + 1, beat = 0
        WHERE  platform_lease.token = @token AND platform_lease.beat = @beat
        RETURNING token
        """;

    private const string Renew = "UPDATE platform_lease SET beat = beat + 1 WHERE holder = @me RETURNING name AS Name, token AS Token";

    private const string GiveBack = "UPDATE platform_lease SET holder = '' WHERE holder = @me";

    private static readonly TimeSpan BeatEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SilentFor = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan GivesBackWithin = TimeSpan.FromSeconds(2);

    private readonly string _me = $"{Environment.MachineName}:{Environment.ProcessId}:{Guid.NewGuid():N}";
    private readonly ConcurrentDictionary<string, long> _held = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Seen> _seen = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _taking = new(1, 1);
    private bool _closed;

    public long TokenOf(string name) => _held.GetValueOrDefault(name);

    public IDisposable? Under(string name) => Fence.Enter(_held.TryGetValue(name, out var token) ? new Fence(name, token) : null);

    public async Task<bool> HoldAsync(string name, CancellationToken ct)
    {
        if (!store.IsShared || _held.ContainsKey(name))
        {
            return true;
        }

        Fence.Enter(null);
        await _taking.WaitAsync(ct);
        try
        {
            return !_closed && (_held.ContainsKey(name) || await TryTakeAsync(name, ct));
        }
        finally
        {
            _taking.Release();
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await GiveBackAsync();
    }

    public override void Dispose()
    {
        GiveBackAsync().GetAwaiter().GetResult();
        base.Dispose();
        _taking.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (store.IsShared && !stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RenewAsync(stoppingToken);
                await Task.Delay(BeatEvery, clock, stoppingToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (StoreUnavailableException)
            {
                await Task.Delay(BeatEvery, clock, CancellationToken.None);
            }
        }
    }

    private async Task<bool> TryTakeAsync(string name, CancellationToken ct)
    {
        var row = await store.ReadAsync(read => read.FirstOrDefault<Row>(Read, new { name }), ct);
        if (row is { Holder: not "" } && row.Holder != _me)
        {
            // Somebody else's; its number is watched.
            if (!_seen.TryGetValue(name, out var seen) || (seen.Token, seen.Beat) != (row.Token, row.Beat))
            {
                _seen[name] = new Seen(row.Token, row.Beat, clock.GetTimestamp());
                return false;
            }

            if (clock.GetElapsedTime(seen.At) < SilentFor)
            {
                return false;
            }
        }

        var token = await store.WriteAsync(
            write => write.FirstOrDefault<long?>(Take, new { name, me = _me, token = row?.Token ?? 0, beat = row?.Beat ?? 0 }), ct);
        if (token is not { } mine)
        {
            return false;
        }

        _held[name] = mine;
        LogTaken(name, mine);
        return true;
    }

    private async Task RenewAsync(CancellationToken ct)
    {
        var before = _held.ToArray();
        if (before.Length == 0)
        {
            return;
        }

        var still = (await store.WriteAsync(write => write.Query<(string Name, long Token)>(Renew, new { me = _me }).ToList(), ct)).ToDictionary();
        foreach (var (name, token) in before.Where(held => still.GetValueOrDefault(held.Key) != held.Value))
        {
            _held.TryRemove(KeyValuePair.Create(name, token));
            LogLost(name, token);
        }
    }

    /// <summary>So that another process need not wait until this one counts as silent.</summary>
    private async Task GiveBackAsync()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        if (_held.IsEmpty)
        {
            return;
        }

        Fence.Enter(null);
        _held.Clear();
        try
        {
            await store.WriteAsync(write => write.Execute(GiveBack, new { me = _me }), CancellationToken.None).WaitAsync(GivesBackWithin);
        }
        catch (Exception fault) when (fault is StoreUnavailableException or TimeoutException)
        {
            // They are taken over once this process counts as silent.
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "This process holds {Lease} now, token {Token}")]
    private partial void LogTaken(string lease, long token);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Another process has taken {Lease}, which was held here with token {Token}")]
    private partial void LogLost(string lease, long token);

    private sealed record Row(string Name, string Holder, long Token, long Beat);

    private readonly record struct Seen(long Token, long Beat, long At);
}
