namespace CdpMonolith.Segmentation.Audience;

/// <summary>Which profiles there are and which of them are one person.</summary>
internal sealed class People : IDisposable
{
    private readonly Block<int> _canonical = new();

    /// <summary>Canonical profile by profile; 0: there is no such profile.</summary>
    public ReadOnlySpan<int> Canonical => _canonical.Span;

    /// <summary>The people: profiles that are their own canonical one.</summary>
    public Bitmap Everybody { get; } = new(64);

    /// <summary>The highest profile id that is known.</summary>
    public int LastId { get; private set; }

    /// <summary>The canonical profile of one; 0 when there is none.</summary>
    public int CanonicalOf(long profile) => profile > 0 && profile < _canonical.Length ? _canonical[(int)profile] : 0;

    /// <summary>True when that is new.</summary>
    public bool Set(long profile, long canonical)
    {
        var (id, into) = (checked((int)profile), checked((int)canonical));
        _canonical.Reach(id + 1, 0);
        LastId = Math.Max(LastId, id);
        if (_canonical[id] == into)
        {
            return false;
        }

        _canonical[id] = into;
        if (id == into)
        {
            Everybody.Add(id);
        }
        else
        {
            Everybody.Remove(id);
        }

        return true;
    }

    public void Dispose() => _canonical.Dispose();
}
