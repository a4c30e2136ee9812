using System.Text.Json;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;

namespace CdpMonolith.Tests.Ingestion;

public sealed class ColumnSuggestionTests
{
    private static IEnumerable<TestCaseData> Columns()
    {
        yield return new("ContactId", "003EC0F", nameof(ColumnTarget.OwnId), null, nameof(CellType.Text));
        yield return new("CustomerID", "17850", nameof(ColumnTarget.OwnId), null, nameof(CellType.Text));
        yield return new("Email Address", "ann@example.com", nameof(ColumnTarget.Email), null, nameof(CellType.Text));
        yield return new("Kontakt", "kari@example.no", nameof(ColumnTarget.Email), null, nameof(CellType.Text));
        yield return new("E-post", "ingen", nameof(ColumnTarget.Trait), "ePost", nameof(CellType.Text));
        yield return new("เบอร์โทร", "081 234 5678", nameof(ColumnTarget.Phone), null, nameof(CellType.Text));
        yield return new("FirstName", "Ann", nameof(ColumnTarget.Trait), "firstName", nameof(CellType.Text));
        yield return new("Nama Depan", "Wati", nameof(ColumnTarget.Trait), "firstName", nameof(CellType.Text));
        yield return new("Birthdate", "28/03/1974", nameof(ColumnTarget.Trait), "birthday", nameof(CellType.Date));
        yield return new("Birthday", "03/28", nameof(ColumnTarget.Trait), "birthday", nameof(CellType.Text));
        yield return new("Name", "#15870113168848", nameof(ColumnTarget.Trait), "number", nameof(CellType.Text));
        yield return new("MEMBER_RATING", "5", nameof(ColumnTarget.Trait), "memberRating", nameof(CellType.Number));
        yield return new("Company ID", "77", nameof(ColumnTarget.GroupId), null, nameof(CellType.Text));
        yield return new("by", "1974", nameof(ColumnTarget.Trait), "birthYear", nameof(CellType.Number));
        yield return new("By", "Bergen", nameof(ColumnTarget.Trait), "city", nameof(CellType.Text));
        yield return new("Newsletter", "yes", nameof(ColumnTarget.Consent), null, nameof(CellType.Text));
        yield return new("Newsletter", "weekly", nameof(ColumnTarget.Trait), "newsletter", nameof(CellType.Text));
        yield return new("Signup source", "fair", nameof(ColumnTarget.Trait), "signupSource", nameof(CellType.Text));
        yield return new("Accepts SMS Marketing", "no", nameof(ColumnTarget.Consent), null, nameof(CellType.Text));
        yield return new("OPTIN_TIME", "2024-06-10 03:21:59", nameof(ColumnTarget.Consent), null, nameof(CellType.Text));
        yield return new("Consent note", "asked by phone", nameof(ColumnTarget.Trait), "consentNote", nameof(CellType.Text));
        yield return new("Postnummer", "0096", nameof(ColumnTarget.Trait), "postalCode", nameof(CellType.Text));
        yield return new("Total Spent", "798.65", nameof(ColumnTarget.Trait), "totalSpent", nameof(CellType.Number));
        yield return new("Member no", "0042", nameof(ColumnTarget.Trait), "memberNo", nameof(CellType.Text));
        yield return new("Last visit", "2025-11-03", nameof(ColumnTarget.Trait), "lastVisit", nameof(CellType.Date));
        yield return new("Tax exempt", "yes", nameof(ColumnTarget.Trait), "taxExempt", nameof(CellType.Boolean));
        yield return new("MailingCity", "Oslo", nameof(ColumnTarget.Trait), "city", nameof(CellType.Text));
        yield return new("Invoice No", "536365", nameof(ColumnTarget.Trait), "invoiceNo", nameof(CellType.Text));
        yield return new("Notes", "", nameof(ColumnTarget.Ignore), null, nameof(CellType.Text));
    }

    [TestCaseSource(nameof(Columns))]
    public void A_column_is_known_by_its_heading_and_by_what_stands_below(string header, string cell, string to, string? name, string type)
    {
        var guess = ColumnSuggestions.For([header], [[cell]]).Columns[header];
        Assert.That((guess.To.ToString(), guess.Name, guess.Type.ToString()), Is.EqualTo((to, name, type)));
    }

    [TestCase("HasOptedOutOfEmail", "email", true)]
    [TestCase("Accepts Email Marketing", "email", false)]
    [TestCase("Accepts SMS Marketing", "sms", false)]
    [TestCase("Unsubscribed", "email", true)]
    public void A_column_of_those_who_refused_is_read_the_other_way_round(string header, string channel, bool inverted)
    {
        var guess = ColumnSuggestions.For([header], [["0"], ["1"]]).Columns[header];
        Assert.That((guess.To, guess.Purpose, guess.Channel, guess.Inverted), Is.EqualTo((ColumnTarget.Consent, "newsletter", channel, inverted)));
    }

