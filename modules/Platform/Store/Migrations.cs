using System.Data.Common;
using System.Reflection;
using System.Text.RegularExpressions;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace CdpMonolith.Platform.Store;

/// <summary>An assembly whose embedded <c>Storage/Migrations/NNNN_name.sql</c> belong to the store, in the order of the floors.</summary>
public sealed record MigrationSource(string Module, Assembly Assembly);

/// <summary>Brings the database to the version this program was built for, in one transaction.</summary>
internal sealed partial class Migrations(IEnumerable<MigrationSource> sources, TimeProvider clock, ILogger<Migrations> logger)
{
    private const string Log = """
        CREATE TABLE IF NOT EXISTS platform_migration (
            module     TEXT NOT NULL,
            name       TEXT NOT NULL,
            applied_at BIGINT NOT NULL,
            PRIMARY KEY (module, name))
        """;

    public void ApplyToSqlite(SqliteConnection connection, DataFolder folder)
    {
        connection.Execute(Log);
        var due = Due(connection, null, $"The data folder {folder.Path}", out var isNew);
        if (due.Count == 0)
        {
            return;
        }

        if (!isNew)
        {
            BackUp(connection, folder);
        }

        using var transaction = connection.BeginTransaction();
        Apply(connection, transaction, due, ForSqlite);
        transaction.Commit();
    }

    /// <summary>In the caller's transaction, which no other process shares. Before an upgrade the operator backs up: docs/postgresql.md.</summary>
    public void ApplyToPostgres(NpgsqlConnection connection, NpgsqlTransaction transaction)
    {
        connection.Execute(ForPostgres(Log), transaction: transaction);
        Apply(connection, transaction, Due(connection, transaction, $"The database {connection.Database}", out _), ForPostgres);
    }

    private List<Migration> Due(DbConnection connection, DbTransaction? transaction, string where, out bool isNew)
    {
        var applied = connection.Query<(string Module, string Name)>("SELECT module, name FROM platform_migration", transaction: transaction).ToHashSet();
        var known = sources.SelectMany(Read).ToList();
        if (applied.Except(known.Select(m => (m.Module, m.Name))).FirstOrDefault() is { Name: not null } newer)
        {
            throw new InvalidOperationException(
                $"{where} was written by a newer version of this program (it has {newer.Module} {newer.Name}); run that version.");
        }

        isNew = applied.Count == 0;
        return [.. known.Where(m => !applied.Contains((m.Module, m.Name)))];
    }

    private void Apply(DbConnection connection, DbTransaction transaction, List<Migration> due, Func<string, string> map)
    {
        foreach (var migration in due)
        {
            connection.Execute(map(migration.Sql), transaction: transaction);
            connection.Execute(
                "INSERT INTO platform_migration (module, name, applied_at) VALUES (@Module, @Name, @At)",
                new { migration.Module, migration.Name, At = clock.GetUtcNow().ToUnixTimeMilliseconds() }, transaction);
        }

        if (due.Count > 0)
        {
            LogApplied(due.Count);
        }
    }

    /// <summary>
    /// SQLite keeps a table in the order of its key, without a second tree beside it, only when the key's type is spelt INTEGER
    /// or, for a key of several columns, when the table says so, which ours do by the remark <c>clustered</c>; and its driver
    /// knows bytes by the name BLOB.
    /// </summary>
    private static string ForSqlite(string sql) =>
        SoleKey().Replace(sql, "INTEGER$1").Replace(" BYTEA", " BLOB", StringComparison.Ordinal)
            .Replace("/* clustered */", "WITHOUT ROWID", StringComparison.Ordinal);

    /// <summary>Text is compared and ordered by its bytes, as SQLite does, and LOWER and UPPER change ASCII letters only.</summary>
    private static string ForPostgres(string sql) => TextType().Replace(sql, "TEXT COLLATE \"C\"");

    [GeneratedRegex(@"(?<=^\s+\w+\s+)TEXT\b", RegexOptions.Multiline)]
    private static partial Regex TextType();

    [GeneratedRegex(@"\bBIGINT((?:\s+NOT NULL)?\s+PRIMARY KEY)")]
    private static partial Regex SoleKey();

    private void BackUp(SqliteConnection connection, DataFolder folder)
    {
        var file = Path.Combine(
            folder.FolderOf("backups"), $"before-upgrade-{clock.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}.db");
        connection.Execute("VACUUM INTO @file", new { file });
        LogBackedUp(file);
    }

    private static IEnumerable<Migration> Read(MigrationSource source) =>
        source.Assembly.GetManifestResourceNames()
            .Where(name => name.Contains(".Storage.Migrations.", StringComparison.Ordinal) && name.EndsWith(".sql", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name =>
            {
                using var reader = new StreamReader(source.Assembly.GetManifestResourceStream(name)!);
                return new Migration(source.Module, name.Split(".Storage.Migrations.")[1][..^4], reader.ReadToEnd());
            });

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} migrations applied")]
    private partial void LogApplied(int count);

    [LoggerMessage(Level = LogLevel.Information, Message = "The database was saved to {File} before the upgrade")]
    private partial void LogBackedUp(string file);

    private sealed record Migration(string Module, string Name, string Sql);
}
