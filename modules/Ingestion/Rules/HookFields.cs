using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Reading values out of a webhook's JSON by path: <c>customer.emails[0].address</c>.</summary>
internal static class HookFields
{
    private const int LeavesAtMost = 300;

    /// <summary>The value at a path; null: none there, JSON's null included.</summary>
    public static JsonElement? At(this JsonElement value, string path)
    {
        foreach (var step in path.Split('.'))
        {
            var bracket = step.IndexOf('[', StringComparison.Ordinal);
            var name = bracket < 0 ? step : step[..bracket];
            if (name.Length > 0)
            {
                if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(name, out value))
                {
                    return null;
                }
            }

            for (; bracket >= 0; bracket = step.IndexOf('[', bracket + 1))
            {
                var end = step.IndexOf(']', bracket);
                if (end < 0 || !int.TryParse(step.AsSpan(bracket + 1, end - bracket - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                    || value.ValueKind != JsonValueKind.Array || index >= value.GetArrayLength())
                {
                    return null;
                }

                value = value[index];
            }
        }

        return value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined ? null : value;
    }

    /// <summary>Text or a number at a path, as text; null: none, or blank.</summary>
    public static string? Text(this JsonElement value, string path) => value.At(path) is { } found ? Text(found) : null;

    public static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => string.IsNullOrWhiteSpace(value.GetString()) ? null : value.GetString()!.Trim(),
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => null,
    };

    /// <summary>An amount, which shops write as text; null: none.</summary>
    public static JsonNode? Money(this JsonElement value, string path) =>
        decimal.TryParse(value.Text(path), NumberStyles.Number & ~NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out var amount)
            ? JsonValue.Create(amount)
            : null;

    public static IEnumerable<JsonElement> Items(this JsonElement value, string path) =>
        value.At(path) is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray() : [];

    public static bool Is(this JsonElement value, string path) => value.At(path) is { ValueKind: JsonValueKind.True };

    /// <summary>Sets a member unless there is nothing to set.</summary>
    public static void Put(this JsonObject to, string name, JsonNode? value)
    {
        if (value is not null)
        {
            to[name] = value;
        }
    }

    /// <summary>Every value that is no object, with its path, in the order of the text.</summary>
    public static IReadOnlyList<(string Path, JsonElement Value)> Leaves(JsonElement root)
    {
        var leaves = new List<(string, JsonElement)>();
        Walk(root, "");
        return leaves;

        void Walk(JsonElement value, string path)
        {
            if (leaves.Count >= LeavesAtMost)
            {
                return;
            }

            if (value.ValueKind == JsonValueKind.Object)
            {
                foreach (var member in value.EnumerateObject())
                {
                    Walk(member.Value, path.Length == 0 ? member.Name : $"{path}.{member.Name}");
                }
            }
            else if (value.ValueKind == JsonValueKind.Array)
            {
                var index = 0;
                foreach (var item in value.EnumerateArray())
                {
                    Walk(item, FormattableString.Invariant($"{path}[{index++}]"));
                }
            }
            else
            {
                leaves.Add((path, value));
            }
        }
    }
}
