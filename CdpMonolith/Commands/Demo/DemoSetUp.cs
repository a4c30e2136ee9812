using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace CdpMonolith.Commands.Demo;

/// <summary>
/// What a shop sets up beside its data: how the website's script behaves, a hosted form that some people have filled in, and a tracking
/// plan, with a few calls that stray from it.
/// </summary>
/// <param name="server">Signed in as the command line.</param>
internal sealed class DemoSetUp(HttpClient server)
{
    public const string Form = "Newsletter sign-up";

    /// <summary>First name, e-mail, interests, where from, likelihood to recommend, and whether the boxes were ticked.</summary>
    private static readonly (string Name, string Mail, string[] Likes, string From, int Nps, bool News, bool Offers)[] Answers =
    [
        ("Ingrid", "ingrid.form@example.com", ["Garden", "Kitchen"], "A friend", 9, true, true),
        ("Somchai", "somchai.form@example.com", ["Kitchen"], "A search", 10, true, false),
        ("Putri", "putri.form@example.com", ["Gifts"], "Social media", 8, true, true),
        ("Ole", "ole.form@example.com", [], "A search", 6, false, false),
        ("Maya", "maya.form@example.com", ["Gifts", "Children"], "A friend", 10, true, false),
        ("Tomasz", "tomasz.form@example.com", ["Garden"], "A search", 7, true, true),
        ("Aino", "aino.form@example.com", ["Kitchen", "Gifts"], "A newspaper", 9, true, false),
        ("Luca", "luca.form@example.com", ["Children"], "Social media", 3, false, false),
        ("Nina", "nina.form@example.com", ["Garden", "Gifts"], "A friend", 9, true, true),
        ("Dewi", "dewi.form@example.com", ["Kitchen"], "Social media", 8, true, false),
        ("Jonas", "jonas.form@example.com", [], "A search", 5, false, false),
        ("Clara", "clara.form@example.com", ["Children", "Gifts"], "A friend", 10, true, false),
    ];

    /// <summary>The website's tag awaits the purpose where the browser sends Global Privacy Control.</summary>
    public async Task TagAsync(long website, CancellationToken ct)
    {
        using var saved = await server.PutAsJsonAsync(
            FormattableString.Invariant($"/api/sources/{website}/browser"), new { awaitsConsent = false, purpose = "analytics", pageViews = true, heedsGpc = true }, ct);
        saved.EnsureSuccessStatusCode();
    }

