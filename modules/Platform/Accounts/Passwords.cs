using System.Text;
using Microsoft.AspNetCore.Identity;

namespace CdpMonolith.Platform.Accounts;

/// <summary>
/// What a password must be: long, and not among those that are tried first. No rules about kinds of characters and no
/// forced change (NIST SP 800-63B-4, 3.1.1.2).
/// </summary>
internal static class PasswordRules
{
    public const int LengthAtLeast = 10;
    public const int LengthAtMost = 256;

    /// <summary>Rounds of PBKDF2 with HMAC-SHA-512 (OWASP Password Storage Cheat Sheet: 210,000; Identity's default is 100,000).</summary>
    public const int Rounds = 210_000;

    /// <summary>Words that most guessable passwords are made of, after digits and signs at the ends are taken off.</summary>
    private static readonly HashSet<string> Guessable = new(StringComparer.Ordinal)
    {
        "password", "passwort", "passord", "katasandi", "passphrase", "passw", "pass", "pwd", "secret", "letmein", "welcome", "welcomehome", "willkommen",
        "velkommen", "selamatdatang", "admin", "administrator", "adminadmin", "root", "rootroot", "toor", "user", "guest", "test", "testtest",
        "testing", "tester", "demo", "default", "changeme", "changemenow", "change", "temp", "temporary", "login", "access", "master", "superman", "superuser",
        "batman", "spiderman", "pokemon", "starwars", "football", "baseball", "basketball", "liverpool", "manchester", "chelsea", "arsenal",
        "barcelona", "monkey", "dragon", "shadow", "sunshine", "princess", "michael", "jennifer", "jessica", "charlie", "ashley", "daniel",
        "iloveyou", "iloveyouso", "ihateyou", "loveyou", "lovelove", "trustno", "whatever", "computer", "internet", "keyboard", "samsung",
        "google", "facebook", "instagram", "microsoft", "windows", "linkedin", "company", "business", "summer", "winter", "spring", "autumn",
        "january", "february", "september", "october", "november", "december", "monday", "friday", "saturday", "sunday", "qwerty", "qwertyuiop",
        "qwertyqwerty", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "qazwsx", "qazwsxedc", "qweasdzxc", "qwertyui", "asdfasdf", "asdf",
        "abc", "abcabc", "abcdef", "abcdefg", "abcdefgh", "abcd", "aaaaaaaaaa", "indonesia", "thailand", "norway", "jakarta", "bangkok", "oslo",
        "customerdata", "customerdataplatform", "marketing", "newsletter", "correcthorsebatterystaple", "correcthorse", "letmeinnow", "openup",
        "opensesame", "godisgood", "jesuschrist", "blessed", "freedom", "butterfly", "chocolate", "cookie", "pumpkin", "mustang", "corvette",
        "mercedes", "ferrari", "hunter", "killer", "soccer", "hockey", "jordan", "harley", "ranger", "buster", "thomas", "robert", "andrew",
        "nothing", "anything", "something", "everything", "unknown", "security", "secure", "private", "supersecret", "topsecret", "mypassword",
        "thepassword", "passwordpassword", "newpassword", "oldpassword", "yourpassword", "mysecret", "letmeinplease",
    };

    private static readonly string[] Runs =
    [
        "abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm",
        "azertyuiopqsdfghjklmwxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "147258369", "159753",
    ];

    /// <summary>Null when the password may be used for this address.</summary>
    public static Problem? Check(string password, string email)
    {
        var length = password.EnumerateRunes().Count();
        if (length < LengthAtLeast)
        {
            return new Problem("password.too_short", $"Choose a password of at least {LengthAtLeast} characters; a few words in a row are good.", "password");
        }

        if (length > LengthAtMost)
        {
            return new Problem("password.too_long", $"Choose a password of at most {LengthAtMost} characters.", "password");
        }

        var plain = Plain(password);
        var name = Plain(email.Split('@')[0]);
        if (plain.Contains("cdpmonolith", StringComparison.Ordinal) || (name.Length >= 4 && plain.Contains(name, StringComparison.Ordinal)))
        {
            return new Problem("password.tells_name", "Choose a password without your address and without the name of this program.", "password");
        }

        return IsGuessable(password, plain)
            ? new Problem("password.common", "This password is among the first that are tried. Choose another; a few words in a row are good.", "password")
            : null;
    }

    private static bool IsGuessable(string password, string plain)
    {
        var lower = password.ToLowerInvariant();
        var bare = lower.Trim("0123456789!?.,-_*#@$%&+=/ ".ToCharArray());
        return bare.Length == 0 && (IsPattern(lower) || lower.All(c => !char.IsAsciiLetter(c)) && lower.Distinct().Count() <= 4)
            || Guessable.Contains(bare) || Guessable.Contains(Plain(bare)) || Guessable.Contains(plain) || IsPattern(lower) || IsPattern(plain);
    }

    /// <summary>One piece again and again, or a run along the alphabet, the digits or the keyboard, forwards or backwards.</summary>
    private static bool IsPattern(string text)
    {
        for (var piece = 1; piece <= text.Length / 2; piece++)
        {
            if (text.Length - piece > 0 && Enumerable.Range(piece, text.Length - piece).All(at => text[at] == text[at - piece]) && piece <= 6)
            {
                return true;
            }
        }

        var backwards = new string([.. text.Reverse()]);
        return text.Length > 0 && Runs.Any(run => run.Contains(text, StringComparison.Ordinal) || run.Contains(backwards, StringComparison.Ordinal));
    }

    /// <summary>Lower case, letters only, with the usual stand-ins read as the letters they stand for.</summary>
    private static string Plain(string text)
    {
        var plain = new StringBuilder(text.Length);
        foreach (var c in text.ToLowerInvariant())
        {
            var letter = c switch { '0' => 'o', '1' => 'i', '3' => 'e', '4' => 'a', '5' => 's', '7' => 't', '@' => 'a', '$' => 's', '!' => 'i', _ => c };
            if (char.IsLetter(letter))
            {
                plain.Append(letter);
            }
        }

        return plain.ToString();
    }
}

/// <summary>Hashes and compares, always at the same cost, whether there is an account or not.</summary>
internal sealed class Passwords(IPasswordHasher<User> hasher)
{
    private static readonly User Nobody = new();
    private readonly Lazy<string> _decoy = new(() => hasher.HashPassword(Nobody, User.NewStamp()));

    /// <summary>In Unicode's composed form, so that a password can be typed on any keyboard.</summary>
    public string Hash(string password) => hasher.HashPassword(Nobody, password.Normalize(NormalizationForm.FormC));

    /// <param name="hash">Null: there is nothing to compare with; takes as long all the same.</param>
    /// <param name="rehashed">The hash to keep instead, when the number of rounds has been raised since.</param>
    public bool Matches(string? hash, string password, out string? rehashed)
    {
        var typed = password.Length > PasswordRules.LengthAtMost * 4 ? "" : password.Normalize(NormalizationForm.FormC);
        var answer = hasher.VerifyHashedPassword(Nobody, hash ?? _decoy.Value, typed);
        rehashed = hash is not null && answer == PasswordVerificationResult.SuccessRehashNeeded ? hasher.HashPassword(Nobody, typed) : null;
        return hash is not null && answer != PasswordVerificationResult.Failed;
    }
}
