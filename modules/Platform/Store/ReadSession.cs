using System.Data.Common;
using Dapper;

namespace CdpMonolith.Platform.Store;

/// <summary>One connection for the length of one piece of work. SQL uses <c>@Name</c> parameters here.</summary>
public abstract class ReadSession
{
    /// <summary>For the rare call that the verbs below do not cover.</summary>
    public abstract DbConnection Connection { get; }

    /// <summary>
    /// A statement prepared once for the life of the connection: for hot paths. Its parameters are <c>$1</c>, <c>$2</c>, …
    /// </summary>
    public abstract Statement Prepare(string sql);

    public IEnumerable<T> Query<T>(string sql, object? parameters = null) => Connection.Query<T>(sql, StoreText.Sound(parameters));

    public T? FirstOrDefault<T>(string sql, object? parameters = null) =>
        Connection.QueryFirstOrDefault<T>(sql, StoreText.Sound(parameters));

    public T Scalar<T>(string sql, object? parameters = null) => Connection.ExecuteScalar<T>(sql, StoreText.Sound(parameters))!;
}

/// <summary>A piece of work in the write lane.</summary>
public abstract class WriteSession : ReadSession
{
    /// <summary>Runs <paramref name="sql"/> and returns how many rows it touched.</summary>
    public int Execute(string sql, object? parameters = null) => Connection.Execute(sql, StoreText.Sound(parameters));

    /// <summary>
    /// The seq that the next entry of the log gets. Two sessions never see the same one: the log is theirs until they commit.
    /// </summary>
    public abstract long NextSeq(string log);

    /// <summary>Says that <paramref name="count"/> entries were written from <see cref="NextSeq"/> on.</summary>
    public abstract void Advance(string log, int count);

    /// <summary>
    /// Rows for the end of a table, by the fastest way the engine has. <paramref name="columns"/> is a comma-separated list.
    /// End it with <see cref="Rows.Done"/>.
    /// </summary>
    public abstract Rows Append(string table, string columns);

    /// <summary>
    /// The number of the transaction that the work is part of, counted by this process. Within one nobody else writes; between two
    /// another process may have, on a shared store.
    /// </summary>
    public long Transaction { get; protected set; }

    /// <summary>Called once the work is on disk; not called when it is undone.</summary>
    public abstract void OnCommitted(Action action);
}

/// <summary>A prepared statement. Not for use by two threads, nor after its session has ended.</summary>
public abstract class Statement
{
    public abstract Statement Set(int parameter, long value);

    public abstract Statement Set(int parameter, double value);

    public abstract Statement Set(int parameter, string? value);

    public abstract Statement SetNull(int parameter);

    /// <summary>Binds text given as UTF-8.</summary>
    public abstract Statement SetUtf8(int parameter, ReadOnlySpan<byte> value);

    /// <summary>Goes to the next row. False when there is none; the statement is then ready to be bound and run again.</summary>
    public abstract bool Step();

    /// <summary>Runs it to the end and returns how many rows it touched.</summary>
    public abstract int Run();

    /// <summary>Leaves the rows that have not been read.</summary>
    public abstract void Reset();

    public abstract bool IsNull(int column);

    public abstract long Int64(int column);

    public abstract double Double(int column);

    public abstract string Text(int column);

    public string? TextOrNull(int column) => IsNull(column) ? null : Text(column);

    public long? Int64OrNull(int column) => IsNull(column) ? null : Int64(column);

    /// <summary>The text as UTF-8; valid until the next call to this statement.</summary>
    public abstract ReadOnlySpan<byte> Utf8(int column);
}

/// <summary>Rows on their way into one table: write the columns in order, then <see cref="EndRow"/>.</summary>
public abstract class Rows
{
    public abstract Rows Add(long value);

    public abstract Rows Add(double value);

    public abstract Rows Add(string? value);

    public abstract Rows AddUtf8(ReadOnlySpan<byte> value);

    public abstract Rows AddNull();

    public Rows Add(long? value) => value is { } known ? Add(known) : AddNull();

    public abstract void EndRow();

    /// <summary>All rows are handed to the engine.</summary>
    public abstract void Done();
}
