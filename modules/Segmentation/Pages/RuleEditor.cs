using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Platform;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Pages;

/// <summary>A rule while it is edited: its JSON, what is wrong with it, and the words that can be used. The parts of the builder share it.</summary>
internal sealed partial class RuleEditor(Vocabulary vocabulary, IReadOnlyList<(long Id, string Name)> segments, IReadOnlyList<Purpose> purposes)
{
    public Vocabulary Vocabulary => vocabulary;

    /// <summary>Segments that may be asked for.</summary>
    public IReadOnlyList<(long Id, string Name)> Segments => segments;

    public IReadOnlyList<Purpose> Purposes => purposes;

    /// <summary>The outermost group.</summary>
    public JsonObject Root { get; private set; } = NewGroup("all");

    public IReadOnlyList<Problem> Problems { get; set; } = [];

    /// <summary>Somebody wanted to save: what is missing is a mistake now, and no longer a hint.</summary>
    public bool Insists { get; set; }

    /// <summary>Something was edited.</summary>
    public event Action? Changed;

    public string Rule => new JsonObject { ["version"] = RuleTree.Schema, ["match"] = Root.DeepClone() }.ToJsonString();

    /// <summary>Begins with a rule; what is no group is put into one.</summary>
    public void Open(string rule)
    {
        var match = JsonNode.Parse(rule)!["match"]!.DeepClone().AsObject();
        Root = TextOf(match, "kind") is "all" or "any" or "not" ? match : NewGroup("all", match);
    }

    public void Touch() => Changed?.Invoke();

    public Problem? ProblemAt(string path) => Problems.FirstOrDefault(problem => problem.Field == path);

    public static JsonObject NewGroup(string kind, params JsonNode?[] of) => new() { ["kind"] = kind, ["of"] = new JsonArray(of) };

    public static JsonObject NewPart(string kind, RuleEditor editor) => kind switch
    {
        "trait" => new JsonObject { ["kind"] = "trait", ["trait"] = "", ["op"] = "equals" },
        "event" => new JsonObject { ["kind"] = "event" },
        "consent" => new JsonObject
        {
            ["kind"] = "consent", ["purpose"] = editor.Purposes is [var only] ? only.Key : "", ["channel"] = Channels.Email, ["status"] = "granted",
        },
        "segment" => new JsonObject { ["kind"] = "segment" },
        _ => NewGroup("any"),
    };

    /// <summary>A field as text; empty when it is not there.</summary>
    public static string TextOf(JsonObject node, string field) => node[field] is JsonValue value
        ? value.TryGetValue<string>(out var text) ? text : value.ToJsonString()
        : "";

    /// <summary>Sets a field to a number when the text is one, else to the text; an empty text takes it away.</summary>
    public static void SetNumber(JsonObject node, string field, string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            node.Remove(field);
        }
        else if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
        {
            // As typed: 1.0 may be on its way to 1.05.
            node[field] = JsonNumber().IsMatch(text) ? JsonNode.Parse(text) : number;
        }
        else
        {
            node[field] = text;
        }
    }

    public static void SetText(JsonObject node, string field, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            node.Remove(field);
        }
        else
        {
            node[field] = text;
        }
    }

    /// <summary>Gives the part the fields that an operator needs, and keeps what was there as far as it fits.</summary>
    public static void Fit(JsonObject node, string op)
    {
        var had = TextOf(node, "value") is { Length: > 0 } value ? value
            : (node["values"] as JsonArray)?.FirstOrDefault() is JsonValue first ? first.ToString()
            : "";
        foreach (var field in new[] { "value", "values", "from", "to", "amount", "unit" })
        {
            node.Remove(field);
        }

        node["op"] = op;
        switch (op)
        {
            case "exists" or "notExists" or "between":
                break;
            case "anyOf" or "noneOf":
                node["values"] = had.Length > 0 ? new JsonArray(had) : [];
                break;
            case "withinLast" or "withinNext" or "moreThanAgo":
                node["amount"] = 30;
                node["unit"] = "days";
                break;
            case "is":
                node["value"] = had != "false";
                break;
            case "before" or "after":
                SetText(node, "value", IsoTime.Parse(had) == IsoTime.None ? null : had);
                break;
            case "lt" or "lte" or "gt" or "gte":
                SetNumber(node, "value", double.IsNaN(Fact.NumberOf(had)) ? null : had);
                break;
            default:
                SetText(node, "value", had);
                break;
        }
    }

    [GeneratedRegex(@"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$")]
    private static partial Regex JsonNumber();
}
