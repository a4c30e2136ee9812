using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Platform.Store;

/// <summary>A read-only connection with the statements prepared on it.</summary>
internal sealed class SqliteReadSession(SqliteConnection connection) : ReadSession, IDisposable
{
    private readonly Dictionary<string, SqliteStatement> _statements = [];

    public override DbConnection Connection => connection;

    public override Statement Prepare(string sql) => SqliteSql.Cached(_statements, connection, sql);

    /// <summary>Leaves no statement in the middle of its rows: it would keep the snapshot, and the log from shrinking.</summary>
    public void ResetStatements()
    {
        foreach (var statement in _statements.Values)
        {
            statement.Reset();
        }
    }

    public void Dispose()
    {
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }

        connection.Dispose();
    }
}

/// <summary>The writing connection on SQLite.</summary>
/// <param name="checkpointBytes">What is written to the log before it is copied back into the database.</param>
internal sealed partial class SqliteWriteSession(SqliteConnection connection, long checkpointBytes, ILogger logger) : LaneSession
{
    private const string WriteNextSeq = """
        INSERT INTO platform_log (name, next_seq) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET next_seq = excluded.next_seq
        """;

    private readonly Dictionary<string, SqliteStatement> _statements = [];
    private readonly Dictionary<(string Table, string Columns), string> _inserts = [];

    public override DbConnection Connection => connection;

    public override Statement Prepare(string sql) => SqliteSql.Cached(_statements, connection, sql);

    public override Rows Append(string table, string columns)
    {
        if (!_inserts.TryGetValue((table, columns), out var insert))
        {
            var values = string.Join(", ", Enumerable.Range(1, columns.Count(c => c == ',') + 1).Select(n => $"${n}"));
            _inserts[(table, columns)] = insert = $"INSERT INTO {table} ({columns}) VALUES ({values})";
        }

        return new SqliteRows(Prepare(insert));
    }

    protected override void Begin() => Prepare("BEGIN IMMEDIATE").Run();

    public override void Commit(IReadOnlyCollection<string> grown)
    {
        foreach (var log in grown)
        {
            Prepare(WriteNextSeq).Set(1, log).Set(2, NextOf(log)).Run();
        }

        Prepare("COMMIT").Run();
    }

    public override void Rollback()
    {
        ForgetAll();
        foreach (var statement in _statements.Values)
        {
            statement.Reset();
        }

        if (!IsUndone())
        {
            Prepare("ROLLBACK").Run();
        }
    }

    /// <summary>A full disk or an I/O error undoes the whole transaction.</summary>
    public override bool IsUndone(Exception fault) => IsUndone();

    public override LaneFault Judge(Exception fault)
    {
        var code = (fault as SqliteException)?.SqliteErrorCode ?? 0;

        // After a failed sync the kernel may have dropped the pages: only a new process may trust the file again.
        return new LaneFault(
            code == SQLitePCL.raw.SQLITE_FULL ? "The disk is full." : "The database could not commit.",
            code.ToString(CultureInfo.InvariantCulture), code == SQLitePCL.raw.SQLITE_IOERR || code == SQLitePCL.raw.SQLITE_CORRUPT);
    }

    public override void UndoWork()
    {
        Prepare("ROLLBACK TO work").Run();
        Prepare("RELEASE work").Run();
    }

    /// <summary>
    /// Copies the log back once so much was written since the last time. Its file tells nothing: it keeps its length when the log begins anew.
    /// </summary>
    public override void Tend()
    {
        _ = SQLitePCL.raw.sqlite3_db_status(connection.Handle!, SQLitePCL.raw.SQLITE_DBSTATUS_CACHE_WRITE, out var pages, out _, 0);
        if (pages * (long)SqliteStore.PageBytes > checkpointBytes)
        {
            _ = SQLitePCL.raw.sqlite3_db_status(connection.Handle!, SQLitePCL.raw.SQLITE_DBSTATUS_CACHE_WRITE, out _, out _, 1);
            TryCheckpoint("PASSIVE");
        }
    }

    /// <summary>Gives the log's space back.</summary>
    public override void Rest() => TryCheckpoint("TRUNCATE");

    public override void Dispose()
    {
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }

        connection.Dispose();
    }

    protected override void Save() => Prepare("SAVEPOINT work").Run();

    protected override void Keep() => Prepare("RELEASE work").Run();

    private bool IsUndone() => SQLitePCL.raw.sqlite3_get_autocommit(connection.Handle!) != 0;

    private void TryCheckpoint(string mode)
    {
        try
        {
            Prepare($"PRAGMA wal_checkpoint({mode})").Run();
        }
        catch (SqliteException fault)
        {
            LogCheckpointFailed(logger, fault.SqliteErrorCode);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The write-ahead log could not be copied back, code {Code}")]
    private static partial void LogCheckpointFailed(ILogger logger, int code);
}

internal static class SqliteSql
{
    private const int StatementsKept = 512;

    public static Statement Cached(Dictionary<string, SqliteStatement> statements, SqliteConnection connection, string sql)
    {
        if (statements.TryGetValue(sql, out var statement))
        {
            statement.Reset();
            return statement;
        }

        if (statements.Count >= StatementsKept)
        {
            throw new InvalidOperationException("Too many different statements on one connection: SQL must be constant text.");
        }

        return statements[sql] = new SqliteStatement(connection.Handle!, sql);
    }
}
