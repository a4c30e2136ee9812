using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CdpMonolith.Tests.Support;

/// <summary>A certificate of nobody but the test, for servers on this machine.</summary>
internal static class TestCertificate
{
    /// <param name="hosts">Whom it is for; none: localhost.</param>
    public static X509Certificate2 Make(params string[] hosts)
    {
        using var key = RSA.Create(2048);
        hosts = hosts.Length > 0 ? hosts : ["localhost"];
        var request = new CertificateRequest($"CN={hosts[0]}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        Array.ForEach(hosts, names.AddDnsName);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
