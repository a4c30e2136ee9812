using CdpMonolith.Platform.Store;

namespace CdpMonolith.Platform.Mail;

/// <summary>A mail that waits. Times are Unix ms.</summary>
/// <param name="Email">Null: the reader is no more, or may not sign in any more.</param>
/// <param name="Error">The kind of failure of the last try.</param>
internal sealed record WaitingMail(long Id, string Subject, string Body, long CreatedAt, long Tries, string? Error, string? Email);

/// <summary>The SQL of mails that are to go out.</summary>
internal static class MailTable
{
    private const string Log = "platform.mail";

    private const string Insert = """
        INSERT INTO platform_mail (id, user_id, subject, body, created_at, tries, next_try_at)
        VALUES (@id, @userId, @subject, @body, @at, 0, @at)
        """;

    private const string SelectOwners = "SELECT id FROM platform_user WHERE role = 'owner' AND disabled = 0 AND password_hash IS NOT NULL ORDER BY id";

    private const string SelectDue = """
        SELECT m.id AS Id, m.subject AS Subject, m.body AS Body, m.created_at AS CreatedAt, m.tries AS Tries, m.error AS Error, u.email AS Email
        FROM   platform_mail AS m
        LEFT JOIN platform_user AS u ON u.id = m.user_id AND u.disabled = 0
        WHERE  m.next_try_at <= @now
        ORDER  BY m.id
        LIMIT  100
        """;

    private const string SelectLast = """
        SELECT error AS Kind, answer AS Answer
        FROM   platform_mail
        WHERE  error IS NOT NULL
        ORDER  BY next_try_at DESC
        LIMIT  1
        """;

    private const string MarkFailed = "UPDATE platform_mail SET tries = tries + 1, next_try_at = @next, error = @Kind, answer = @Answer WHERE id = @id";

    private const string Delete = "DELETE FROM platform_mail WHERE id = @id";

    public static int ToOwners(WriteSession write, string subject, string body, long at)
    {
        var owners = write.Query<long>(SelectOwners).ToList();
        var first = write.NextSeq(Log);
        for (var n = 0; n < owners.Count; n++)
        {
            write.Execute(Insert, new { id = first + n, userId = owners[n], subject, body, at });
        }

        if (owners.Count > 0)
        {
            write.Advance(Log, owners.Count);
        }

        return owners.Count;
    }

    public static IReadOnlyList<WaitingMail> Due(ReadSession read, long now) => [.. read.Query<WaitingMail>(SelectDue, new { now })];

    public static void Failed(WriteSession write, long id, long next, MailFailure failure) =>
        write.Execute(MarkFailed, new { id, next, failure.Kind, failure.Answer });

    public static void Remove(WriteSession write, long id) => write.Execute(Delete, new { id });

    /// <summary>How many wait, and why the last one that was tried was not taken.</summary>
    public static (long Waiting, MailFailure? Last) State(ReadSession read) => (
        read.Scalar<long>("SELECT COUNT(*) FROM platform_mail"), read.FirstOrDefault<MailFailure>(SelectLast));
}
