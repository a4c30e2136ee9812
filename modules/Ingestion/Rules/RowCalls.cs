using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Why a row cannot be taken.</summary>
/// <param name="Field">The column that it is about; null: the row as a whole.</param>
internal sealed record RowProblem(string Code, string Message, string? Field = null);

/// <summary>A row of a file.</summary>
/// <param name="Number">The first data row is 1.</param>
/// <param name="Problem">What is wrong with it as text; null: nothing.</param>
internal sealed record FileRow(long Number, IReadOnlyList<string> Cells, RowProblem? Problem);

/// <summary>Why rows that belong together cannot be taken.</summary>
/// <param name="Row">The one that is at fault; 0: all of them together.</param>
internal sealed record RowFault(long Row, RowProblem Problem)
{
    /// <summary>Why one of the rows cannot be taken.</summary>
    public RowProblem Of(FileRow row) => row.Problem ?? (Row == 0 || row.Number == Row ? Problem
        : new RowProblem("row.order_incomplete", FormattableString.Invariant($"Row {Row}, of the same order, cannot be taken.")));
}

/// <summary>
/// Turns rows into the calls a client would have sent: an identify for what is said of the person, a track for the event.
/// Made once for a file and a mapping; not for two threads.
/// </summary>
internal sealed class RowCalls
{
    private const string Price = "price";
    private const string Quantity = "quantity";
    private static readonly string[] CountryTraits = ["countryCode", "country"];

    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly Column[] _columns;
    private readonly ImportMapping _mapping;
    private readonly string? _orderColumn;
    private readonly TimeZoneInfo _zone;
    private readonly string _ownIdType;
    private readonly string? _country;
    private readonly string _filePart;
    private readonly string _mappingPart;
    private readonly bool _hasPersonPart;
    private readonly bool _hasGroup;
    private readonly bool _addsUp;
    private readonly int _width;
    private readonly bool _isReport;

    /// <summary>Columns that tell the row's country, the best first.</summary>
    private readonly int[] _countriesAt;
    private Values _last;
    private readonly ArrayBufferWriter<byte> _out = new(512 * 1024);
    private readonly Utf8JsonWriter _json;

    /// <summary>Where the calls written since the last <see cref="Take"/> stand.</summary>
    private readonly List<Range> _calls = [];

    /// <summary>Cells of the order's lines; empty when rows are no lines.</summary>
    private readonly List<object?[]> _lines = [];

    /// <param name="ownIdType">The identifier type of the source's own ids.</param>
    /// <param name="country">Where the source is, for signs of money that several countries share; null: nothing is known of that.</param>
    /// <param name="fileKey">Tells this file from others: message ids are made of it, so that the same file changes nothing.</param>
    public RowCalls(IReadOnlyList<string> header, ImportMapping mapping, string ownIdType, string fileKey, string mappingKey, string? country)
    {
        _columns = [.. header.Select((name, at) => new Column(at, name, mapping.Columns.GetValueOrDefault(name) ?? ColumnMapping.Ignored))
            .Where(column => column.Mapping.To != ColumnTarget.Ignore)];
        (_mapping, _ownIdType, _country, _filePart, _mappingPart, _width) = (mapping, ownIdType, country, $"import-{fileKey}-", mappingKey, header.Count);
        _orderColumn = mapping.OrderColumn;
        _zone = mapping.TimeZone is { } zone ? TimeZoneInfo.FindSystemTimeZoneById(zone) : TimeZoneInfo.Utc;
        _hasPersonPart = !mapping.HasEvents || _columns.Any(column =>
            column.Mapping.To is ColumnTarget.Trait or ColumnTarget.Consent);
        _hasGroup = _columns.Any(column => column.Mapping.To == ColumnTarget.GroupId);
        _addsUp = _columns.Any(column => column.Mapping is { To: ColumnTarget.Line, Name: Price, Type: CellType.Number })
            && !_columns.Any(column => column.Mapping is { To: ColumnTarget.Property, Name: "revenue" or "total" or "value" });
        _isReport = MendedReport.OwnColumns(header) > 0;
        _countriesAt = [.. CountryTraits.Select(name => Array.FindIndex(_columns, column => column.Mapping.To == ColumnTarget.Trait && column.Mapping.Name == name)).Where(at => at >= 0)];
        _json = new Utf8JsonWriter(_out, Plain);
    }

