using System.Globalization;
using System.Text;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Guesses what columns are, by their headers and by what stands in them, in English, Indonesian, Thai and Norwegian.</summary>
internal static class ColumnSuggestions
{
    private const string OrderEvent = "Order Completed";

    private static readonly (ColumnTarget To, string[] Words)[] ByHeader =
    [
        (ColumnTarget.Email, ["email", "e-mail", "mail", "email address", "e-post", "epost", "alamat email", "surel", "อีเมล"]),
        (ColumnTarget.Phone, ["phone", "phone number", "mobile", "mobile phone", "mobile number", "cell phone", "billing phone", "telephone", "tel", "cell", "telefon", "mobil", "telepon", "no hp", "hp", "whatsapp", "โทรศัพท์", "เบอร์โทร", "มือถือ"]),
        (ColumnTarget.UserId, ["userid", "user id", "user_id"]),
        (ColumnTarget.AnonymousId, ["anonymousid", "anonymous id", "anonymous_id", "device id", "cookie"]),
        (ColumnTarget.OwnId, ["id", "customerid", "customer id", "customer_id", "contactid", "contact id", "euid", "kunde id", "kundenr", "member id", "client id", "rec_id", "unique_id", "id pelanggan", "รหัสลูกค้า"]),
        (ColumnTarget.Time, ["timestamp", "time", "date", "datetime", "date time", "order date", "ordered at", "purchase date", "ordredato", "tanggal pesanan", "วันที่สั่งซื้อ", "created at", "occurred at", "invoicedate", "invoice date", "dato", "tanggal", "วันที่"]),
        (ColumnTarget.EventName, ["event", "event name"]),
        (ColumnTarget.MessageId, ["messageid", "message id"]),
        (ColumnTarget.GroupId, ["company id", "companyid", "organisation id", "organization id", "group id", "groupid", "bedrift id", "firma id", "id perusahaan", "รหัสบริษัท"]),
    ];

    /// <summary>When an order was made, where no heading says it better.</summary>
    private static readonly string[] LateTimes = ["paid at", "processed at", "placed at", "paid date", "payment date", "fulfilled at"];

    private static readonly (string Trait, string[] Words)[] Traits =
    [
        ("firstName", ["first name", "firstname", "given name", "given_name", "fornavn", "nama depan", "ชื่อ"]),
        ("lastName", ["last name", "lastname", "surname", "family name", "etternavn", "nama belakang", "นามสกุล"]),
        ("name", ["name", "full name", "fullname", "shipping name", "navn", "nama", "ชื่อ-นามสกุล"]),
        ("city", ["city", "town", "suburb", "by", "poststed", "kota", "เมือง", "จังหวัด"]),
        ("country", ["country", "country code", "land", "negara", "ประเทศ"]),
        ("postalCode", ["postcode", "post code", "postal code", "zip", "zip code", "postnummer", "kode pos", "รหัสไปรษณีย์"]),
        ("address", ["address", "address1", "address 1", "street", "street address", "adresse", "alamat", "ที่อยู่"]),
        ("birthday", ["birthday", "birth date", "birthdate", "dob", "date of birth", "date_of_birth", "fødselsdato", "tanggal lahir", "วันเกิด"]),
        ("gender", ["gender", "sex", "kjønn", "jenis kelamin", "เพศ"]),
        ("title", ["title", "job title"]),
        ("company", ["company", "firma", "perusahaan", "บริษัท"]),
    ];

