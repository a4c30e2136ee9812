using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Platform.Accounts;

/// <summary>The SQL of users and their one-time links.</summary>
internal static class UserTable
{
    private const string Log = "platform.user";

    private const string Select = """
        SELECT id AS Id, email AS Email, normalized_email AS NormalizedEmail, role AS Role, password_hash AS PasswordHash,
               security_stamp AS SecurityStamp, disabled AS Disabled, failed_count AS FailedCount, lockouts AS Lockouts,
               locked_until AS LockedUntil, created_at AS CreatedAt, last_sign_in_at AS LastSignInAt
        FROM   platform_user
        """;

    private const string SelectById = $"{Select} WHERE id = @id";

    private const string SelectByEmail = $"{Select} WHERE normalized_email = @normalized";

    private const string SelectAll = $"{Select} ORDER BY normalized_email";

    private const string CountAll = "SELECT COUNT(*) FROM platform_user";

    private const string CountOwners =
        "SELECT COUNT(*) FROM platform_user WHERE role = 'owner' AND disabled = 0 AND password_hash IS NOT NULL";

    private const string CountUsable = "SELECT COUNT(*) FROM platform_user WHERE password_hash IS NOT NULL";

    private const string Insert = """
        INSERT INTO platform_user (id, email, normalized_email, role, password_hash, security_stamp, disabled, failed_count, lockouts,
                                   locked_until, created_at, last_sign_in_at)
        VALUES (@Id, @Email, @NormalizedEmail, @Role, @PasswordHash, @SecurityStamp, @Disabled, @FailedCount, @Lockouts,
                @LockedUntil, @CreatedAt, @LastSignInAt)
        ON CONFLICT (normalized_email) DO NOTHING
        """;

    private const string Update = """
        UPDATE platform_user
        SET    email = @Email, normalized_email = @NormalizedEmail, role = @Role, password_hash = @PasswordHash,
               security_stamp = @SecurityStamp, disabled = @Disabled, failed_count = @FailedCount, lockouts = @Lockouts,
               locked_until = @LockedUntil, last_sign_in_at = @LastSignInAt
        WHERE  id = @Id
        """;

    private const string Delete = "DELETE FROM platform_user WHERE id = @id";

    private const string SelectSession = "SELECT security_stamp, role, disabled FROM platform_user WHERE id = $1";

    private const string InsertLink = """
        INSERT INTO platform_user_link (hash, kind, user_id, created_at, expires_at) VALUES (@hash, @kind, @userId, @at, @expiresAt)
        """;

    private const string SelectLink = """
        SELECT kind AS Kind, user_id AS UserId, expires_at AS ExpiresAt FROM platform_user_link WHERE hash = @hash AND expires_at > @now
        """;

    private const string SelectLinks = """
        SELECT kind AS Kind, user_id AS UserId, expires_at AS ExpiresAt FROM platform_user_link WHERE user_id IS NOT NULL AND expires_at > @now
        """;

    private const string DeleteLink = "DELETE FROM platform_user_link WHERE hash = @hash AND expires_at > @now";

    private const string DeleteLinksOfUser = "DELETE FROM platform_user_link WHERE user_id = @userId";

    private const string DeleteLinksOfKind = "DELETE FROM platform_user_link WHERE kind = @kind";

    private const string DeleteOldLinks = "DELETE FROM platform_user_link WHERE expires_at <= @now";

    public static User? Find(ReadSession read, long id) => read.FirstOrDefault<User>(SelectById, new { id });

    public static User? FindByEmail(ReadSession read, string email) =>
        read.FirstOrDefault<User>(SelectByEmail, new { normalized = User.Normalize(email) });

    public static IReadOnlyList<User> All(ReadSession read) => [.. read.Query<User>(SelectAll)];

    public static bool Any(ReadSession read) => read.Scalar<long>(CountAll) > 0;

    /// <summary>Somebody has a password, so the set-up is over.</summary>
    public static bool IsSetUp(ReadSession read) => read.Scalar<long>(CountUsable) > 0;

    /// <summary>The user is an owner who can sign in, and no other is.</summary>
    public static bool IsLastOwner(ReadSession read, User user) =>
        user is { Role: Roles.Owner, IsActive: true } && read.Scalar<long>(CountOwners) == 1;

    /// <returns>Null when the address is taken.</returns>
    public static User? Add(WriteSession write, User user)
    {
        user.Id = write.NextSeq(Log);
        if (write.Execute(Insert, user) == 0)
        {
            return null;
        }

        write.Advance(Log, 1);
        return user;
    }

    public static bool Save(WriteSession write, User user) => write.Execute(Update, user) == 1;

    public static void Remove(WriteSession write, long id)
    {
        DropLinks(write, id);
        write.Execute(Delete, new { id });
    }

    /// <summary>What a session must agree with; null when there is no such user.</summary>
    public static (string Stamp, string Role, bool Disabled)? Session(ReadSession read, long id)
    {
        var row = read.Prepare(SelectSession).Set(1, id);
        return row.Step() ? (row.Text(0), row.Text(1), row.Int64(2) != 0) : null;
    }

    public static void AddLink(WriteSession write, string hash, string kind, long? userId, long at, long expiresAt)
    {
        write.Execute(DeleteOldLinks, new { now = at });
        write.Execute(InsertLink, new { hash, kind, userId, at, expiresAt });
    }

    public static LinkRow? Link(ReadSession read, string hash, long now) => read.FirstOrDefault<LinkRow>(SelectLink, new { hash, now });

    /// <summary>Unused links that belong to a user.</summary>
    public static IReadOnlyList<LinkRow> Links(ReadSession read, long now) => [.. read.Query<LinkRow>(SelectLinks, new { now })];

    /// <summary>True for the one caller that used the link up.</summary>
    public static bool UseUp(WriteSession write, string hash, long now) => write.Execute(DeleteLink, new { hash, now }) == 1;

    public static void DropLinks(WriteSession write, long userId) => write.Execute(DeleteLinksOfUser, new { userId });

    public static void DropLinks(WriteSession write, string kind) => write.Execute(DeleteLinksOfKind, new { kind });
}

/// <param name="ExpiresAt">Unix ms.</param>
internal sealed record LinkRow(string Kind, long? UserId, long ExpiresAt);