    /// <summary>What the last written row says of who it is about; null: nothing of this kind.</summary>
    public (string? UserId, string? Email, string? Phone, string? OwnId, string? AnonymousId) Who =>
        (_last.UserId, _last.Email, PhoneOf(_last), _last.OwnId, _last.AnonymousId);

    /// <summary>The identifier type of <see cref="Who"/>'s own id.</summary>
    public string OwnIdType => _ownIdType;

    /// <summary>All calls written so far; the next are written into a buffer of their own.</summary>
    public List<ReadOnlyMemory<byte>> Take()
    {
        var bytes = _out.WrittenSpan.ToArray();
        _out.ResetWrittenCount();
        var calls = _calls.ConvertAll(range => new ReadOnlyMemory<byte>(bytes)[range]);
        _calls.Clear();
        return calls;
    }

    /// <summary>Writes the calls of rows that belong together; how many. 0: none of them can be taken, for the fault.</summary>
    public int Write(IReadOnlyList<FileRow> rows, out RowFault? fault)
    {
        fault = Read(rows, out var values);
        if (fault is not null)
        {
            return 0;
        }

        var row = rows[0].Number;
        _last = values;
        var count = 0;
        if (_hasPersonPart)
        {
            Begin();
            WriteIdentify(values, row);
            End();
            count++;
        }

        if (_hasGroup && values.Group is not null)
        {
            Begin();
            WriteGroup(values, row);
            End();
            count++;
        }

        if (_mapping.HasEvents)
        {
            Begin();
            WriteTrack(values, row);
            End();
            count++;
        }

        return count;
    }

    /// <summary>The phone number in E.164 where the row's country or the source's tells it, else as it stands there.</summary>
    private string? PhoneOf(in Values values) => values.Phone is not { } phone ? null
        : (Country(values) is var (_, said) && CountryNames.ToIso2(said) is { } country ? PhoneNumbers.ToE164(phone, country) : null)
            ?? PhoneNumbers.ToE164(phone, _country) ?? phone;

    /// <summary>What the rows say together: of each thing that is not of a line, what the first says that says something.</summary>
    private RowFault? Read(IReadOnlyList<FileRow> rows, out Values values)
    {
        values = new Values(new object?[_columns.Length]);
        _lines.Clear();
        foreach (var row in rows)
        {
            var said = new Values(new object?[_columns.Length]);
            if ((row.Problem ?? ReadCells(row.Cells, ref said)) is { } problem)
            {
                return new RowFault(row.Number, problem);
            }

            if (_orderColumn is null)
            {
                values = said;
                break;
            }

            if (values.IsOfAnother(said))
            {
                return new RowFault(row.Number, new RowProblem("row.order_mixed", "The lines of the order name different people."));
            }

            values = values.With(said);
            _lines.Add(said.Cells);
        }

        values.Event ??= _mapping.Event;
        return Lacking(values) is { } lacking ? new RowFault(0, lacking) : null;
    }

    private RowProblem? Lacking(in Values values) =>
        (values.UserId ?? values.Email ?? values.Phone ?? values.OwnId ?? values.AnonymousId) is null
            ? new RowProblem("row.no_identifier", "The row has nothing that tells who it is about.")
        : _mapping.HasEvents && string.IsNullOrWhiteSpace(values.Event)
            ? new RowProblem("row.no_event", "The row does not say which event it is.")
        : _orderColumn is { } order && values.Order is null
            ? new RowProblem("row.no_order", "The row does not say which order it is a line of.", order)
        : null;

