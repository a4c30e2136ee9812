using System.Text;
using System.Xml.Linq;
using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Platform.Secrets;

/// <summary>
/// Data Protection's keys, in <c>keys</c> of the data folder, wrapped with the <see cref="MasterKey"/>: left alone, Data
/// Protection writes them as plain XML on Linux.
/// </summary>
internal static class KeyRing
{
    public static IServiceCollection AddSecrets(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<SecretsOptions>().Bind(configuration.GetSection(SecretsOptions.Section)).ValidateOnStart();
        services.AddSingleton<MasterKey>();
        services.AddDataProtection().SetApplicationName("CdpMonolith");
        services.AddOptions<KeyManagementOptions>().Configure<DataFolder, MasterKey, ILoggerFactory>(
            (options, folder, master, logs) =>
            {
                options.XmlRepository = new FileSystemXmlRepository(new DirectoryInfo(folder.FolderOf("keys")), logs);
                options.XmlEncryptor = new MasterKeyEncryptor(master);
            });
        return services.AddSingleton<ISecrets, ProtectedSecrets>();
    }
}

internal sealed class MasterKeyEncryptor(MasterKey master) : IXmlEncryptor
{
    public EncryptedXmlInfo Encrypt(XElement plaintextElement)
    {
        var wrapped = master.Wrap(Encoding.UTF8.GetBytes(plaintextElement.ToString(SaveOptions.DisableFormatting)));
        return new EncryptedXmlInfo(
            new XElement("wrapped", new XComment(" AES-256-GCM with the master key "), new XElement("value", Convert.ToBase64String(wrapped))),
            typeof(MasterKeyDecryptor));
    }
}

/// <summary>Made by Data Protection, which names it in the key files.</summary>
internal sealed class MasterKeyDecryptor(IServiceProvider services) : IXmlDecryptor
{
    private readonly MasterKey _master = services.GetRequiredService<MasterKey>();

    public XElement Decrypt(XElement encryptedElement) =>
        XElement.Parse(Encoding.UTF8.GetString(_master.Unwrap(Convert.FromBase64String((string)encryptedElement.Element("value")!))));
}

internal sealed class ProtectedSecrets(IDataProtectionProvider protection) : ISecrets
{
    private readonly IDataProtector _protector = protection.CreateProtector("CdpMonolith.Secrets.v1");

    public string Protect(string plain) => _protector.Protect(plain);

    public string Reveal(string secret) => _protector.Unprotect(secret);
}
