using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// Reading values out of a webhook's JSON by path: <c>customer.emails[0].address</c>. A dot or bracket that is part of a name has a
/// backslash in front: <c>utm\.source</c>.
/// </summary>
internal static class HookFields
{
    private const int LeavesAtMost = 300;

    /// <summary>The value at a path; null: none there, JSON's null included.</summary>
    public static JsonElement? At(this JsonElement value, string path)
    {
        foreach (var (name, step) in Steps(path))
        {
            var bracket = step.IndexOf('[', StringComparison.Ordinal);
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

    /// <summary>A name as one step of a path.</summary>
    public static string Step(string name) => name.AsSpan().ContainsAny(@".[\") ? string.Concat(name.Select(sign => sign is '.' or '[' or '\\' ? $@"\{sign}" : $"{sign}")) : name;

    /// <summary>The names of a path, each with the brackets behind it.</summary>
    private static IEnumerable<(string Name, string Brackets)> Steps(string path)
    {
        var (name, brackets) = (new StringBuilder(), new StringBuilder());
        for (var at = 0; at < path.Length; at++)
        {
            if (path[at] == '\\' && at + 1 < path.Length)
            {
                name.Append(path[++at]);
            }
            else if (path[at] == '.')
            {
                yield return (name.ToString(), brackets.ToString());
                name.Clear();
                brackets.Clear();
            }
            else
            {
                (path[at] == '[' || brackets.Length > 0 ? brackets : name).Append(path[at]);
            }
        }

        yield return (name.ToString(), brackets.ToString());
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

    /// <summary>Whether a webhook has values to choose from.</summary>
    public static bool AreIn(ReadOnlyMemory<byte> raw)
    {
        try
        {
            using var json = JsonDocument.Parse(raw);
            return Leaves(json.RootElement).Any(leaf => leaf.Path.Length > 0);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Every value that is no object, with its path, in the order of the text; a value without a name is left out.</summary>
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
                foreach (var member in value.EnumerateObject().Where(member => member.Name.Length > 0))
                {
                    Walk(member.Value, path.Length == 0 ? Step(member.Name) : $"{path}.{Step(member.Name)}");
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
