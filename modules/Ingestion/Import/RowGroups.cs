using System.Text;
using CdpMonolith.Ingestion.Rules;

namespace CdpMonolith.Ingestion.Import;

/// <summary>
/// The rows of a file that become calls together: lines of one order that stand next to one another. Without order lines, each row
/// by itself.
/// </summary>
/// <param name="apart">Orders whose lines do not stand together, as <see cref="ApartIn"/> found them: none of them is taken.</param>
internal sealed class RowGroups(CsvRows csv, ImportMapping mapping, IReadOnlySet<long> apart)
{
    private const int LinesAtMost = 10_000;

    /// <summary>So many orders are told apart: about 100 MB.</summary>
    private const int OrdersAtMost = 5_000_000;

    private readonly int _orderAt = mapping.OrderColumn is { } order ? csv.Header.ToList().IndexOf(order) : -1;
    private readonly bool _isReport = MendedReport.OwnColumns(csv.Header) > 0;
    private FileRow? _ahead;
    private long _order;

    /// <summary>The current rows.</summary>
    public IReadOnlyList<FileRow> Rows { get; private set; } = [];

    /// <summary>Number of the last of the current rows; 0: none was read.</summary>
    public long LastRow => Rows.Count == 0 ? 0 : Rows[^1].Number;

    /// <summary>Reads the whole file for orders whose lines stand in more than one place.</summary>
    public static IReadOnlySet<long> ApartIn(string path, CsvShape shape, ImportMapping mapping, CancellationToken ct)
    {
        var (met, apart) = (new HashSet<long>(), new HashSet<long>());
        if (mapping.OrderColumn is null)
        {
            return apart;
        }

        using var csv = new CsvRows(path, shape);
        var groups = new RowGroups(csv, mapping, apart);
        while (groups.Read())
        {
            ct.ThrowIfCancellationRequested();
            if (groups._order != 0 && (met.Count < OrdersAtMost ? !met.Add(groups._order) : met.Contains(groups._order)))
            {
                apart.Add(groups._order);
            }
        }

        return apart;
    }

    /// <summary>Goes to the next rows. False at the end.</summary>
    public bool Read()
    {
        if ((_ahead ?? Next()) is not { } first)
        {
            return false;
        }

        (_ahead, _order) = (null, 0);
        if (_orderAt < 0 || OrderOf(first) is not { Length: > 0 } order)
        {
            Rows = [first];
            return true;
        }

        var rows = new List<FileRow> { first };
        while ((_ahead = Next()) is { } next && rows.Count < LinesAtMost && OrderOf(next) == order)
        {
            rows.Add(next);
        }

        _order = MessageKey.Of(0, Encoding.UTF8.GetBytes(order));
        Rows = !apart.Contains(_order) ? rows : rows.ConvertAll(row => row with
        {
            Problem = row.Problem ?? new RowProblem(
                "row.order_apart", "The lines of this order do not stand together, or are too many; sort the file by the number of the order.", mapping.OrderColumn),
        });
        return true;
    }

    private FileRow? Next() => csv.Read() ? new FileRow(csv.Row, csv.Cells, csv.Problem) : null;

    private string OrderOf(FileRow row)
    {
        var text = row.Cells.Count > _orderAt ? row.Cells[_orderAt].Trim() : "";
        return _isReport ? MendedReport.Cell(text) : text;
    }
}
