using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Primitives;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// A call in the address of a picture, for e-mails and pages without scripts: either all of it in <c>data</c>, base64 or base64url
/// of one JSON object, or a parameter for each member, with dots for members within members: <c>properties.revenue=12</c>.
/// </summary>
internal static partial class PixelCall
{
    /// <summary>The body that a client would have sent.</summary>
    public static byte[] Body(IEnumerable<KeyValuePair<string, StringValues>> query)
    {
        var call = new JsonObject();
        foreach (var (name, values) in query)
        {
            if (name == "data" && values.Count == 1 && FromBase64(values[0]!) is { } bytes)
            {
                return bytes;
            }

            if (values is [{ } text, ..])
            {
                Set(call, name, text);
            }
        }

        return JsonSerializer.SerializeToUtf8Bytes(call);
    }

    private static byte[]? FromBase64(string text)
    {
        // A plus sign in an address arrives as a space.
        var plain = text.Trim().Replace(' ', '+').Replace('-', '+').Replace('_', '/').TrimEnd('=');
        var bytes = new byte[plain.Length];
        return Convert.TryFromBase64String(plain.PadRight((plain.Length + 3) / 4 * 4, '='), bytes, out var length) ? bytes[..length] : null;
    }

    private static void Set(JsonObject call, string name, string text)
    {
        var names = name.Split('.');
        var place = call;
        for (var depth = 0; depth < names.Length - 1; depth++)
        {
            switch (place[names[depth]])
            {
                case JsonObject deeper:
                    place = deeper;
                    break;
                case null:
                    place[names[depth]] = place = new JsonObject();
                    break;
                default:
                    // a=1&a.b=2: a is taken already.
                    call[name] = text;
                    return;
            }
        }

        place[names[^1]] = names is ["properties" or "traits", _, ..] ? ValueOf(text) : text;
    }

    /// <summary>Addresses know text only; among what is said of a thing, numbers and truths are told by their look.</summary>
    private static JsonNode? ValueOf(string text) => text switch
    {
        "true" => true,
        "false" => false,
        _ when Number().IsMatch(text) => JsonNode.Parse(text),
        _ => text,
    };

    [GeneratedRegex(@"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?\z")]
    private static partial Regex Number();
}
