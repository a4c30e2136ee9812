namespace CdpMonolith.Platform.Secrets;

/// <summary>Keeps destination passwords and the like unreadable at rest, with keys from the data folder.</summary>
public interface ISecrets
{
    string Protect(string plain);

    /// <exception cref="System.Security.Cryptography.CryptographicException">Not protected with a key of this data folder.</exception>
    string Reveal(string secret);
}
