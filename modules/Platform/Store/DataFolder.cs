using System.Globalization;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Platform.Store;

/// <summary>The data folder, held by this process alone for as long as it runs.</summary>
/// <exception cref="FolderInUseException">Another process holds it.</exception>
public sealed class DataFolder : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private readonly FileStream _held;

    public DataFolder(IOptions<StoreOptions> options)
    {
        Path = System.IO.Path.GetFullPath(options.Value.Folder);
        CreateOwn(Path);
        var file = System.IO.Path.Combine(Path, "cdp.lock");
        try
        {
            _held = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new FolderInUseException($"The data folder {Path} is in use by another process{HolderOf(Path)}; stop that one first.");
        }

        File.WriteAllText(
            System.IO.Path.Combine(Path, "cdp.pid"), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The folder, as a full path.</summary>
    public string Path { get; }

    /// <summary>Full path of something in the folder.</summary>
    public string PathOf(params ReadOnlySpan<string> parts) =>
        System.IO.Path.Combine([Path, .. parts]);

    /// <summary>A folder inside, readable by its owner only, made when it is not there.</summary>
    public string FolderOf(params ReadOnlySpan<string> parts)
    {
        var path = PathOf(parts);
        CreateOwn(path);
        return path;
    }

    public void Dispose() => _held.Dispose();

    private static void CreateOwn(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, OwnerOnly);
        }
    }

    private static string HolderOf(string folder)
    {
        var file = System.IO.Path.Combine(folder, "cdp.pid");
        return File.Exists(file) ? $" (pid {File.ReadAllText(file)})" : "";
    }
}
