using System.Net;
using System.Net.Mail;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using System.Text.RegularExpressions;
using CdpMonolith.Platform.Accounts;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using Microsoft.Extensions.Localization;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Platform.Mail;

/// <summary>How mail stands.</summary>
/// <param name="Waiting">Mails that the server has not taken yet.</param>
/// <param name="Error">The kind of the last failure among them; null: none.</param>
/// <param name="Answer">What the server answered then; see <see cref="MailFailure"/>.</param>
internal sealed record MailState(bool IsOn, string Host, int Port, bool Tls, string From, long Waiting, string? Error, string? Answer);

/// <summary>Why a mail was not taken.</summary>
/// <param name="Kind"><c>slow</c>, <c>tls</c>, <c>unreachable</c>, <c>sign_in</c>, <c>address</c>, <c>refused</c> or <c>file</c>.</param>
/// <param name="Answer">
/// The server's code and words, in one line and shortened, such as <c>421 down</c>; null: it answered nothing. Addresses are left out,
/// for they name people.
/// </param>
internal sealed record MailFailure(string Kind, string? Answer)
{
    /// <summary>In the reader's language, as the end of "The mail was not sent: …".</summary>
    public string Told(IStringLocalizer<Texts> texts) =>
        Answer is null ? texts[$"Mail.Error.{Kind}"] : texts["Mail.Answer", texts[$"Mail.Error.{Kind}"], Answer];
}

/// <summary>Writes mails down and hands them to the mail server.</summary>
internal sealed partial class Mailer(IStore store, IAudit audit, IOptions<MailOptions> options, IStringLocalizer<Texts> texts, TimeProvider clock) : IMail
{
    private const int AnswerAtMost = 200;
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(30);
    private static readonly Problem Off = new("mail.off", "No mail server is set; see docs/administration.md.");
    private static readonly Problem NoAddress = new("mail.no_address", "Sign in to get the mail: the command line has no address.");

    private readonly MailOptions _options = options.Value;

    /// <summary>Raised on the lane when there is something to send.</summary>
    public event Action? Added;

    public bool IsOn => _options.IsOn;

    public int ToOwners(WriteSession write, string subject, string body)
    {
        var count = MailTable.ToOwners(write, Line(subject), body, clock.GetUtcNow().ToUnixTimeMilliseconds());
        write.OnCommitted(() => Added?.Invoke());
        return count;
    }

    public async Task<MailState> StateAsync(CancellationToken ct)
    {
        var (waiting, last) = await store.ReadAsync(MailTable.State, ct);
        return new MailState(IsOn, _options.Host, _options.Port, _options.Tls, _options.From, waiting, last?.Kind, last?.Answer);
    }

    /// <summary>Sends a mail to who asks for it, at once; null: the server has taken it.</summary>
    public async Task<Problem?> TestAsync(Actor actor, CancellationToken ct)
    {
        if (!IsOn)
        {
            return Off;
        }

        if (actor.UserId is not { } id || await store.ReadAsync(read => UserTable.Find(read, id), ct) is not { } user)
        {
            return NoAddress;
        }

        var failure = await TrySendAsync(user.Email, texts["Mail.Test.Subject"], texts["Mail.Test.Body", _options.Host], $"test-{Guid.NewGuid():N}", ct);
        await store.WriteAsync(write => audit.Record(write, actor, "mail.tested", "mail", new { error = failure?.Kind }), ct);
        return failure is null ? null : new Problem("mail.not_sent", texts["Mail.NotSent", failure.Told(texts)]);
    }

    /// <summary>Hands one mail to the server.</summary>
    /// <returns>Null: it was taken.</returns>
    public async Task<MailFailure?> TrySendAsync(string to, string subject, string body, string id, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Within);
        try
        {
            using var client = new SmtpClient(_options.Host, _options.Port) { EnableSsl = _options.Tls };
            if (_options.User.Length > 0)
            {
                client.Credentials = new NetworkCredential(_options.User, await PasswordAsync(limit.Token));
            }

            using var mail = new MailMessage(_options.From, to, Line(subject), body) { SubjectEncoding = Encoding.UTF8, BodyEncoding = Encoding.UTF8 };
            mail.Headers["Message-ID"] = $"<{id}@{new MailAddress(_options.From).Host}>";
            mail.Headers["Auto-Submitted"] = "auto-generated";
            await client.SendMailAsync(mail, limit.Token);
            return null;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new MailFailure("slow", null);
        }
        catch (Exception fault) when (fault is SmtpException or IOException or AuthenticationException or FormatException or SocketException or UnauthorizedAccessException)
        {
            return new MailFailure(KindOf(fault), AnswerOf(fault));
        }
    }

    private async Task<string> PasswordAsync(CancellationToken ct) =>
        _options.PasswordFile.Length > 0 ? (await File.ReadAllTextAsync(_options.PasswordFile, ct)).Trim() : _options.Password;

    private static string KindOf(Exception fault) => fault switch
    {
        _ when Causes(fault).Any(cause => cause is AuthenticationException) => "tls",
        _ when Causes(fault).Any(cause => cause is SocketException) => "unreachable",
        SmtpException { StatusCode: SmtpStatusCode.MustIssueStartTlsFirst or SmtpStatusCode.ClientNotPermitted } => "sign_in",
        SmtpFailedRecipientException or SmtpException { StatusCode: SmtpStatusCode.MailboxUnavailable or SmtpStatusCode.MailboxNameNotAllowed or SmtpStatusCode.UserNotLocalTryAlternatePath } => "address",
        SmtpException smtp when smtp.Message.Contains("authenticat", StringComparison.OrdinalIgnoreCase) => "sign_in",
        SmtpException smtp when smtp.Message.Contains("secure connection", StringComparison.OrdinalIgnoreCase) => "tls",
        SmtpException => "refused",
        FormatException => "address",
        _ => "file",
    };

    /// <summary>The client tells the server's words at the end of its own.</summary>
    private static string? AnswerOf(Exception fault)
    {
        const string Mark = "The server response was: ";
        if (fault is not SmtpException { StatusCode: > 0 } smtp)
        {
            return null;
        }

        var at = smtp.Message.IndexOf(Mark, StringComparison.Ordinal);
        var words = at < 0 ? "" : Addresses().Replace(smtp.Message[(at + Mark.Length)..], "…");
        var line = Line(FormattableString.Invariant($"{(int)smtp.StatusCode} {words}"));
        return line.Length <= AnswerAtMost ? line : line[..AnswerAtMost] + "…";
    }

    [GeneratedRegex(@"\S*@\S*")]
    private static partial Regex Addresses();

    private static IEnumerable<Exception> Causes(Exception? fault)
    {
        for (; fault is not null; fault = fault.InnerException)
        {
            yield return fault;
        }
    }

    /// <summary>A subject is one line, whatever the names in it are.</summary>
    private static string Line(string text) => string.Concat(text.Select(sign => char.IsControl(sign) ? ' ' : sign)).Trim();
}