    /// <summary>What only an event has, under the names of Segment's e-commerce events.</summary>
    private static readonly (string Property, string[] Words)[] Properties =
    [
        ("order_id", ["order", "order id", "order no", "order nr", "order number", "orderid", "ordernumber", "ordernummer", "ordrenr", "bestellnummer", "invoice", "invoice id", "invoice no", "invoice number", "ordre", "ordrenummer", "nomor pesanan", "หมายเลขคำสั่งซื้อ"]),
        ("revenue", ["revenue", "total", "order total", "grand total", "total price", "amount", "sum", "beløp", "totalt", "total harga", "ยอดรวม"]),
        ("quantity", ["quantity", "qty", "antall", "jumlah", "จำนวน"]),
        ("price", ["price", "unit price", "pris", "harga", "ราคา"]),
        ("product_id", ["product id", "product code", "stock code", "sku", "item id", "varenummer", "kode produk", "รหัสสินค้า"]),
        ("product", ["product", "product name", "item", "item name", "description", "vare", "produk", "สินค้า"]),
        ("currency", ["currency", "valuta", "mata uang", "สกุลเงิน"]),
        ("coupon", ["coupon", "discount code", "voucher", "rabattkode", "kode diskon"]),
    ];

    /// <summary>What the line of an order has, under the names that Segment's e-commerce events give a product.</summary>
    private static readonly (string Member, string[] Words)[] Lines =
    [
        ("product_id", ["product id", "product code", "stock code", "item id", "varenummer", "kode produk", "รหัสสินค้า", "lineitem id"]),
        ("sku", ["sku", "lineitem sku", "product sku"]),
        ("name", ["product", "product name", "item", "item name", "description", "lineitem name", "vare", "produk", "สินค้า"]),
        ("quantity", ["quantity", "qty", "antall", "jumlah", "จำนวน", "lineitem quantity"]),
        ("price", ["price", "unit price", "item price", "pris", "harga", "ราคา", "lineitem price"]),
        ("category", ["category", "product category", "kategori", "หมวดหมู่"]),
        ("brand", ["brand", "lineitem vendor", "merke", "merek", "ยี่ห้อ"]),
        ("variant", ["variant", "size", "variation"]),
    ];

    /// <summary>Such a column is text even when the first rows have digits only.</summary>
    private static readonly string[] Ids = [" id", " no", " nr", " number", " code", "nummer", "invoice", "order", "sku", "id"];

    /// <summary>Of money and counts: numbers are to be expected below.</summary>
    private static readonly string[] Amounts =
    [
        "total", "subtotal", "price", "amount", "revenue", "sum", "tax", "taxes", "vat", "discount", "cost", "quantity", "qty", "shipping",
        "pris", "beløp", "totalt", "antall", "mva", "harga", "jumlah", "ราคา", "จำนวน", "ยอดรวม",
    ];

    /// <summary>A column that says one of these beside the number of an order makes the file one of orders.</summary>
    private static readonly string[] OfOrders =
    [
        "paid at", "fulfilled at", "financial status", "fulfillment status", "order status", "order date", "item count", "line items", "items",
        "payment method", "shipping method", "ordredato", "ordrestatus",
    ];

    /// <summary>Exports put these before the names of a person's fields.</summary>
    private static readonly string[] Prefixes = ["mailing ", "billing ", "default address ", "home ", "customer "];

    /// <summary>A time beside one of these is an order.</summary>
    private static readonly string[] OrderProperties = ["order_id", "revenue", "quantity", "price"];

