using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace CdpMonolith.Profiles.Rules;

/// <summary>JSON without spaces and without escapes that are not needed, so that equal values are equal bytes.</summary>
internal static class CompactJson
{
    public static void WriteString(IBufferWriter<byte> output, string text)
    {
        output.Write("\""u8);
        Encoding.UTF8.GetBytes(NeedsEscape(text) ? Escaped(text) : text, output);
        output.Write("\""u8);
    }

    /// <summary>Copies the value that the reader stands on, and leaves the reader at its end.</summary>
    public static void Copy(ref Utf8JsonReader reader, IBufferWriter<byte> output)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                output.Write("{"u8);
                for (var first = true; reader.Read() && reader.TokenType != JsonTokenType.EndObject; first = false)
                {
                    if (!first)
                    {
                        output.Write(","u8);
                    }

                    CopyString(ref reader, output);
                    output.Write(":"u8);
                    reader.Read();
                    Copy(ref reader, output);
                }

                output.Write("}"u8);
                break;
            case JsonTokenType.StartArray:
                output.Write("["u8);
                for (var first = true; reader.Read() && reader.TokenType != JsonTokenType.EndArray; first = false)
                {
                    if (!first)
                    {
                        output.Write(","u8);
                    }

                    Copy(ref reader, output);
                }

                output.Write("]"u8);
                break;
            case JsonTokenType.String:
                CopyString(ref reader, output);
                break;
            default:
                output.Write(reader.ValueSpan);
                break;
        }
    }

    private static void CopyString(ref Utf8JsonReader reader, IBufferWriter<byte> output)
    {
        if (reader.ValueIsEscaped)
        {
            WriteString(output, reader.GetString()!);
            return;
        }

        output.Write("\""u8);
        output.Write(reader.ValueSpan);
        output.Write("\""u8);
    }

    private static bool NeedsEscape(ReadOnlySpan<char> text) =>
        text.ContainsAny('"', '\\') || text.ContainsAnyInRange('\0', '\u001f');

    private static string Escaped(string text)
    {
        var escaped = new StringBuilder(text.Length + 8);
        foreach (var sign in text)
        {
            _ = sign switch
            {
                '"' => escaped.Append("\\\""),
                '\\' => escaped.Append("\\\\"),
                '\n' => escaped.Append("\\n"),
                '\r' => escaped.Append("\\r"),
                '\t' => escaped.Append("\\t"),
                < ' ' => escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)sign:x4}"),
                _ => escaped.Append(sign),
            };
        }

        return escaped.ToString();
    }
}
