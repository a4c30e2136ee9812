using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;

namespace CdpMonolith.Ingestion.Pages;

/// <summary>A column while its mapping is being made; fields are never null, so that inputs can be bound to them.</summary>
internal sealed class ColumnDraft
{
    private readonly string _trait;
    private readonly string _property;
    private readonly string _line;

    public ColumnDraft(string name, IReadOnlyList<string> samples, ColumnMapping from)
    {
        (Name, Samples) = (name, samples);
        (_trait, _property, _line) = (ColumnSuggestions.TraitNameOf(name), ColumnSuggestions.PropertyName(name), ColumnSuggestions.LineName(name));
        Take(from);
    }

    /// <summary>As the file calls it.</summary>
    public string Name { get; }

    /// <summary>Some of its values, each once.</summary>
    public IReadOnlyList<string> Samples { get; }

    public ColumnTarget To { get; private set; }

    public string Field { get; set; } = "";

    public CellType Type { get; set; }

    public string Purpose { get; set; } = "";

    public string Channel { get; set; } = "";

    public bool Inverted { get; set; }

    /// <summary>Of its dates; null: as in the whole file.</summary>
    public DateOrder? Order { get; set; }

    /// <summary>It holds dates.</summary>
    public bool IsOfDates => To is ColumnTarget.Time or ColumnTarget.ConsentTime || (Type == CellType.Date && ToMapping().IsField);

    /// <summary>Gives it another target, with the name that this target would have of itself.</summary>
    public void Become(ColumnTarget to)
    {
        if (Field == "" || Field == _trait || Field == _property || Field == _line)
        {
            Field = to switch
            {
                ColumnTarget.Trait or ColumnTarget.GroupTrait => _trait,
                ColumnTarget.Property => _property,
                ColumnTarget.Line => _line,
                _ => Field,
            };
        }

        if (to == ColumnTarget.Consent && Purpose == "")
        {
            (Purpose, Channel) = ("newsletter", "email");
        }

        To = to;
    }

    public void Take(ColumnMapping mapping)
    {
        (To, Field, Type) = (mapping.To, mapping.Name ?? "", mapping.Type);
        (Purpose, Channel, Inverted, Order) = (mapping.Purpose ?? "", mapping.Channel ?? "", mapping.Inverted, mapping.Order);
    }

    public ColumnMapping ToMapping() => To switch
    {
        ColumnTarget.Trait or ColumnTarget.Property or ColumnTarget.Line or ColumnTarget.GroupTrait => new ColumnMapping(To, Field.Trim(), Type, Order: Type == CellType.Date ? Order : null),
        ColumnTarget.Consent => new ColumnMapping(To, Purpose: Purpose.Trim(), Channel: Channel == "" ? null : Channel, Inverted: Inverted),
        ColumnTarget.Time or ColumnTarget.ConsentTime => new ColumnMapping(To, Order: Order),
        _ => new ColumnMapping(To),
    };
}

/// <summary>An import while it is being set up.</summary>
internal sealed class ImportDraft
{
    private const int SamplesShown = 3;
    private const int SampleAtMost = 60;

    public ImportDraft(FileFindings found)
    {
        Found = found;
        Columns = [.. found.Header.Select((name, at) => new ColumnDraft(name, SamplesOf(at), ColumnMapping.Ignored))];
        Take(found.Suggested);
    }

    public FileFindings Found { get; }

    public List<ColumnDraft> Columns { get; }

    /// <summary>A row is something that happened; else it is a person.</summary>
    public bool IsEvents { get; private set; }

    public string Event { get; set; } = "";

    public DateOrder DateOrder { get; set; }

    public bool DecimalComma { get; set; }

    /// <summary>Empty: UTC.</summary>
    public string TimeZone { get; set; } = "";

    /// <summary>What a cell says that takes a trait back; empty: none does.</summary>
    public string Clear { get; set; } = "";

    /// <summary>The column that names the event; null: all rows are the same event.</summary>
    public string? EventColumn => Columns.FirstOrDefault(column => column.To == ColumnTarget.EventName)?.Name;

    /// <summary>Rows are events of a name that nobody has given yet.</summary>
    public bool LacksEvent => IsEvents && EventColumn is null && string.IsNullOrWhiteSpace(Event);

    /// <summary>Fills it in as a mapping says; columns that it does not name are left out.</summary>
    public void Take(ImportMapping mapping)
    {
        (IsEvents, Event) = (mapping.HasEvents, mapping.Event ?? "");
        (DateOrder, DecimalComma, TimeZone) = (mapping.DateOrder, mapping.DecimalComma, mapping.TimeZone ?? "");
        Clear = mapping.Clear ?? "";
        Columns.ForEach(column => column.Take(mapping.Columns.GetValueOrDefault(column.Name) ?? ColumnMapping.Ignored));
    }

    public void HoldEvents(bool events)
    {
        if (events == IsEvents)
        {
            return;
        }

        IsEvents = events;
        var turned = events ? ColumnSuggestions.ForEvents(ToMapping()) : ColumnSuggestions.ForPeople(ToMapping());
        Columns.ForEach(column => column.Take(turned.Columns[column.Name]));
    }

    public ImportMapping ToMapping() => new(
        Columns.ToDictionary(column => column.Name, column => column.ToMapping()),
        IsEvents && EventColumn is null && !string.IsNullOrWhiteSpace(Event) ? Event.Trim() : null, DateOrder, DecimalComma,
        TimeZone.Trim() is { Length: > 0 } zone ? zone : null, Clear.Trim() is { Length: > 0 } clear ? clear : null);

    private List<string> SamplesOf(int at) =>
    [
        .. Found.Rows.Where(row => row.Count > at).Select(row => row[at].Trim()).Where(cell => cell.Length > 0).Distinct().Take(SamplesShown)
            .Select(cell => cell.Length > SampleAtMost ? cell[..SampleAtMost] + "…" : cell),
    ];
}
