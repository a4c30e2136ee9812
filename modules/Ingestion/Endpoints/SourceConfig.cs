using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>
/// What RudderStack's clients fetch for a write key before they send anything. Without destinations, so that the browser client
/// loads nothing more; with a source that is off, the client stops by itself.
/// </summary>
internal static class SourceConfig
{
    public static void Write(Utf8JsonWriter json, Source source)
    {
        json.WriteStartObject("source");
        json.WriteString("id", FormattableString.Invariant($"source_{source.Id}"));
        json.WriteString("name", source.Name);
        json.WriteString("writeKey", source.WriteKey);
        json.WriteBoolean("enabled", source.Enabled);
        json.WriteString("workspaceId", "cdp");
        json.WriteStartObject("config");
        json.WriteStartObject("statsCollection");
        foreach (var kind in new[] { "errors", "metrics" })
        {
            json.WriteStartObject(kind);
            json.WriteBoolean("enabled", false);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
        foreach (var none in new[] { "destinations", "connections" })
        {
            json.WriteStartArray(none);
            json.WriteEndArray();
        }

        json.WriteStartObject("dataplanes");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteString("updatedAt", DateTimeOffset.FromUnixTimeMilliseconds(source.CreatedAt));
    }
}
