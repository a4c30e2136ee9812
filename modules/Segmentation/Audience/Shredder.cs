using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>
/// Takes JSON apart into columns: scalars of the object and of the objects right inside it, those as <c>a.b</c>. Null, lists and
/// what is deeper are left out.
/// </summary>
internal sealed class Shredder
{
    private const int LongestName = 200;

    private readonly Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> _names =
        new Dictionary<string, string>().GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly char[] _name = new char[(2 * LongestName) + 1];
    private byte[] _text = new byte[256];

    /// <summary>
    /// The properties of a call into the row; of a view also its name, when the properties say none. Of a group its traits and <c>groupId</c>.
    /// </summary>
    public void Event(Event call, Func<string, Column?> columnOf, int row)
    {
        var isGroup = call.Type == CallType.Group;
        if (isGroup || call.Type is CallType.Page or CallType.Screen)
        {
            if (call.Name is { } name && columnOf(isGroup ? "groupId" : "name") is { } column)
            {
                column.Set(row, Encoding.UTF8.GetBytes(name));
            }
        }

        var reader = new Utf8JsonReader(call.Body);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var wanted = isGroup ? reader.ValueTextEquals("traits"u8) : reader.ValueTextEquals("properties"u8);
            reader.Read();
            if (wanted && reader.TokenType == JsonTokenType.StartObject)
            {
                Members(ref reader, columnOf, row, 0, 0);
                return;
            }

            reader.Skip();
        }
    }

    /// <summary>The members of an object into the row.</summary>
    public void Object(ReadOnlySpan<byte> json, Func<string, Column?> columnOf, int row)
    {
        var reader = new Utf8JsonReader(json);
        if (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            Members(ref reader, columnOf, row, 0, 0);
        }
    }

    private void Members(ref Utf8JsonReader reader, Func<string, Column?> columnOf, int row, int prefix, int depth)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var length = NameLength(ref reader, prefix);
            reader.Read();
            if (length < 0)
            {
                reader.Skip();
                continue;
            }

            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject when depth == 0:
                    _name[length] = '.';
                    Members(ref reader, columnOf, row, length + 1, depth + 1);
                    break;
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    reader.Skip();
                    break;
                case JsonTokenType.String:
                    columnOf(Known(length))?.Set(row, TextOf(ref reader));
                    break;
                case JsonTokenType.Number:
                    columnOf(Known(length))?.Set(row, reader.GetDouble());
                    break;
                case JsonTokenType.True or JsonTokenType.False:
                    columnOf(Known(length))?.Set(row, reader.TokenType == JsonTokenType.True);
                    break;
            }
        }
    }

    /// <summary>Writes the name behind the prefix and returns where it ends; -1 when it cannot be used.</summary>
    private int NameLength(ref Utf8JsonReader reader, int prefix)
    {
        if (reader.ValueSpan.Length > LongestName)
        {
            return -1;
        }

        try
        {
            return prefix + reader.CopyString(_name.AsSpan(prefix));
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair: valid JSON, but no text.
            return -1;
        }
    }

    private string Known(int length)
    {
        var name = _name.AsSpan(0, length);
        if (!_names.TryGetValue(name, out var known))
        {
            // Names that people make up without end must not fill the memory.
            if (_names.Dictionary.Count > 50_000)
            {
                _names.Dictionary.Clear();
            }

            _names[name] = known = name.ToString();
        }

        return known;
    }

    private ReadOnlySpan<byte> TextOf(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped)
        {
            return reader.ValueSpan;
        }

        if (_text.Length < reader.ValueSpan.Length)
        {
            _text = new byte[reader.ValueSpan.Length];
        }

        try
        {
            return _text.AsSpan(0, reader.CopyString(_text));
        }
        catch (InvalidOperationException)
        {
            return default;
        }
    }
}
