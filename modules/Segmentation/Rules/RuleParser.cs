using System.Text.Json;
using CdpMonolith.Platform;

namespace CdpMonolith.Segmentation.Rules;

/// <summary>A rule as read from JSON, or all that is wrong with it.</summary>
/// <param name="Problems">Field: the place in the JSON, such as <c>match.of[0].value</c>.</param>
internal sealed record ParsedRule(RuleTree? Rule, IReadOnlyList<Problem> Problems)
{
    public Outcome<RuleTree> Outcome => Rule is { } rule ? rule : Problems[0];
}

/// <summary>Reads the JSON of a rule strictly: what is not understood is refused, so a typing error never widens a segment.</summary>
internal sealed class RuleParser
{
    private const int DeepestNesting = 64;
    private const int MostNodes = 1000;
    private const int MostValues = 10_000;

    private readonly List<Problem> _problems = [];
    private int _nodes;

    private RuleParser()
    {
    }

    public static ParsedRule Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = (2 * DeepestNesting) + 16 });
            var parser = new RuleParser();
            var match = parser.Root(document.RootElement);
            return new ParsedRule(parser._problems.Count == 0 ? new RuleTree(match!) : null, parser._problems);
        }
        catch (JsonException)
        {
            return new ParsedRule(null, [new Problem("rule.not_json", "The rule is not valid JSON.", "")]);
        }
    }

    private Node? Root(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            return Refuse("rule.not_object", "The rule must be an object with version and match.", "");
        }

        Only(root, "", "version", "match");
        if (!root.TryGetProperty("version", out var version) || !version.TryGetInt32(out var number) || number != RuleTree.Schema)
        {
            Refuse("rule.version", FormattableString.Invariant($"The rule must say version {RuleTree.Schema}."), "version");
        }

        return root.TryGetProperty("match", out var match)
            ? ReadNode(match, "match", 1)
            : Refuse("rule.field_missing", "The rule has no match.", "match");
    }

    private Node? ReadNode(JsonElement json, string path, int depth)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            return Refuse("rule.not_object", "A part of a rule must be an object.", path);
        }

        if (depth > DeepestNesting || ++_nodes > MostNodes)
        {
            return Refuse("rule.too_large", "The rule is too large: at most 1000 parts, 64 levels deep.", path);
        }

        return Word(json, path, "kind") switch
        {
            "all" => ReadGroup(json, path, GroupKind.All, depth),
            "any" => ReadGroup(json, path, GroupKind.Any, depth),
            "not" => ReadGroup(json, path, GroupKind.Not, depth),
            "trait" => ReadTrait(json, path),
            "event" => new EventReader(this, json, path).Read(),
            "segment" => ReadSegment(json, path),
            "consent" => ReadConsent(json, path),
            null => null,
            _ => Refuse(
                "rule.kind", "The kind must be all, any, not, trait, event, segment or consent.", path + ".kind"),
        };
    }

    private Group? ReadGroup(JsonElement json, string path, GroupKind kind, int depth)
    {
        Only(json, path, "kind", "of");
        if (!json.TryGetProperty("of", out var of) || of.ValueKind != JsonValueKind.Array)
        {
            Refuse("rule.field_missing", "A group needs a list of its parts.", path + ".of");
            return null;
        }

        if (of.GetArrayLength() == 0 && kind != GroupKind.All)
        {
            Refuse("rule.group_empty", "Put at least one condition into this group.", path + ".of");
        }

        var parts = of.EnumerateArray()
            .Select((part, index) => ReadNode(part, FormattableString.Invariant($"{path}.of[{index}]"), depth + 1)).ToList();
        return parts.Contains(null) ? null : new Group(path, kind, parts!);
    }

    private TraitNode? ReadTrait(JsonElement json, string path)
    {
        var trait = Word(json, path, "trait");
        var condition = new ConditionReader(this, json, path).Read("kind", "trait");
        return trait is null || condition is null ? null : new TraitNode(path, trait, condition);
    }

    private SegmentNode? ReadSegment(JsonElement json, string path)
    {
        Only(json, path, "kind", "segment");
        if (json.TryGetProperty("segment", out var id) && id.ValueKind == JsonValueKind.Number && id.TryGetInt64(out var number))
        {
            return new SegmentNode(path, number);
        }

        Refuse("rule.field_missing", "Choose a segment.", path + ".segment");
        return null;
    }

    private ConsentNode? ReadConsent(JsonElement json, string path)
    {
        Only(json, path, "kind", "purpose", "channel", "status");
        var purpose = Word(json, path, "purpose");
        var channel = Word(json, path, "channel");
        ConsentWanted? status = Word(json, path, "status") switch
        {
            "granted" => ConsentWanted.Granted,
            "denied" => ConsentWanted.Denied,
            "withdrawn" => ConsentWanted.Withdrawn,
            "neverAsked" => ConsentWanted.NeverAsked,
            _ => null,
        };
        if (status is null)
        {
            Refuse("rule.value", "The status must be granted, denied, withdrawn or neverAsked.", path + ".status");
        }

        return purpose is null || channel is null || status is null ? null : new ConsentNode(path, purpose, channel, status.Value);
    }

    // ---- what the readers of parts share ----

    internal Node? Refuse(string code, string message, string field)
    {
        if (_problems.All(problem => problem.Field != field))
        {
            _problems.Add(new Problem(code, message, field));
        }

        return null;
    }

    /// <summary>A text that is there and not empty.</summary>
    internal string? Word(JsonElement json, string path, string name)
    {
        if (json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text)
        {
            return text;
        }

        Refuse("rule.field_missing", $"Fill in {name}.", $"{path}.{name}");
        return null;
    }

    internal void Only(JsonElement json, string path, params ReadOnlySpan<string> known)
    {
        var seen = new HashSet<string>();
        foreach (var field in json.EnumerateObject())
        {
            if (!seen.Add(field.Name))
            {
                Refuse("rule.field_twice", $"There is more than one {field.Name}.", Join(path, field.Name));
            }
            else if (!known.Contains(field.Name))
            {
                Refuse("rule.field_unknown", $"There is no {field.Name} here.", Join(path, field.Name));
            }
        }
    }

    internal IReadOnlyList<Fact>? Values(JsonElement json, string path, string name)
    {
        if (!json.TryGetProperty(name, out var list) || list.ValueKind != JsonValueKind.Array
            || list.GetArrayLength() is 0 or > MostValues)
        {
            Refuse("rule.value", "Give at least one value.", $"{path}.{name}");
            return null;
        }

        var facts = list.EnumerateArray().Select(Scalar).ToList();
        if (facts.Any(fact => fact.Kind == FactKind.Absent))
        {
            Refuse("rule.value", "Values must be texts, numbers, or true or false.", $"{path}.{name}");
            return null;
        }

        return facts;
    }

    internal static Fact Scalar(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.String when json.GetString()!.Length > 0 => Fact.Of(json.GetString()!),
        JsonValueKind.Number => Fact.Of(json.GetDouble()),
        JsonValueKind.True => Fact.Of(true),
        JsonValueKind.False => Fact.Of(false),
        _ => Fact.Absent,
    };

    internal double? Number(JsonElement json, string path, string name)
    {
        if (json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && double.IsFinite(value.GetDouble()))
        {
            return value.GetDouble();
        }

        Refuse("rule.value", "Give a number.", $"{path}.{name}");
        return null;
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