    /// <summary>A mapping to start from.</summary>
    /// <param name="rows">The first rows, cell by cell.</param>
    public static ImportMapping For(IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var cells = rows.SelectMany(row => row).ToList();
        var order = GuessOrder(cells);
        var decimalComma = cells.Count(IsDecimalComma) > cells.Count(IsDecimalPoint);
        var values = header.Select((_, at) => new ColumnValues(
            [.. rows.Where(row => row.Count > at).Select(row => row[at].Trim()).Where(value => value.Length > 0)], order, decimalComma)).ToList();
        var words = header.Select(WordsOf).ToList();
        var consents = ConsentSuggestions.For(words, values);
        var named = NameOfOrdersAt(header, words, values);
        var number = OrderNumberAt(header, words, values, rows.Count, named);
        var taken = new HashSet<ColumnTarget>();
        var names = new HashSet<string>(["email", "phone"]);
        var guesses = new ColumnMapping[header.Count];

        // Who gets the parcel comes after who pays for it.
        foreach (var at in Enumerable.Range(0, header.Count).OrderBy(at => IsOfParcel(header[at])))
        {
            var guess = at == number ? new ColumnMapping(ColumnTarget.OrderId)
                : at == named ? new ColumnMapping(ColumnTarget.Trait, "number")
                : consents.GetValueOrDefault(at) ?? Guess(header[at], words[at], values[at], taken);
            if (guess.To is not (ColumnTarget.Trait or ColumnTarget.Consent or ColumnTarget.Ignore))
            {
                taken.Add(guess.To);
            }

            guesses[at] = guess.Name is null || names.Add(guess.Name) ? guess
                : names.Add(TraitName(header[at])) ? guess with { Name = TraitName(header[at]) } : ColumnMapping.Ignored;
        }

        if (number >= 0 && !taken.Contains(ColumnTarget.Time)
            && words.FindIndex(one => LateTimes.Any(one.Contains)) is var late and >= 0 && values[late].Suit(ColumnTarget.Time))
        {
            guesses[late] = new ColumnMapping(ColumnTarget.Time);
        }

        var mapping = new ImportMapping(header.Zip(guesses).ToDictionary(), null, order, decimalComma);
        if (ForOrderLines(mapping, header, rows) is { } lines)
        {
            return lines;
        }

        return number >= 0 ? ForEvents(mapping) with { Event = OrderEvent }
            : taken.Contains(ColumnTarget.EventName) ? ForEvents(mapping)
            : taken.Contains(ColumnTarget.Time) && header.Any(name => OrderProperties.Contains(KnownName(Properties, name)))
                ? ForEvents(mapping) with { Event = OrderEvent }
                : mapping;
    }

    /// <summary>The column with the number of the order, where each row seems to be an order or a line of one; -1: none.</summary>
    /// <param name="named">A column that is called a name and holds numbers of orders; -1: none.</param>
    private static int OrderNumberAt(IReadOnlyList<string> header, List<List<string>> words, List<ColumnValues> values, int rows, int named)
    {
        var at = named >= 0 ? named : header.ToList().FindIndex(name => KnownName(Properties, name) == "order_id");
        var isOfOrders = header.Where((_, one) => one != at).Any(one =>
            KnownName(Properties, one) is "revenue" or "price" || KnownName(Lines, one) == "price" || WordsOf(one) is var said && OfOrders.Any(said.Contains));
        var isEvent = words.Zip(values).Any(column => ByHeader.Any(known => known.To == ColumnTarget.EventName && known.Words.Any(column.First.Contains)));
        return at >= 0 && isOfOrders && !isEvent && values[at].AreNumbersOfOrders(rows) ? at : -1;
    }

    /// <summary>Shopify's export calls the number of the order "Name"; it is a number sign and digits, unless the shop chose otherwise. -1: none.</summary>
    private static int NameOfOrdersAt(IReadOnlyList<string> header, List<List<string>> words, List<ColumnValues> values)
    {
        var hasLines = header.Any(IsOfShopifyLine);
        return Enumerable.Range(0, header.Count).FirstOrDefault(at => words[at].Contains("name") && (hasLines || values[at].AreNumberSigns), -1);
    }

    private static bool IsOfShopifyLine(string header) => header.StartsWith("lineitem ", StringComparison.OrdinalIgnoreCase);

    private static bool IsOfParcel(string header) => header.StartsWith("shipping", StringComparison.OrdinalIgnoreCase);

    /// <summary>The same for rows that are events: a trait that is not one of those that people have becomes a property.</summary>
    public static ImportMapping ForEvents(ImportMapping mapping)
    {
        var names = new HashSet<string?>();
        return mapping with
        {
            Columns = mapping.Columns.ToDictionary(
                column => column.Key,
                column => column.Value.To != ColumnTarget.Trait || IsOfPerson(column.Key, column.Value) ? column.Value
                    : names.Add(PropertyName(column.Key)) ? column.Value with { To = ColumnTarget.Property, Name = PropertyName(column.Key) }
                    : column.Value with { To = ColumnTarget.Property, Name = TraitName(column.Key) }),
        };
    }

    private static bool IsOfPerson(string header, ColumnMapping column) =>
        KnownName(Traits, header) is { } trait && (trait == column.Name || !IsOfParcel(header));

