using System.Runtime.CompilerServices;

namespace CdpMonolith.Segmentation.Rules;

/// <summary>How a value is tested; what the rule's JSON calls <c>op</c>, first letter in lower case.</summary>
internal enum Op
{
    Equals,
    NotEquals,
    AnyOf,
    NoneOf,
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    Exists,
    NotExists,
    Lt,
    Lte,
    Gt,
    Gte,
    Between,
    Is,
    Before,
    After,
    WithinLast,
    WithinNext,
    MoreThanAgo,
}

/// <summary>
/// A test of one value. Operators that say "not" hold exactly where their counterpart does not, for absent values too; all
/// others never hold for an absent value.
/// </summary>
internal abstract record Condition(Op Op)
{
    /// <summary>The answer can change by time alone.</summary>
    public virtual bool Relative => false;

    /// <summary>Whether the value meets it at a moment, Unix ms.</summary>
    public abstract bool Holds(in Fact fact, long asOf);
}

/// <summary>There is a value, or there is none.</summary>
internal sealed record Presence(Op Op) : Condition(Op)
{
    public override bool Holds(in Fact fact, long asOf) => (fact.Kind != FactKind.Absent) == (Op == Op.Exists);
}

/// <summary>The value is one of some. Text is compared without regard to case, numbers by worth.</summary>
internal sealed record Sameness : Condition
{
    private readonly HashSet<string> _texts;
    private readonly double[] _numbers;

    public Sameness(Op op, IReadOnlyList<Fact> values) : base(op)
    {
        Values = values;
        _texts = values.Select(value => value.AsText()!).ToHashSet(StringComparer.OrdinalIgnoreCase);
        _numbers = [.. values.Select(value => value.AsNumber()).Where(number => !double.IsNaN(number))];
    }

    public IReadOnlyList<Fact> Values { get; }

    public bool Negated => Op is Op.NotEquals or Op.NoneOf;

    public bool Equals(Sameness? other) => other is not null && Op == other.Op && Values.SequenceEqual(other.Values);

    public override int GetHashCode() => HashCode.Combine(Op, Values.Count, Values[0]);

    public override bool Holds(in Fact fact, long asOf) => Among(fact) != Negated;

    private bool Among(in Fact fact) => fact.Kind switch
    {
        FactKind.Absent => false,
        FactKind.Number => _numbers.Contains(fact.Number),
        _ => _texts.Contains(fact.AsText()!) || (_numbers.Length > 0 && _numbers.Contains(fact.AsNumber())),
    };
}

/// <summary>A part of the value's text, without regard to case.</summary>
internal sealed record TextPart(Op Op, string Part) : Condition(Op)
{
    public override bool Holds(in Fact fact, long asOf)
    {
        var text = fact.AsText();
        return Op switch
        {
            Op.Contains => text is not null && text.Contains(Part, StringComparison.OrdinalIgnoreCase),
            Op.NotContains => text is null || !text.Contains(Part, StringComparison.OrdinalIgnoreCase),
            Op.StartsWith => text is not null && text.StartsWith(Part, StringComparison.OrdinalIgnoreCase),
            _ => text is not null && text.EndsWith(Part, StringComparison.OrdinalIgnoreCase),
        };
    }
}

/// <summary>The value is a number within bounds.</summary>
internal sealed record Amount(Op Op, NumberTest Test) : Condition(Op)
{
    public override bool Holds(in Fact fact, long asOf) => Test.Holds(fact.AsNumber());
}

/// <summary>The value is true, or false.</summary>
internal sealed record Truth(bool Wanted) : Condition(Op.Is)
{
    public override bool Holds(in Fact fact, long asOf) => fact.AsTruth() == Wanted;
}

/// <summary>The value is a time within a range.</summary>
internal sealed record Moment(Op Op, TimeRange Range) : Condition(Op)
{
    public override bool Relative => Range.Relative;

    public override bool Holds(in Fact fact, long asOf)
    {
        var time = fact.AsTime();
        var (from, to) = Range.At(asOf);
        return time != IsoTime.None && time >= from && time < to;
    }
}

/// <summary>Bounds of a number. NaN is never within them.</summary>
internal readonly record struct NumberTest(double From, bool FromIncluded, double To, bool ToIncluded, bool Negated = false)
{
    public static NumberTest Of(Op op, double value, double upTo = 0) => op switch
    {
        Op.Equals => new(value, true, value, true),
        Op.NotEquals => new(value, true, value, true, Negated: true),
        Op.Lt => new(double.NegativeInfinity, true, value, false),
        Op.Lte => new(double.NegativeInfinity, true, value, true),
        Op.Gt => new(value, false, double.PositiveInfinity, true),
        Op.Gte => new(value, true, double.PositiveInfinity, true),
        Op.Between => new(value, true, upTo, true),
        _ => throw new ArgumentOutOfRangeException(nameof(op), op, "Not a test of numbers."),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Holds(double number)
    {
        if (double.IsNaN(number))
        {
            return false;
        }

        var within = (FromIncluded ? number >= From : number > From) && (ToIncluded ? number <= To : number < To);
        return within != Negated;
    }
}

/// <summary>A stretch of time from (included) to (excluded), fixed in Unix ms or counted in ms from the moment of asking.</summary>
internal readonly record struct TimeRange(long From, long To, bool Relative)
{
    public const long Open = long.MinValue;

    public static TimeRange Ever => new(Open, Open, false);

    /// <summary>At or after asOf minus the length and not after asOf.</summary>
    public static TimeRange Last(long length) => new(-length, 1, true);

    public static TimeRange Next(long length) => new(0, length + 1, true);

    /// <summary>Before asOf minus the length.</summary>
    public static TimeRange MoreThanAgo(long length) => new(Open, -length, true);

    /// <summary>Unix ms.</summary>
    public (long From, long To) At(long asOf) =>
        (From == Open ? long.MinValue : Relative ? asOf + From : From, To == Open ? long.MaxValue : Relative ? asOf + To : To);
}
