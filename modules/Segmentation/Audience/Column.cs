using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>
/// The values of one trait or property by row. Numbers stand in one array, texts and truths as codes in another; an array is
/// there only when it is needed, and a row beyond its end has no value.
/// </summary>
internal sealed class Column
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
    private int[]? _codes;
    private double[]? _numbers;

    public TextPool Texts { get; } = new();

    /// <summary>Codes by row; empty when no row has one.</summary>
    public ReadOnlySpan<int> Codes => _codes;

    /// <summary>Numbers by row, NaN where there is none; empty when no row has one.</summary>
    public ReadOnlySpan<double> Numbers => _numbers;

    /// <summary>How many codes there can be: the length of a table by code.</summary>
    public int CodeCount => FirstText + Texts.Count;

    public long MemoryBytes => (4L * (_codes?.Length ?? 0)) + (8L * (_numbers?.Length ?? 0)) + Texts.MemoryBytes;

    public void Set(int row, ReadOnlySpan<byte> utf8) => SetCode(row, FirstText + Texts.Add(utf8));

    public void Set(int row, bool truth) => SetCode(row, truth ? True : False);

    public void Set(int row, double number)
    {
        _numbers = Room(_numbers, row, double.NaN);
        _numbers[row] = number;
        if (_codes is { } codes && row < codes.Length)
        {
            codes[row] = NoCode;
        }
    }

    public void Clear(int row)
    {
        if (_numbers is { } numbers && row < numbers.Length)
        {
            numbers[row] = double.NaN;
        }

        if (_codes is { } codes && row < codes.Length)
        {
            codes[row] = NoCode;
        }
    }

    public Fact FactAt(int row)
    {
        if (_codes is { } codes && row < codes.Length && codes[row] != NoCode)
        {
            return FactOf(codes[row]);
        }

        return _numbers is { } numbers && row < numbers.Length && !double.IsNaN(numbers[row]) ? Fact.Of(numbers[row]) : Fact.Absent;
    }

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
        Reorder(_codes, first, order, NoCode);
        Reorder(_numbers, first, order, double.NaN);
    }

    /// <summary>Gives the arrays room for the rows, so that a new order finds a place for each.</summary>
    public void Cover(int rows)
    {
        _codes = _codes is null ? null : Room(_codes, rows - 1, NoCode);
        _numbers = _numbers is null ? null : Room(_numbers, rows - 1, double.NaN);
    }

    private void SetCode(int row, int code)
    {
        _codes = Room(_codes, row, NoCode);
        _codes[row] = code;
        if (_numbers is { } numbers && row < numbers.Length)
        {
            numbers[row] = double.NaN;
        }
    }

    private static T[] Room<T>(T[]? array, int row, T nothing)
    {
        var length = array?.Length ?? 0;
        if (row < length)
        {
            return array!;
        }

        var room = Math.Max(row + 1, length + (length >> 1) + 8);
        Array.Resize(ref array, room);
        array.AsSpan(length).Fill(nothing);
        return array;
    }

    private static void Reorder<T>(T[]? array, int first, ReadOnlySpan<int> order, T nothing)
    {
        if (array is null)
        {
            return;
        }

        var moved = new T[order.Length];
        for (var i = 0; i < moved.Length; i++)
        {
            moved[i] = order[i] < array.Length ? array[order[i]] : nothing;
        }

        moved.CopyTo(array.AsSpan(first));
    }
}