    [Test]
    public void A_table_of_orders_is_a_table_of_events()
    {
        var mapping = ColumnSuggestions.For(
            ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"],
            [["536365", "85123A", "WHITE HANGING HEART", "6", "2010-12-01 08:26:00", "2.55", "17850.0", "United Kingdom"]]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(mapping.Event, Is.EqualTo("Order Completed"));
            Assert.That(mapping.Columns.Values.Select(column => (column.To, column.Name)), Is.EqualTo(new (ColumnTarget, string?)[]
            {
                (ColumnTarget.OrderId, null), (ColumnTarget.Line, "product_id"), (ColumnTarget.Line, "name"),
                (ColumnTarget.Line, "quantity"), (ColumnTarget.Time, null), (ColumnTarget.Line, "price"),
                (ColumnTarget.OwnId, null), (ColumnTarget.Trait, "country"),
            }));
            Assert.That(mapping.Check([.. mapping.Columns.Keys]), Is.Null);
            Assert.That(ColumnSuggestions.ForPeople(mapping).HasEvents, Is.False);
        }
    }

    [TestCase("31/01/2026", nameof(DateOrder.Dmy))]
    [TestCase("01/31/2026", nameof(DateOrder.Mdy))]
    [TestCase("01.02.2026", nameof(DateOrder.Dmy))]
    [TestCase("2026-01-31", nameof(DateOrder.Ymd))]
    [TestCase("91 23 45 67", nameof(DateOrder.Ymd))]
    public void The_order_of_dates_is_seen_in_the_dates(string cell, string order) =>
        Assert.That(ColumnSuggestions.For(["When"], [[cell]]).DateOrder.ToString(), Is.EqualTo(order));

    [TestCase("Email,Date,Marketing consent,Consent date", "no3@cd.example,2024-06-01,no,2025-02-01", "Email Time Consent ConsentTime")]
    [TestCase("Email,Accepts Marketing,Opt-in date", "a@cd.example,no,2025-02-01", "Email Consent ConsentTime")]
    [TestCase("Email,Samtykke,Samtykkedato", "a@cd.example,nei,2025-02-01", "Email Consent ConsentTime")]
    [TestCase("Email,Consent,Consent time", "a@cd.example,no,2025-02-01 10:00", "Email Consent ConsentTime")]
    [TestCase("Email,Consent time,Consent", "a@cd.example,1738400000,no", "Email ConsentTime Consent")]
    [TestCase("Email,Newsletter,Opt-in date", "a@cd.example,no,2025-02-01", "Email Consent ConsentTime")]
    [TestCase("Email,Newsletter,Marketing consent", "a@cd.example,yes,no", "Email Trait Consent")]
    [TestCase("Email,Status,OPTIN_TIME", "a@cd.example,unsubscribed,2025-02-01", "Email Consent ConsentTime")]
    [TestCase("Email,Status,OPTIN_TIME", "a@cd.example,unsubscribed,2025-02-01|b@cd.example,cleaned,2025-02-01", "Email Trait Trait")]
    [TestCase("Email,Marketing consent,Consent date", "a@cd.example,perhaps,2025-02-01", "Email Trait Trait")]
    [TestCase("Email,Opt-in date,Opted out date", "a@cd.example,2024-02-01,2025-02-01", "Email Trait Trait")]
    [TestCase("Email,Opted out,Opted out date", "a@cd.example,yes,2025-02-01", "Email Consent ConsentTime")]
    [TestCase("Email,Email consent,SMS consent,Email consent date,SMS consent date", "a@cd.example,no,yes,2024-02-01,2025-02-01", "Email Consent Consent Trait Trait")]
    [TestCase("Email,Email consent,SMS opt-in date", "a@cd.example,no,2025-02-01", "Email Consent Consent")]
    [TestCase("Email,OPTIN_TIME,OPTIN_IP", "a@cd.example,2025-02-01 10:00:00,192.0.2.1", "Email Consent Trait")]
    [TestCase("Email,Consent,Consent text,Consent source", "a@cd.example,no,v2,fair", "Email Consent ConsentText ConsentSource")]
    [TestCase("Email,Consent,Consent version,Signup source", "a@cd.example,no,1,fair", "Email Consent ConsentText ConsentSource")]
    [TestCase("Epost,Samtykke,Samtykketekst,Samtykkekilde", "a@cd.example,nei,v2,messe", "Email Consent ConsentText ConsentSource")]
    [TestCase("Email,Opt-in date,Text version", "a@cd.example,2025-02-01,v2", "Email Consent ConsentText")]
    public void A_date_is_a_yes_only_where_nothing_beside_it_could_say_no(string header, string rows, string becomes)
    {
        string[] names = header.Split(',');
        var guess = ColumnSuggestions.For(names, [.. rows.Split('|').Select(row => row.Split(','))]);
        Assert.That(string.Join(' ', names.Select(name => guess.Columns[name].To)), Is.EqualTo(becomes));
        Assert.That(guess.Check(names), Is.Null);
    }

