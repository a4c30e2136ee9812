using System.Security.Cryptography;
using System.Text;

namespace CdpMonolith.Platform.Accounts;

/// <summary>Somebody who may sign in; a row of <c>platform_user</c>. Times are Unix ms.</summary>
internal sealed class User
{
    public long Id { get; set; }

    public string Email { get; set; } = "";

    /// <summary>What makes two addresses the same; unique.</summary>
    public string NormalizedEmail { get; set; } = "";

    /// <summary>One of <see cref="Users.Roles"/>.</summary>
    public string Role { get; set; } = "";

    /// <summary>Null until the invitation has been used.</summary>
    public string? PasswordHash { get; set; }

    /// <summary>Changes when every session of the user must end.</summary>
    public string SecurityStamp { get; set; } = "";

    public long Disabled { get; set; }

    /// <summary>Wrong passwords since the last right one or lockout.</summary>
    public long FailedCount { get; set; }

    /// <summary>Lockouts in a row; each lasts twice as long as the one before.</summary>
    public long Lockouts { get; set; }

    public long? LockedUntil { get; set; }

    public long CreatedAt { get; set; }

    public long? LastSignInAt { get; set; }

    public bool IsActive => Disabled == 0 && PasswordHash is not null;

    public static string NewStamp() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));

    /// <summary>Trimmed, in Unicode's compatible form, in lower case.</summary>
    public static string Normalize(string email) => email.Trim().Normalize(NormalizationForm.FormKC).ToLowerInvariant();

    /// <summary>Looks like an address; whether it exists shows when the person uses the link.</summary>
    public static bool IsEmail(string text) =>
        text.Length is > 2 and <= 254 && text.IndexOf('@') is > 0 and var at && at == text.LastIndexOf('@') && at < text.Length - 1
        && !text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c is '<' or '>' or '"' or ',' or ';');
}
