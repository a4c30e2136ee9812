using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Takes from <c>context.ip</c> of a call what names one household: it then still says the region.</summary>
internal static class IpAddresses
{
    private const int KeptBytesOfV6 = 6;

    /// <summary>The body with the address cut to its first 24 bits, of IPv6 48; the same body when there is no address in it.</summary>
    public static ReadOnlyMemory<byte> Truncate(ReadOnlyMemory<byte> body)
    {
        if (body.Span.IndexOf("\"ip\""u8) < 0)
        {
            return body;
        }

        var json = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = int.MaxValue });
        var inContext = false;
        while (json.Read())
        {
            if (json.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            if (json.CurrentDepth == 1)
            {
                inContext = json.ValueTextEquals("context"u8);
            }
            else if (inContext && json.CurrentDepth == 2 && json.ValueTextEquals("ip"u8) && json.Read() && json.TokenType == JsonTokenType.String
                && Cut(json.GetString()!) is { } cut)
            {
                var (start, end) = ((int)json.TokenStartIndex, (int)json.BytesConsumed);
                return (byte[])[.. body.Span[..start], (byte)'"', .. Encoding.ASCII.GetBytes(cut), (byte)'"', .. body.Span[end..]];
            }
        }

        return body;
    }

    /// <returns>Null: it is no address, or is cut already.</returns>
    public static string? Cut(string text)
    {
        if (!IPAddress.TryParse(text.Trim(), out var address))
        {
            return null;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        var bytes = address.GetAddressBytes();
        Array.Clear(bytes, address.AddressFamily == AddressFamily.InterNetwork ? 3 : KeptBytesOfV6, bytes.Length - (address.AddressFamily == AddressFamily.InterNetwork ? 3 : KeptBytesOfV6));
        return new IPAddress(bytes).ToString() is var cut && cut != text ? cut : null;
    }
}
