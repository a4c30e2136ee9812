using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>
/// The values of one trait or property by row. Numbers stand in one array, texts and truths as codes in another; an array is
/// there only when it is needed, and a row beyond its end has no value.
/// </summary>
internal sealed class Column : IDisposable
{
    /// <summary>A row without text or truth.</summary>
    public const int NoCode = 0;

    public const int False = 1;
    public const int True = 2;

    /// <summary>Code of the text 0.</summary>
    public const int FirstText = 3;

    private const int WorthRemembering = 512;
    private const int ConditionsRemembered = 8;

    private readonly Lock _known = new();
    private readonly Dictionary<Condition, byte[]> _truths = [];
    private readonly Block<int> _codes = new();
    private readonly Block<double> _numbers = new();

    public TextPool Texts { get; } = new();

    /// <summary>Codes by row; empty when no row has one.</summary>
    public ReadOnlySpan<int> Codes => _codes.Span;

    /// <summary>Numbers by row, NaN where there is none; empty when no row has one.</summary>
    public ReadOnlySpan<double> Numbers => _numbers.Span;

    /// <summary>How many codes there can be: the length of a table by code.</summary>
    public int CodeCount => FirstText + Texts.Count;

    public long MemoryBytes => _codes.MemoryBytes + _numbers.MemoryBytes + Texts.MemoryBytes;

    public void Set(int row, ReadOnlySpan<byte> utf8) => SetCode(row, FirstText + Texts.Add(utf8));

    public void Set(int row, bool truth) => SetCode(row, truth ? True : False);

    public void Set(int row, double number)
    {
        _numbers.Reach(row + 1, double.NaN);
        _numbers[row] = number;
        if (row < _codes.Length)
        {
            _codes[row] = NoCode;
        }
    }

    public void Clear(int row)
    {
        if (row < _numbers.Length)
        {
            _numbers[row] = double.NaN;
        }

        if (row < _codes.Length)
        {
            _codes[row] = NoCode;
        }
    }

    public Fact FactAt(int row)
    {
        if (row < _codes.Length && _codes[row] != NoCode)
        {
            return FactOf(_codes[row]);
        }

        return row < _numbers.Length && !double.IsNaN(_numbers[row]) ? Fact.Of(_numbers[row]) : Fact.Absent;
    }

    public bool HasValueAt(int row) =>
        (row < _codes.Length && _codes[row] != NoCode) || (row < _numbers.Length && !double.IsNaN(_numbers[row]));

    /// <summary>What a code stands for.</summary>
    public Fact FactOf(int code) => code switch
    {
        NoCode => Fact.Absent,
        False => Fact.Of(false),
        True => Fact.Of(true),
        _ => Fact.Of(Texts.Text(code - FirstText)),
    };

    /// <summary>Whether each code meets a condition: 1 or 0 by code, that of no value included.</summary>
    public byte[] TruthByCode(Condition condition, long asOf)
    {
        // What depends on the moment is compared with what is remembered of the text; all else is remembered itself.
        if (condition is Moment or Amount || Texts.Count < WorthRemembering)
        {
            return Extend([], condition, asOf);
        }

        lock (_known)
        {
            if (!_truths.TryGetValue(condition, out var truth) || truth.Length < CodeCount)
            {
                if (_truths.Count >= ConditionsRemembered)
                {
                    _truths.Clear();
                }

                _truths[condition] = truth = Extend(truth ?? [], condition, asOf);
            }

            return truth;
        }
    }

    private byte[] Extend(byte[] known, Condition condition, long asOf)
    {
        var truth = new byte[CodeCount];
        known.CopyTo(truth, 0);
        var code = known.Length;
        for (; code < FirstText; code++)
        {
            truth[code] = condition.Holds(FactOf(code), asOf) ? (byte)1 : (byte)0;
        }

        switch (condition)
        {
            case Moment moment:
                var times = Texts.Times();
                var (from, to) = moment.Range.At(asOf);
                for (; code < truth.Length; code++)
                {
                    var time = times[code - FirstText];
                    truth[code] = time != IsoTime.None && time >= from && time < to ? (byte)1 : (byte)0;
                }

                break;
            case Amount amount:
                var numbers = Texts.Numbers();
                for (; code < truth.Length; code++)
                {
                    truth[code] = amount.Test.Holds(numbers[code - FirstText]) ? (byte)1 : (byte)0;
                }

                break;
            default:
                for (; code < truth.Length; code++)
                {
                    truth[code] = condition.Holds(FactOf(code), asOf) ? (byte)1 : (byte)0;
                }

                break;
        }

        return truth;
    }

    /// <summary>Puts the rows from one on into another order: row first + i gets what stood at order[i].</summary>
    public void Reorder(int first, ReadOnlySpan<int> order)
    {
        Reorder(_codes.Span, first, order, NoCode);
        Reorder(_numbers.Span, first, order, double.NaN);
    }

    /// <summary>Gives the arrays room for the rows, so that a new order finds a place for each.</summary>
    public void Cover(int rows)
    {
        if (_codes.Length > 0)
        {
            _codes.Reach(rows, NoCode);
        }

        if (_numbers.Length > 0)
        {
            _numbers.Reach(rows, double.NaN);
        }
    }

    public void Dispose()
    {
        _codes.Dispose();
        _numbers.Dispose();
        Texts.Dispose();
    }

    private void SetCode(int row, int code)
    {
        _codes.Reach(row + 1, NoCode);
        _codes[row] = code;
        if (row < _numbers.Length)
        {
            _numbers[row] = double.NaN;
        }
    }

    private static void Reorder<T>(Span<T> array, int first, ReadOnlySpan<int> order, T nothing)
    {
        if (array.IsEmpty)
        {
            return;
        }

        var moved = new T[order.Length];
        for (var i = 0; i < moved.Length; i++)
        {
            moved[i] = order[i] < array.Length ? array[order[i]] : nothing;
        }

        moved.CopyTo(array[first..]);
    }
}
