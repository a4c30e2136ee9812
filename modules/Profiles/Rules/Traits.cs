using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;

namespace CdpMonolith.Profiles.Rules;

/// <summary>What was said of a person.</summary>
/// <param name="Value">JSON in UTF-8 without spaces; <c>null</c> says that the trait no longer holds.</param>
/// <param name="At">When it was said, Unix ms.</param>
internal readonly record struct Trait(string Name, byte[] Value, long At)
{
    public bool IsGone => Value.AsSpan().SequenceEqual("null"u8);

    /// <summary>
    /// Of two statements about one trait the one that holds: the later; of equally late ones the greater text, so that it does
    /// not matter which came first.
    /// </summary>
    public static Trait Later(Trait a, Trait b) =>
        a.At != b.At ? a.At > b.At ? a : b
        : a.Value.AsSpan().SequenceCompareTo(b.Value) >= 0 ? a : b;
}

/// <summary>Sets of traits, sorted by name: reading, writing, and which value wins.</summary>
internal static class Traits
{
    /// <summary>A set keeps this many names, the first by their text, whatever the order of arrival.</summary>
    public const int Most = 1000;

    public static readonly Trait[] None = [];

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _buffer;

    public static byte[] NullValue { get; } = "null"u8.ToArray();

    /// <summary>Sorts and leaves one statement per name.</summary>
    public static Trait[] Of(List<Trait> said)
    {
        if (said.Count == 0)
        {
            return None;
        }

        said.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        var kept = new List<Trait>(said.Count);
        foreach (var trait in said)
        {
            if (kept.Count > 0 && kept[^1].Name == trait.Name)
            {
                kept[^1] = Trait.Later(kept[^1], trait);
            }
            else if (kept.Count < Most)
            {
                kept.Add(trait);
            }
        }

        return [.. kept];
    }

    /// <summary>Both sets in one: last write wins, name by name. The order of the two does not matter.</summary>
    public static Trait[] Merge(Trait[] a, Trait[] b)
    {
        if (a.Length == 0 || b.Length == 0)
        {
            return a.Length == 0 ? b : a;
        }

        var merged = new List<Trait>(a.Length + b.Length);
        for (int i = 0, j = 0; (i < a.Length || j < b.Length) && merged.Count < Most;)
        {
            var order = i == a.Length ? 1 : j == b.Length ? -1 : string.CompareOrdinal(a[i].Name, b[j].Name);
            merged.Add(order == 0 ? Trait.Later(a[i++], b[j++]) : order < 0 ? a[i++] : b[j++]);
        }

        return [.. merged];
    }

    /// <summary>The golden record: what holds, by the tables of values, as a JSON object. Empty when nothing does.</summary>
    public static byte[] Golden(Trait[] traits, Standards standards)
    {
        var output = Buffer();
        var first = true;
        foreach (var trait in traits)
        {
            if (trait.IsGone)
            {
                continue;
            }

            output.Write(first ? "{"u8 : ","u8);
            first = false;
            CompactJson.WriteString(output, trait.Name);
            output.Write(":"u8);
            output.Write(standards.Of(trait.Name, trait.Value));
        }

        if (first)
        {
            return [];
        }

        output.Write("}"u8);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>
    /// As a source record is stored: <c>{"name":{"v":value,"t":ms}}</c>, or <c>[ms,{"name":value}]</c> when all of it was said at one time.
    /// Valid until the next call on this thread.
    /// </summary>
    public static ReadOnlySpan<byte> Write(Trait[] traits)
    {
        var output = Buffer();
        if (traits.Length > 0 && Array.TrueForAll(traits, trait => trait.At == traits[0].At))
        {
            WriteOfOneTime(output, traits);
            return output.WrittenSpan;
        }

        output.Write("{"u8);
        for (var i = 0; i < traits.Length; i++)
        {
            if (i > 0)
            {
                output.Write(","u8);
            }

            CompactJson.WriteString(output, traits[i].Name);
            output.Write(":{\"v\":"u8);
            output.Write(traits[i].Value);
            output.Write(",\"t\":"u8);
            Utf8Formatter.TryFormat(traits[i].At, output.GetSpan(20), out var length);
            output.Advance(length);
            output.Write("}"u8);
        }

        output.Write("}"u8);
        return output.WrittenSpan;
    }

    private static void WriteOfOneTime(ArrayBufferWriter<byte> output, Trait[] traits)
    {
        output.Write("["u8);
        Utf8Formatter.TryFormat(traits[0].At, output.GetSpan(20), out var length);
        output.Advance(length);
        for (var i = 0; i < traits.Length; i++)
        {
            output.Write(i == 0 ? ",{"u8 : ","u8);
            CompactJson.WriteString(output, traits[i].Name);
            output.Write(":"u8);
            output.Write(traits[i].Value);
        }

        output.Write("}]"u8);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static Trait[] Parse(ReadOnlySpan<byte> record)
    {
        var reader = new Utf8JsonReader(record);
        var traits = new List<Trait>();
        reader.Read();
        if (reader.TokenType == JsonTokenType.StartArray)
        {
            reader.Read();
            var said = reader.GetInt64();
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                traits.Add(new Trait(name, record[start..(int)reader.BytesConsumed].ToArray(), said));
            }

            return [.. traits];
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            byte[] value = [];
            var at = 0L;
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isValue = reader.ValueTextEquals("v"u8);
                reader.Read();
                if (!isValue)
                {
                    at = reader.GetInt64();
                    continue;
                }

                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                value = record[start..(int)reader.BytesConsumed].ToArray();
            }

            traits.Add(new Trait(name, value, at));
        }

        return [.. traits];
    }

    private static ArrayBufferWriter<byte> Buffer()
    {
        var buffer = _buffer ??= new ArrayBufferWriter<byte>(1024);
        buffer.ResetWrittenCount();
        return buffer;
    }
}
