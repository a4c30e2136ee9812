using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace CdpMonolith.Platform.Store;

/// <summary>
/// Rows by <c>COPY</c> in the binary format, which is written here as the rows come and sent in one go; a single row goes by
/// <c>INSERT</c>, which costs one round trip less.
/// </summary>
internal sealed class PostgresRows : Rows
{
    private static readonly byte[] Header = [.. "PGCOPY\n"u8, 0xFF, .. "\r\n\0"u8, 0, 0, 0, 0, 0, 0, 0, 0];
    private static readonly byte[] Trailer = [0xFF, 0xFF];
    private const int KeptAtMost = 1 << 22;

    private readonly PostgresLink _link;
    private readonly NpgsqlDbType[] _types;
    private readonly string _copy;
    private readonly NpgsqlCommand _insert;
    private ArrayBufferWriter<byte> _rows = new(4096);
    private int _column;
    private int _count;
    private int _whole;

    public PostgresRows(PostgresLink link, string table, string columns, NpgsqlDbType[] types)
    {
        (_link, _types) = (link, types);
        _copy = $"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)";
        var values = string.Join(", ", Enumerable.Range(1, types.Length).Select(n => $"${n}"));
        _insert = new NpgsqlCommand($"INSERT INTO {table} ({columns}) VALUES ({values})", link.Connection);
        foreach (var type in types)
        {
            _insert.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type });
        }
    }

    public override Rows Add(long value)
    {
        if (_types[_column] == NpgsqlDbType.Double)
        {
            return Add((double)value);
        }

        if (_types[_column] == NpgsqlDbType.Integer)
        {
            BinaryPrimitives.WriteInt32BigEndian(Field(4), checked((int)value));
        }
        else
        {
            BinaryPrimitives.WriteInt64BigEndian(Field(8), value);
        }

        return this;
    }

    public override Rows Add(double value)
    {
        BinaryPrimitives.WriteDoubleBigEndian(Field(8), value);
        return this;
    }

    public override Rows Add(string? value)
    {
        if (value is null)
        {
            return AddNull();
        }

        value = value.Replace('\0', '\uFFFD');
        Encoding.UTF8.GetBytes(value, Field(Encoding.UTF8.GetByteCount(value)));
        return this;
    }

    public override Rows AddUtf8(ReadOnlySpan<byte> value)
    {
        if (!StoreText.IsSound(value))
        {
            value = StoreText.Sound(value);
        }

        value.CopyTo(Field(value.Length));
        return this;
    }

    public override Rows AddNull()
    {
        Field(-1);
        return this;
    }

    public override void EndRow()
    {
        _column = 0;
        _count++;
        _whole = _rows.WrittenCount;
        _link.Pending(this);
    }

    public override void Done()
    {
    }

    /// <summary>Begins a row anew; rows that are whole and not sent stay.</summary>
    public PostgresRows Again()
    {
        _column = 0;
        if (_rows.WrittenCount != _whole)
        {
            Keep(_rows.WrittenSpan[.._whole].ToArray());
        }

        return this;
    }

    /// <summary>Forgets all that was not sent.</summary>
    public void Drop()
    {
        (_column, _count) = (0, 0);
        Keep([]);
        _whole = 0;
    }

    /// <summary>Sends the rows that are whole; one that is being written goes on.</summary>
    public void Send()
    {
        var unfinished = _rows.WrittenSpan[_whole..].ToArray();
        var (rows, count) = (_rows.WrittenMemory[.._whole], _count);
        (_count, _whole) = (0, 0);
        if (count == 1)
        {
            Insert(rows.Span);
        }
        else
        {
            using var copy = _link.Connection.BeginRawBinaryCopy(_copy);
            copy.Write(Header);
            copy.Write(rows.Span);
            copy.Write(Trailer);
        }

        Keep(unfinished);
    }

    private void Insert(ReadOnlySpan<byte> row)
    {
        row = row[2..];
        for (var column = 0; column < _types.Length; column++)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(row);
            row = row[4..];
            var parameter = _insert.Parameters[column];
            if (length < 0)
            {
                parameter.Value = DBNull.Value;
                continue;
            }

            parameter.Value = _types[column] switch
            {
                NpgsqlDbType.Bigint => BinaryPrimitives.ReadInt64BigEndian(row),
                NpgsqlDbType.Integer => BinaryPrimitives.ReadInt32BigEndian(row),
                NpgsqlDbType.Double => BinaryPrimitives.ReadDoubleBigEndian(row),
                _ => row[..length].ToArray(),
            };
            row = row[length..];
        }

        _insert.ExecuteNonQuery();
    }

    private void Keep(byte[] bytes)
    {
        if (_rows.Capacity > KeptAtMost)
        {
            _rows = new ArrayBufferWriter<byte>(4096);
        }

        _rows.ResetWrittenCount();
        _rows.Write(bytes);
    }

    /// <summary>The bytes of the next field; a row begins with how many fields it has. A length below zero stands for NULL.</summary>
    private Span<byte> Field(int length)
    {
        if (_column++ == 0)
        {
            BinaryPrimitives.WriteInt16BigEndian(_rows.GetSpan(2), (short)_types.Length);
            _rows.Advance(2);
        }

        BinaryPrimitives.WriteInt32BigEndian(_rows.GetSpan(4), length);
        _rows.Advance(4);
        var size = Math.Max(0, length);
        var field = _rows.GetSpan(size)[..size];
        _rows.Advance(size);
        return field;
    }
}
