using System.Collections.Frozen;
using System.Text.Json;

namespace CdpMonolith.Segmentation.Rules;

/// <summary>Reads <c>op</c> with its values, for traits, property filters and measures.</summary>
internal sealed class ConditionReader(RuleParser parser, JsonElement json, string path)
{
    /// <summary>The operators by their names in JSON.</summary>
    public static FrozenDictionary<string, Op> Ops { get; } =
        Enum.GetValues<Op>().ToFrozenDictionary(op => JsonNamingPolicy.CamelCase.ConvertName(op.ToString()));

    /// <summary>Longest stretch of time that a rule can ask for: about a hundred years.</summary>
    private const double MostDays = 36_525;

    /// <param name="others">Fields that belong to whoever holds the condition.</param>
    public Condition? Read(params ReadOnlySpan<string> others)
    {
        if (ReadOp() is not { } op)
        {
            return null;
        }

        switch (op)
        {
            case Op.Exists or Op.NotExists:
                Known(others);
                return new Presence(op);
            case Op.Equals or Op.NotEquals:
                Known(others, "value");
                return Value() is { } value ? new Sameness(op, [value]) : null;
            case Op.AnyOf or Op.NoneOf:
                Known(others, "values");
                return parser.Values(json, path, "values") is { } values ? new Sameness(op, values) : null;
            case Op.Contains or Op.NotContains or Op.StartsWith or Op.EndsWith:
                Known(others, "value");
                return parser.Word(json, path, "value") is { } part ? new TextPart(op, part) : null;
            case Op.Is:
                Known(others, "value");
                return Value() is { Kind: FactKind.Truth } truth ? new Truth(truth.Truth) : Wrong("Choose true or false.");
            case Op.Before or Op.After or Op.WithinLast or Op.WithinNext or Op.MoreThanAgo:
                return ReadRange(op, others) is { } range ? new Moment(op, range) : null;
            default:
                return ReadNumberTest(op, others) is { } test ? new Amount(op, test) : null;
        }
    }

    public Op? ReadOp()
    {
        if (parser.Word(json, path, "op") is not { } word)
        {
            return null;
        }

        if (Ops.TryGetValue(word, out var op))
        {
            return op;
        }

        parser.Refuse("rule.op", $"There is no operator {word}.", path + ".op");
        return null;
    }

    public NumberTest? ReadNumberTest(Op op, ReadOnlySpan<string> others)
    {
        if (op == Op.Between)
        {
            Known(others, "from", "to");
            var from = parser.Number(json, path, "from");
            var to = parser.Number(json, path, "to");
            if (from > to)
            {
                parser.Refuse("rule.value", "The lower bound comes first.", path + ".to");
            }

            return from is null || to is null ? null : NumberTest.Of(op, from.Value, to.Value);
        }

        if (op is not (Op.Equals or Op.NotEquals or Op.Lt or Op.Lte or Op.Gt or Op.Gte))
        {
            parser.Refuse("rule.op", "This operator does not compare numbers.", path + ".op");
            return null;
        }

        Known(others, "value");
        return parser.Number(json, path, "value") is { } value ? NumberTest.Of(op, value) : null;
    }

    public TimeRange? ReadRange(Op op, ReadOnlySpan<string> others)
    {
        switch (op)
        {
            case Op.Before:
                Known(others, "value");
                return Time("value", out _) is { } end ? new TimeRange(TimeRange.Open, end, false) : null;
            case Op.After:
                Known(others, "value");
                return Time("value", out var day) is { } start
                    ? new TimeRange(start + (day ? IsoTime.Day : 1), TimeRange.Open, false)
                    : null;
            case Op.WithinLast or Op.WithinNext or Op.MoreThanAgo:
                Known(others, "amount", "unit");
                var length = Length("amount");
                return length is null ? null : op switch
                {
                    Op.WithinLast => TimeRange.Last(length.Value),
                    Op.WithinNext => TimeRange.Next(length.Value),
                    _ => TimeRange.MoreThanAgo(length.Value),
                };
            default:
                parser.Refuse("rule.op", "This operator does not compare times.", path + ".op");
                return null;
        }
    }

    /// <summary>A time in Unix ms.</summary>
    public long? Time(string name, out bool wholeDay)
    {
        wholeDay = false;
        if (json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            && IsoTime.Parse(value.GetString(), out wholeDay) is var time and not IsoTime.None)
        {
            return time;
        }

        parser.Refuse("rule.value", "Give a date such as 2026-03-02.", $"{path}.{name}");
        return null;
    }

    /// <summary>A length of time in ms, of an amount and a unit.</summary>
    public long? Length(string name)
    {
        long? unit = json.TryGetProperty("unit", out var word) && word.ValueKind == JsonValueKind.String
            ? word.GetString() switch { "hours" => IsoTime.Hour, "days" => IsoTime.Day, _ => null }
            : null;
        if (unit is null)
        {
            parser.Refuse("rule.value", "The unit must be hours or days.", path + ".unit");
        }

        if (parser.Number(json, path, name) is not { } amount || unit is null)
        {
            return null;
        }

        if (amount < 0 || amount * unit.Value > MostDays * IsoTime.Day || amount != Math.Floor(amount))
        {
            parser.Refuse("rule.value", "Give a whole number, up to a hundred years.", $"{path}.{name}");
            return null;
        }

        return (long)amount * unit.Value;
    }

    private void Known(ReadOnlySpan<string> others, params ReadOnlySpan<string> own) =>
        parser.Only(json, path, ["op", .. own, .. others]);

    private Fact? Value()
    {
        if (json.TryGetProperty("value", out var value) && RuleParser.Scalar(value) is { Kind: not FactKind.Absent } fact)
        {
            return fact;
        }

        parser.Refuse("rule.value", "Give a value.", path + ".value");
        return null;
    }

    private Condition? Wrong(string message)
    {
        parser.Refuse("rule.value", message, path + ".value");
        return null;
    }
}
