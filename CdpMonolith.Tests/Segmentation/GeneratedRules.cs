using System.Text.Json.Nodes;

namespace CdpMonolith.Tests.Segmentation;

/// <summary>Rules and calls made by chance, over few names and values so that they meet.</summary>
internal sealed class GeneratedRules(Random random, DateTimeOffset now)
{
    private static readonly string[] Events = ["Order Completed", "Product Viewed", "Signed Up", "Never Sent"];
    private static readonly string[] Names = ["category", "revenue", "returning", "deliveredAt", "from.city", "none"];
    private static readonly string[] Cities = ["Oslo", "oslo", "Bergen", "Bangkok", "12", "12.5", "true", "2026-02-20"];

    /// <summary>Segments that rules may ask for.</summary>
    public List<long> Segments { get; } = [];

    public JsonObject Properties()
    {
        var properties = new JsonObject();
        foreach (var name in Names.SkipLast(1))
        {
            if (random.Next(3) > 0)
            {
                if (name == "from.city")
                {
                    properties["from"] = new JsonObject { ["city"] = Value() };
                }
                else
                {
                    properties[name] = Value();
                }
            }
        }

        return properties;
    }

    /// <summary>A moment within the last ninety days, to the second.</summary>
    public DateTimeOffset Moment() => now - TimeSpan.FromSeconds(random.Next(90 * 86_400));

    public JsonObject Rule() => new() { ["version"] = 1, ["match"] = Node(0) };

    private JsonObject Node(int depth)
    {
        switch (random.Next(depth > 3 ? 6 : 9))
        {
            case 0 or 1:
                return With(new JsonObject { ["kind"] = "trait", ["trait"] = Pick(Names) }, Condition());
            case 2 or 3 or 4:
                return Event();
            case 5:
                return Segments.Count > 0 && random.Next(2) == 0
                    ? new JsonObject { ["kind"] = "segment", ["segment"] = Segments[random.Next(Segments.Count)] }
                    : new JsonObject
                    {
                        ["kind"] = "consent", ["purpose"] = Pick("newsletter", "ads"), ["channel"] = Pick("any", "email"),
                        ["status"] = Pick("granted", "denied", "withdrawn", "neverAsked"),
                    };
            default:
                var kind = Pick("all", "any", "not");
                return new JsonObject
                {
                    ["kind"] = kind,
                    ["of"] = new JsonArray([.. Enumerable.Range(0, random.Next(kind == "all" ? 0 : 1, 4)).Select(_ => (JsonNode)Node(depth + 1))]),
                };
        }
    }

    private JsonObject Event()
    {
        var node = new JsonObject { ["kind"] = "event" };
        if (random.Next(5) > 0)
        {
            node["event"] = Pick(Events);
        }

        node["where"] = new JsonArray([
            .. Enumerable.Range(0, random.Next(3)).Select(_ => (JsonNode)With(new JsonObject { ["property"] = Pick(Names) }, Condition())),
        ]);
        node["window"] = Window();
        switch (random.Next(4))
        {
            case 0:
                return node;
            case 1:
                return With(node, With(new JsonObject { ["measure"] = "count" }, NumberTest(4)));
            case 2:
                return With(node, With(
                    new JsonObject { ["measure"] = Pick("sum", "average", "min", "max"), ["property"] = Pick("revenue", "revenue", "category") },
                    NumberTest(60)));
            default:
                return With(node, With(new JsonObject { ["measure"] = Pick("first", "last") }, TimeTest()));
        }
    }

    private JsonObject Window() => random.Next(4) switch
    {
        0 => new JsonObject { ["kind"] = "ever" },
        1 => new JsonObject { ["kind"] = "last", ["amount"] = random.Next(1, 60), ["unit"] = Pick("days", "hours") },
        2 => new JsonObject { ["kind"] = "ago", ["from"] = random.Next(30, 90), ["to"] = random.Next(0, 30), ["unit"] = "days" },
        _ => new JsonObject { ["kind"] = "between", ["from"] = Day(-80, -40), ["to"] = Day(-39, 2) },
    };

    private JsonObject Condition() => random.Next(6) switch
    {
        0 => new JsonObject { ["op"] = Pick("exists", "notExists") },
        1 => new JsonObject { ["op"] = Pick("equals", "notEquals"), ["value"] = Value() },
        2 => new JsonObject { ["op"] = Pick("anyOf", "noneOf"), ["values"] = new JsonArray(Value(), Value()) },
        3 => new JsonObject { ["op"] = Pick("contains", "notContains", "startsWith", "endsWith"), ["value"] = Pick("o", "B", "lo", "1", "-02", "5") },
        4 => random.Next(4) == 0 ? new JsonObject { ["op"] = "is", ["value"] = random.Next(2) == 0 } : NumberTest(60),
        _ => TimeTest(),
    };

    private JsonObject NumberTest(int most) => random.Next(4) == 0
        ? new JsonObject { ["op"] = "between", ["from"] = random.Next(most / 2), ["to"] = most / 2 }
        : new JsonObject { ["op"] = Pick("equals", "notEquals", "lt", "lte", "gt", "gte"), ["value"] = random.Next(most) };

    private JsonObject TimeTest() => random.Next(3) switch
    {
        0 => new JsonObject { ["op"] = Pick("before", "after"), ["value"] = Day(-80, 0) },
        1 => new JsonObject { ["op"] = Pick("withinLast", "moreThanAgo"), ["amount"] = random.Next(60), ["unit"] = Pick("days", "hours") },
        _ => new JsonObject { ["op"] = "withinNext", ["amount"] = random.Next(30), ["unit"] = "days" },
    };

    private JsonNode Value() => random.Next(6) switch
    {
        0 => random.Next(60),
        1 => random.Next(1, 60) + 0.5,
        2 => random.Next(2) == 0,
        3 => Day(-60, 20),
        _ => Pick(Cities),
    };

    private string Day(int from, int to) => (now + TimeSpan.FromDays(random.Next(from, to))).ToString(
        random.Next(2) == 0 ? "yyyy-MM-dd" : "yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);

    private string Pick(params string[] of) => of[random.Next(of.Length)];

    private static JsonObject With(JsonObject node, JsonObject more)
    {
        foreach (var (name, value) in more)
        {
            node[name] = value?.DeepClone();
        }

        return node;
    }
}
