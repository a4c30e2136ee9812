using System.Text.Json;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Commands.Demo;

/// <summary>The data folder of the demo. A mark in it tells that everything in it may be thrown away.</summary>
internal static class DemoFolder
{
    public const string Default = "demo-data";
    private const string MarkName = "demo.json";

    /// <summary>Makes the folder ready. Somebody's own data is never touched.</summary>
    /// <param name="anew">Begin anew even when an earlier demo has filled it.</param>
    /// <returns>True: filled by an earlier demo, to go on with. False: to be filled.</returns>
    /// <exception cref="NotADemoException">The folder holds something else.</exception>
    /// <exception cref="FolderInUseException">Another process holds it.</exception>
    public static bool Prepare(string folder, bool anew)
    {
        var mark = Path.Combine(folder, MarkName);
        if (!File.Exists(mark) && Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new NotADemoException($"{Path.GetFullPath(folder)} holds something that no demo made; name another folder with --Store:Folder=DIR.");
        }

        if (!anew && IsFilled(mark))
        {
            return true;
        }

        using (var held = new DataFolder(Options.Create(new StoreOptions { Folder = folder })))
        {
            Empty(held.Path);
            Write(mark, filled: false);
        }

        return false;
    }

    /// <summary>Notes that everything is in.</summary>
    public static void Filled(string folder) => Write(Path.Combine(folder, MarkName), filled: true);

    private static bool IsFilled(string mark)
    {
        try
        {
            return File.Exists(mark) && JsonSerializer.Deserialize<Mark>(File.ReadAllText(mark)) is { Filled: true };
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static void Write(string mark, bool filled) => File.WriteAllText(mark, JsonSerializer.Serialize(new Mark(filled)));

    /// <summary>All but what holds the folder for this process, and the mark: a crash in the middle leaves a demo's folder.</summary>
    private static void Empty(string folder)
    {
        foreach (var inside in Directory.EnumerateDirectories(folder))
        {
            Directory.Delete(inside, recursive: true);
        }

        foreach (var file in Directory.EnumerateFiles(folder).Where(file => Path.GetFileName(file) is not ("cdp.lock" or MarkName)))
        {
            File.Delete(file);
        }
    }

    private sealed record Mark(bool Filled);
}

/// <summary>The folder is not a demo's.</summary>
internal sealed class NotADemoException(string message) : Exception(message);
