using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace CdpMonolith.Commands.Bench;

/// <summary>
/// The opponent of the door: what anybody would build, a SQLite table of events with a unique index on the message id and one on
/// person and time, filled from within the process. Each transaction takes one batch of every client, which is the best that
/// commits shared by all waiting clients can do.
/// </summary>
internal static class BenchTable
{
    private const string Create = """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        CREATE TABLE event (
            id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, type INTEGER NOT NULL,
            name TEXT NOT NULL, occurred_at INTEGER NOT NULL, body TEXT NOT NULL);
        CREATE INDEX event_by_user ON event (user_id, occurred_at)
        """;

    private const string InsertRow =
        "INSERT INTO event (message_id, user_id, type, name, occurred_at, body) VALUES ($message, $user, 1, 'Product Viewed', $at, $body)";

    private static readonly string Body = $"{{{LoadClient.Properties}}}";

    /// <returns>Events per second.</returns>
    public static double Insert(int clients, int batch, int events, int people)
    {
        var folder = Directory.CreateTempSubdirectory("cdp-bench-").FullName;
        try
        {
            using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "table.db")};Pooling=False");
            connection.Open();
            using (var create = new SqliteCommand(Create, connection))
            {
                create.ExecuteNonQuery();
            }

            using var insert = new SqliteCommand(InsertRow, connection);
            var message = insert.Parameters.Add("$message", SqliteType.Text);
            var user = insert.Parameters.Add("$user", SqliteType.Text);
            var at = insert.Parameters.Add("$at", SqliteType.Integer);
            insert.Parameters.AddWithValue("$body", Body);
            insert.Prepare();
            var run = Guid.NewGuid().ToString("N")[..8];
            var watch = Stopwatch.StartNew();
            for (var done = 0; done < events;)
            {
                using var transaction = connection.BeginTransaction();
                insert.Transaction = transaction;
                for (var n = 0; n < clients * batch && done < events; n++, done++)
                {
                    message.Value = string.Create(CultureInfo.InvariantCulture, $"{run}-{done:000000000000}");
                    user.Value = string.Create(CultureInfo.InvariantCulture, $"u{done * 7_919L % people:000000000000}");
                    at.Value = 1_700_000_000_000L + done;
                    insert.ExecuteNonQuery();
                }

                transaction.Commit();
            }

            return events / watch.Elapsed.TotalSeconds;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