    /// <summary>The same for rows that are the lines of orders; null: they do not look like it.</summary>
    private static ImportMapping? ForOrderLines(ImportMapping mapping, IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var isShopify = header.Any(IsOfShopifyLine);
        var single = mapping.Columns.FirstOrDefault(column => column.Value.To == ColumnTarget.OrderId).Key;
        var order = single ?? header.FirstOrDefault(name => isShopify ? name.Equals("name", StringComparison.OrdinalIgnoreCase) : KnownName(Properties, name) == "order_id");
        var lines = header.Where(name => name != order && KnownName(Lines, name) is not null && mapping.Columns[name].To is ColumnTarget.Trait or ColumnTarget.Ignore)
            .DistinctBy(name => KnownName(Lines, name)).ToList();
        var at = order is null ? -1 : header.ToList().IndexOf(order);
        var repeats = at >= 0 && rows.Zip(rows.Skip(1)).Any(pair => pair.First.Count > at && pair.Second.Count > at && pair.First[at].Length > 0 && pair.First[at] == pair.Second[at]);
        if (single is not null && lines.All(name => KnownName(Lines, name) is not ("name" or "sku" or "product_id" or "price")))
        {
            return null;
        }

        if ((!repeats && single is null) || lines.Count == 0)
        {
            return null;
        }

        var events = ForEvents(mapping);
        return events with
        {
            Event = events.HasEvents ? null : OrderEvent,
            Columns = events.Columns.ToDictionary(
                column => column.Key,
                column => column.Key == order ? new ColumnMapping(ColumnTarget.OrderId)
                    : lines.Contains(column.Key) ? new ColumnMapping(ColumnTarget.Line, LineName(column.Key), mapping.Columns[column.Key].Type)
                    : column.Value),
        };
    }

    /// <summary>The same for rows that are people: a property becomes a trait, and there is no event.</summary>
    public static ImportMapping ForPeople(ImportMapping mapping) => mapping with
    {
        Event = null,
        Columns = mapping.Columns.ToDictionary(
            column => column.Key,
            column => column.Value.To switch
            {
                ColumnTarget.OrderId => column.Value with { To = ColumnTarget.Trait, Name = TraitName(column.Key) is var name and not "name" ? name : "orderNumber" },
                ColumnTarget.Property or ColumnTarget.Line => column.Value with { To = ColumnTarget.Trait, Name = TraitNameOf(column.Key) },
                ColumnTarget.EventName or ColumnTarget.MessageId => ColumnMapping.Ignored,
                _ => column.Value,
            }),
    };

    /// <summary>What a column would be called as a trait: <c>Fornavn</c> is <c>firstName</c>, <c>Last visit</c> is <c>lastVisit</c>.</summary>
    public static string TraitNameOf(string header) => KnownName(Traits, header) ?? TraitName(header);

    /// <summary>What a column would be called as a property of an event: <c>Invoice No</c> is <c>order_id</c>.</summary>
    public static string PropertyName(string header) => KnownName(Properties, header) ?? TraitName(header);

    /// <summary>What a column would be called in the line of an order: <c>StockCode</c> is <c>product_id</c>.</summary>
    public static string LineName(string header) => KnownName(Lines, header) ?? TraitName(header);