    [Test]
    public void A_no_stays_a_no_with_the_time_the_text_and_the_place_of_its_consent()
    {
        string[] header = ["Email", "Marketing consent", "Consent date", "Consent text", "Consent source"];
        string[] row = ["no3@cd.example", "no", "2025-02-01", "v2", "Oslo fair"];
        var calls = new RowCalls(header, ColumnSuggestions.For(header, [row]), "source_1_id", "file", "map", null);
        Assert.That(calls.Write([new FileRow(1, row, null)], out _), Is.EqualTo(1));
        Assert.That(
            JsonDocument.Parse(calls.Take()[0]).RootElement.GetProperty("context").GetProperty("consent").GetProperty("decisions").GetRawText(),
            Is.EqualTo("""[{"purpose":"newsletter","channel":"email","status":"denied","at":"2025-02-01T00:00:00.000Z","textVersion":"v2","source":"Oslo fair"}]"""));
    }

    [TestCase("Lineitem price", nameof(CellType.Number))]
    [TestCase("Total", nameof(CellType.Number))]
    [TestCase("Unit Price", nameof(CellType.Number))]
    [TestCase("Size", nameof(CellType.Text))]
    public void One_odd_cell_does_not_make_text_of_a_column_of_money(string header, string type) =>
        Assert.That(ColumnSuggestions.For([header], [["12.50"], ["see note"], ["7"]]).Columns[header].Type.ToString(), Is.EqualTo(type));

    [Test]
    public void Two_columns_of_one_meaning_do_not_both_get_it()
    {
        var mapping = ColumnSuggestions.For(["Email", "E-mail", "Name", "Full name"], [["a@example.com", "b@example.com", "Ann", "Ann Lee"]]);
        Assert.That(mapping.Check([.. mapping.Columns.Keys]), Is.Null);
    }

    [TestCase("yes", false, "granted", null)]
    [TestCase("1", true, "denied", null)]
    [TestCase("0", true, "granted", null)]
    [TestCase("2024-06-10 03:21:59", false, "granted", "2024-06-10T03:21:59.000Z")]
    public void A_consent_is_a_yes_a_no_or_the_time_of_the_yes(string cell, bool inverted, string status, string? at)
    {
        var mapping = new ImportMapping(new Dictionary<string, ColumnMapping>
        {
            ["Email"] = new(ColumnTarget.Email), ["News"] = new(ColumnTarget.Consent, Purpose: "newsletter", Channel: "email", Inverted: inverted),
        });
        var rows = new RowCalls(["Email", "News"], mapping, "source_1_id", "file", "map", null);
        Assert.That(rows.Write([new FileRow(1, ["ann@example.com", cell], null)], out var fault), Is.EqualTo(1), fault?.Problem.Message);
        var call = JsonDocument.Parse(rows.Take()[0]).RootElement;
        var decision = call.GetProperty("context").GetProperty("consent").GetProperty("decisions")[0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(decision.GetProperty("status").GetString(), Is.EqualTo(status));
            Assert.That(decision.TryGetProperty("at", out var time) ? time.GetString() : null, Is.EqualTo(at));
            Assert.That(PreviewCells.Of([call], mapping.Columns["News"], 0), Is.EqualTo(status));
        }
    }

    [Test]
    public void Mappings_that_say_the_same_have_the_same_key()
    {
        var one = new ImportMapping(new Dictionary<string, ColumnMapping> { ["A"] = new(ColumnTarget.Email), ["B"] = new(ColumnTarget.Trait, "b"), ["C"] = ColumnMapping.Ignored });
        var two = new ImportMapping(new Dictionary<string, ColumnMapping> { ["B"] = new(ColumnTarget.Trait, "b"), ["A"] = new(ColumnTarget.Email) });
        Assert.That(two.Key(), Is.EqualTo(one.Key()));
        Assert.That((two with { TimeZone = "Asia/Bangkok" }).Key(), Is.Not.EqualTo(one.Key()));
    }

    [TestCase("Email=email,A=trait:x,B=trait:x", "mapping.name_twice")]
    [TestCase("Email=email,A=trait:email", "mapping.name_twice")]
    [TestCase("Email=email,A=consent:news:email:inverted", null)]
    [TestCase("Email=email,A=consent:news:email:upside-down", "mapping.target_unknown")]
    public void Values_cannot_share_a_name(string map, string? code)
    {
        var parsed = ImportMapping.ParseShort(map);
        Assert.That((parsed.Met(out var mapping) ? mapping.Check(["Email", "A", "B"]) : parsed.Problem)?.Code, Is.EqualTo(code));
    }
}
