using System.Data;
using System.Data.Common;
using System.Diagnostics;
using Npgsql;
using NpgsqlTypes;

namespace CdpMonolith.Platform.Store;

/// <summary>A connection on which nothing can be written, with one snapshot for each piece of work.</summary>
internal sealed class PostgresReadSession(NpgsqlConnection connection) : ReadSession, IDisposable
{
    /// <summary>One that was used a moment ago is not asked.</summary>
    private static readonly TimeSpan TrustedFor = TimeSpan.FromSeconds(1);

    private readonly PostgresLink _link = new(connection);
    private NpgsqlTransaction? _snapshot;
    private long _usedAt;

    public override DbConnection Connection => _link.ForUse();

    public override Statement Prepare(string sql) => _link.Prepare(sql);

    /// <summary>Sent along with the first query.</summary>
    public void Begin() => _snapshot = connection.BeginTransaction(IsolationLevel.RepeatableRead);

    public void End()
    {
        _link.Drop();
        _snapshot!.Commit();
        _snapshot.Dispose();
        _snapshot = null;
        _usedAt = Stopwatch.GetTimestamp();
    }

    public bool Answers()
    {
        if (Stopwatch.GetElapsedTime(_usedAt) < TrustedFor)
        {
            return true;
        }

        try
        {
            using var ask = new NpgsqlCommand("SELECT 1", connection);
            return ask.ExecuteScalar() is not null;
        }
        catch (Exception fault) when (PostgresFaults.IsPassing(fault))
        {
            return false;
        }
    }

    public void Dispose() => _link.Dispose();
}

/// <summary>
/// The writing connection on PostgreSQL. A group of work begins by taking a lock that only one process can hold until it has
/// committed, so that over all processes groups follow each other whole: whoever reads a number of a log after the lock reads the
/// last one, and no entry becomes visible before one with a smaller number.
/// </summary>
/// <remarks>
/// A process that is stopped in the middle of a group loses its transaction, and with it the lock, to the server's time limit for
/// idle transactions; one that is stopped while it sends rows is ended by the next in the queue. Either way nothing of the group
/// is kept, and what it writes when it wakes is refused.
/// </remarks>
internal sealed class PostgresWriteSession(Func<NpgsqlConnection> open, TimeProvider clock) : LaneSession
{
    /// <summary>Any number that nobody else uses in this database; migrations take it too.</summary>
    public const long LaneLock = 0x43_44_50_4C_61_6E_65;

    /// <summary>What a group waits for those of other processes.</summary>
    private const int WaitsForLockMs = 10_000;

    private const string BeginAndLock = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(18933935109140069)";

    private const string CurrentToken = "SELECT token FROM platform_lease WHERE name = $1";

    private const string CommitGroup = "COMMIT";

    private const string CommitGrown = """
        INSERT INTO platform_log (name, next_seq) SELECT * FROM UNNEST(@names, @next)
        ON CONFLICT (name) DO UPDATE SET next_seq = excluded.next_seq;
        SELECT pg_notify('cdp_log', @grown);
        COMMIT
        """;

    /// <summary>Who holds the lock and has been silent for longer than the time limit for idle transactions is not coming back.</summary>
    private const string EndSilentHolder = """
        SELECT pg_terminate_backend(a.pid)
        FROM   pg_locks AS l
        JOIN   pg_stat_activity AS a ON a.pid = l.pid
        WHERE  l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND  ((l.classid::bigint << 32) | l.objid::bigint) = 18933935109140069
          AND  a.wait_event = 'ClientRead' AND a.query_start < clock_timestamp() - INTERVAL '5 seconds'
        """;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    private readonly HashSet<Fence> _checked = [];
    private PostgresLink? _link;
    private TimeSpan _pause = FirstPause;
    private long? _failedAt;
    private bool _inWork;

    /// <summary>The work that runs has sent a command.</summary>
    private bool _marked;

    /// <summary>The transaction has a savepoint, and it stands right there.</summary>
    private bool _isMarkOpen;
    private bool _atMark;

    public override DbConnection Connection => Link.ForUse();

    /// <summary>The server's process for this connection; 0: there is none. Notices from it are our own.</summary>
    public int ServerPid { get; private set; }

    private PostgresLink Link => _link ?? throw new InvalidOperationException("There is no connection.");

    public override Statement Prepare(string sql) => Link.Prepare(sql);

    public override Rows Append(string table, string columns) => Link.Append(table, columns);

    protected override void Begin()
    {
        ForgetSeqs();
        _checked.Clear();
        (_inWork, _marked, _atMark, _isMarkOpen) = (false, false, false, false);
        Connect();
        try
        {
            Run(BeginAndLock);
        }
        catch (PostgresException fault) when (fault.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            Run("ROLLBACK");
            Run(EndSilentHolder);
            throw;
        }
    }

