using System.Runtime.CompilerServices;

namespace CdpMonolith.Tests.Support;

/// <summary>The source tree, for tests that read it.</summary>
internal static class Repo
{
    /// <summary>The modules in the order of docs and data: each may use those before it.</summary>
    public static readonly string[] Floors =
        ["Platform", "Ingestion", "Profiles", "Consent", "Segmentation", "Activation", "Insights"];

    private static readonly string Root = System.IO.Path.GetFullPath(System.IO.Path.Combine(HereFolder(), "..", ".."));

    public static string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);

    /// <summary>Source files (C#, Razor, SQL) below a folder, without what a build made.</summary>
    public static IEnumerable<string> Files(params string[] parts) =>
        Directory.EnumerateFiles(Path(parts), "*", SearchOption.AllDirectories)
            .Where(file => System.IO.Path.GetExtension(file) is ".cs" or ".razor" or ".sql")
            .Where(file => !file.Split('/', '\\').Any(part => part is "bin" or "obj"));

    /// <summary>Lines of a module's source files with the folder, of the module's own, that they stand in.</summary>
    public static IEnumerable<(string Folder, string Text)> Lines(params string[] parts) =>
        from file in Files(parts)
        let folder = System.IO.Path.GetRelativePath(Path(parts), file).Split('/', '\\') is [var first, _, ..] ? first : ""
        from line in File.ReadLines(file)
        select (folder, line);

    private static string HereFolder([CallerFilePath] string here = "") => System.IO.Path.GetDirectoryName(here)!;
}
