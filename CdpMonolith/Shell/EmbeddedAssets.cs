using System.Collections.Concurrent;
using System.IO.Compression;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Primitives;

namespace CdpMonolith.Shell;

/// <summary>
/// Scripts, styles and fonts inside the published executable, so that it is one file. A build for development has none of
/// this and serves them from where the SDK puts them.
/// </summary>
internal sealed class EmbeddedAssets : IFileProvider
{
    private const string Resource = "assets.zip";
    private const string Manifest = "cdp.staticwebassets.endpoints.json";
    private const string Root = "wwwroot/";

    private readonly ZipArchive _zip;
    private readonly Dictionary<string, ZipArchiveEntry> _entries;
    private readonly ConcurrentDictionary<string, Asset> _read = new(StringComparer.Ordinal);

    private EmbeddedAssets(Stream zip)
    {
        _zip = new ZipArchive(zip, ZipArchiveMode.Read);
        _entries = _zip.Entries.ToDictionary(entry => entry.FullName, StringComparer.Ordinal);
    }

    /// <summary>Makes the app serve what is embedded. The path of the manifest that names it; null in a build without.</summary>
    public static string? Use(WebApplication app)
    {
        if (typeof(EmbeddedAssets).Assembly.GetManifestResourceStream(Resource) is not { } zip)
        {
            return null;
        }

        var assets = new EmbeddedAssets(zip);
        app.Environment.WebRootFileProvider = assets;
        var manifest = app.Services.GetRequiredService<DataFolder>().PathOf("assets.json");
        File.WriteAllBytes(manifest, assets.ReadAll(assets._entries[Manifest]));
        return manifest;
    }

    public IFileInfo GetFileInfo(string subpath)
    {
        var path = Root + subpath.TrimStart('/');
        return _entries.TryGetValue(path, out var entry)
            ? _read.GetOrAdd(path, _ => new Asset(entry.Name, ReadAll(entry), entry.LastWriteTime))
            : new NotFoundFileInfo(subpath);
    }

    public IDirectoryContents GetDirectoryContents(string subpath) => NotFoundDirectoryContents.Singleton;

    public IChangeToken Watch(string filter) => NullChangeToken.Singleton;

    private byte[] ReadAll(ZipArchiveEntry entry)
    {
        // One archive is one stream: readers take turns. Each asset is read once.
        lock (_zip)
        {
            using var stream = entry.Open();
            using var memory = new MemoryStream((int)entry.Length);
            stream.CopyTo(memory);
            return memory.ToArray();
        }
    }

    private sealed class Asset(string name, byte[] bytes, DateTimeOffset modified) : IFileInfo
    {
        public bool Exists => true;

        public long Length => bytes.Length;

        public string? PhysicalPath => null;

        public string Name => name;

        public DateTimeOffset LastModified => modified;

        public bool IsDirectory => false;

        public Stream CreateReadStream() => new MemoryStream(bytes, writable: false);
    }
}
