using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Receive;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>Hosted forms over real HTTP, as a browser without scripts sends them.</summary>
public sealed partial class FormTests
{
    private const string Wording = "Yes, send me <news> & offers.";

    private static readonly FormDefinition Asked = new(
        "How was your visit?", "It takes a minute.", "Send", "Thank you, come again.", "en",
        [
            new FormField("mail", "Your e-mail address", FormFieldKind.Email, Required: true, "", []),
            new FormField("name", "Your name", FormFieldKind.Text, Required: false, "firstName", []),
            new FormField("nps", "Would you recommend us?", FormFieldKind.Nps, Required: true, "", []),
            new FormField("liked", "What did you like?", FormFieldKind.Choices, Required: false, "", ["Food", "Staff", "Room"]),
            new FormField("why", "Why?", FormFieldKind.LongText, Required: false, "", []),
        ],
        [new FormConsent("newsletter", "email", Wording, Required: false)]);

    private TestApp _app = null!;
    private int _number;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Answers_become_one_identify_with_the_consent_and_one_event_each()
    {
        var source = await SourceAsync();
        using var answer = await PostAsync(
            source, await NewIdAsync(source), ("mail", " Eva@Example.com "), ("name", "Eva"), ("nps", "9"), ("liked", "Food"), ("liked", "Room"), ("consent-0", "yes"),
            ("aid", "visitor-1"), ("page", "https://shop.example/visit"));
        var events = EventsOf(source);
        var identify = Json(events[0]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.SeeOther));
            Assert.That(answer.Headers.Location!.ToString(), Is.EqualTo("?sent"));
            Assert.That(events.Select(e => (e.Type, e.Name, e.AnonymousId)), Is.EqualTo(new[]
            {
                (CallType.Identify, null, "visitor-1"), (CallType.Track, "Survey Answered", "visitor-1"),
                (CallType.Track, "Survey Answered", "visitor-1"), (CallType.Track, (string?)"Survey Answered", (string?)"visitor-1"),
            }));
            Assert.That(identify.GetProperty("traits").GetRawText(), Is.EqualTo("""{"email":"Eva@Example.com","firstName":"Eva"}"""));
            Assert.That(identify.GetProperty("context").GetProperty("page").GetProperty("url").GetString(), Is.EqualTo("https://shop.example/visit"));
            var decision = identify.GetProperty("context").GetProperty("consent").GetProperty("decisions")[0];
            Assert.That(decision.GetProperty("status").GetString(), Is.EqualTo("granted"));
            Assert.That(decision.GetProperty("textVersion").GetString(), Is.EqualTo(Asked.Consents[0].TextVersion));
            Assert.That(events.Skip(1).Select(e => Json(e).GetProperty("properties").GetProperty("answer").ToString()), Is.EqualTo(new[] { "9", "Food", "Room" }));
            Assert.That(Json(events[1]).GetProperty("properties").GetProperty("answer").ValueKind, Is.EqualTo(JsonValueKind.Number));
            Assert.That(Json(events[1]).GetProperty("properties").GetProperty("survey_id").GetString(), Is.EqualTo($"form-{source.Id}"));
        }

        using var viewer = await _app.UserAsync(Roles.Viewer);
        var text = await viewer.GetFromJsonAsync<JsonElement>($"/api/consent-texts/{Asked.Consents[0].TextVersion}");
        Assert.That(text.GetProperty("wording").GetString(), Is.EqualTo(Wording));
    }

    [Test]
    public async Task A_box_left_empty_says_nothing_about_consent()
    {
        var source = await SourceAsync();
        (await PostAsync(source, await NewIdAsync(source), ("mail", "ola@example.com"), ("nps", "3"))).Dispose();
        Assert.That(Json(EventsOf(source)[0]).GetProperty("context").TryGetProperty("consent", out _), Is.False);
        Assert.That(EventsOf(source)[0].Flags.HasFlag(EventFlags.HasConsent), Is.False);
    }

    [Test]
    public async Task Sent_twice_it_is_stored_and_counted_once()
    {
        var source = await SourceAsync();
        var id = await NewIdAsync(source);
        for (var turn = 0; turn < 2; turn++)
        {
            (await PostAsync(source, id, ("mail", "ola@example.com"), ("nps", "10"), ("liked", "Staff"))).Dispose();
        }

        using var admin = await _app.UserAsync(Roles.Admin);
        var counts = await admin.GetFromJsonAsync<JsonElement>($"/api/sources/{source.Id}/form/answers");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(EventsOf(source), Has.Count.EqualTo(3));
            Assert.That(counts.GetProperty("sent").GetInt64(), Is.EqualTo(1));
            Assert.That(counts.GetProperty("answers").GetRawText(), Is.EqualTo(
                """[{"question":"liked","answer":"Staff","given":1},{"question":"nps","answer":"10","given":1}]"""));
        }
    }

    [TestCase("mail", "not an address", "This is not an e-mail address")]
    [TestCase("mail", "", "This needs an answer")]
    [TestCase("nps", "11", "This is not one of the answers")]
    [TestCase("liked", "Weather", "This is not one of the answers")]
    public async Task What_is_wrong_is_said_beside_the_question_and_nothing_is_stored(string key, string value, string told)
    {
        var source = await SourceAsync();
        var sent = new List<(string, string)> { ("mail", "ola@example.com"), ("nps", "9"), ("why", "<b>\"quoted\"</b>") };
        sent.RemoveAll(field => field.Item1 == key);
        using var answer = await PostAsync(source, await NewIdAsync(source), [.. sent, (key, value)]);
        var html = await answer.Content.ReadAsStringAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.UnprocessableEntity));
            Assert.That(html, Does.Contain($"id=\"fault-{key}\">{told}"));
            Assert.That(html, Does.Contain("&lt;b&gt;&quot;quoted&quot;&lt;/b&gt;</textarea>"), "what was typed stays, and is no markup");
            Assert.That(EventsOf(source), Is.Empty);
        }
    }

    [Test]
    public async Task Programs_that_fill_in_everything_are_refused()
    {
        var source = await SourceAsync();
        using var answer = await PostAsync(source, await NewIdAsync(source), ("mail", "a@b.example"), ("nps", "9"), ("website", "https://spam.example"));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.UnprocessableEntity));
        Assert.That(EventsOf(source), Is.Empty);
    }

    [TestCase("application/json", "{}", HttpStatusCode.UnsupportedMediaType)]
    [TestCase("application/x-www-form-urlencoded", "mail=a%40b.example&nps=9", HttpStatusCode.BadRequest)]
    [TestCase("application/x-www-form-urlencoded", "id=<script>alert(1)</script>", HttpStatusCode.BadRequest)]
    public async Task What_is_no_form_is_refused_with_a_page(string type, string body, HttpStatusCode status)
    {
        var source = await SourceAsync();
        using var answer = await _app.Client.PostAsync($"/f/{source.WriteKey}", new StringContent(body, null, type));
        Assert.That(answer.StatusCode, Is.EqualTo(status));
        Assert.That(await answer.Content.ReadAsStringAsync(), Does.Contain("What was sent is not this form").And.Not.Contain("<script"));
    }

    [Test]
    public async Task A_form_may_stand_in_a_frame_and_the_console_may_not()
    {
        var source = await SourceAsync();
        using var form = await _app.Client.GetAsync($"/f/{source.WriteKey}?embed");
        using var console = await _app.Client.GetAsync("/sign-in");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(form.Headers.Contains("X-Frame-Options"), Is.False);
            Assert.That(string.Join(' ', form.Headers.GetValues("Content-Security-Policy")), Does.Contain("default-src 'none'").And.EndsWith("frame-ancestors *"));
            Assert.That(console.Headers.GetValues("X-Frame-Options"), Is.EqualTo(new[] { "DENY" }));
            Assert.That(await form.Content.ReadAsStringAsync(), Does.Contain("Yes, send me &lt;news&gt; &amp; offers."));
        }
    }

    [Test]
    public async Task A_form_that_is_not_published_or_switched_off_is_closed()
    {
        var source = (await _app.Get<Sources>().CreateAsync(Actor.System, $"Form {++_number}", SourceKind.Form, default)).Value;
        using var unpublished = await _app.Client.GetAsync($"/f/{source.WriteKey}");
        var published = await SourceAsync();
        await _app.Get<Sources>().SetEnabledAsync(Actor.System, published.Id, false, default);
        using var off = await PostAsync(published, new string('a', 32), ("mail", "a@b.example"), ("nps", "9"));
        using var unknown = await _app.Client.GetAsync("/f/nobodys-key");
        Assert.That(new[] { unpublished.StatusCode, off.StatusCode, unknown.StatusCode }, Is.All.EqualTo(HttpStatusCode.NotFound));
        Assert.That(await off.Content.ReadAsStringAsync(), Does.Contain("This form is closed"));
    }

    [Test]
    public async Task A_form_that_cannot_be_shown_is_refused_with_the_field()
    {
        var source = await SourceAsync();
        using var admin = await _app.UserAsync(Roles.Admin);
        foreach (var (wrong, field) in new[]
        {
            (Asked with { Title = " " }, "title"), (Asked with { Fields = [] }, "fields"), (Asked with { Language = "not a tag" }, "language"),
            (Asked with { Fields = [Asked.Fields[0], Asked.Fields[0]] }, "fields[1].key"),
            (Asked with { Fields = [Asked.Fields[3] with { Options = ["one"] }] }, "fields[0].options"),
            (Asked with { Consents = [Asked.Consents[0] with { Wording = "" }] }, "consents[0].wording"),
            (Asked with { Consents = [Asked.Consents[0] with { Channel = "pigeon" }] }, "consents[0].channel"),
        })
        {
            using var answer = await admin.PutAsJsonAsync($"/api/sources/{source.Id}/form", wrong);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.UnprocessableEntity));
            Assert.That((await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("field").GetString(), Is.EqualTo(field));
        }

        using var good = await admin.PutAsJsonAsync($"/api/sources/{source.Id}/form", Asked with { Title = "Changed" });
        var entry = (await _app.Get<IAudit>().ReadAsync(long.MaxValue, 100, null, default)).First(entry => entry.Action == "source.form_changed");
        Assert.That(good.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(entry.Subject, Is.EqualTo($"source:{source.Id}"));
    }

    private async Task<Source> SourceAsync()
    {
        var source = (await _app.Get<Sources>().CreateAsync(Actor.System, $"Form {++_number}", SourceKind.Form, default)).Value;
        Assert.That((await _app.Get<Forms>().SaveAsync(Actor.System, source, Asked, default)).Problem, Is.Null);
        return source;
    }

    /// <summary>The id that the form was shown with.</summary>
    private async Task<string> NewIdAsync(Source source) =>
        Shown().Match(await _app.Client.GetStringAsync($"/f/{source.WriteKey}")).Groups[1].Value;

    private Task<HttpResponseMessage> PostAsync(Source source, string id, params (string Name, string Value)[] fields) => _app.Client.PostAsync(
        $"/f/{source.WriteKey}",
        new FormUrlEncodedContent(fields.Prepend(("id", id)).Select(field => KeyValuePair.Create(field.Item1, field.Item2))));

    private List<Event> EventsOf(Source source) => [.. _app.Get<IEventLog>().Read(0, 10_000).Where(e => e.SourceId == source.Id)];

    private static JsonElement Json(Event call) => JsonDocument.Parse(call.Body).RootElement;

    [GeneratedRegex("name=\"id\" value=\"([0-9a-f]{32})\"")]
    private static partial Regex Shown();
}
