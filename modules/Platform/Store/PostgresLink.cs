using System.Collections.Concurrent;
using Npgsql;
using NpgsqlTypes;

namespace CdpMonolith.Platform.Store;

/// <summary>
/// One connection to PostgreSQL, which carries one command at a time, made to serve several statements that are open at once as
/// SQLite does: before another command is sent, the rows of the open one are read into memory and rows on their way are sent.
/// </summary>
internal sealed class PostgresLink(NpgsqlConnection connection) : IDisposable
{
    private const int StatementsKept = 512;

    /// <summary>What the parameters of a statement are, which is the server's to say; the same for every connection of a schema.</summary>
    private static readonly ConcurrentDictionary<string, NpgsqlDbType[]> ParameterTypes = new(StringComparer.Ordinal);

    private readonly Dictionary<string, PostgresStatement> _statements = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Table, string Columns), PostgresRows> _appends = [];
    private readonly List<PostgresRows> _pending = [];
    private PostgresStatement? _open;

    public NpgsqlConnection Connection => connection;

    /// <summary>Called before a command is sent, when nothing is under way.</summary>
    public Action? BeforeUse { get; set; }

    /// <summary>The connection for a command that ends before anything else is asked of it.</summary>
    public NpgsqlConnection ForUse()
    {
        Settle();
        BeforeUse?.Invoke();
        return connection;
    }

    public Statement Prepare(string sql)
    {
        if (_statements.TryGetValue(sql, out var statement))
        {
            statement.Reset();
            return statement;
        }

        if (_statements.Count >= StatementsKept)
        {
            throw new InvalidOperationException("Too many different statements on one connection: SQL must be constant text.");
        }

        return _statements[sql] = new PostgresStatement(this, sql, TypesOf(sql));
    }

    public Rows Append(string table, string columns)
    {
        if (!_appends.TryGetValue((table, columns), out var rows))
        {
            _appends[(table, columns)] = rows = new PostgresRows(this, table, columns, ColumnTypes(table, columns));
        }

        return rows.Again();
    }

    /// <summary>The statement's rows are being read from the connection.</summary>
    public void Opened(PostgresStatement statement) => _open = statement;

    public void Closed(PostgresStatement statement)
    {
        if (_open == statement)
        {
            _open = null;
        }
    }

    /// <summary>There are rows to be sent before anything else.</summary>
    public void Pending(PostgresRows rows)
    {
        if (!_pending.Contains(rows))
        {
            _pending.Add(rows);
        }
    }

    /// <summary>Nothing is under way any more.</summary>
    public void Settle()
    {
        _open?.ReadRest();
        if (_pending.Count > 0)
        {
            BeforeUse?.Invoke();
            var pending = _pending.ToArray();
            _pending.Clear();
            foreach (var rows in pending)
            {
                rows.Send();
            }
        }
    }

    /// <summary>Leaves rows that were not read and rows that were not sent.</summary>
    public void Drop()
    {
        _pending.Clear();
        foreach (var rows in _appends.Values)
        {
            rows.Drop();
        }

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

    private NpgsqlDbType[] TypesOf(string sql)
    {
        if (!sql.Contains('$', StringComparison.Ordinal))
        {
            return [];
        }

        if (ParameterTypes.TryGetValue(sql, out var known))
        {
            return known;
        }

        using var ask = new NpgsqlCommand(
            $"PREPARE cdp_asked AS {sql}; SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'cdp_asked'; DEALLOCATE cdp_asked", ForUse());
        var types = ((string[])ask.ExecuteScalar()!).Select(TypeOf).ToArray();
        return ParameterTypes[sql] = types;
    }

    private NpgsqlDbType[] ColumnTypes(string table, string columns)
    {
        using var ask = new NpgsqlCommand($"SELECT {columns} FROM {table} LIMIT 0", ForUse());
        using var reader = ask.ExecuteReader();
        return [.. Enumerable.Range(0, reader.FieldCount).Select(column => TypeOf(reader.GetDataTypeName(column)))];
    }

    private static NpgsqlDbType TypeOf(string name) => name switch
    {
        "bigint" => NpgsqlDbType.Bigint,
        "integer" => NpgsqlDbType.Integer,
        "numeric" => NpgsqlDbType.Numeric,
        "double precision" => NpgsqlDbType.Double,
        "text" => NpgsqlDbType.Text,
        "bytea" => NpgsqlDbType.Bytea,
        _ => throw new NotSupportedException($"The type {name} is not one of those that both engines have."),
    };
}
