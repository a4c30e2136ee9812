using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// Whether a call says that its person agreed to a purpose: in <c>context.consent.categoryPreferences</c> (Segment),
/// <c>context.consentManagement.allowedConsentIds</c> (RudderStack) or <c>context.consent.decisions</c> (ours).
/// </summary>
internal static class RequiredConsent
{
    /// <summary>False also for a call that says nothing of it.</summary>
    /// <param name="call">Complete, its body sound.</param>
    public static bool IsGiven(Call call, string purpose)
    {
        if (!call.Flags.HasFlag(EventFlags.HasConsent))
        {
            return false;
        }

        // That somebody says no must be stored, or nobody would know.
        if (CallRules.IsConsentUpdate(call))
        {
            return true;
        }

        using var json = JsonDocument.Parse(call.Body);
        if (Member(json.RootElement, "context") is not { } context)
        {
            return false;
        }

        var consent = Member(context, "consent");
        return Is(Member(consent, "categoryPreferences"), purpose)
            || Items(Member(Member(context, "consentManagement"), "allowedConsentIds")).Any(id => Names(id, purpose))
            || Items(Member(consent, "decisions")).Any(decision =>
                Member(decision, "purpose") is { } of && Names(of, purpose) && Member(decision, "status") is { } status && Names(status, "granted"));
    }

    private static bool Is(JsonElement? preferences, string purpose) =>
        preferences is { ValueKind: JsonValueKind.Object } all
        && all.EnumerateObject().Where(one => Same(one.Name, purpose)).Select(one => one.Value.ValueKind).ToList() is { Count: > 0 } said
        && said.TrueForAll(value => value == JsonValueKind.True);

    private static bool Names(JsonElement text, string word) => text.ValueKind == JsonValueKind.String && Same(text.GetString()!, word);

    private static bool Same(string text, string word) => text.Trim().Equals(word, StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<JsonElement> Items(JsonElement? list) =>
        list is { ValueKind: JsonValueKind.Array } items ? items.EnumerateArray() : [];

    private static JsonElement? Member(JsonElement? of, string name) =>
        of is { ValueKind: JsonValueKind.Object } holder && holder.TryGetProperty(name, out var member) ? member : null;
}
