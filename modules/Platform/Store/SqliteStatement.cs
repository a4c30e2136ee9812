using System.Buffers;
using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace CdpMonolith.Platform.Store;

/// <summary>A statement on SQLite's own interface: no copy of text to UTF-16 and back, no parameter objects.</summary>
internal sealed class SqliteStatement : Statement, IDisposable
{
    /// <summary>Characters whose UTF-8 surely fits where short texts are put.</summary>
    private const int ShortText = 80;

    private readonly sqlite3 _db;
    private readonly sqlite3_stmt _owned;
    private readonly nint _statement;
    private readonly int[] _index;
    private bool _open;

    public SqliteStatement(sqlite3 db, string sql)
    {
        _db = db;
        var code = raw.sqlite3_prepare_v3(db, sql, raw.SQLITE_PREPARE_PERSISTENT, out _owned);
        if (code != raw.SQLITE_OK)
        {
            throw new SqliteException($"{raw.sqlite3_errmsg(db).utf8_to_string()} in: {sql}", code);
        }

        _statement = _owned.DangerousGetHandle();

        // $1 is a name to SQLite: it numbers names in the order in which they first appear.
        var count = raw.sqlite3_bind_parameter_count(_owned);
        _index = new int[count + 1];
        for (var position = 1; position <= count; position++)
        {
            var name = raw.sqlite3_bind_parameter_name(_owned, position).utf8_to_string();
            _index[int.Parse(name.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture)] = position;
        }
    }

    public override Statement Set(int parameter, long value) =>
        Checked(SqliteCalls.BindInt64(_statement, _index[parameter], value));

    public override Statement Set(int parameter, double value) =>
        Checked(SqliteCalls.BindDouble(_statement, _index[parameter], value));

    public override Statement Set(int parameter, string? value)
    {
        if (value is null)
        {
            return SetNull(parameter);
        }

        if (value.Length <= ShortText)
        {
            Span<byte> utf8 = stackalloc byte[ShortText * 3];
            return SetUtf8(parameter, utf8[..Encoding.UTF8.GetBytes(value, utf8)]);
        }

        var rented = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(value.Length));
        try
        {
            return SetUtf8(parameter, rented.AsSpan(0, Encoding.UTF8.GetBytes(value, rented)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    public override Statement SetNull(int parameter) => Checked(SqliteCalls.BindNull(_statement, _index[parameter]));

    public override Statement SetUtf8(int parameter, ReadOnlySpan<byte> value) =>
        Checked(SqliteCalls.BindText(_statement, _index[parameter], value.Contains((byte)0) ? StoreText.WithoutNul(value) : value));

    public override bool Step()
    {
        var code = SqliteCalls.Step(_statement);
        _open = code == raw.SQLITE_ROW;
        if (_open)
        {
            return true;
        }

        if (code != raw.SQLITE_DONE)
        {
            throw Failure(code);
        }

        SqliteCalls.Reset(_statement);
        return false;
    }

    public override int Run()
    {
        while (Step())
        {
        }

        return SqliteCalls.Changes(_db.DangerousGetHandle());
    }

    public override void Reset()
    {
        if (_open)
        {
            SqliteCalls.Reset(_statement);
            _open = false;
        }
    }

    public override bool IsNull(int column) => SqliteCalls.ColumnType(_statement, column) == raw.SQLITE_NULL;

    public override long Int64(int column) => SqliteCalls.ColumnInt64(_statement, column);

    public override double Double(int column) => SqliteCalls.ColumnDouble(_statement, column);

    public override string Text(int column) => Encoding.UTF8.GetString(Utf8(column));

    public override ReadOnlySpan<byte> Utf8(int column) => SqliteCalls.ColumnBytes(_statement, column);

    public void Dispose() => _owned.Dispose();

    private SqliteStatement Checked(int code) => code == raw.SQLITE_OK ? this : throw Failure(code);

    private SqliteException Failure(int code)
    {
        var message = raw.sqlite3_errmsg(_db).utf8_to_string();
        var extended = raw.sqlite3_extended_errcode(_db);
        SqliteCalls.Reset(_statement);
        _open = false;
        return new SqliteException($"SQLite error {extended}: {message}", code, extended);
    }
}

/// <summary>Rows by one prepared INSERT, run once a row.</summary>
internal sealed class SqliteRows(Statement insert) : Rows
{
    private int _column;

    public override Rows Add(long value)
    {
        insert.Set(++_column, value);
        return this;
    }

    public override Rows Add(double value)
    {
        insert.Set(++_column, value);
        return this;
    }

    public override Rows Add(string? value)
    {
        insert.Set(++_column, value);
        return this;
    }

    public override Rows AddUtf8(ReadOnlySpan<byte> value)
    {
        insert.SetUtf8(++_column, value);
        return this;
    }

    public override Rows AddNull()
    {
        insert.SetNull(++_column);
        return this;
    }

    public override void EndRow()
    {
        insert.Run();
        _column = 0;
    }

    public override void Done()
    {
    }
}
