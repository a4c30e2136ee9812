using System.Security.Cryptography;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Platform.Secrets;

/// <summary>Where the key lies that all other keys are wrapped with. Section <c>Secrets</c>.</summary>
public sealed class SecretsOptions
{
    public const string Section = "Secrets";

    /// <summary>
    /// File with the master key, made at the first start; empty: <c>master.key</c> in the data folder. Put it elsewhere, for
    /// instance on a volume that is not backed up with the data, and a stolen backup alone opens no secret.
    /// </summary>
    public string MasterKeyFile { get; set; } = "";
}

/// <summary>32 random bytes in a file that only its owner can read; wraps the key ring with AES-256-GCM.</summary>
/// <exception cref="InvalidOperationException">The key ring is there but the master key is not, or is not one.</exception>
internal sealed class MasterKey
{
    private const int KeyBytes = 32;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly byte[] _key;

    public MasterKey(DataFolder folder, IOptions<SecretsOptions> options)
    {
        var file = options.Value.MasterKeyFile is { Length: > 0 } given ? Path.GetFullPath(given) : folder.PathOf("master.key");
        var rings = Directory.GetFiles(folder.FolderOf("keys"), "*.xml");
        if (File.Exists(file))
        {
            _key = Read(file);
        }
        else if (rings.Length == 0)
        {
            _key = Make(file);
        }
        else
        {
            throw new InvalidOperationException(
                $"The master key {file} is missing, and without it the secrets of this data folder cannot be read. Put the file back, or remove the folder {folder.PathOf("keys")} to start with new keys: everybody must then sign in again and destinations need their passwords again.");
        }
    }

    public byte[] Wrap(ReadOnlySpan<byte> plain)
    {
        var wrapped = new byte[NonceBytes + plain.Length + TagBytes];
        var nonce = wrapped.AsSpan(0, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(_key, TagBytes);
        aes.Encrypt(nonce, plain, wrapped.AsSpan(NonceBytes, plain.Length), wrapped.AsSpan(NonceBytes + plain.Length));
        return wrapped;
    }

    /// <exception cref="CryptographicException">Wrapped with another key, or changed.</exception>
    public byte[] Unwrap(ReadOnlySpan<byte> wrapped)
    {
        if (wrapped.Length < NonceBytes + TagBytes)
        {
            throw new CryptographicException("The wrapped key is too short.");
        }

        var plain = new byte[wrapped.Length - NonceBytes - TagBytes];
        using var aes = new AesGcm(_key, TagBytes);
        aes.Decrypt(wrapped[..NonceBytes], wrapped[NonceBytes..^TagBytes], wrapped[^TagBytes..], plain);
        return plain;
    }

    private static byte[] Read(string file)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, OwnerOnly);
        }

        var key = new byte[KeyBytes];
        return Convert.TryFromBase64String(File.ReadAllText(file).Trim(), key, out var length) && length == KeyBytes
            ? key
            : throw new InvalidOperationException($"{file} is not a master key: it must hold 32 bytes in Base64.");
    }

    private static byte[] Make(string file)
    {
        var key = RandomNumberGenerator.GetBytes(KeyBytes);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        using var stream = new FileStream(file, options);
        using var writer = new StreamWriter(stream);
        writer.Write(Convert.ToBase64String(key));
        writer.Flush();
        DiskSync.Flush(stream);
        return key;
    }
}
