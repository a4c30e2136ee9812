using System.ComponentModel.DataAnnotations;

namespace CdpMonolith.Platform.Mail;

/// <summary>The mail server that alarms go out through. Section <c>Mail</c>.</summary>
internal sealed class MailOptions : IValidatableObject
{
    public const string Section = "Mail";

    /// <summary>Name of the server; empty: no mail is sent.</summary>
    public string Host { get; set; } = "";

    [Range(1, 65535)]
    public int Port { get; set; } = 587;

    /// <summary>The connection is encrypted (STARTTLS); what a server that does not offer it is sent, is nothing.</summary>
    public bool Tls { get; set; } = true;

    /// <summary>Empty: the server asks for none.</summary>
    public string User { get; set; } = "";

    /// <summary>Better in a file or an environment variable than on the command line, which others can read.</summary>
    public string Password { get; set; } = "";

    /// <summary>A file that holds the password and nothing else; read each time, so that it can be changed.</summary>
    public string PasswordFile { get; set; } = "";

    /// <summary>The sender's address.</summary>
    public string From { get; set; } = "";

    public bool IsOn => Host.Length > 0;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (IsOn && !System.Net.Mail.MailAddress.TryCreate(From, out _))
        {
            yield return new ValidationResult("Mail:From must be the address that mails come from, since Mail:Host is set.", [nameof(From)]);
        }

        if (Password.Length > 0 && PasswordFile.Length > 0)
        {
            yield return new ValidationResult("Mail:Password and Mail:PasswordFile are two answers to one question.", [nameof(PasswordFile)]);
        }
    }
}
