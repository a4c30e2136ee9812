using System.IO.Enumeration;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Fetch;

/// <summary>The folder below which folders may be watched. No link is followed out of it, nor inside it.</summary>
internal sealed class WatchedRoot(IOptions<FeedOptions> options, DataFolder data)
{
    public const string Done = "done";
    public const string Failed = "failed";

    private const int DepthShown = 3;
    private const int FoldersShown = 200;

    private static readonly Problem Off = new(
        "feed.folders_off", "Watched folders are off. Set Feeds:Root to the folder below which they may lie, and start the program again.", "place");

    /// <summary>Full path; null: no folder may be watched.</summary>
    public string? Path { get; } = options.Value.Root.Trim() is { Length: > 0 } root ? System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(root)) : null;

    /// <summary>The full path of a watched folder, which is there.</summary>
    /// <param name="place">Below the root, such as <c>crm/contacts</c>; empty: the root itself.</param>
    public Outcome<string> Find(string place)
    {
        if (Path is not { } root)
        {
            return Off;
        }

        if (Normal(place) is not { } parts)
        {
            return new Problem("feed.folder_outside", "Give a folder below the root, such as crm/contacts, without '..'.", "place");
        }

        var at = root;
        foreach (var part in parts)
        {
            at = System.IO.Path.Combine(at, part);
            if (new DirectoryInfo(at).LinkTarget is not null)
            {
                return new Problem("feed.folder_link", $"'{part}' is a link; a watched folder must be a folder itself.", "place");
            }
        }

        if (IsOwn(at))
        {
            return new Problem("feed.folder_own", "This is the data folder of the program; it holds keys and is never watched.", "place");
        }

        return Directory.Exists(at)
            ? at
            : new Problem("feed.folder_missing", $"There is no folder {at}, or the program may not see it. Make it, or name another one.", "place");
    }

    /// <summary>The place in one spelling; null: it is not below the root.</summary>
    public static string? Spelled(string place) => Normal(place) is { } parts ? string.Join('/', parts) : null;

    /// <summary>Folders that could be watched, relative to the root.</summary>
    public IReadOnlyList<string> Folders()
    {
        if (Path is not { } root || !Directory.Exists(root))
        {
            return [];
        }

        var found = new FileSystemEnumerable<string>(
            root, (ref FileSystemEntry entry) => System.IO.Path.GetRelativePath(root, entry.ToFullPath()).Replace('\\', '/'),
            new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = DepthShown - 1, AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Hidden })
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => entry.IsDirectory && !IsOurs(entry.FileName) && !IsOwn(entry.ToFullPath()),
            ShouldRecursePredicate = (ref FileSystemEntry entry) => !IsOurs(entry.FileName) && !IsOwn(entry.ToFullPath()),
        };
        return [.. found.Take(FoldersShown).Order(StringComparer.Ordinal)];
    }

    /// <summary>The data folder or something in it, unless the root itself was put there on purpose.</summary>
    private bool IsOwn(string path) => IsWithin(path, data.Path) && (Path == data.Path || !IsWithin(Path!, data.Path));

    private static bool IsWithin(string path, string folder) =>
        path == folder || path.StartsWith(System.IO.Path.TrimEndingDirectorySeparator(folder) + System.IO.Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static bool IsOurs(ReadOnlySpan<char> name) => name is Done or Failed;

    private static string[]? Normal(string place)
    {
        var parts = (place ?? "").Replace('\\', '/').Trim().Split('/', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(part => part != ".").ToArray();
        return place is null || place.TrimStart().StartsWith('/') || place.TrimStart().StartsWith('\\') || parts.Any(part => part == ".." || part.Contains(':', StringComparison.Ordinal) || part.Any(char.IsControl))
            ? null
            : parts;
    }
}
