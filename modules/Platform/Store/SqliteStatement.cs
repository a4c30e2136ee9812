using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace CdpMonolith.Platform.Store;

/// <summary>A statement on SQLite's own interface: no copy of text to UTF-16 and back, no parameter objects.</summary>
internal sealed class SqliteStatement : Statement, IDisposable
{
    private readonly sqlite3 _db;
    private readonly sqlite3_stmt _statement;
    private readonly int[] _index;
    private bool _open;

    public SqliteStatement(sqlite3 db, string sql)
    {
        _db = db;
        var code = raw.sqlite3_prepare_v3(db, sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement);
        if (code != raw.SQLITE_OK)
        {
            throw new SqliteException($"{raw.sqlite3_errmsg(db).utf8_to_string()} in: {sql}", code);
        }

        // $1 is a name to SQLite: it numbers names in the order in which they first appear.
        var count = raw.sqlite3_bind_parameter_count(_statement);
        _index = new int[count + 1];
        for (var position = 1; position <= count; position++)
        {
            var name = raw.sqlite3_bind_parameter_name(_statement, position).utf8_to_string();
            _index[int.Parse(name.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture)] = position;
        }
    }

    public override Statement Set(int parameter, long value) =>
        Checked(raw.sqlite3_bind_int64(_statement, _index[parameter], value));

    public override Statement Set(int parameter, double value) =>
        Checked(raw.sqlite3_bind_double(_statement, _index[parameter], value));

    public override Statement Set(int parameter, string? value) =>
        value is null ? SetNull(parameter) : Checked(raw.sqlite3_bind_text(_statement, _index[parameter], value));

    public override Statement SetNull(int parameter) => Checked(raw.sqlite3_bind_null(_statement, _index[parameter]));

    public override Statement SetUtf8(int parameter, ReadOnlySpan<byte> value) =>
        // An empty span has no address, which SQLite would take for NULL.
        value.IsEmpty ? Set(parameter, "") : Checked(raw.sqlite3_bind_text(_statement, _index[parameter], value));

    public override bool Step()
    {
        var code = raw.sqlite3_step(_statement);
        _open = code == raw.SQLITE_ROW;
        if (_open)
        {
            return true;
        }

        if (code != raw.SQLITE_DONE)
        {
            throw Failure(code);
        }

        raw.sqlite3_reset(_statement);
        return false;
    }

    public override int Run()
    {
        while (Step())
        {
        }

        return raw.sqlite3_changes(_db);
    }

    public override void Reset()
    {
        if (_open)
        {
            raw.sqlite3_reset(_statement);
            _open = false;
        }
    }

    public override bool IsNull(int column) => raw.sqlite3_column_type(_statement, column) == raw.SQLITE_NULL;

    public override long Int64(int column) => raw.sqlite3_column_int64(_statement, column);

    public override double Double(int column) => raw.sqlite3_column_double(_statement, column);

    public override string Text(int column) => Encoding.UTF8.GetString(Utf8(column));

    public override ReadOnlySpan<byte> Utf8(int column) => raw.sqlite3_column_blob(_statement, column);

    public void Dispose() => _statement.Dispose();

    private SqliteStatement Checked(int code) => code == raw.SQLITE_OK ? this : throw Failure(code);

    private SqliteException Failure(int code)
    {
        var message = raw.sqlite3_errmsg(_db).utf8_to_string();
        var extended = raw.sqlite3_extended_errcode(_db);
        raw.sqlite3_reset(_statement);
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
