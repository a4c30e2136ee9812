using System.Data.Common;
using Microsoft.Data.Sqlite;

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

/// <summary>The writing connection, as one piece of work sees it.</summary>
internal sealed class SqliteWriteSession(SqliteConnection connection) : WriteSession, IDisposable
{
    private const string ReadNextSeq = "SELECT next_seq FROM platform_log WHERE name = $1";
    private const string WriteNextSeq = """
        INSERT INTO platform_log (name, next_seq) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET next_seq = excluded.next_seq
        """;

    private readonly Dictionary<string, SqliteStatement> _statements = [];
    private readonly Dictionary<(string Table, string Columns), string> _inserts = [];
    private readonly Dictionary<string, long> _nextSeq = [];
    private readonly Dictionary<string, long> _nextSeqOfWork = [];
    private readonly List<Action> _afterCommit = [];
    private int _afterCommitBeforeWork;

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

    public override long NextSeq(string log)
    {
        if (_nextSeqOfWork.TryGetValue(log, out var next) || _nextSeq.TryGetValue(log, out next))
        {
            return next;
        }

        var statement = Prepare(ReadNextSeq).Set(1, log);
        next = statement.Step() ? statement.Int64(0) : 1;
        statement.Reset();
        return _nextSeq[log] = next;
    }

    public override void Advance(string log, int count)
    {
        if (count > 0)
        {
            _nextSeqOfWork[log] = NextSeq(log) + count;
        }
    }

    public override void OnCommitted(Action action) => _afterCommit.Add(action);

    // ---- for the lane ----

    public void BeginWork() => _afterCommitBeforeWork = _afterCommit.Count;

    /// <summary>The work is part of the transaction now; returns the logs it wrote to.</summary>
    public void KeepWork(HashSet<string> grown)
    {
        foreach (var (log, next) in _nextSeqOfWork)
        {
            _nextSeq[log] = next;
            grown.Add(log);
        }

        _nextSeqOfWork.Clear();
    }

    public void DropWork()
    {
        _nextSeqOfWork.Clear();
        _afterCommit.RemoveRange(_afterCommitBeforeWork, _afterCommit.Count - _afterCommitBeforeWork);
    }

    public void WriteSeqs(HashSet<string> grown)
    {
        foreach (var log in grown)
        {
            Prepare(WriteNextSeq).Set(1, log).Set(2, _nextSeq[log]).Run();
        }
    }

    public IReadOnlyList<Action> TakeAfterCommit()
    {
        var actions = _afterCommit.ToArray();
        _afterCommit.Clear();
        return actions;
    }

    /// <summary>The transaction was undone: nothing remembered of it holds.</summary>
    public void Forget()
    {
        _nextSeq.Clear();
        _nextSeqOfWork.Clear();
        _afterCommit.Clear();
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
