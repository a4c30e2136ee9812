using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>
/// The settings that Segment's browser and mobile clients fetch for a write key. One integration only, ourselves: a second one
/// would make the browser client load more code from Segment.
/// </summary>
internal static class ClientSettings
{
    public static void Write(Utf8JsonWriter json, string writeKey, HttpRequest request)
    {
        json.WriteStartObject("integrations");
        json.WriteStartObject("Segment.io");
        json.WriteString("apiKey", writeKey);
        json.WriteString("apiHost", $"{request.Host.Value}/v1");
        json.WriteString("protocol", request.Scheme);
        json.WriteBoolean("addBundledMetadata", true);
        json.WriteStartObject("maybeBundledConfigIds");
        json.WriteEndObject();
        json.WriteStartArray("unbundledIntegrations");
        json.WriteEndArray();
        json.WriteBoolean("retryQueue", true);
        json.WriteStartObject("httpConfig");
        WriteEnabled(json, "rateLimitConfig");
        WriteEnabled(json, "backoffConfig");
        json.WriteEndObject();
        json.WriteStartObject("versionSettings");
        json.WriteString("version", "4.4.7");
        json.WriteStartArray("componentTypes");
        json.WriteStringValue("browser");
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();

        json.WriteStartObject("plan");
        foreach (var kind in new[] { "track", "identify", "group" })
        {
            json.WriteStartObject(kind);
            json.WriteStartObject("__default");
            json.WriteBoolean("enabled", true);
            json.WriteStartObject("integrations");
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteStartObject("edgeFunction");
        json.WriteEndObject();
        json.WriteBoolean("analyticsNextEnabled", true);
        json.WriteStartObject("middlewareSettings");
        json.WriteEndObject();
        json.WriteStartObject("enabledMiddleware");
        json.WriteEndObject();
        json.WriteStartObject("metrics");
        json.WriteNumber("sampleRate", 0);
        json.WriteEndObject();
        json.WriteBoolean("legacyVideoPluginsEnabled", false);
        json.WriteStartArray("remotePlugins");
        json.WriteEndArray();
    }

    private static void WriteEnabled(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject(name);
        json.WriteBoolean("enabled", true);
        json.WriteEndObject();
    }
}
