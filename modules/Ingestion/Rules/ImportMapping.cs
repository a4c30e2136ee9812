using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using CdpMonolith.Platform;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>What a column of a file becomes.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ColumnTarget>))]
internal enum ColumnTarget
{
    [JsonStringEnumMemberName("ignore")] Ignore,
    [JsonStringEnumMemberName("userId")] UserId,
    [JsonStringEnumMemberName("email")] Email,
    [JsonStringEnumMemberName("phone")] Phone,
    [JsonStringEnumMemberName("ownId")] OwnId,
    [JsonStringEnumMemberName("anonymousId")] AnonymousId,
    [JsonStringEnumMemberName("trait")] Trait,
    [JsonStringEnumMemberName("property")] Property,
    [JsonStringEnumMemberName("orderId")] OrderId,
    [JsonStringEnumMemberName("line")] Line,
    [JsonStringEnumMemberName("eventName")] EventName,
    [JsonStringEnumMemberName("time")] Time,
    [JsonStringEnumMemberName("messageId")] MessageId,
    [JsonStringEnumMemberName("consent")] Consent,
    [JsonStringEnumMemberName("consentTime")] ConsentTime,
    [JsonStringEnumMemberName("consentText")] ConsentText,
    [JsonStringEnumMemberName("consentSource")] ConsentSource,
    [JsonStringEnumMemberName("groupId")] GroupId,
    [JsonStringEnumMemberName("groupTrait")] GroupTrait,
}

/// <summary>How the text of a cell is read.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CellType>))]
internal enum CellType
{
    [JsonStringEnumMemberName("text")] Text,
    [JsonStringEnumMemberName("number")] Number,
    [JsonStringEnumMemberName("boolean")] Boolean,
    [JsonStringEnumMemberName("date")] Date,

    /// <summary>A currency's code, sign or name; it becomes the ISO 4217 code.</summary>
    [JsonStringEnumMemberName("currency")] Currency,
}

/// <summary>The order in which a date without a name of its month is written.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DateOrder>))]
internal enum DateOrder
{
    [JsonStringEnumMemberName("ymd")] Ymd,
    [JsonStringEnumMemberName("dmy")] Dmy,
    [JsonStringEnumMemberName("mdy")] Mdy,
}

/// <param name="Name">Of the trait, the property, or the member of an order line; null for other targets.</param>
/// <param name="Purpose">Of a consent.</param>
/// <param name="Channel">Of a consent; <c>any</c> when null.</param>
/// <param name="Order">Of dates in this column; null: as in the whole file.</param>
/// <param name="Inverted">Of a consent: the column says who refused, such as <c>Opted out</c>.</param>
internal sealed record ColumnMapping(
    ColumnTarget To, string? Name = null, CellType Type = CellType.Text, string? Purpose = null, string? Channel = null, bool Inverted = false,
    DateOrder? Order = null)
{
    public static readonly ColumnMapping Ignored = new(ColumnTarget.Ignore);

    /// <summary>It has a name and a type.</summary>
    [JsonIgnore]
    public bool IsField => To is ColumnTarget.Trait or ColumnTarget.Property or ColumnTarget.Line or ColumnTarget.GroupTrait;
}

