namespace CdpMonolith.Ingestion.Rules;

/// <summary>Guesses what columns are, by their headers and by what stands in them, in English, Indonesian, Thai and Norwegian.</summary>
internal static class ColumnSuggestions
{
    private static readonly (ColumnTarget To, string[] Words)[] ByHeader =
    [
        (ColumnTarget.Email, ["email", "e-mail", "mail", "email address", "e-post", "epost", "alamat email", "surel", "อีเมล"]),
        (ColumnTarget.Phone, ["phone", "phone number", "mobile", "mobile phone", "telephone", "tel", "cell", "telefon", "mobil", "telepon", "no hp", "hp", "whatsapp", "โทรศัพท์", "เบอร์โทร", "มือถือ"]),
        (ColumnTarget.UserId, ["userid", "user id", "user_id"]),
        (ColumnTarget.AnonymousId, ["anonymousid", "anonymous id", "anonymous_id", "device id", "cookie"]),
        (ColumnTarget.OwnId, ["id", "customerid", "customer id", "customer_id", "contactid", "contact id", "euid", "kunde id", "kundenr", "member id", "client id", "rec_id", "unique_id", "id pelanggan", "รหัสลูกค้า"]),
        (ColumnTarget.Time, ["timestamp", "time", "date", "order date", "created at", "occurred at", "invoicedate", "invoice date", "dato", "tanggal", "วันที่"]),
        (ColumnTarget.EventName, ["event", "event name"]),
        (ColumnTarget.MessageId, ["messageid", "message id"]),
    ];

    private static readonly (string Trait, string[] Words)[] Traits =
    [
        ("firstName", ["first name", "firstname", "given name", "given_name", "fornavn", "nama depan", "ชื่อ"]),
        ("lastName", ["last name", "lastname", "surname", "family name", "etternavn", "nama belakang", "นามสกุล"]),
        ("name", ["name", "full name", "fullname", "navn", "nama", "ชื่อ-นามสกุล"]),
        ("city", ["city", "town", "suburb", "by", "poststed", "kota", "เมือง", "จังหวัด"]),
        ("country", ["country", "land", "negara", "ประเทศ"]),
        ("postalCode", ["postcode", "postal code", "zip", "zip code", "postnummer", "kode pos", "รหัสไปรษณีย์"]),
        ("address", ["address", "street", "adresse", "alamat", "ที่อยู่"]),
        ("birthday", ["birthday", "birth date", "birthdate", "dob", "date of birth", "date_of_birth", "fødselsdato", "tanggal lahir", "วันเกิด"]),
        ("gender", ["gender", "sex", "kjønn", "jenis kelamin", "เพศ"]),
        ("title", ["title", "job title"]),
        ("company", ["company", "firma", "perusahaan", "บริษัท"]),
    ];

    private static readonly string[] ConsentWords = ["consent", "opt in", "opt-in", "optin", "opted in", "subscribed", "accepts marketing", "samtykke", "persetujuan", "ยินยอม"];

    /// <summary>A mapping to start from.</summary>
    /// <param name="rows">The first rows, cell by cell.</param>
    public static ImportMapping For(IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var taken = new HashSet<ColumnTarget>();
        var columns = new Dictionary<string, ColumnMapping>();
        for (var at = 0; at < header.Count; at++)
        {
            var values = rows.Where(row => row.Count > at).Select(row => row[at].Trim()).Where(value => value.Length > 0).ToList();
            var guess = Guess(header[at], values, taken);
            if (guess.To is not (ColumnTarget.Trait or ColumnTarget.Consent or ColumnTarget.Ignore))
            {
                taken.Add(guess.To);
            }

            columns[header[at]] = guess;
        }

        var dates = rows.SelectMany(row => row).Where(cell => cell.Length is >= 6 and <= 25).ToList();
        return new ImportMapping(
            columns, null, GuessOrder(dates), DecimalComma: rows.SelectMany(row => row).Count(IsDecimalComma) > rows.SelectMany(row => row).Count(IsDecimalPoint));
    }

    /// <summary>A header as a trait name: <c>Last visit</c> becomes <c>lastVisit</c>.</summary>
    public static string TraitName(string header)
    {
        var words = header.Split([' ', '_', '-', '.', '/'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return words.Length == 0
            ? header
            : string.Concat(words.Select((word, n) => n == 0
                ? (word.All(char.IsUpper) ? word.ToLowerInvariant() : char.ToLowerInvariant(word[0]) + word[1..])
                : char.ToUpperInvariant(word[0]) + word[1..]));
    }

    private static ColumnMapping Guess(string header, List<string> values, HashSet<ColumnTarget> taken)
    {
        var word = header.Trim().ToLowerInvariant().Replace('_', ' ');
        foreach (var (to, words) in ByHeader)
        {
            if (!taken.Contains(to) && words.Contains(word))
            {
                return new ColumnMapping(to);
            }
        }

        if (ConsentWords.Any(known => word.Contains(known, StringComparison.Ordinal)) && values.Count > 0 && values.All(value => CellReading.Boolean(value) is not null))
        {
            return new ColumnMapping(ColumnTarget.Consent, Purpose: "newsletter", Channel: "email");
        }

        foreach (var (trait, words) in Traits)
        {
            if (words.Contains(word))
            {
                return new ColumnMapping(ColumnTarget.Trait, trait, trait == "birthday" ? CellType.Text : TypeOf(values, textAlways: true));
            }
        }

        if (values.Count == 0)
        {
            return ColumnMapping.Ignored;
        }

        if (!taken.Contains(ColumnTarget.Email) && Most(values, CellReading.LooksLikeEmail))
        {
            return new ColumnMapping(ColumnTarget.Email);
        }

        if (!taken.Contains(ColumnTarget.Phone) && Most(values, value => value.StartsWith('+') && CellReading.LooksLikePhone(value)))
        {
            return new ColumnMapping(ColumnTarget.Phone);
        }

        return new ColumnMapping(ColumnTarget.Trait, TraitName(header), TypeOf(values, textAlways: false));
    }

    private static CellType TypeOf(List<string> values, bool textAlways) =>
        textAlways || values.Count == 0 ? CellType.Text
        : values.All(value => CellReading.Number(value, false) is not null && !(value.Length > 1 && value[0] == '0' && value[1] is not ('.' or ','))) ? CellType.Number
        : CellType.Text;

    private static bool Most(List<string> values, Func<string, bool> looks) => values.Count(looks) * 10 >= values.Count * 8;

    private static DateOrder GuessOrder(List<string> cells)
    {
        int dmy = 0, mdy = 0;
        foreach (var cell in cells)
        {
            var parts = cell.Split(['/', '.', '-', ' '], 4, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length >= 3 && int.TryParse(parts[0], out var first) && int.TryParse(parts[1], out var second) && first is >= 1 and <= 31 && second is >= 1 and <= 31)
            {
                dmy += first > 12 ? 1 : 0;
                mdy += second > 12 ? 1 : 0;
            }
        }

        return dmy == 0 && mdy == 0 ? DateOrder.Ymd : mdy > dmy ? DateOrder.Mdy : DateOrder.Dmy;
    }

    private static bool IsDecimalComma(string cell) => IsDecimal(cell, ',');

    private static bool IsDecimalPoint(string cell) => IsDecimal(cell, '.');

    private static bool IsDecimal(string cell, char sign) =>
        cell.Length is > 2 and < 20 && cell.LastIndexOf(sign) is var at && at > 0 && at >= cell.Length - 3
        && cell.All(letter => char.IsAsciiDigit(letter) || letter is ',' or '.' or '-');
}