    /// <summary>Refuses work under a lease that another process holds. Once a group, for nobody else writes while it lasts.</summary>
    /// <exception cref="LeaseLostException">The token is not the current one.</exception>
    public void Check(Fence fence)
    {
        if (_checked.Contains(fence))
        {
            return;
        }

        var row = Prepare(CurrentToken).Set(1, fence.Lease);
        var token = row.Step() ? row.Int64(0) : 0;
        row.Reset();
        if (token != fence.Token)
        {
            throw new LeaseLostException(fence.Lease);
        }

        _checked.Add(fence);
    }

    public override void Commit(IReadOnlyCollection<string> grown)
    {
        Link.Settle();
        if (grown.Count == 0)
        {
            Run(CommitGroup);
            return;
        }

        using var commit = new NpgsqlCommand(CommitGrown, Link.Connection);
        commit.Parameters.AddWithValue("names", NpgsqlDbType.Array | NpgsqlDbType.Text, grown.ToArray());
        commit.Parameters.AddWithValue("next", NpgsqlDbType.Array | NpgsqlDbType.Bigint, grown.Select(NextOf).ToArray());
        commit.Parameters.AddWithValue("grown", NpgsqlDbType.Text, string.Join(' ', grown));
        commit.ExecuteNonQuery();
    }

    public override void Rollback()
    {
        ForgetAll();
        if (_link is null)
        {
            return;
        }

        try
        {
            _link.Drop();
            Run("ROLLBACK");
        }
        catch (Exception)
        {
            Disconnect();
        }
    }

    public override bool IsUndone(Exception fault) =>
        _link is null || _link.Connection.FullState.HasFlag(ConnectionState.Broken) || _link.Connection.State != ConnectionState.Open;

    public override LaneFault Judge(Exception fault) => new(
        fault is PostgresException { SqlState: PostgresErrorCodes.DiskFull } ? "The disk is full." : "The database could not commit.",
        (fault as PostgresException)?.SqlState ?? fault.GetType().Name, false);

    public override Exception Told(Exception fault) => PostgresFaults.IsPassing(fault)
        ? new StoreUnavailableException("The database could not take this write.", fault)
        : fault;

    public override void UndoWork()
    {
        Link.Drop();
        _inWork = false;
        if (_marked)
        {
            Run("ROLLBACK TO SAVEPOINT work");
            _atMark = true;
        }
    }

    public override void Dispose() => Disconnect();

    /// <summary>The mark is set by the first command of the work: work that writes nothing costs nothing.</summary>
    protected override void Save() => (_inWork, _marked) = (true, false);

    protected override void Keep()
    {
        Link.Settle();
        _inWork = false;
    }

    /// <summary>Sends the mark that the next failure goes back to, together with the end of the one before.</summary>
    private void Mark()
    {
        if (!_inWork || _marked)
        {
            return;
        }

        _marked = true;
        if (!_atMark)
        {
            Run(_isMarkOpen ? "RELEASE SAVEPOINT work; SAVEPOINT work" : "SAVEPOINT work");
        }

        (_atMark, _isMarkOpen) = (false, true);
    }

    private void Run(string sql)
    {
        using var command = new NpgsqlCommand(sql, Link.Connection);
        command.ExecuteNonQuery();
    }

    /// <summary>Connects when it must, and not more often than the pause allows: calls that come meanwhile are refused at once.</summary>
    private void Connect()
    {
        if (_link is { Connection.State: ConnectionState.Open })
        {
            return;
        }

        Disconnect();
        if (_failedAt is { } failed && clock.GetElapsedTime(failed) < _pause)
        {
            throw new StoreUnavailableException("There is no connection to the database.");
        }

        try
        {
            var connection = open();
            _link = new PostgresLink(connection) { BeforeUse = Mark };
            ServerPid = connection.ProcessID;
            (_failedAt, _pause) = (null, FirstPause);
        }
        catch (Exception)
        {
            _failedAt = clock.GetTimestamp();
            _pause = _pause * 2 > LongestPause ? LongestPause : _pause * 2;
            throw;
        }
    }

    private void Disconnect()
    {
        try
        {
            _link?.Dispose();
        }
        catch (Exception)
        {
            // It was broken before.
        }

        (_link, ServerPid) = (null, 0);
    }

    /// <summary>What the server is told about this connection.</summary>
    public static string Settings(bool durable) =>
        $"-c idle_in_transaction_session_timeout=3000 -c lock_timeout={WaitsForLockMs} -c statement_timeout=300000 " +
        $"-c default_transaction_read_only=off -c synchronous_commit={(durable ? "on" : "off")}";
}

internal static class PostgresFaults
{
    /// <summary>The connection, the server or its resources failed, not the statement: it may go well the next time.</summary>
    public static bool IsPassing(Exception fault) => fault switch
    {
        PostgresException { SqlState: var state } =>
            state[..2] is "08" or "53" or "57" or "58" or "40" || state is PostgresErrorCodes.LockNotAvailable or "25P03",
        NpgsqlException => true,
        IOException or TimeoutException => true,
        _ => false,
    };
}
