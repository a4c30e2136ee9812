using System.Text.Json;

namespace CdpMonolith.Segmentation.Rules;

/// <summary>Reads a part of kind <c>event</c>.</summary>
internal sealed class EventReader(RuleParser parser, JsonElement json, string path)
{
    public EventNode? Read()
    {
        var name = Name();
        var where = Where();
        var measure = ReadMeasure();
        var window = Window();
        string? property = null;
        if (measure is Measure.Sum or Measure.Average or Measure.Min or Measure.Max)
        {
            property = parser.Word(json, path, "property");
            if (property is null)
            {
                return null;
            }
        }

        string[] others = property is null
            ? ["kind", "event", "where", "measure", "window"]
            : ["kind", "event", "where", "measure", "property", "window"];
        var condition = new ConditionReader(parser, json, path);
        if (measure == Measure.Count && !json.TryGetProperty("op", out _))
        {
            parser.Only(json, path, others);
            return where is null || window is null
                ? null
                : new EventNode(path, name, where, Measure.Count, null, Op.Gte, NumberTest.Of(Op.Gte, 1), TimeRange.Ever, window.Value);
        }

        if (condition.ReadOp() is not { } op || where is null || measure is null || window is null)
        {
            return null;
        }

        if (measure is Measure.First or Measure.Last)
        {
            return condition.ReadRange(op, others) is { } time
                ? new EventNode(path, name, where, measure.Value, null, op, default, time, window.Value)
                : null;
        }

        return condition.ReadNumberTest(op, others) is { } test
            ? new EventNode(path, name, where, measure.Value, property, op, test, TimeRange.Ever, window.Value)
            : null;
    }

    /// <summary>The event's name; absent or null means any.</summary>
    private string? Name()
    {
        if (!json.TryGetProperty("event", out var name) || name.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return parser.Word(json, path, "event");
    }

    private Measure? ReadMeasure()
    {
        if (!json.TryGetProperty("measure", out var measure))
        {
            return Measure.Count;
        }

        Measure? known = measure.ValueKind != JsonValueKind.String ? null : measure.GetString() switch
        {
            "count" => Measure.Count,
            "sum" => Measure.Sum,
            "average" => Measure.Average,
            "min" => Measure.Min,
            "max" => Measure.Max,
            "first" => Measure.First,
            "last" => Measure.Last,
            _ => null,
        };
        if (known is null)
        {
            parser.Refuse("rule.value", "The measure must be count, sum, average, min, max, first or last.", path + ".measure");
        }

        return known;
    }

    private List<PropertyFilter>? Where()
    {
        if (!json.TryGetProperty("where", out var where))
        {
            return [];
        }

        if (where.ValueKind != JsonValueKind.Array)
        {
            parser.Refuse("rule.field_type", "The filters must be a list.", path + ".where");
            return null;
        }

        var filters = new List<PropertyFilter>();
        var whole = true;
        foreach (var (index, filter) in where.EnumerateArray().Index())
        {
            var place = FormattableString.Invariant($"{path}.where[{index}]");
            if (filter.ValueKind != JsonValueKind.Object)
            {
                parser.Refuse("rule.not_object", "A filter must be an object.", place);
                whole = false;
                continue;
            }

            var property = parser.Word(filter, place, "property");
            var condition = new ConditionReader(parser, filter, place).Read("property");
            whole &= property is not null && condition is not null;
            if (property is not null && condition is not null)
            {
                filters.Add(new PropertyFilter(property, condition));
            }
        }

        return whole ? filters : null;
    }

    private TimeRange? Window()
    {
        if (!json.TryGetProperty("window", out var window))
        {
            return TimeRange.Ever;
        }

        var place = path + ".window";
        if (window.ValueKind != JsonValueKind.Object)
        {
            parser.Refuse("rule.not_object", "The window must be an object.", place);
            return null;
        }

        var reader = new ConditionReader(parser, window, place);
        switch (parser.Word(window, place, "kind"))
        {
            case "ever":
                parser.Only(window, place, "kind");
                return TimeRange.Ever;
            case "last":
                parser.Only(window, place, "kind", "amount", "unit");
                return reader.Length("amount") is { } length ? TimeRange.Last(length) : null;
            case "ago":
                parser.Only(window, place, "kind", "from", "to", "unit");
                return Between(reader.Length("from"), reader.Length("to"), place);
            case "between":
                parser.Only(window, place, "kind", "from", "to");
                var start = reader.Time("from", out _);
                var end = reader.Time("to", out var wholeDay) + (wholeDay ? IsoTime.Day : 0);
                if (start >= end)
                {
                    parser.Refuse("rule.value", "The window must end after it begins.", place + ".to");
                    return null;
                }

                return start is null || end is null ? null : new TimeRange(start.Value, end.Value, false);
            case null:
                return null;
            default:
                parser.Refuse("rule.value", "The window must be ever, last, ago or between.", place + ".kind");
                return null;
        }
    }

    private TimeRange? Between(long? from, long? to, string place)
    {
        if (from <= to)
        {
            parser.Refuse("rule.value", "The window must begin longer ago than it ends.", place + ".to");
            return null;
        }

        return from is null || to is null ? null : new TimeRange(-from.Value, -to.Value, true);
    }
}