    /// <summary>A header as a trait name: <c>Last visit</c> becomes <c>lastVisit</c>, and so does <c>LAST_VISIT</c>.</summary>
    public static string TraitName(string header)
    {
        var words = header.Split([' ', '_', '-', '.', '/'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (words.Length > 1 && !header.Any(char.IsLower))
        {
            words = [.. words.Select(word => word.ToLowerInvariant())];
        }

        return words.Length == 0
            ? header
            : string.Concat(words.Select((word, n) => n == 0
                ? (word.All(char.IsUpper) ? word.ToLowerInvariant() : char.ToLowerInvariant(word[0]) + word[1..])
                : char.ToUpperInvariant(word[0]) + word[1..]));
    }

    private static ColumnMapping Guess(string header, List<string> words, ColumnValues values, HashSet<ColumnTarget> taken)
    {
        foreach (var (to, known) in ByHeader)
        {
            if (!taken.Contains(to) && known.Any(words.Contains) && values.Suit(to))
            {
                return new ColumnMapping(to);
            }
        }

        // In Norwegian "by" is a city; in English it stands over years of birth.
        if (words.Contains("by") && values.AreYears)
        {
            return new ColumnMapping(ColumnTarget.Trait, "birthYear", CellType.Number);
        }

        if (KnownName(Traits, header) is { } trait && (trait != "name" || values.HaveLetters))
        {
            return new ColumnMapping(ColumnTarget.Trait, trait, trait == "birthday" && values.AreDates ? CellType.Date : CellType.Text);
        }

        if (values.All.Count == 0)
        {
            return ColumnMapping.Ignored;
        }

        if (!taken.Contains(ColumnTarget.Email) && values.Most(CellReading.LooksLikeEmail))
        {
            return new ColumnMapping(ColumnTarget.Email);
        }

        if (!taken.Contains(ColumnTarget.Phone) && values.Most(value => value.StartsWith('+') && CellReading.LooksLikePhone(value)))
        {
            return new ColumnMapping(ColumnTarget.Phone);
        }

        return new ColumnMapping(
            ColumnTarget.Trait, TraitName(header),
            words.Any(word => Ids.Any(word.EndsWith)) ? CellType.Text : values.TypeOf(words[1].Split(' ').Any(Amounts.Contains)));
    }

    /// <summary>A header in lower case as it is written, and with its words apart: <c>CustomerID</c>, <c>customer_id</c>.</summary>
    private static List<string> WordsOf(string header)
    {
        var plain = header.Trim().ToLowerInvariant();
        var apart = new StringBuilder();
        for (var at = 0; at < header.Length; at++)
        {
            if (at > 0 && char.IsUpper(header[at]) && (char.IsLower(header[at - 1]) || (at + 1 < header.Length && char.IsLower(header[at + 1]) && char.IsUpper(header[at - 1]))))
            {
                apart.Append(' ');
            }

            apart.Append(header[at] is '_' ? ' ' : char.ToLowerInvariant(header[at]));
        }

        var words = string.Join(' ', apart.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries));
        return [plain, words];
    }

    private static string? KnownName((string Name, string[] Words)[] known, string header)
    {
        var words = WordsOf(header);
        if (Prefixes.FirstOrDefault(words[1].StartsWith) is { } prefix)
        {
            words.Add(words[1][prefix.Length..]);
        }

        return known.FirstOrDefault(one => one.Words.Any(words.Contains)).Name;
    }

    /// <summary>By the dates that can be read in one order only; day first, as most of the world writes, when none can.</summary>
    private static DateOrder GuessOrder(IEnumerable<string> cells)
    {
        int dmy = 0, mdy = 0, any = 0;
        foreach (var cell in cells.Where(cell => cell.Length is >= 6 and <= 25))
        {
            var parts = cell.Split(['/', '.', '-', ' '], 4, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length >= 3 && parts[0].Length <= 2 && parts[2].Length is 2 or 4
                && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var second)
                && first is >= 1 and <= 31 && second is >= 1 and <= 31 && parts[2].All(char.IsAsciiDigit))
            {
                any++;
                dmy += first > 12 ? 1 : 0;
                mdy += second > 12 ? 1 : 0;
            }
        }

        return mdy > dmy ? DateOrder.Mdy : any > 0 ? DateOrder.Dmy : DateOrder.Ymd;
    }

    private static bool IsDecimalComma(string cell) => IsDecimal(cell, ',');

    private static bool IsDecimalPoint(string cell) => IsDecimal(cell, '.');

    private static bool IsDecimal(string cell, char sign) =>
        cell.Length is > 2 and < 20 && cell.LastIndexOf(sign) is var at && at > 0 && at >= cell.Length - 3
        && cell.All(letter => char.IsAsciiDigit(letter) || letter is ',' or '.' or '-');
}
