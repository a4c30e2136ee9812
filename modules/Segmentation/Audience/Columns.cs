using CdpMonolith.Consent.Contracts;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>
/// What rules ask about, in memory: people, traits, events and consents as plain arrays. Holds nothing that cannot be read again
/// from the store. Not safe for several threads by itself; see <see cref="AudienceColumns"/>.
/// </summary>
internal sealed class Columns : IDisposable
{
    /// <summary>Traits that rules can see; further ones are left out.</summary>
    public const int MostTraits = 1000;

    /// <summary>Event names with a table of their own; the events of further ones are only seen as "any event".</summary>
    public const int MostEventNames = 5000;

    private readonly Shredder _shredder = new();
    private readonly Dictionary<string, EventTable> _events = [];
    private readonly Dictionary<string, Column> _traits = [];
    private readonly EventTable _furtherNames = new("");
    private readonly Bitmap _taken = new();

    public People People { get; } = new();

    public TraitRows TraitRows { get; } = new();

    public Consents Consents { get; } = new();

    /// <summary>By <see cref="TraitRows"/>.</summary>
    public IReadOnlyDictionary<string, Column> Traits => _traits;

    public IReadOnlyDictionary<string, EventTable> Events => _events;

    /// <summary>Every table, that of names too many included.</summary>
    public IEnumerable<EventTable> AllEvents => _furtherNames.Count == 0 ? _events.Values : _events.Values.Append(_furtherNames);

    public long EventCount => _events.Values.Sum(table => (long)table.Count) + _furtherNames.Count;

    public long MemoryBytes => Consents.MemoryBytes + _events.Values.Append(_furtherNames).Sum(table => table.MemoryBytes)
        + _traits.Values.Sum(column => column.MemoryBytes) + TraitRows.MemoryBytes + (5L * People.LastId);

    /// <summary>The value of a person's trait.</summary>
    public Fact TraitOf(int profileId, string trait) =>
        _traits.TryGetValue(trait, out var column) && TraitRows.Of(profileId) is >= 0 and var row ? column.FactAt(row) : Fact.Absent;

    public void AddPerson(long profileId, long canonicalId, Touched touched) => touched.People |= People.Set(profileId, canonicalId);

    /// <summary>An event that was given to a profile. False when it was taken before.</summary>
    public bool AddEvent(long profileId, Event call, Touched touched)
    {
        if (call.Seq <= int.MaxValue)
        {
            if (_taken[call.Seq])
            {
                return false;
            }

            _taken.Add((int)call.Seq);
        }

        if (NameOf(call) is not { } name)
        {
            return true;
        }

        var table = TableForWriting(name);
        var row = table.Add(checked((int)profileId), call.OccurredAt);
        touched.Event(name);
        if (table != _furtherNames)
        {
            _shredder.Event(call, table.PropertyForWriting, row);
        }

        return true;
    }

    public EventTable TableForWriting(string name)
    {
        if (!_events.TryGetValue(name, out var table))
        {
            if (_events.Count >= MostEventNames)
            {
                return _furtherNames;
            }

            _events.Add(name, table = new EventTable(name));
        }

        return table;
    }

    /// <summary>Replaces all traits of a canonical profile.</summary>
    /// <param name="golden">Null: nothing is known of them now.</param>
    public void SetTraits(long profileId, GoldenRecord? golden, Touched touched)
    {
        var row = TraitRows.Of(checked((int)profileId));
        if (row >= 0)
        {
            foreach (var (name, column) in _traits)
            {
                if (column.HasValueAt(row))
                {
                    touched.Trait(name);
                    column.Clear(row);
                }
            }
        }

        if (golden is not null)
        {
            row = row >= 0 ? row : TraitRows.Add((int)profileId);
            _shredder.Object(
                golden.Traits,
                name =>
                {
                    touched.Trait(name);
                    return TraitForWriting(name);
                },
                row);
        }
    }

    public Column? TraitForWriting(string name)
    {
        if (!_traits.TryGetValue(name, out var column) && _traits.Count < MostTraits)
        {
            _traits.Add(name, column = new Column());
        }

        return column;
    }

    public void AddConsent(ConsentEntry entry, Touched touched)
    {
        touched.Consents = true;
        Consents.Add(entry);
    }

    public bool IsSorted => _events.Values.All(table => table.IsSorted) && _furtherNames.IsSorted;

    public void Sort()
    {
        foreach (var table in AllEvents)
        {
            table.Sort();
        }
    }

    public void Dispose()
    {
        People.Dispose();
        TraitRows.Dispose();
        Consents.Dispose();
        foreach (var table in _events.Values.Append(_furtherNames))
        {
            table.Dispose();
        }

        foreach (var column in _traits.Values)
        {
            column.Dispose();
        }
    }

    /// <summary>What rules call an event; null for calls that are no events: identify and alias.</summary>
    private static string? NameOf(Event call) => call.Type switch
    {
        CallType.Track => call.Name,
        CallType.Page => EventNames.Page,
        CallType.Screen => EventNames.Screen,
        CallType.Group => EventNames.Group,
        _ => null,
    };
}
