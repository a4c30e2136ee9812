using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>One pass over the events that a part of a rule asks for: picks rows, adds them up by person, tests the sums.</summary>
internal sealed class EventPass(Columns columns, EventNode node, long asOf)
{
    private int Room => columns.People.LastId + 1;

    /// <summary>Rows within the window.</summary>
    public static long RowsOf(Columns columns, EventNode node, long asOf)
    {
        var (from, to) = Window(node, asOf);
        var rows = 0L;
        foreach (var table in Tables(columns, node))
        {
            var (first, end) = table.Rows(from, to);
            rows += Math.Max(0, end - first);
        }

        return rows;
    }

    public Bitmap People() => (node.Measure switch
    {
        Measure.Count when IsAtLeastOne(node.Number) => Anyone(),
        Measure.Count => Counts(),
        Measure.Sum => Sums(),
        Measure.Average => Averages(),
        Measure.Min or Measure.Max => Extremes(),
        _ => Times(),
    }).And(columns.People.Everybody);

    /// <summary>From (included) to (excluded), Unix ms; never beyond the moment of asking.</summary>
    public static (long From, long To) Window(EventNode node, long asOf)
    {
        var (from, to) = node.Window.At(asOf);
        return (from, Math.Min(to, asOf + 1));
    }

    public static IEnumerable<EventTable> Tables(Columns columns, EventNode node) =>
        node.Event is null ? columns.AllEvents : columns.Events.TryGetValue(node.Event, out var table) ? [table] : [];

    private Bitmap Anyone()
    {
        var people = new Bitmap(Room);
        Each((table, first, picked, count) =>
        {
            var canonical = columns.People.Canonical;
            var profiles = table.Profiles;
            var words = people.Words;
            for (var i = 0; i < count; i++)
            {
                var person = canonical[profiles[picked is null ? first + i : picked[i]]];
                words[person >> 6] |= 1UL << person;
            }
        });
        return people;
    }

    private Bitmap Counts()
    {
        using var counts = Rented<int>.Zeros(Room);
        Each((table, first, picked, count) => Count(table, first, picked, count, counts.Span));
        var (least, most, negated) = Whole(node.Number);
        var people = new Bitmap(Room);
        var words = people.Words;
        var span = counts.Span;
        for (var id = 0; id < span.Length; id++)
        {
            var within = span[id] >= least && span[id] <= most;
            words[id >> 6] |= (within != negated ? 1UL : 0UL) << id;
        }

        return people;
    }

    private Bitmap Sums()
    {
        using var sums = Rented<double>.Zeros(Room);
        Each((table, first, picked, count) =>
        {
            var canonical = columns.People.Canonical;
            var profiles = table.Profiles;
            var values = new Values(table, node.Property!);
            var span = sums.Span;
            for (var i = 0; i < count; i++)
            {
                var row = picked is null ? first + i : picked[i];
                var value = values[row];
                span[canonical[profiles[row]]] += double.IsNaN(value) ? 0 : value;
            }
        });
        return Test(sums.Span);
    }

    private Bitmap Averages()
    {
        // Sum and number of a person side by side: one look at memory an event, not two.
        using var sums = Rented<(double Sum, double Number)>.Zeros(Room);
        Each((table, first, picked, count) =>
        {
            var canonical = columns.People.Canonical;
            var profiles = table.Profiles;
            var values = new Values(table, node.Property!);
            var span = sums.Span;
            for (var i = 0; i < count; i++)
            {
                var row = picked is null ? first + i : picked[i];
                if (values[row] is var value && !double.IsNaN(value))
                {
                    ref var held = ref span[canonical[profiles[row]]];
                    held.Sum += value;
                    held.Number++;
                }
            }
        });

        // Of nothing: 0 divided by 0, which is no number and meets no test.
        var people = new Bitmap(Room);
        var words = people.Words;
        var all = sums.Span;
        var test = node.Number;
        for (var id = 0; id < all.Length; id++)
        {
            words[id >> 6] |= (test.Holds(all[id].Sum / all[id].Number) ? 1UL : 0UL) << id;
        }

        return people;
    }

    private Bitmap Extremes()
    {
        using var extremes = Rented<double>.Filled(Room, double.NaN);
        var least = node.Measure == Measure.Min;
        Each((table, first, picked, count) =>
        {
            var canonical = columns.People.Canonical;
            var profiles = table.Profiles;
            var values = new Values(table, node.Property!);
            var span = extremes.Span;
            for (var i = 0; i < count; i++)
            {
                var row = picked is null ? first + i : picked[i];
                var value = values[row];
                ref var held = ref span[canonical[profiles[row]]];

                // NaN compares with nothing, so the first value always takes its place.
                if (!double.IsNaN(value) && !(least ? held <= value : held >= value))
                {
                    held = value;
                }
            }
        });
        return Test(extremes.Span);
    }

