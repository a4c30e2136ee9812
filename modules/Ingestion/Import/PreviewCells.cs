using System.Text.Json;
using CdpMonolith.Ingestion.Rules;

namespace CdpMonolith.Ingestion.Import;

/// <summary>Finds in the calls that a row became what one column of it came to.</summary>
internal static class PreviewCells
{
    /// <summary>As text; empty when the cell was blank or left out.</summary>
    /// <param name="calls">Of one row, as JSON.</param>
    /// <param name="line">Which line of its order the row is; the first is 0.</param>
    public static string Of(IEnumerable<JsonElement> calls, ColumnMapping column, int line)
    {
        foreach (var call in calls)
        {
            if (Find(call, column, line) is { } found && TextOf(found) is { Length: > 0 } text)
            {
                return text;
            }
        }

        return "";
    }

    private static JsonElement? Find(JsonElement call, ColumnMapping column, int line) => column.To switch
    {
        ColumnTarget.UserId => At(call, "userId"),
        ColumnTarget.AnonymousId => At(call, "anonymousId"),
        ColumnTarget.Email => At(call, "traits", "email") ?? At(call, "context", "traits", "email"),
        ColumnTarget.Phone => At(call, "traits", "phone") ?? At(call, "context", "traits", "phone"),
        ColumnTarget.OwnId => First(At(call, "context", "externalIds")) is { } id ? At(id, "id") : null,
        ColumnTarget.Trait => At(call, "groupId") is null ? At(call, "traits", column.Name!) : null,
        ColumnTarget.GroupId => At(call, "groupId"),
        ColumnTarget.GroupTrait => At(call, "groupId") is null ? null : At(call, "traits", column.Name!),
        ColumnTarget.OrderId => At(call, "properties", "order_id"),
        ColumnTarget.Line => At(call, "properties", "products") is { } products ? At(products[line], column.Name!) : null,
        ColumnTarget.Property => At(call, "properties", column.Name!),
        ColumnTarget.EventName => At(call, "event"),
        ColumnTarget.Time => At(call, "timestamp"),
        ColumnTarget.MessageId => At(call, "event") is null ? null : At(call, "messageId"),
        ColumnTarget.Consent => Decision(call, column) is { } decision ? At(decision, "status") : null,
        ColumnTarget.ConsentTime => First(At(call, "context", "consent", "decisions")) is { } decision ? At(decision, "at") : null,
        ColumnTarget.ConsentText => First(At(call, "context", "consent", "decisions")) is { } decision ? At(decision, "textVersion") : null,
        ColumnTarget.ConsentSource => First(At(call, "context", "consent", "decisions")) is { } decision ? At(decision, "source") : null,
        _ => null,
    };

    private static JsonElement? Decision(JsonElement call, ColumnMapping column)
    {
        if (At(call, "context", "consent", "decisions") is not { } decisions)
        {
            return null;
        }

        foreach (var decision in decisions.EnumerateArray())
        {
            if (At(decision, "purpose")?.GetString() == column.Purpose && At(decision, "channel")?.GetString() == (column.Channel ?? "any"))
            {
                return decision;
            }
        }

        return null;
    }

    private static JsonElement? At(JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
            {
                return null;
            }
        }

        return element;
    }

    private static JsonElement? First(JsonElement? list) => list is { } items && items.GetArrayLength() > 0 ? items[0] : null;

    private static string TextOf(JsonElement element) => element.ValueKind == JsonValueKind.String ? element.GetString()! : element.GetRawText();
}
