using System.Net.Http.Json;
using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Stories;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>Files whose rows are lines of orders, and files that say who belongs to which group.</summary>
public sealed class OrderImportTests
{
    private const string Map = "Order=orderId,Mail=email,Date=time,Item=line:name,Qty=line:quantity:number,Price=line:price:number";

    private TestApp _app = null!;
    private HttpClient _owner = null!;
    private Source _source = null!;

    [SetUp]
    public async Task Start()
    {
        _app = await TestApp.StartAsync();
        _owner = (await LocalAccess.ConnectAsync(_app.Folder, default))!;
        _source = (await _app.Get<Sources>().CreateAsync(Actor.CommandLine, "Shop", SourceKind.File, default)).Value;
    }

    [TearDown]
    public async Task Stop()
    {
        _owner.Dispose();
        await _app.DisposeAsync();
    }

    [Test]
    public async Task Lines_that_stand_together_become_one_order_with_its_products_and_their_sum()
    {
        var import = await RunAsync("""
            Order,Mail,Date,Item,Qty,Price
            1,ann@example.com,2026-01-02,Cup,2,4.50
            1,,,Tea,,3
            2,bob@example.com,2026-01-03,Cup,1,4.50
            """);
        var orders = Calls();
        var first = orders[0].GetProperty("properties");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((import.RowsDone, import.Stored, import.Rejected), Is.EqualTo((3L, 2L, 0L)));
            Assert.That(first.GetRawText(), Is.EqualTo("""{"order_id":"1","products":[{"name":"Cup","quantity":2,"price":4.50},{"name":"Tea","price":3}],"revenue":12.00}"""));
            Assert.That(orders[0].GetProperty("context").GetProperty("traits").GetProperty("email").GetString(), Is.EqualTo("ann@example.com"));
            Assert.That(orders[0].GetProperty("timestamp").GetString(), Is.EqualTo("2026-01-02T00:00:00.000Z"));
            Assert.That(orders[1].GetProperty("properties").GetProperty("products").GetArrayLength(), Is.EqualTo(1));
        }
    }

    [Test]
    public async Task A_sum_that_the_file_tells_is_kept_as_it_is()
    {
        await RunAsync("Order,Mail,Date,Item,Qty,Price,Total\n1,ann@example.com,2026-01-02,Cup,2,4.50,8\n1,,,Tea,1,3,\n", Map + ",Total=property:revenue:number");
        Assert.That(Calls()[0].GetProperty("properties").GetProperty("revenue").GetDecimal(), Is.EqualTo(8));
    }

    [Test]
    public async Task The_same_order_in_the_next_export_is_there_already()
    {
        await RunAsync("Order,Mail,Date,Item,Qty,Price\n1,ann@example.com,2026-01-02,Cup,2,4.50\n");
        var next = await RunAsync("Order,Mail,Date,Item,Qty,Price\n1,ann@example.com,2026-01-02,Cup,2,4.50\n2,ann@example.com,2026-01-09,Tea,1,3\n");
        Assert.That((next.Stored, next.Duplicates), Is.EqualTo((1L, 1L)));
    }

    [Test]
    public async Task An_order_with_a_line_that_cannot_be_taken_is_rejected_whole_and_comes_back_mended()
    {
        var import = await RunAsync("Order,Mail,Date,Item,Qty,Price\n1,ann@example.com,2026-01-02,Cup,two,4.50\n1,,,Tea,1,3\n2,bob@example.com,2026-01-03,Cup,1,4.50\n");
        var report = await _owner.GetStringAsync($"/api/imports/{import.Id}/rejected.csv");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((import.Stored, import.Rejected), Is.EqualTo((1L, 2L)));
            Assert.That(report, Does.Contain("1,cell.not_number,Qty,").And.Contain("2,row.order_incomplete,,"));
        }

        var file = await KeepAsync(report.Replace("two", "2", StringComparison.Ordinal));
        var found = (await _app.Get<Imports>().InspectAsync(file, default)).Value;
        var mended = await RunAsync(file, found.Suggested);
        Assert.That((mended.Stored, mended.Rejected), Is.EqualTo((1L, 0L)));
        Assert.That(Calls()[^1].GetProperty("properties").GetProperty("products").GetArrayLength(), Is.EqualTo(2));
    }

    [Test]
    public async Task Lines_that_stand_apart_or_name_different_people_are_rejected_all_of_them()
    {
        var import = await RunAsync("""
            Order,Mail,Date,Item,Qty,Price
            1,ann@example.com,2026-01-02,Cup,2,4.50
            2,bob@example.com,2026-01-03,Cup,1,4.50
            2,eve@example.com,2026-01-03,Tea,1,3
            1,ann@example.com,2026-01-02,Tea,1,3
            ,ann@example.com,2026-01-02,Tea,1,3
            3,,2026-01-02,Tea,1,3
            3,,2026-01-02,Cup,1,3
            """);
        var file = (await _app.Get<Imports>().FindAsync(import.Id, default))!.FileId;
        using var tried = await _owner.PostAsJsonAsync("/api/imports/dry-run", new { fileId = file, sourceId = _source.Id, map = Map, @event = "Order Completed" });
        var counts = (await tried.Content.ReadFromJsonAsync<JsonElement>()).Clone();
        var reasons = _app.Get<CdpMonolith.Platform.Store.IStore>().Read(read => ImportStore.RejectsByReason(read, import.Id));
        using (Assert.EnterMultipleScope())
        {
            Assert.That((import.Stored, import.Rejected), Is.EqualTo((0L, 7L)));
            Assert.That(
                reasons,
                Is.EquivalentTo(new[] { ("row.order_apart", 2L), ("row.order_incomplete", 1L), ("row.order_mixed", 1L), ("row.no_order", 1L), ("row.no_identifier", 2L) }));
            Assert.That((counts.GetProperty("rows").GetInt64(), counts.GetProperty("rejected").GetInt64()), Is.EqualTo((7L, 7L)));
        }
    }

    [Test]
    public async Task Orders_of_more_lines_than_a_batch_has_rows_are_one_event_each()
    {
        var lines = Enumerable.Range(0, 7000).Select(n => FormattableString.Invariant($"{n / 3500},ann@example.com,2026-01-02,Item {n},1,1"));
        var import = await RunAsync("Order,Mail,Date,Item,Qty,Price\n" + string.Join('\n', lines));
        Assert.That((import.RowsDone, import.Stored, import.Rejected), Is.EqualTo((7000L, 2L, 0L)));
        Assert.That(Calls().Select(call => call.GetProperty("properties").GetProperty("revenue").GetDecimal()), Is.EqualTo(new[] { 3500m, 3500m }));
    }

    [Test]
    public async Task The_first_rows_show_each_line_of_an_order()
    {
        var file = await KeepAsync("Order,Mail,Date,Item,Qty,Price\n1,ann@example.com,2026-01-02,Cup,2,4.50\n1,,,Tea,1,3\n");
        var mapping = (ImportMapping.ParseShort(Map).Value with { Event = "Order Completed" });
        var rows = (await _app.Get<Imports>().PreviewAsync(file, _source.Id, mapping, default)).Value;
        Assert.That(
            rows.Select(row => PreviewCells.Of(row.Calls.Select(call => JsonDocument.Parse(call).RootElement), mapping.Columns["Item"], row.Line)),
            Is.EqualTo(new[] { "Cup", "Tea" }));
    }

    [Test]
    public void What_orders_look_like_is_suggested()
    {
        string[] shop = ["Name", "Email", "Created at", "Total", "Lineitem quantity", "Lineitem name", "Lineitem price", "Lineitem sku", "Billing Name"];
        var shopify = ColumnSuggestions.For(shop, [["#1001", "ann@example.com", "2026-01-02 10:00:00 +0100", "12", "2", "Cup", "4.50", "C1", "Ann Berg"], ["#1001", "ann@example.com", "", "", "1", "Tea", "3", "T1", ""]]);
        string[] retail = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"];
        var invoices = ColumnSuggestions.For(retail, [["536365", "85123A", "HOLDER", "6", "2010-12-01 08:26:00", "2.55", "17850.0", "UK"], ["536365", "71053", "LANTERN", "6", "2010-12-01 08:26:00", "3.39", "17850.0", "UK"]]);
        var orders = ColumnSuggestions.For(["Order", "Email", "Date", "Product", "Price"], [["1", "a@example.com", "2026-01-02", "Cup", "3"], ["2", "a@example.com", "2026-01-02", "Cup", "3"]]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(shopify.Event, Is.EqualTo("Order Completed"));
            Assert.That(shopify.Check(shop), Is.Null);
            Assert.That(Says(shopify), Is.SupersetOf(new[] { "Name=OrderId", "Total=Property:revenue", "Lineitem quantity=Line:quantity", "Lineitem name=Line:name", "Lineitem sku=Line:sku" }));
            Assert.That(invoices.Check(retail), Is.Null);
            Assert.That(Says(invoices), Is.SupersetOf(new[] { "InvoiceNo=OrderId", "StockCode=Line:product_id", "Description=Line:name", "Quantity=Line:quantity", "UnitPrice=Line:price", "CustomerID=OwnId" }));
            Assert.That(Says(orders), Is.SupersetOf(new[] { "Order=OrderId", "Product=Line:name", "Price=Line:price" }), "each order has one row");
            Assert.That(Says(shopify), Does.Contain("Billing Name=Trait:name"));
        }
    }

    [TestCase("Order number,Email,Ordered at,Total", "SO-1,ann@example.com,2026-01-02,12", "Order number")]
    [TestCase("Ordernummer,E-post,Dato,Beløp", "1001,ann@example.com,02.01.2026,12", "Ordernummer")]
    [TestCase("Order ID,Email,Paid at,Total", "1001,ann@example.com,2026-01-02,12", "Order ID")]
    [TestCase("Name,Email,Created at,Financial Status", "#1001,ann@example.com,2026-01-02,paid", "Name")]
    [TestCase("Name,Email,Created at,Lineitem name,Lineitem price", "EN1001,ann@example.com,2026-01-02,Cup,4.50", "Name")]
    [TestCase("Name,Email,Created at,Total", "Ann Berg,ann@example.com,2026-01-02,12", null)]
    [TestCase("Name,Email", "#1001,ann@example.com", null)]
    [TestCase("Event,Order number,Email,Date,Total", "Order Paid,1001,ann@example.com,2026-01-02,12", null)]
    public void The_number_of_an_order_is_known_where_each_has_one_row(string header, string row, string? number)
    {
        string[] names = header.Split(',');
        var guess = ColumnSuggestions.For(names, [row.Split(',')]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(guess.Columns.SingleOrDefault(column => column.Value.To == ColumnTarget.OrderId).Key, Is.EqualTo(number));
            Assert.That(guess.Event, Is.EqualTo(number is null && !header.Contains("Total", StringComparison.Ordinal) || header.StartsWith("Event", StringComparison.Ordinal) ? null : "Order Completed"));
            Assert.That(guess.Columns.Values.Any(column => column is { To: ColumnTarget.Trait, Name: "name" }), Is.EqualTo(header.StartsWith("Name", StringComparison.Ordinal) && row.StartsWith("Ann", StringComparison.Ordinal)));
            Assert.That(guess.Check(names), Is.Null);
        }
    }

    [Test]
    public async Task Of_an_export_with_one_row_an_order_the_next_brings_only_what_is_new()
    {
        const string Header = "Name,Customer ID,Email,Financial Status,Created at,Currency,Total,Item Count,Discount Code,Billing Name,Billing Phone,Source\n";
        string[] rows =
        [
            "#15870113168848,76861,berit@example.com,paid,2024-06-01T04:35:41Z,NOK,315.30,2,,Berit Solheim,,app",
            "#7302433884091,74275,cat@example.com,paid,2024-05-11T23:20:59Z,GBP,58.89,1,,Catherine Jones,+447369327913,web",
            "#11306755163918,73199,ase@example.com,refunded,2023-08-23T16:38:18Z,NOK,259.32,2,,Åse Sørensen,,web",
        ];
        var first = await KeepAsync(Header + string.Join('\n', rows));
        var found = (await _app.Get<Imports>().InspectAsync(first, default)).Value;
        Assert.That(Says(found.Suggested), Is.SupersetOf(new[] { "Name=OrderId", "Customer ID=OwnId", "Email=Email", "Created at=Time", "Total=Property:revenue", "Billing Name=Trait:name" }));
        var brought = await RunAsync(first, found.Suggested);
        Assert.That((brought.Stored, brought.Rejected), Is.EqualTo((6L, 0L)), "of each row who it is and what was bought");

        var second = await KeepAsync(Header + "#7331745012123,80001,dag@example.com,paid,2024-06-02T04:35:41Z,NOK,99,1,,Dag Lie,,web\n" + string.Join('\n', rows));
        found = (await _app.Get<Imports>().InspectAsync(second, default)).Value;
        using var tried = await _owner.PostAsJsonAsync("/api/imports/dry-run", new { fileId = second, sourceId = _source.Id, mapping = JsonDocument.Parse(found.Suggested.ToJson()).RootElement });
        var counts = await tried.Content.ReadFromJsonAsync<JsonElement>();
        var next = await RunAsync(second, found.Suggested);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((counts.GetProperty("taken").GetInt64(), counts.GetProperty("alreadyThere").GetInt64()), Is.EqualTo((1L, 3L)));
            Assert.That((next.Stored, next.Duplicates), Is.EqualTo((2L, 6L)));
            Assert.That(Calls().Where(call => call.TryGetProperty("event", out _)).Select(call => call.GetProperty("properties").GetProperty("order_id").GetString()),
                Is.EqualTo(new[] { "#15870113168848", "#7302433884091", "#11306755163918", "#7331745012123" }));
            Assert.That(Calls().First(call => !call.TryGetProperty("event", out _)).GetProperty("traits").GetProperty("name").GetString(), Is.EqualTo("Berit Solheim"));
        }

        // What is said of somebody who bought before is news when it is something else.
        var third = await KeepAsync(Header + rows[0].Replace("Berit Solheim", "Berit Lund", StringComparison.Ordinal));
        var told = await RunAsync(third, found.Suggested);
        Assert.That((told.Stored, told.Duplicates), Is.EqualTo((1L, 1L)));
    }

    [TestCase("Mail=email,Item=line:name", "mapping.no_order")]
    [TestCase("Mail=email,Item=groupTrait:name", "mapping.no_group")]
    [TestCase("Mail=email,Order=orderId,Item=line:name,Qty=line:name", "mapping.name_twice")]
    [TestCase("Mail=email,Order=orderId,Item=line:name,Qty=property:order_id", "mapping.name_twice")]
    [TestCase("Mail=email,Order=orderId,Item=line:name,Qty=property:products", "mapping.name_twice")]
    [TestCase("Mail=email,Order=orderId,Item=line", "mapping.name_missing")]
    [TestCase("Mail=email,Order=orderId,Qty=orderId,Item=line:name", "mapping.target_twice")]
    public void A_mapping_that_says_half_of_it_is_refused(string map, string code)
    {
        var mapping = ImportMapping.ParseShort(map).Value with { Event = "Order Completed" };
        Assert.That(mapping.Check(["Order", "Mail", "Item", "Qty"])!.Code, Is.EqualTo(code));
    }

    [Test]
    public async Task A_membership_becomes_a_group_call_of_the_person()
    {
        var file = await KeepAsync("Email,Club,Club name,Plan\nann@example.com,c1,Rowers,gold\nbob@example.com,,,\n");
        var import = await RunAsync(file, ImportMapping.ParseShort("Email=email,Club=groupId,Club name=groupTrait:name,Plan=groupTrait:plan").Value);
        var group = Calls().Single(call => call.GetProperty("type").GetString() == "group");
        await _app.CatchUpAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(import.Stored, Is.EqualTo(3));
            Assert.That(group.GetProperty("groupId").GetString(), Is.EqualTo("c1"));
            Assert.That(group.GetProperty("traits").GetRawText(), Is.EqualTo("""{"name":"Rowers","plan":"gold"}"""));
            Assert.That(group.GetProperty("context").GetProperty("traits").GetProperty("email").GetString(), Is.EqualTo("ann@example.com"));
        }

        var again = await RunAsync(file, ImportMapping.ParseShort("Email=email,Club=groupId,Club name=groupTrait:name,Plan=groupTrait:plan").Value);
        Assert.That((again.Stored, again.Duplicates), Is.EqualTo((0L, 3L)));
    }

    private static IEnumerable<string> Says(ImportMapping mapping) =>
        mapping.Columns.Select(column => $"{column.Key}={column.Value.To}" + (column.Value.Name is { } name ? $":{name}" : ""));

    private List<JsonElement> Calls() => [.. _app.Get<IEventLog>().Read(0, int.MaxValue).Select(one => JsonDocument.Parse(one.Body).RootElement)];

    private async Task<long> KeepAsync(string text)
    {
        using var kept = await _owner.PostAsync("/api/imports/files?name=list.csv", new StringContent(text));
        return (await kept.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("fileId").GetInt64();
    }

    private async Task<FileImport> RunAsync(string text, string map = Map) =>
        await RunAsync(await KeepAsync(text), ImportMapping.ParseShort(map).Value with { Event = "Order Completed" });

    private async Task<FileImport> RunAsync(long file, ImportMapping mapping)
    {
        var import = (await _app.Get<Imports>().StartAsync(Actor.CommandLine, file, _source.Id, mapping, default)).Value;
        return await Eventually.SeeAsync(
            async () => await _app.Get<Imports>().FindAsync(import.Id, default) is { State: ImportState.Done } done ? done : null, TimeSpan.FromSeconds(20));
    }
}