    private Bitmap Times()
    {
        var first = node.Measure == Measure.First;
        var none = first ? long.MaxValue : long.MinValue;
        using var times = Rented<long>.Filled(Room, none);
        Each((table, start, picked, count) =>
        {
            var canonical = columns.People.Canonical;
            var profiles = table.Profiles;
            var at = table.Times;
            var span = times.Span;
            for (var i = 0; i < count; i++)
            {
                var row = picked is null ? start + i : picked[i];
                ref var held = ref span[canonical[profiles[row]]];
                held = first ? Math.Min(held, at[row]) : Math.Max(held, at[row]);
            }
        });
        var (from, to) = node.Time.At(asOf);
        var people = new Bitmap(Room);
        var words = people.Words;
        var all = times.Span;
        for (var id = 0; id < all.Length; id++)
        {
            words[id >> 6] |= (all[id] != none && all[id] >= from && all[id] < to ? 1UL : 0UL) << id;
        }

        return people;
    }

    private void Count(EventTable table, int first, int[]? picked, int count, Span<int> counts)
    {
        var canonical = columns.People.Canonical;
        var profiles = table.Profiles;
        for (var i = 0; i < count; i++)
        {
            counts[canonical[profiles[picked is null ? first + i : picked[i]]]]++;
        }
    }

    private Bitmap Test(ReadOnlySpan<double> numbers)
    {
        var people = new Bitmap(Room);
        var words = people.Words;
        var test = node.Number;
        for (var id = 0; id < numbers.Length; id++)
        {
            words[id >> 6] |= (test.Holds(numbers[id]) ? 1UL : 0UL) << id;
        }

        return people;
    }

    /// <summary>Hands over the rows of each table that are in the window and pass the filters.</summary>
    private void Each(RowsOfTable take)
    {
        var (from, to) = Window(node, asOf);
        foreach (var table in Tables(columns, node))
        {
            var (first, end) = table.Rows(from, to);
            if (end <= first)
            {
                continue;
            }

            if (node.Where.Count == 0)
            {
                take(table, first, null, end - first);
                continue;
            }

            var picked = System.Buffers.ArrayPool<int>.Shared.Rent(end - first + 1);
            try
            {
                var count = TestOf(table, node.Where[0]).Pick(first, end, picked);
                foreach (var filter in node.Where.Skip(1))
                {
                    count = TestOf(table, filter).Keep(picked.AsSpan(0, count));
                }

                take(table, first, picked, count);
            }
            finally
            {
                System.Buffers.ArrayPool<int>.Shared.Return(picked);
            }
        }
    }

    private ColumnTest TestOf(EventTable table, PropertyFilter filter) =>
        new(table.Properties.GetValueOrDefault(filter.Property), filter.Condition, asOf);

    private static bool IsAtLeastOne(NumberTest test) =>
        !test.Negated && double.IsPositiveInfinity(test.To) && (test.FromIncluded ? test.From is > 0 and <= 1 : test.From is >= 0 and < 1);

    /// <summary>The bounds of a test of whole numbers, both included.</summary>
    private static (int Least, int Most, bool Negated) Whole(NumberTest test)
    {
        var least = test.FromIncluded ? Math.Ceiling(test.From) : Math.Floor(test.From) + 1;
        var most = test.ToIncluded ? Math.Floor(test.To) : Math.Ceiling(test.To) - 1;
        return ((int)Math.Clamp(least, 0, int.MaxValue), (int)Math.Clamp(most, -1, int.MaxValue), test.Negated);
    }

    /// <param name="picked">The rows; null: those from first on.</param>
    private delegate void RowsOfTable(EventTable table, int first, int[]? picked, int count);

    /// <summary>A property as numbers by row, NaN where it is none.</summary>
    internal readonly ref struct Values
    {
        private readonly ReadOnlySpan<int> _codes;
        private readonly ReadOnlySpan<double> _numbers;
        private readonly ReadOnlySpan<double> _texts;

        public Values(EventTable table, string property)
        {
            if (table.Properties.TryGetValue(property, out var column))
            {
                _codes = column.Codes;
                _numbers = column.Numbers;
                _texts = _codes.IsEmpty ? default : column.Texts.Numbers();
            }
        }

        public double this[int row]
        {
            get
            {
                var number = row < _numbers.Length ? _numbers[row] : double.NaN;
                if (!double.IsNaN(number) || row >= _codes.Length)
                {
                    return number;
                }

                var code = _codes[row];
                return code >= Column.FirstText ? _texts[code - Column.FirstText] : double.NaN;
            }
        }
    }
}
