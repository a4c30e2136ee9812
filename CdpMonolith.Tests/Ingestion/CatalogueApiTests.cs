using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>The catalogue over HTTP.</summary>
public sealed class CatalogueApiTests
{
    [Test]
    public async Task Whoever_is_signed_in_reads_what_sources_send()
    {
        await using var app = await TestApp.StartAsync();
        using var owner = (await LocalAccess.ConnectAsync(app.Folder, default))!;
        using var made = await owner.PostAsJsonAsync("/api/sources", new { name = "Shop", kind = "website" });
        var key = (await made.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("writeKey").GetString();
        using var sent = await app.Client.PostAsJsonAsync(
            "/v1/track", new { userId = "u", writeKey = key, @event = "Order Completed", properties = new { total = 5, email = "a@b.example" } });
        await app.CatchUpAsync();
        using var viewer = await app.UserAsync(Roles.Viewer);
        var list = await viewer.GetFromJsonAsync<JsonElement>("/api/catalogue?search=total");
        var one = await viewer.GetFromJsonAsync<JsonElement>("/api/catalogue/event?type=track&name=Order%20Completed");
        using var none = await viewer.GetAsync("/api/catalogue/event?type=track&name=Nothing");
        using var odd = await viewer.GetAsync("/api/catalogue?type=fax");
        using var nobody = await app.Client.GetAsync("/api/catalogue");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(list.GetProperty("events")[0].GetProperty("event").GetString(), Is.EqualTo("Order Completed"));
            Assert.That(one.GetProperty("event").GetProperty("seen").GetInt64(), Is.EqualTo(1));
            Assert.That(
                one.GetProperty("members").EnumerateArray().ToDictionary(each => each.GetProperty("name").GetString()!, each => each.GetProperty("sample").GetString()),
                Is.EquivalentTo(new Dictionary<string, string> { ["total"] = "5", ["email"] = "x@x.xxxxxxx" }));
            Assert.That(none.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
            Assert.That((await none.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(), Is.EqualTo("catalogue.event_unknown"));
            Assert.That(odd.StatusCode, Is.EqualTo(HttpStatusCode.UnprocessableEntity));
            Assert.That((await odd.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(), Is.EqualTo("catalogue.type_unknown"));
            Assert.That(nobody.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        }
    }
}