/// <summary>What each column of a file becomes, and how its dates and numbers are written.</summary>
/// <param name="Columns">By the name of the column, or <c>Column 1</c> and so on without a header.</param>
/// <param name="Event">Each row is also this event; null: rows are people, unless a column names the event.</param>
/// <param name="DecimalComma">Numbers are written 1.234,56.</param>
/// <param name="Clear">A cell of a trait that says this takes the trait back; null: no cell does. A blank cell never does.</param>
/// <param name="TimeZone">IANA name, for times without a zone; UTC when null.</param>
internal sealed record ImportMapping(
    IReadOnlyDictionary<string, ColumnMapping> Columns, string? Event = null, DateOrder DateOrder = DateOrder.Ymd,
    bool DecimalComma = false, string? TimeZone = null, string? Clear = null)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private static readonly ColumnTarget[] Identifiers =
        [ColumnTarget.UserId, ColumnTarget.Email, ColumnTarget.Phone, ColumnTarget.OwnId, ColumnTarget.AnonymousId];

    private static readonly ColumnTarget[] OnceEach =
        [.. Identifiers, ColumnTarget.Time, ColumnTarget.EventName, ColumnTarget.MessageId, ColumnTarget.OrderId, ColumnTarget.GroupId];

    private static readonly ColumnTarget[] OfEvents = [ColumnTarget.Property, ColumnTarget.OrderId, ColumnTarget.Line];

    /// <summary>Rows are events.</summary>
    [JsonIgnore]
    public bool HasEvents => !string.IsNullOrWhiteSpace(Event) || Columns.Values.Any(column => column.To == ColumnTarget.EventName);

    /// <summary>The column whose rows with the same value are the lines of one order; null: each row stands by itself.</summary>
    [JsonIgnore]
    public string? OrderColumn => Columns.Values.Any(column => column.To == ColumnTarget.Line)
        ? Columns.FirstOrDefault(column => column.Value.To == ColumnTarget.OrderId).Key
        : null;

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>Equal for mappings that say the same: the order of the columns and those that are left out do not matter.</summary>
    public string Key()
    {
        var said = this with
        {
            Columns = new SortedDictionary<string, ColumnMapping>(
                Columns.Where(column => column.Value.To != ColumnTarget.Ignore).ToDictionary(), StringComparer.Ordinal),
        };
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(said.ToJson())))[..8];
    }

    /// <summary>Reads the JSON form.</summary>
    public static Outcome<ImportMapping> Parse(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<ImportMapping>(json, Json) is { Columns: not null } mapping
                ? mapping
                : new Problem("mapping.empty", "The mapping names no columns.", "columns");
        }
        catch (JsonException fault)
        {
            return new Problem("mapping.not_readable", $"The mapping cannot be read at {fault.Path ?? "its start"}.", "mapping");
        }
    }

    /// <summary>
    /// Reads the short form of the command line: <c>Email=email,Name=trait:name,Total=property:revenue:number,Day=time,News=consent:newsletter:email</c>.
    /// </summary>
    public static Outcome<ImportMapping> ParseShort(string text)
    {
        var columns = new Dictionary<string, ColumnMapping>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var cut = part.LastIndexOf('=');
            if (cut < 1)
            {
                return new Problem("mapping.not_readable", $"'{part}' is not of the form Column=target.", "map");
            }

            var words = part[(cut + 1)..].Split(':', StringSplitOptions.TrimEntries);
            if (ReadTarget(words) is not { } column)
            {
                return new Problem("mapping.target_unknown", $"'{part[(cut + 1)..]}' is not a target; see cdp import --help.", "map");
            }

            columns[part[..cut].Trim()] = column;
        }

        return columns.Count == 0
            ? new Problem("mapping.empty", "The mapping names no columns.", "map")
            : new ImportMapping(columns);
    }

    /// <summary>Whether the mapping makes sense for a file with these columns; null: it does.</summary>
    public Problem? Check(IReadOnlyCollection<string> header)
    {
        if (Columns.Keys.FirstOrDefault(name => !header.Contains(name)) is { } unknown)
        {
            return new Problem("mapping.column_unknown", $"The file has no column '{unknown}'.", unknown);
        }

        foreach (var (name, column) in Columns)
        {
            if (column.IsField && string.IsNullOrWhiteSpace(column.Name))
            {
                return new Problem("mapping.name_missing", $"Say what the column '{name}' is to be called.", name);
            }

            if (column.To == ColumnTarget.Consent && string.IsNullOrWhiteSpace(column.Purpose))
            {
                return new Problem("mapping.purpose_missing", $"Say for which purpose the column '{name}' holds consent.", name);
            }
        }

        foreach (var target in OnceEach)
        {
            if (Columns.Where(column => column.Value.To == target).Skip(1).FirstOrDefault() is { Key: not null } second)
            {
                return new Problem("mapping.target_twice", $"Two columns cannot both be {target}; the second is '{second.Key}'.", second.Key);
            }
        }

        if (FieldTwice() is { } twice)
        {
            return twice;
        }

        if (!Columns.Values.Any(column => Identifiers.Contains(column.To)))
        {
            return new Problem("mapping.no_identifier", "Map at least one column that tells who the row is about: an e-mail, a phone, a user id or the source's own id.", "columns");
        }

        if (!HasEvents && Columns.FirstOrDefault(column => OfEvents.Contains(column.Value.To)) is { Key: not null } property)
        {
            return new Problem("mapping.no_event", $"The column '{property.Key}' tells of an event, so say which event a row is.", "event");
        }

        if (Lacking(ColumnTarget.Line, ColumnTarget.OrderId) is { } line)
        {
            return new Problem("mapping.no_order", $"The column '{line}' is of an order's lines, so map the column that has the number of the order.", line);
        }

        if (Lacking(ColumnTarget.GroupTrait, ColumnTarget.GroupId) is { } trait)
        {
            return new Problem("mapping.no_group", $"The column '{trait}' is of a group, so map the column that has the group's id.", trait);
        }

        return TimeZone is null || TimeZoneInfo.TryFindSystemTimeZoneById(TimeZone, out _)
            ? null
            : new Problem("mapping.time_zone_unknown", $"There is no time zone '{TimeZone}'.", "timeZone");
    }

    /// <summary>The first column of a target that needs another, which no column is; null: there is none.</summary>
    private string? Lacking(ColumnTarget of, ColumnTarget needed) =>
        Columns.Values.Any(column => column.To == needed) ? null : Columns.FirstOrDefault(column => column.Value.To == of).Key;

    /// <summary>Two values cannot stand under one name.</summary>
    private Problem? FieldTwice()
    {
        var taken = new HashSet<(ColumnTarget, string)>();
        if (OrderColumn is not null)
        {
            taken.Add((ColumnTarget.Property, "products"));
        }

        foreach (var (name, column) in Columns)
        {
            var field = column.To switch
            {
                ColumnTarget.Email => (ColumnTarget.Trait, "email"),
                ColumnTarget.Phone => (ColumnTarget.Trait, "phone"),
                ColumnTarget.OrderId => (ColumnTarget.Property, "order_id"),
                _ when column.IsField => (column.To, column.Name!.Trim()),
                _ => ((ColumnTarget, string)?)null,
            };
            if (field is { } known && !taken.Add(known))
            {
                return new Problem("mapping.name_twice", $"Two columns cannot both become '{known.Item2}'; the second is '{name}'.", name);
            }
        }

        return null;
    }

    private static ColumnMapping? ReadTarget(string[] words)
    {
        var name = words.ElementAtOrDefault(1);
        var target = words[0] switch
        {
            "ignore" => ColumnTarget.Ignore,
            "userId" => ColumnTarget.UserId,
            "email" => ColumnTarget.Email,
            "phone" => ColumnTarget.Phone,
            "ownId" => ColumnTarget.OwnId,
            "anonymousId" => ColumnTarget.AnonymousId,
            "trait" => ColumnTarget.Trait,
            "property" => ColumnTarget.Property,
            "orderId" => ColumnTarget.OrderId,
            "line" => ColumnTarget.Line,
            "groupId" => ColumnTarget.GroupId,
            "groupTrait" => ColumnTarget.GroupTrait,
            "eventName" => ColumnTarget.EventName,
            "time" => ColumnTarget.Time,
            "messageId" => ColumnTarget.MessageId,
            "consent" => ColumnTarget.Consent,
            "consentTime" => ColumnTarget.ConsentTime,
            "consentText" => ColumnTarget.ConsentText,
            "consentSource" => ColumnTarget.ConsentSource,
            _ => (ColumnTarget?)null,
        };
        if (target is not { } to)
        {
            return null;
        }

        if (to == ColumnTarget.Consent)
        {
            return words.ElementAtOrDefault(3) is null or "inverted"
                ? new ColumnMapping(to, Purpose: name, Channel: words.ElementAtOrDefault(2), Inverted: words.Length > 3)
                : null;
        }

        var type = words.ElementAtOrDefault(2) switch
        {
            null or "text" => CellType.Text,
            "number" => CellType.Number,
            "boolean" => CellType.Boolean,
            "date" => CellType.Date,
            "currency" => CellType.Currency,
            _ => (CellType?)null,
        };
        return type is { } known ? new ColumnMapping(to, name, known) : null;
    }
}
