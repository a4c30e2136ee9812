using System.Text.Json;

namespace CdpMonolith.Activation.Rules;

/// <summary>A message that the demo's receiver took.</summary>
/// <param name="Again">It had come before under the same id.</param>
internal sealed record DemoMessage(string Id, string Type, string Segment, long? ProfileId, string Body, long At, bool Again);

/// <summary>The last messages that the demo's receiver took, in memory, latest first.</summary>
internal sealed class DemoInbox
{
    private const int Kept = 200;

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly Lock _lock = new();
    private readonly LinkedList<DemoMessage> _messages = [];
    private long _taken;

    /// <summary>A message came.</summary>
    public event Action? Changed;

    /// <summary>How many came since the program started, those no longer kept included.</summary>
    public long Taken => Interlocked.Read(ref _taken);

    public IReadOnlyList<DemoMessage> Latest()
    {
        lock (_lock)
        {
            return [.. _messages];
        }
    }

    public void Add(string id, byte[] body, long at)
    {
        using var json = JsonDocument.Parse(body);
        var data = json.RootElement.TryGetProperty("data", out var found) ? found : default;
        var message = new DemoMessage(
            id, json.RootElement.TryGetProperty("type", out var type) ? type.GetString() ?? "" : "",
            data.ValueKind == JsonValueKind.Object && data.TryGetProperty("segment", out var segment) ? segment.GetProperty("name").GetString() ?? "" : "",
            data.ValueKind == JsonValueKind.Object && data.TryGetProperty("profileId", out var profile) ? profile.GetInt64() : null,
            JsonSerializer.Serialize(json.RootElement, Indented), at, false);
        lock (_lock)
        {
            _messages.AddFirst(message with { Again = _messages.Any(known => known.Id == id) });
            if (_messages.Count > Kept)
            {
                _messages.RemoveLast();
            }
        }

        Interlocked.Increment(ref _taken);
        Changed?.Invoke();
    }
}
