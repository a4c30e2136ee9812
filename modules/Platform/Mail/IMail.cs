using CdpMonolith.Platform.Store;

namespace CdpMonolith.Platform.Mail;

/// <summary>Mail to those who run the product. Never with personal data in it: mails lie about.</summary>
public interface IMail
{
    /// <summary>A mail server is set.</summary>
    bool IsOn { get; }

    /// <summary>
    /// A mail to every owner, which goes out once the transaction is on disk, again and again until the server takes it. A crash between
    /// the server's yes and our note of it sends the same mail a second time, under the same Message-ID.
    /// </summary>
    /// <returns>To how many.</returns>
    int ToOwners(WriteSession write, string subject, string body);
}
