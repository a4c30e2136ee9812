using System.Buffers;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace CdpMonolith.Platform.Store;

/// <summary>A statement on PostgreSQL. Npgsql prepares it on the server when it is run for the second time.</summary>
internal sealed class PostgresStatement : Statement, IDisposable
{
    private readonly PostgresLink _link;
    private readonly NpgsqlCommand _command;
    private readonly NpgsqlParameter[] _parameters;
    private NpgsqlDataReader? _reader;
    private Queue<object?[]>? _rest;
    private object?[]? _row;
    private TypeCode[]? _columns;

    public PostgresStatement(PostgresLink link, string sql, NpgsqlDbType[] types)
    {
        _link = link;
        _parameters = [.. types.Select(type => new NpgsqlParameter { NpgsqlDbType = type, Value = DBNull.Value })];
        _command = new NpgsqlCommand(sql, link.Connection);
        _command.Parameters.AddRange(_parameters);
    }

    public override Statement Set(int parameter, long value)
    {
        var place = _parameters[parameter - 1];
        place.Value = place.NpgsqlDbType switch
        {
            NpgsqlDbType.Bigint => value,
            NpgsqlDbType.Integer => checked((int)value),
            NpgsqlDbType.Double => (double)value,
            _ => (decimal)value,
        };
        return this;
    }

    public override Statement Set(int parameter, double value)
    {
        _parameters[parameter - 1].Value = value;
        return this;
    }

    public override Statement Set(int parameter, string? value)
    {
        _parameters[parameter - 1].Value = value is null ? DBNull.Value : value.Replace('\0', '\uFFFD');
        return this;
    }

    public override Statement SetNull(int parameter)
    {
        _parameters[parameter - 1].Value = DBNull.Value;
        return this;
    }

    public override Statement SetUtf8(int parameter, ReadOnlySpan<byte> value)
    {
        _parameters[parameter - 1].Value = StoreText.IsSound(value) ? value.ToArray() : StoreText.Sound(value);
        return this;
    }

    public override bool Step()
    {
        if (_rest is not null)
        {
            if (_rest.TryDequeue(out _row))
            {
                return true;
            }

            _rest = null;
            return false;
        }

        if (_reader is null)
        {
            _link.ForUse();
            _reader = _command.ExecuteReader();
            _link.Opened(this);
            _columns ??= [.. Enumerable.Range(0, _reader.FieldCount).Select(column => Type.GetTypeCode(_reader.GetFieldType(column)))];
        }

        if (_reader.Read())
        {
            return true;
        }

        Close();
        return false;
    }

    public override int Run()
    {
        if (_reader is not null || _rest is not null)
        {
            Reset();
        }

        _link.ForUse();
        return Math.Max(0, _command.ExecuteNonQuery());
    }

    public override void Reset()
    {
        (_rest, _row) = (null, null);
        if (_reader is not null)
        {
            Close();
        }
    }

    public override bool IsNull(int column) => _row is not null ? _row[column] is null : _reader!.IsDBNull(column);

    public override long Int64(int column)
    {
        if (_row is not null)
        {
            return Convert.ToInt64(_row[column], System.Globalization.CultureInfo.InvariantCulture);
        }

        return _columns![column] switch
        {
            TypeCode.Int64 => _reader!.GetInt64(column),
            TypeCode.Int32 => _reader!.GetInt32(column),
            TypeCode.Decimal => (long)_reader!.GetDecimal(column),
            TypeCode.Boolean => _reader!.GetBoolean(column) ? 1 : 0,
            _ => (long)_reader!.GetDouble(column),
        };
    }

    public override double Double(int column) => _row is not null
        ? Convert.ToDouble(_row[column], System.Globalization.CultureInfo.InvariantCulture)
        : _columns![column] == TypeCode.Double ? _reader!.GetDouble(column)
        : Convert.ToDouble(_reader!.GetValue(column), System.Globalization.CultureInfo.InvariantCulture);

    public override string Text(int column) => _row is not null ? (string)_row[column]! : _reader!.GetString(column);

    public override ReadOnlySpan<byte> Utf8(int column) =>
        _row is not null ? Encoding.UTF8.GetBytes((string)_row[column]!)
        : _reader!.IsDBNull(column) ? []
        : _reader.GetFieldValue<byte[]>(column);

    /// <summary>Another command is to be sent: what is left of the rows is kept here.</summary>
    public void ReadRest()
    {
        // The row that is being read stays in hand beside those to come.
        var current = Values();
        _rest = [];
        while (_reader!.Read())
        {
            _rest.Enqueue(Values());
        }

        _row = current;
        Close();
    }

    public void Dispose()
    {
        _reader?.Dispose();
        _command.Dispose();
    }

    private object?[] Values()
    {
        var values = new object?[_columns!.Length];
        for (var column = 0; column < values.Length; column++)
        {
            values[column] = _reader!.IsDBNull(column) ? null : _reader.GetValue(column);
        }

        return values;
    }

    private void Close()
    {
        var reader = _reader!;
        _reader = null;
        _link.Closed(this);
        reader.Dispose();
    }
}