    /// <summary>A form with two boxes, and what people answered, sent as their browsers would.</summary>
    public async Task FormAsync(CancellationToken ct)
    {
        using var made = await server.PostAsJsonAsync("/api/sources", new { name = Form, kind = "form" }, ct);
        made.EnsureSuccessStatusCode();
        var source = (await made.Content.ReadFromJsonAsync<JsonNode>(ct))!;
        using var saved = await server.PutAsync(
            FormattableString.Invariant($"/api/sources/{(long)source["id"]!}/form"), JsonContent.Create(JsonNode.Parse(Definition)), ct);
        saved.EnsureSuccessStatusCode();

        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = server.BaseAddress };
        for (var n = 0; n < Answers.Length; n++)
        {
            var answer = Answers[n];
            var fields = new List<KeyValuePair<string, string>>
            {
                // The id of one filling in: the same answer twice is one.
                new("id", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(answer.Mail)).AsSpan(0, 16))), new("page", "https://shop.example/newsletter"),
                new("first_name", answer.Name), new("email", answer.Mail), new("from", answer.From), new("nps", answer.Nps.ToString(CultureInfo.InvariantCulture)),
            };
            fields.AddRange(answer.Likes.Select(like => KeyValuePair.Create("likes", like)));
            fields.AddRange(new[] { (answer.News, "consent-0"), (answer.Offers, "consent-1") }.Where(box => box.Item1).Select(box => KeyValuePair.Create(box.Item2, "yes")));
            using var body = new FormUrlEncodedContent(fields);
            using var taken = await browser.PostAsync($"/f/{(string)source["writeKey"]!}", body, ct);
            if (taken.StatusCode != HttpStatusCode.SeeOther)
            {
                throw new HttpRequestException($"The form was answered with {(int)taken.StatusCode}.");
            }
        }
    }

    /// <summary>
    /// A plan of everything that was seen, as the catalogue drafts it: what is required is asked of orders alone, and what strays there
    /// is put aside.
    /// </summary>
    /// <returns>How many events are planned.</returns>
    public async Task<int> PlanAsync(CancellationToken ct)
    {
        var seen = (await server.GetFromJsonAsync<JsonNode>("/api/catalogue", ct))!["events"]!.AsArray();
        var events = new JsonArray();
        foreach (var one in seen.Where(one => (string)one!["type"]! is "track" or "page" or "identify"))
        {
            var (type, name) = ((string)one!["type"]!, (string)one["event"]!);
            var draft = (await server.GetFromJsonAsync<JsonNode>($"/api/plan/draft?type={type}&name={Uri.EscapeDataString(name)}", ct))!;
            var isOrder = name == "Order Completed";
            foreach (var member in draft["members"]!.AsArray())
            {
                var isRevenue = isOrder && (string)member!["name"]! == "revenue";
                member!["required"] = isRevenue;
                if (isRevenue)
                {
                    (member["type"], member["action"], member["description"]) = ("number", "quarantine", "What the customer pays, without the currency.");
                }
            }

            draft["owner"] = "Web shop team";
            draft["class"] = type == "identify" ? "personal" : name == "Survey Answered" ? "attitudinal" : "behavioural";
            if (DescriptionOf(type, name) is { } description)
            {
                draft["description"] = description;
            }

            if (name == "Product Viewed")
            {
                draft["unplanned"] = "drop";
            }
            else if (type == "page")
            {
                // The samples do without it, people who visit now do not.
                draft["members"]!.AsArray().Add(new JsonObject { ["name"] = "url", ["type"] = "text" });
            }

            events.Add(draft.DeepClone());
        }

        using var planned = await server.PutAsJsonAsync("/api/plan", new JsonObject { ["events"] = events, ["unplannedEvents"] = "allow" }, ct);
        planned.EnsureSuccessStatusCode();
        return events.Count;
    }

    /// <summary>Calls of somebody who orders while the website's next version is being tried: prices as text, a member too many, a name misspelt.</summary>
    public async Task StrayAsync(string writeKey, string customer, CancellationToken ct)
    {
        JsonObject Call(int number, string happening, JsonObject properties) => new()
        {
            ["type"] = "track", ["messageId"] = FormattableString.Invariant($"stray-{number}"), ["userId"] = customer, ["event"] = happening, ["properties"] = properties,
        };

        var product = DemoSamples.Products()[0];
        var dyed = (JsonObject)product.DeepClone();
        dyed["colour"] = "blue";
        using var body = JsonContent.Create(new JsonObject
        {
            ["batch"] = new JsonArray(
                Call(1, "Order Completed", new JsonObject { ["orderId"] = "next-1", ["revenue"] = "49,50", ["currency"] = "GBP" }),
                Call(2, "Order Completed", new JsonObject { ["orderId"] = "next-2", ["currency"] = "GBP" }),
                Call(3, "Product Viewed", dyed),
                Call(4, "Product Viewed", (JsonObject)dyed.DeepClone()),
                Call(5, "Prodcut Viewed", (JsonObject)product.DeepClone())),
        });
        using var asked = new HttpRequestMessage(HttpMethod.Post, "/v1/batch") { Content = body };
        using var browser = new HttpClient { BaseAddress = server.BaseAddress, DefaultRequestHeaders = { Authorization = DemoFill.BasicOf(writeKey) } };
        using var answer = await browser.SendAsync(asked, ct);
        if (answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.BadRequest))
        {
            answer.EnsureSuccessStatusCode();
        }
    }

    private static string? DescriptionOf(string type, string name) => (type, name) switch
    {
        ("identify", _) => "What we know of a person, from whatever source.",
        ("page", _) => "A page of the web shop was shown.",
        (_, "Order Completed") => "A customer has paid for an order.",
        (_, "Checkout Started") => "A visitor went on from the basket to paying.",
        (_, "Product Viewed") => "A visitor looked at a product.",
        (_, "Product Added") => "A visitor put a product into the basket.",
        (_, "Survey Answered") => "One answer of somebody who filled in a form.",
        _ => null,
    };

    private const string Definition =
        """
        {"title":"News from the shop","intro":"Once a week, and never more. You can leave with one click.","button":"Sign me up",
         "thanks":"Thank you! Your first letter comes on Thursday.","language":"en",
         "fields":[
          {"key":"first_name","label":"First name","kind":"text","required":false,"trait":"firstName","options":[]},
          {"key":"email","label":"E-mail","kind":"email","required":true,"trait":"","options":[]},
          {"key":"likes","label":"What do you like to read about?","kind":"choices","required":false,"trait":"interests","options":["Garden","Kitchen","Gifts","Children"]},
          {"key":"from","label":"How did you hear of us?","kind":"choice","required":false,"trait":"","options":["A friend","A search","Social media","A newspaper"]},
          {"key":"nps","label":"How likely are you to recommend us?","kind":"nps","required":false,"trait":"","options":[]}],
         "consents":[
          {"purpose":"newsletter","channel":"email","wording":"Yes, send me the newsletter by e-mail once a week. I can withdraw at any time.","required":false},
          {"purpose":"personal_offers","channel":"email","wording":"Yes, choose offers for me by what I have bought.","required":false}]}
        """;
}
