namespace CdpMonolith.Segmentation.Audience;

/// <summary>The events of one name as columns, in the order of time once <see cref="Sort"/> was called.</summary>
internal sealed class EventTable(string name) : IDisposable
{
    /// <summary>Properties of an event name that rules can see; further ones are left out.</summary>
    public const int MostProperties = 48;

    private readonly Dictionary<string, Column> _properties = [];
    private readonly Block<int> _profiles = new();
    private readonly Block<long> _times = new();
    private int _sorted;

    public string Name { get; } = name;

    public int Count => _profiles.Length;

    public bool IsSorted => _sorted == Count;

    /// <summary>Profiles that the events were given to; not the canonical ones.</summary>
    public ReadOnlySpan<int> Profiles => _profiles.Span;

    /// <summary>Unix ms.</summary>
    public ReadOnlySpan<long> Times => _times.Span;

    public IReadOnlyDictionary<string, Column> Properties => _properties;

    public long MemoryBytes => _profiles.MemoryBytes + _times.MemoryBytes + _properties.Values.Sum(column => column.MemoryBytes);

    /// <summary>Adds an event and returns its row.</summary>
    public int Add(int profile, long time)
    {
        // In order already, as most events come.
        if (_sorted == Count && (Count == 0 || time >= _times[Count - 1]))
        {
            _sorted++;
        }

        _times.Add(time);
        _profiles.Add(profile);
        return Count - 1;
    }

    public void Dispose()
    {
        _profiles.Dispose();
        _times.Dispose();
        foreach (var column in _properties.Values)
        {
            column.Dispose();
        }
    }

    /// <summary>The column of a property; null when the table has too many already.</summary>
    public Column? PropertyForWriting(string property)
    {
        if (!_properties.TryGetValue(property, out var column) && _properties.Count < MostProperties)
        {
            _properties.Add(property, column = new Column());
        }

        return column;
    }

    /// <summary>Rows of a stretch of time, from and up to but not with.</summary>
    public (int First, int End) Rows(long from, long to) => (FirstAt(from, Count), to == long.MaxValue ? Count : FirstAt(to, Count));

    /// <summary>Puts late arrivals in their places. Costs as much as there are rows after the earliest of them.</summary>
    public void Sort()
    {
        if (IsSorted)
        {
            return;
        }

        var late = LateInOrder();
        var times = Times;
        var first = FirstAt(_times[late[0]] + 1, _sorted);
        var order = new int[Count - first];
        for (int i = 0, old = first, next = 0; i < order.Length; i++)
        {
            order[i] = next == late.Length || (old < _sorted && times[old] <= times[late[next]]) ? old++ : late[next++];
        }

        Move(_profiles.Span, first, order);
        Move(_times.Span, first, order);
        foreach (var column in _properties.Values)
        {
            column.Cover(Count);
            column.Reorder(first, order);
        }

        _sorted = Count;
    }

    /// <summary>The rows that are not in their places by time; of the same time, the one that came first stands first.</summary>
    private int[] LateInOrder()
    {
        var late = Enumerable.Range(_sorted, Count - _sorted).ToArray();
        var times = Times.Slice(_sorted, late.Length).ToArray();
        Array.Sort(times, late);
        for (var start = 0; start < late.Length;)
        {
            var end = start + 1;
            while (end < late.Length && times[end] == times[start])
            {
                end++;
            }

            Array.Sort(late, start, end - start);
            start = end;
        }

        return late;
    }

    /// <summary>The first of the rows up to an end that is not before a time.</summary>
    private int FirstAt(long time, int end)
    {
        var times = Times;
        var (low, high) = (0, end);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (times[middle] < time)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private static void Move<T>(Span<T> array, int first, int[] order)
    {
        var moved = new T[order.Length];
        for (var i = 0; i < moved.Length; i++)
        {
            moved[i] = array[order[i]];
        }

        moved.CopyTo(array[first..]);
    }
}
