using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>A condition made ready for one column: a table by code and a test of numbers.</summary>
internal readonly ref struct ColumnTest
{
    private readonly ReadOnlySpan<int> _codes;
    private readonly ReadOnlySpan<double> _numbers;
    private readonly ReadOnlySpan<byte> _truth;
    private readonly Condition _condition;
    private readonly NumberTest? _range;
    private readonly long _asOf;

    /// <param name="column">Null: no row has a value.</param>
    public ColumnTest(Column? column, Condition condition, long asOf)
    {
        _codes = column is null ? default : column.Codes;
        _numbers = column is null ? default : column.Numbers;
        _truth = column is null ? new[] { condition.Holds(Fact.Absent, asOf) ? (byte)1 : (byte)0 } : column.TruthByCode(condition, asOf);
        _condition = condition;
        _range = (condition as Amount)?.Test;
        _asOf = asOf;
    }

    /// <summary>Whether it holds for rows without a value.</summary>
    public bool HoldsForNothing => _truth[Column.NoCode] != 0;

    public bool Holds(int row)
    {
        if (row < _codes.Length && _codes[row] is var code and not Column.NoCode)
        {
            return _truth[code] != 0;
        }

        return row < _numbers.Length && !double.IsNaN(_numbers[row]) ? NumberHolds(_numbers[row]) : HoldsForNothing;
    }

    /// <summary>Writes the rows from first up to end that meet it, and returns how many they are.</summary>
    public int Pick(int first, int end, Span<int> picked)
    {
        var count = 0;
        if (_numbers.IsEmpty)
        {
            var codes = _codes;
            var truth = _truth;
            var known = Math.Clamp(codes.Length, first, end);
            for (var row = first; row < known; row++)
            {
                picked[count] = row;
                count += truth[codes[row]];
            }

            if (HoldsForNothing)
            {
                for (var row = known; row < end; row++)
                {
                    picked[count++] = row;
                }
            }

            return count;
        }

        for (var row = first; row < end; row++)
        {
            picked[count] = row;
            count += Holds(row) ? 1 : 0;
        }

        return count;
    }

    /// <summary>Keeps of the picked rows those that meet it, and returns how many they are.</summary>
    public int Keep(Span<int> picked)
    {
        var count = 0;
        foreach (var row in picked)
        {
            picked[count] = row;
            count += Holds(row) ? 1 : 0;
        }

        return count;
    }

    /// <summary>Sets the bit of each row, up to an end, that meets it.</summary>
    public void Mark(Span<ulong> words, int end)
    {
        for (var word = 0; word << 6 < end; word++)
        {
            var bits = 0UL;
            var first = word << 6;
            var last = Math.Min(end, first + 64);
            if (_numbers.IsEmpty && last <= _codes.Length)
            {
                for (var row = first; row < last; row++)
                {
                    bits |= (ulong)_truth[_codes[row]] << row;
                }
            }
            else
            {
                for (var row = first; row < last; row++)
                {
                    bits |= (Holds(row) ? 1UL : 0UL) << row;
                }
            }

            words[word] = bits;
        }
    }

    private bool NumberHolds(double number) =>
        _range is { } range ? range.Holds(number) : _condition.Holds(Fact.Of(number), _asOf);
}
