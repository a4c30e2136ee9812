using Microsoft.Extensions.Options;

namespace CdpMonolith.Platform.Store;

/// <summary>
/// Whether the volume of the data folder has room for more. What comes in is refused before the disk is full, so that what is there can
/// still be worked on, exported and erased. Looked at once a second at most.
/// </summary>
public sealed class FreeSpace(DataFolder folder, IOptions<StoreOptions> options, TimeProvider clock)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private readonly DriveInfo _drive = new(folder.Path);
    private readonly long _least = options.Value.FreeMiB * 1024L * 1024;
    private long _lookedAt = long.MinValue;
    private volatile bool _isShort;

    public bool IsShort
    {
        get
        {
            var now = clock.GetTimestamp();
            var before = Volatile.Read(ref _lookedAt);
            if ((before == long.MinValue || clock.GetElapsedTime(before, now) >= LookEvery)
                && Interlocked.CompareExchange(ref _lookedAt, now, before) == before)
            {
                _isShort = _least > 0 && _drive.AvailableFreeSpace < _least;
            }

            return _isShort;
        }
    }

    /// <exception cref="StoreUnavailableException">There is too little room.</exception>
    public void Require()
    {
        if (IsShort)
        {
            throw new StoreUnavailableException("The disk is nearly full.");
        }
    }
}
