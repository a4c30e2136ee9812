using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Catalogue;

/// <summary>
/// The whole catalogue in memory, counting. Its size is bounded: what comes once it is full is counted as left out, by the event that it
/// belongs to. The first to come stay, so that counting again from the start gives the same.
/// </summary>
internal sealed class CatalogueTally
{
    public const int EventsAtMost = 1000;
    public const int MembersAtMost = 200;
    public const int NamesAtMost = 5000;

    /// <summary>Bytes of a name; a longer one is left out.</summary>
    public const int NameBytesAtMost = 200;

    private const int SampleBytesAtMost = 400;
    private const long Day = 24L * 60 * 60 * 1000;

    private static readonly NameKey WholeKey = new(0, "", "");

    private readonly Dictionary<(CallType Call, string Event), NameTally> _events = [];
    private readonly List<NameTally> _changed = [];
    private NameTally? _whole;
    private int _names;

    public static CatalogueTally Of(ReadSession read)
    {
        var tally = new CatalogueTally();
        var all = CatalogueStore.WithSketches(read);
        foreach (var (name, sketch) in all.Where(each => each.Name.Key.Member.Length == 0))
        {
            var known = NameTally.Of(name, sketch);
            if (name.Key.Call == 0)
            {
                tally._whole = known;
            }
            else
            {
                tally._events.Add((name.Key.Call, name.Key.Event), known);
            }
        }

        foreach (var (name, sketch) in all.Where(each => each.Name.Key.Member.Length > 0))
        {
            var parent = tally._events[(name.Key.Call, name.Key.Event)];
            (parent.Members ??= new(StringComparer.Ordinal)).Add(name.Key.Member, NameTally.Of(name, sketch));
            tally._names++;
        }

        return tally;
    }

    /// <summary>Names with something to be written.</summary>
    public IReadOnlyList<NameTally> Changed => _changed;

    public void Count(IReadOnlyList<CatalogueEntry> entries)
    {
        for (var i = 0; i < entries.Count; i++)
        {
            Count(entries[i], i);
        }

        foreach (var name in _changed)
        {
            if (name.Newest is { } newest)
            {
                name.Show(SampleOf(name, entries[newest.Entry].Body.AsSpan(newest.Start, newest.Length)));
                name.Newest = null;
            }
        }
    }

    /// <summary>All that was counted is on disk.</summary>
    public void Settle()
    {
        _changed.ForEach(name => name.Settle());
        _changed.Clear();
    }

