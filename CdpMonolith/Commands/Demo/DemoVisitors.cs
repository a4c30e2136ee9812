using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace CdpMonolith.Commands.Demo;

/// <summary>
/// People who visit the demo's web shop while one looks on, one after the other, so that there is something to see live: they
/// view products, fill a basket, begin to pay, and more than half of them order.
/// </summary>
internal sealed class DemoVisitors(Uri address, string writeKey) : IDisposable
{
    private const double OrdersAtLast = 0.6;
    private const double StaysAnonymous = 0.2;
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(1.5);

    private readonly HttpClient _shop = new() { BaseAddress = address, DefaultRequestHeaders = { Authorization = DemoFill.BasicOf(writeKey) } };
    private readonly IReadOnlyList<string> _customers = DemoSamples.Customers();
    private readonly IReadOnlyList<JsonObject> _products = DemoSamples.Products();

    /// <summary>Until it is cancelled. A server that does not take a call ends the visit; the next one tries again.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await VisitAsync(ct);
            }
            catch (HttpRequestException)
            {
                await Task.Delay(Between, ct);
            }
        }
    }

    public void Dispose() => _shop.Dispose();

    private async Task VisitAsync(CancellationToken ct)
    {
        var visitor = Guid.NewGuid().ToString();
        var customer = Random.Shared.NextDouble() < StaysAnonymous ? null : _customers[Random.Shared.Next(_customers.Count)];
        await PageAsync("Home", "/");
        if (customer is not null)
        {
            await SendAsync("identify", new JsonObject { ["traits"] = new JsonObject() });
        }

        JsonObject product = [];
        for (var views = Random.Shared.Next(1, 4); views > 0; views--)
        {
            product = _products[Random.Shared.Next(_products.Count)];
            await PageAsync("Product", $"/products/{product["product_id"]}");
            await TrackAsync("Product Viewed", Copy(product));
        }

        await TrackAsync("Product Added", Copy(product));
        if (customer is null)
        {
            return;
        }

        var value = (double?)product["price"] * Random.Shared.Next(6, 40) ?? 0;
        var basket = new JsonObject { ["revenue"] = Math.Round(value, 2), ["currency"] = "GBP", ["topProduct"] = product["name"]?.DeepClone() };
        await TrackAsync("Checkout Started", new JsonObject { ["value"] = Math.Round(value, 2), ["currency"] = "GBP" });
        if (Random.Shared.NextDouble() < OrdersAtLast)
        {
            basket["orderId"] = $"live-{visitor[..8]}";
            await TrackAsync("Order Completed", basket);
        }

        Task PageAsync(string name, string path) => SendAsync("page", new JsonObject
        {
            ["name"] = name, ["properties"] = new JsonObject { ["path"] = path, ["url"] = $"https://shop.example{path}" },
        });

        Task TrackAsync(string happening, JsonObject properties) =>
            SendAsync("track", new JsonObject { ["event"] = happening, ["properties"] = properties });

        async Task SendAsync(string type, JsonObject call)
        {
            call["messageId"] = Guid.NewGuid().ToString();
            call["anonymousId"] = visitor;
            if (customer is not null)
            {
                call["userId"] = customer;
            }

            using var answer = await _shop.PostAsJsonAsync($"/v1/{type}", call, ct);
            answer.EnsureSuccessStatusCode();
            await Task.Delay(Between, ct);
        }
    }

    private static JsonObject Copy(JsonObject of) => (JsonObject)of.DeepClone();
}
