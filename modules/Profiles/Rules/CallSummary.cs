using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Profiles.Rules;

/// <summary>A call in one line: the first few simple values of what it says.</summary>
internal static class CallSummary
{
    private const int ValuesAtMost = 5;
    private const int LongestValue = 60;
    private const int LongestOfSurvey = 120;

    /// <summary>Name and value of each, of a survey the question and the answer before all others; empty when there is nothing to say.</summary>
    public static string Of(Event call)
    {
        using var body = JsonDocument.Parse(call.Body);
        var part = call.Type == CallType.Identify ? "traits" : "properties";
        if (!body.RootElement.TryGetProperty(part, out var said) || said.ValueKind != JsonValueKind.Object)
        {
            return "";
        }

        return string.Join(" · ", said.EnumerateObject()
            .Where(field => field.Value.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False)
            .Select(field => (field.Name, Text: field.Value.ToString(), IsOfSurvey: field.Name is "question" or "answer"))
            .Where(field => field.Text.Length > 0 && (field.Text.Length <= LongestValue || field.IsOfSurvey))
            .OrderBy(field => field.IsOfSurvey ? 0 : 1)
            .Take(ValuesAtMost)
            .Select(field => $"{field.Name}: {(field.Text.Length > LongestOfSurvey ? field.Text[..LongestOfSurvey] + "…" : field.Text)}"));
    }
}