    private void Count(in CatalogueEntry entry, int place)
    {
        var name = entry.Type == CallType.Track ? entry.Name ?? "" : "";
        var found = Event(entry, entry.Type, name);
        if (found is not null)
        {
            found.Seen++;
            found.CameFrom(entry.SourceId, entry.ReceivedAt);
            CollectionsMarshal.GetValueRefOrAddDefault(found.Days ??= [], entry.ReceivedAt / Day, out _)++;
        }

        var json = new Utf8JsonReader(entry.Body);
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var isTraits = json.ValueTextEquals("traits"u8);
            var isContext = !isTraits && json.ValueTextEquals("context"u8);
            var isProperties = !isTraits && !isContext && json.ValueTextEquals("properties"u8);
            json.Read();
            if (json.TokenType != JsonTokenType.StartObject)
            {
                json.Skip();
            }
            else if (isProperties && found is not null && entry.Type is CallType.Track or CallType.Page or CallType.Screen)
            {
                CountMembers(ref json, found!, entry, place);
            }
            else if (isTraits && found is not null && entry.Type is CallType.Identify or CallType.Group)
            {
                CountMembers(ref json, found!, entry, place);
            }
            else if (isContext)
            {
                CountContext(ref json, entry, place);
            }
            else
            {
                json.Skip();
            }
        }
    }

    /// <summary>Traits that came along with another call are traits of the person too.</summary>
    private void CountContext(ref Utf8JsonReader json, in CatalogueEntry entry, int place)
    {
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var isTraits = json.ValueTextEquals("traits"u8);
            json.Read();
            if (isTraits && json.TokenType == JsonTokenType.StartObject && Event(entry, CallType.Identify, "") is { } person)
            {
                CountMembers(ref json, person, entry, place);
            }
            else
            {
                json.Skip();
            }
        }
    }

    private void CountMembers(ref Utf8JsonReader json, NameTally parent, in CatalogueEntry entry, int place)
    {
        Span<byte> bytes = stackalloc byte[NameBytesAtMost];
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var member = json.ValueSpan.Length > NameBytesAtMost ? LeaveOut(parent, json.ValueSpan)
                : json.ValueIsEscaped ? Member(parent, bytes[..json.CopyString(bytes)], entry)
                : Member(parent, json.ValueSpan, entry);
            json.Read();
            if (member is not null)
            {
                Take(ref json, member, entry, place);
            }

            json.Skip();
        }
    }

    private static void Take(ref Utf8JsonReader json, NameTally member, in CatalogueEntry entry, int place)
    {
        member.Seen++;
        member.CameFrom(entry.SourceId, entry.ReceivedAt);
        var type = json.TokenType switch
        {
            JsonTokenType.String => IsTime(json.ValueSpan) ? SeenTypes.Time : SeenTypes.Text,
            JsonTokenType.Number => SeenTypes.Number,
            JsonTokenType.True or JsonTokenType.False => SeenTypes.Boolean,
            JsonTokenType.StartArray => SeenTypes.List,
            JsonTokenType.StartObject => SeenTypes.Object,
            _ => SeenTypes.Null,
        };
        member.Types |= type;
        if (type is not (SeenTypes.List or SeenTypes.Object or SeenTypes.Null))
        {
            var value = json.ValueSpan;
            member.AddValue(value);
            if (value.Length is > 0 and <= SampleBytesAtMost)
            {
                var start = (int)json.TokenStartIndex;
                member.Newest = (place, start, (int)json.BytesConsumed - start);
            }
        }
    }

    private NameTally? Event(in CatalogueEntry entry, CallType call, string name)
    {
        if (!_events.TryGetValue((call, name), out var found))
        {
            if (_events.Count >= EventsAtMost || (name.Length * 3 > NameBytesAtMost && Encoding.UTF8.GetByteCount(name) > NameBytesAtMost))
            {
                _whole ??= new NameTally(WholeKey, entry.ReceivedAt);
                _whole.LastSeen = entry.ReceivedAt;
                LeaveOut(_whole, MemoryMarshal.AsBytes(name.AsSpan()));
                return null;
            }

            _events.Add((call, name), found = new NameTally(new NameKey(call, name, ""), entry.ReceivedAt) { LastSeen = entry.ReceivedAt });
        }

        return Touch(found);
    }

    private NameTally? Member(NameTally parent, ReadOnlySpan<byte> name, in CatalogueEntry entry)
    {
        Span<char> room = stackalloc char[NameBytesAtMost];
        var text = room[..Encoding.UTF8.GetChars(name, room)];
        var members = parent.Members ??= new(StringComparer.Ordinal);
        if (members.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out var found))
        {
            return Touch(found);
        }

        if (text.IsEmpty || members.Count >= MembersAtMost || _names >= NamesAtMost)
        {
            return LeaveOut(parent, name);
        }

        _names++;
        found = new NameTally(parent.Key with { Member = text.ToString() }, entry.ReceivedAt);
        members.Add(found.Key.Member, found);
        return Touch(found);
    }

    private NameTally? LeaveOut(NameTally parent, ReadOnlySpan<byte> name)
    {
        parent.LeftOut++;
        parent.AddValue(name);
        Touch(parent);
        return null;
    }

    private NameTally Touch(NameTally name)
    {
        if (!name.IsChanged)
        {
            name.IsChanged = true;
            _changed.Add(name);
        }

        return name;
    }

    private static string SampleOf(NameTally name, ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        var text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : Encoding.UTF8.GetString(json);
        var isTime = reader.TokenType == JsonTokenType.String && IsTime(reader.ValueSpan);
        return reader.TokenType == JsonTokenType.String && !isTime && !name.IsChoice
            ? Samples.Shape(text)
            : Samples.Of(name.Key.Member, text, name.Key.Call is CallType.Identify or CallType.Group, isTime);
    }

    /// <summary>It begins as a date: four digits, two, two, with hyphens between.</summary>
    private static bool IsTime(ReadOnlySpan<byte> text)
    {
        if (text.Length < 10 || text[4] != '-' || text[7] != '-' || (text.Length > 10 && text[10] is not ((byte)'T' or (byte)' ')))
        {
            return false;
        }

        foreach (var digit in (ReadOnlySpan<int>)[0, 1, 2, 3, 5, 6, 8, 9])
        {
            if (!char.IsAsciiDigit((char)text[digit]))
            {
                return false;
            }
        }

        return true;
    }
}
