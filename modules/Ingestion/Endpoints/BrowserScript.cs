using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Storage;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>A script as it is served: as it is, and packed in the two ways that browsers know.</summary>
/// <param name="Tag">Its entity tag, with quotes.</param>
internal sealed record ServedScript(byte[] Plain, byte[] Gzip, byte[] Brotli, string Tag);

/// <summary>The first-party script, browser.js, with the settings of a source put in.</summary>
internal sealed class BrowserScript
{
    private const int KeptAtMost = 1000;

    private static readonly string Source = Read();

    private readonly ConcurrentDictionary<string, ServedScript> _served = new(StringComparer.Ordinal);

    /// <param name="path">Path of the calls, without a slash at its end.</param>
    /// <param name="name">The object that it makes.</param>
    /// <param name="saidGpc">The request for the script came with <c>Sec-GPC: 1</c>.</param>
    public ServedScript For(string writeKey, BrowserSettings settings, string path, string name, bool saidGpc)
    {
        var setup = JsonSerializer.Serialize(new
        {
            k = writeKey, p = path, n = name, c = settings.AwaitsConsent ? 1 : 0, u = settings.Purpose,
            a = settings.PageViews ? 1 : 0, g = settings.HeedsGpc ? 1 : 0, s = saidGpc ? 1 : 0,
        });
        if (_served.Count > KeptAtMost)
        {
            _served.Clear();
        }

        return _served.GetOrAdd(setup, Make);
    }

    private static ServedScript Make(string setup)
    {
        var plain = Encoding.UTF8.GetBytes($"{Source}({setup})");
        return new ServedScript(
            plain, Packed(plain, to => new GZipStream(to, CompressionLevel.SmallestSize)),
            Packed(plain, to => new BrotliStream(to, CompressionLevel.SmallestSize)),
            $"\"{Convert.ToHexStringLower(SHA256.HashData(plain).AsSpan(0, 8))}\"");
    }

    private static byte[] Packed(byte[] plain, Func<Stream, Stream> packing)
    {
        using var packed = new MemoryStream();
        using (var to = packing(packed))
        {
            to.Write(plain);
        }

        return packed.ToArray();
    }

    /// <summary>Without indentation and comments, which stand on lines of their own.</summary>
    private static string Read()
    {
        using var reader = new StreamReader(typeof(BrowserScript).Assembly.GetManifestResourceStream("browser.js")!);
        return string.Join('\n', reader.ReadToEnd().Split('\n').Select(line => line.Trim())
            .Where(line => line.Length > 0 && !line.StartsWith("//", StringComparison.Ordinal)));
    }
}
