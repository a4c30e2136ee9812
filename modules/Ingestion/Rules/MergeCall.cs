using System.Text.Json;
using System.Text.Json.Nodes;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// RudderStack's call merge, two identifiers of one person: <c>{ mergeProperties: [{ type, value }, { type, value }] }</c>. Kept as an
/// identify call that says nothing but these identifiers, so that the link shows its evidence like any other.
/// </summary>
internal static class MergeCall
{
    public static readonly Refusal Unusable = new(
        "merge.properties_unusable", "A merge call needs two or more mergeProperties, each an object with a type and a value.", "mergeProperties");

    /// <summary>The identify call; null: it is no merge call that can be used.</summary>
    public static byte[]? Body(ReadOnlySpan<byte> body)
    {
        try
        {
            if (JsonNode.Parse(body) is not JsonObject call || call["mergeProperties"] is not JsonArray { Count: >= 2 } properties)
            {
                return null;
            }

            var ids = new JsonArray();
            foreach (var property in properties)
            {
                if (property is not JsonObject { Count: > 0 } || Text(property["type"]) is not { } type || Text(property["value"]) is not { } value)
                {
                    return null;
                }

                ids.Add(new JsonObject { ["id"] = value, ["type"] = TypeOf(type), ["collection"] = "users", ["encoding"] = "none" });
            }

            var context = call["context"] as JsonObject;
            call.Remove("context");
            context ??= [];
            context["externalIds"] = ids;
            call["context"] = context;
            call["type"] = "identify";
            call["traits"] = new JsonObject();
            return JsonSerializer.SerializeToUtf8Bytes(call);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    private static string? Text(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.String when node.GetValue<string>().Trim() is { Length: > 0 } text => text,
        JsonValueKind.Number => node.ToJsonString(),
        _ => null,
    };

    private static string TypeOf(string type) => type switch
    {
        "userId" => "user_id",
        "anonymousId" => "anonymous_id",
        _ => type,
    };
}