    private RowProblem? ReadCells(IReadOnlyList<string> cells, ref Values values)
    {
        if (cells.Count != _width)
        {
            return new RowProblem("row.cells", FormattableString.Invariant($"The row has {cells.Count} cells; the header has {_width}."));
        }

        for (var n = 0; n < _columns.Length; n++)
        {
            var column = _columns[n];
            var text = cells[column.At].Trim();
            text = _isReport ? MendedReport.Cell(text) : text;
            if (text.Length == 0)
            {
                continue;
            }

            if (ReadCell(column, text, n, ref values) is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    private RowProblem? ReadCell(Column column, string text, int n, ref Values values)
    {
        if (text.Contains('\uFFFD', StringComparison.Ordinal))
        {
            return new RowProblem("cell.not_readable", "The cell has bytes that are not of the file's encoding.", column.Name);
        }

        if (text.Contains('\0', StringComparison.Ordinal))
        {
            return new RowProblem("cell.nul", "The cell has the character U+0000.", column.Name);
        }

        if (text == _mapping.Clear)
        {
            values.Cells[n] = column.Mapping.To == ColumnTarget.Trait ? DBNull.Value : null;
            return null;
        }

        switch (column.Mapping.To)
        {
            case ColumnTarget.UserId:
                values.UserId = text;
                break;
            case ColumnTarget.Email:
                values.Email = text;
                return CellReading.LooksLikeEmail(text) ? null : new RowProblem("email.malformed", "This is not an e-mail address.", column.Name);
            case ColumnTarget.Phone:
                values.Phone = text;
                return CellReading.LooksLikePhone(text) ? null : new RowProblem("phone.malformed", "This is not a phone number.", column.Name);
            case ColumnTarget.OwnId:
                values.OwnId = text;
                break;
            case ColumnTarget.AnonymousId:
                values.AnonymousId = text;
                break;
            case ColumnTarget.OrderId:
                values.Order = text;
                break;
            case ColumnTarget.GroupId:
                values.Group = text;
                break;
            case ColumnTarget.EventName:
                values.Event = text;
                break;
            case ColumnTarget.MessageId:
                values.MessageId = text;
                break;
            case ColumnTarget.ConsentText:
                values.ConsentText = text;
                break;
            case ColumnTarget.ConsentSource:
                values.ConsentSource = text;
                break;
            case ColumnTarget.Time:
            case ColumnTarget.ConsentTime:
                if (CellReading.Time(text, OrderOf(column), _zone) is not { } time)
                {
                    return new RowProblem("time.malformed", "This is not a date or time that the mapping understands.", column.Name);
                }

                if (column.Mapping.To == ColumnTarget.Time)
                {
                    values.Time = time;
                }
                else
                {
                    values.ConsentTime = time;
                }

                break;
            case ColumnTarget.Consent:
                // Lists of subscribers often have no yes or no but the time when somebody agreed.
                values.Cells[n] = CellReading.Boolean(text) ?? (object?)(column.Mapping.Inverted ? null : CellReading.Time(text, OrderOf(column), _zone));
                return values.Cells[n] is null ? new RowProblem("consent.not_understood", "This is neither yes nor no.", column.Name) : null;
            default:
                values.Cells[n] = column.Mapping.Type switch
                {
                    CellType.Number => CellReading.Number(text, _mapping.DecimalComma),
                    CellType.Boolean => CellReading.Boolean(text),
                    CellType.Date => CellReading.Date(text, OrderOf(column), _zone),
                    CellType.Currency => CurrencyCodes.ToIso4217(text, _country),
                    _ => text,
                };
                return values.Cells[n] is null
                    ? new RowProblem("cell.not_" + column.Mapping.Type.ToString().ToLowerInvariant(), $"This is not a {column.Mapping.Type.ToString().ToLowerInvariant()}.", column.Name)
                    : null;
        }

        return null;
    }

    private DateOrder OrderOf(Column column) => column.Mapping.Order ?? _mapping.DateOrder;

    private void Begin()
    {
        _json.Reset(_out);
        _calls.Add(_out.WrittenCount.._out.WrittenCount);
        _json.WriteStartObject();
    }

    private void End()
    {
        _json.WriteEndObject();
        _json.Flush();
        _calls[^1] = _calls[^1].Start.._out.WrittenCount;
    }

    private void WriteIdentify(in Values values, long row)
    {
        _json.WriteString("type"u8, "identify"u8);
        WriteHead(values, row, "p-" + _mappingPart);
        _json.WriteStartObject("traits"u8);
        WriteContact(values);
        WriteCells(values.Cells, ColumnTarget.Trait);
        _json.WriteEndObject();
        _json.WriteStartObject("context"u8);
        WriteOwnId(values);
        WriteConsents(values);
        _json.WriteEndObject();
    }

    private void WriteTrack(in Values values, long row)
    {
        _json.WriteString("type"u8, "track"u8);
        _json.WriteString("event"u8, values.Event);
        WriteHead(values, row, "e");
        _json.WriteStartObject("properties"u8);
        if (values.Order is { } order)
        {
            _json.WriteString("order_id"u8, order);
        }

        WriteCells(values.Cells, ColumnTarget.Property);
        WriteLines();
        _json.WriteEndObject();
        WriteContext(values);
    }

    private void WriteGroup(in Values values, long row)
    {
        _json.WriteString("type"u8, "group"u8);
        _json.WriteString("groupId"u8, values.Group);
        WriteHead(values, row, "g-" + _mappingPart);
        _json.WriteStartObject("traits"u8);
        WriteCells(values.Cells, ColumnTarget.GroupTrait);
        _json.WriteEndObject();
        WriteContext(values);
    }

    /// <summary>The lines as <c>products</c>; and what they come to, when the file does not say it.</summary>
    private void WriteLines()
    {
        if (_lines.Count == 0)
        {
            return;
        }

        var sum = 0m;
        _json.WriteStartArray("products"u8);
        foreach (var line in _lines)
        {
            _json.WriteStartObject();
            WriteCells(line, ColumnTarget.Line);
            _json.WriteEndObject();
            sum += Of(line, Price) * (Of(line, Quantity) ?? 1) ?? 0;
        }

        _json.WriteEndArray();
        if (_addsUp)
        {
            _json.WriteNumber("revenue"u8, sum);
        }
    }

    private decimal? Of(object?[] line, string name)
    {
        var at = Array.FindIndex(_columns, column => column.Mapping.To == ColumnTarget.Line && column.Mapping.Name == name);
        return at < 0 ? null : line[at] as decimal?;
    }

    /// <summary>Who it is about, for calls that say nothing else of the person.</summary>
    private void WriteContext(in Values values)
    {
        _json.WriteStartObject("context"u8);
        WriteOwnId(values);
        if (values.Email is not null || values.Phone is not null)
        {
            _json.WriteStartObject("traits"u8);
            WriteContact(values);
            if (values.Phone is not null && Country(values) is var (name, said))
            {
                _json.WriteString(name, said);
            }

            _json.WriteEndObject();
        }

        _json.WriteEndObject();
    }

    private void WriteHead(in Values values, long row, string part)
    {
        // An event is the same event under another mapping, and an order in another file; what is said of a person may be said anew,
        // but not because a later export has the order once more.
        _json.WriteString("messageId"u8, part == "e" && values.MessageId is { } own ? own
            : part == "e" && values.Order is { } order ? $"order-{values.Event}-{order}"
            : values.Order is { } sameOrder && _mapping.HasEvents ? $"order-{values.Event}-{sameOrder}-{part}-{DigestOf(values)}"
            : string.Create(CultureInfo.InvariantCulture, $"{_filePart}{row}-{part}"));
        if (values.UserId is { } userId)
        {
            _json.WriteString("userId"u8, userId);
        }

        if (values.AnonymousId is { } anonymousId)
        {
            _json.WriteString("anonymousId"u8, anonymousId);
        }

        if (values.Time is { } time)
        {
            _json.WriteString("timestamp"u8, Iso(time));
        }
    }

    /// <summary>The row's own country, in which a phone number without one is read; null: it says none.</summary>
    private (string Name, string Said)? Country(in Values values)
    {
        foreach (var at in _countriesAt)
        {
            if (values.Cells[at] is string said)
            {
                return (_columns[at].Mapping.Name!, said);
            }
        }

        return null;
    }

    /// <summary>Another one for whatever else is said of the person or the group.</summary>
    private string DigestOf(in Values values)
    {
        var said = new StringBuilder()
            .AppendJoin('\u001F', values.UserId, values.AnonymousId, values.Email, values.Phone, values.OwnId, values.Group, values.ConsentText, values.ConsentSource)
            .Append(CultureInfo.InvariantCulture, $"\u001F{values.Time}\u001F{values.ConsentTime}");
        for (var n = 0; n < _columns.Length; n++)
        {
            if (_columns[n].Mapping.To is ColumnTarget.Trait or ColumnTarget.GroupTrait or ColumnTarget.Consent)
            {
                said.Append('\u001F').Append(CultureInfo.InvariantCulture, $"{(values.Cells[n] is DBNull ? "\u001E" : values.Cells[n])}");
            }
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(said.ToString())).AsSpan(0, 8));
    }

    private void WriteContact(in Values values)
    {
        if (values.Email is { } email)
        {
            _json.WriteString("email"u8, email);
        }

        if (values.Phone is { } phone)
        {
            _json.WriteString("phone"u8, phone);
        }
    }

    private void WriteCells(object?[] cells, ColumnTarget target)
    {
        for (var n = 0; n < _columns.Length; n++)
        {
            if (_columns[n].Mapping.To != target)
            {
                continue;
            }

            switch (cells[n])
            {
                case string text:
                    _json.WriteString(_columns[n].Mapping.Name!, text);
                    break;
                case decimal number:
                    _json.WriteNumber(_columns[n].Mapping.Name!, number);
                    break;
                case DBNull:
                    _json.WriteNull(_columns[n].Mapping.Name!);
                    break;
                case bool yes:
                    _json.WriteBoolean(_columns[n].Mapping.Name!, yes);
                    break;
            }
        }
    }

    private void WriteOwnId(in Values values)
    {
        if (values.OwnId is not { } id)
        {
            return;
        }

        _json.WriteStartArray("externalIds"u8);
        _json.WriteStartObject();
        _json.WriteString("id"u8, id);
        _json.WriteString("type"u8, _ownIdType);
        _json.WriteString("collection"u8, "users"u8);
        _json.WriteEndObject();
        _json.WriteEndArray();
    }

    private void WriteConsents(in Values values)
    {
        var any = false;
        for (var n = 0; n < _columns.Length; n++)
        {
            if (_columns[n].Mapping is not { To: ColumnTarget.Consent } consent || values.Cells[n] is not { } said)
            {
                continue;
            }

            var granted = said is not bool yes || yes != consent.Inverted;

            if (!any)
            {
                any = true;
                _json.WriteStartObject("consent"u8);
                _json.WriteStartArray("decisions"u8);
            }

            _json.WriteStartObject();
            _json.WriteString("purpose"u8, consent.Purpose);
            _json.WriteString("channel"u8, consent.Channel ?? "any");
            _json.WriteString("status"u8, granted ? "granted"u8 : "denied"u8);
            if ((said as long? ?? values.ConsentTime ?? values.Time) is { } at)
            {
                _json.WriteString("at"u8, Iso(at));
            }

            if (values.ConsentText is { } text)
            {
                _json.WriteString("textVersion"u8, text);
            }

            _json.WriteString("source"u8, values.ConsentSource ?? "import");
            _json.WriteEndObject();
        }

        if (any)
        {
            _json.WriteEndArray();
            _json.WriteEndObject();
        }
    }

    private static string Iso(long time) =>
        DateTimeOffset.FromUnixTimeMilliseconds(time).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private readonly record struct Column(int At, string Name, ColumnMapping Mapping);

    /// <summary>What one row says; <see cref="Cells"/> holds traits, properties and consents by their column.</summary>
    private struct Values(object?[] cells)
    {
        public object?[] Cells { get; } = cells;

        public string? UserId { get; set; }

        public string? Email { get; set; }

        public string? Phone { get; set; }

        public string? OwnId { get; set; }

        public string? AnonymousId { get; set; }

        public string? Event { get; set; }

        public string? Order { get; set; }

        public string? Group { get; set; }

        public string? MessageId { get; set; }

        public long? Time { get; set; }

        public long? ConsentTime { get; set; }

        public string? ConsentText { get; set; }

        public string? ConsentSource { get; set; }

        /// <summary>Both name somebody in one way, and not the same one.</summary>
        public readonly bool IsOfAnother(in Values other) =>
            Differ(UserId, other.UserId) || Differ(Email, other.Email) || Differ(Phone, other.Phone) || Differ(OwnId, other.OwnId)
            || Differ(AnonymousId, other.AnonymousId);

        /// <summary>This, and what the other says of which this says nothing.</summary>
        public readonly Values With(in Values other)
        {
            var cells = (object?[])Cells.Clone();
            for (var n = 0; n < cells.Length; n++)
            {
                cells[n] ??= other.Cells[n];
            }

            return new Values(cells)
            {
                UserId = UserId ?? other.UserId, Email = Email ?? other.Email, Phone = Phone ?? other.Phone, OwnId = OwnId ?? other.OwnId,
                AnonymousId = AnonymousId ?? other.AnonymousId, Event = Event ?? other.Event, Order = Order ?? other.Order, Group = Group ?? other.Group,
                MessageId = MessageId ?? other.MessageId, Time = Time ?? other.Time, ConsentTime = ConsentTime ?? other.ConsentTime,
                ConsentText = ConsentText ?? other.ConsentText, ConsentSource = ConsentSource ?? other.ConsentSource,
            };
        }

        private static bool Differ(string? one, string? other) => one is not null && other is not null && !string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
    }
}
