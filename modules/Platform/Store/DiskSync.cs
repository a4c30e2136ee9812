using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CdpMonolith.Platform.Store;

/// <summary>
/// The sync of a file to the disk that says when it failed: outside Windows <see cref="RandomAccess.FlushToDisk"/> and
/// <see cref="FileStream.Flush(bool)"/> of .NET 10 return as if all were well after an I/O error.
/// </summary>
public static partial class DiskSync
{
    private const int Interrupted = 4;

    /// <summary>Ends when all that was written to the stream, and the file's length, are on the disk.</summary>
    /// <exception cref="IOException">The disk did not take it; the kernel may have dropped what it could not write.</exception>
    public static void Flush(FileStream stream)
    {
        stream.Flush();
        Flush(stream.SafeFileHandle);
    }

    private static void Flush(SafeFileHandle file)
    {
        if (OperatingSystem.IsWindows())
        {
#pragma warning disable RS0030 // Windows tells.
            RandomAccess.FlushToDisk(file);
#pragma warning restore RS0030
            return;
        }

        while ((OperatingSystem.IsLinux() ? DataSync(file) : Sync(file)) != 0)
        {
            var code = Marshal.GetLastPInvokeError();
            if (code != Interrupted)
            {
                throw new IOException($"The disk could not be synced, code {code}.", new Win32Exception(code));
            }
        }
    }

    /// <summary>As fsync, without the times of the file that nobody needs after a crash.</summary>
    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(SafeFileHandle file);
}
