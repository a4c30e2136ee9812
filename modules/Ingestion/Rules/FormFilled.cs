using System.Globalization;
using System.Text.Json.Nodes;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Why an answer cannot be taken.</summary>
internal enum FormFault
{
    Missing,
    NotEmail,
    NotPhone,
    NotNumber,
    NotDate,
    NotAnOption,
    TooLong,
}

/// <summary>A form as a visitor sent it.</summary>
/// <param name="Id">Made when the form was shown; the same when it is sent twice.</param>
/// <param name="AnonymousId">Who the visitor is on the website that the form stands on; null: not known.</param>
/// <param name="Page">Address of the page that the form stands on; null: not known.</param>
/// <param name="Values">Answers by question key; boxes by <c>consent-0</c> and so on.</param>
internal sealed record FormFilled(
    string Id, string? AnonymousId, string? Page, string? UserAgent, IReadOnlyDictionary<string, IReadOnlyList<string>> Values)
{
    private const int AnswerAtMost = 10_000;

    public static string BoxOf(int consent) => FormattableString.Invariant($"consent-{consent}");

    public IReadOnlyList<string> ValuesOf(string key) =>
        Values.TryGetValue(key, out var values) ? [.. values.Select(value => value.Trim()).Where(value => value.Length > 0)] : [];

    /// <summary>What is wrong, by question key or box; empty: it can be taken.</summary>
    public IReadOnlyDictionary<string, FormFault> Check(FormDefinition form)
    {
        var faults = new Dictionary<string, FormFault>();
        foreach (var field in form.Fields)
        {
            if (FaultOf(field, ValuesOf(field.Key)) is { } fault)
            {
                faults[field.Key] = fault;
            }
        }

        for (var n = 0; n < form.Consents.Count; n++)
        {
            if (form.Consents[n].Required && ValuesOf(BoxOf(n)).Count == 0)
            {
                faults[BoxOf(n)] = FormFault.Missing;
            }
        }

        return faults;
    }

    /// <summary>One identify with the traits and what was agreed to, then one track for each answer. Empty: nothing was filled in.</summary>
    /// <param name="sourceId">The form's source; names the survey.</param>
    public IReadOnlyList<JsonObject> Calls(FormDefinition form, long sourceId)
    {
        var survey = FormattableString.Invariant($"form-{sourceId}");
        var traits = new JsonObject();
        var answers = new List<JsonObject>();
        foreach (var field in form.Fields)
        {
            var values = ValuesOf(field.Key);
            if (values.Count == 0)
            {
                continue;
            }

            if (field.TraitName is { } trait)
            {
                traits[trait] = field.Kind == FormFieldKind.Choices ? new JsonArray([.. values.Select(value => (JsonNode)value)]) : Typed(field, values[0]);
                continue;
            }

            for (var n = 0; n < (field.Kind == FormFieldKind.Choices ? values.Count : 1); n++)
            {
                answers.Add(Call("track", FormattableString.Invariant($"{Id}-{field.Key}-{n}"), new JsonObject
                {
                    ["event"] = "Survey Answered",
                    ["properties"] = new JsonObject
                    {
                        ["survey_id"] = survey, ["survey_name"] = form.Title, ["question_id"] = field.Key, ["question"] = field.Label,
                        ["question_type"] = field.Kind.ToString().ToLowerInvariant(), ["answer"] = Typed(field, values[n]),
                    },
                }));
            }
        }

        var decisions = new JsonArray();
        for (var n = 0; n < form.Consents.Count; n++)
        {
            // A box left empty is no decision: never asked and not ticked both count as no.
            if (ValuesOf(BoxOf(n)).Count > 0)
            {
                var consent = form.Consents[n];
                decisions.Add(new JsonObject
                {
                    ["purpose"] = consent.Purpose, ["channel"] = consent.Channel, ["status"] = "granted", ["source"] = survey,
                    ["textVersion"] = consent.TextVersion,
                });
            }
        }

        if (traits.Count == 0 && answers.Count == 0)
        {
            return [];
        }

        var identify = Call("identify", $"{Id}-identify", new JsonObject { ["traits"] = traits });
        if (decisions.Count > 0)
        {
            identify["context"]!["consent"] = new JsonObject { ["decisions"] = decisions };
        }

        return [identify, .. answers];
    }

    /// <summary>Answers that can be picked, for counting: question and answer.</summary>
    public IEnumerable<(string Question, string Answer)> Picked(FormDefinition form) =>
        form.Fields.Where(field => field.Picks.Count > 0).SelectMany(field => ValuesOf(field.Key).Select(answer => (field.Key, answer)));

    private static FormFault? FaultOf(FormField field, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
        {
            return field.Required ? FormFault.Missing : null;
        }

        var value = values[0];
        return value.Length > AnswerAtMost ? FormFault.TooLong
            : field.Picks.Count > 0 ? values.All(field.Picks.Contains) && (field.Kind == FormFieldKind.Choices || values.Count == 1) ? null : FormFault.NotAnOption
            : field.Kind switch
            {
                FormFieldKind.Email when !LooksLikeEmail(value) => FormFault.NotEmail,
                FormFieldKind.Phone when value.Count(char.IsDigit) is < 5 or > 20 || value.Any(char.IsLetter) => FormFault.NotPhone,
                FormFieldKind.Number when NumberOf(value) is null => FormFault.NotNumber,
                FormFieldKind.Date when !DateOnly.TryParseExact(value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _) => FormFault.NotDate,
                _ => null,
            };
    }

    private static JsonNode Typed(FormField field, string value) => field.Kind switch
    {
        FormFieldKind.Number => JsonValue.Create(NumberOf(value)!.Value),
        FormFieldKind.Rating or FormFieldKind.Nps => JsonValue.Create(int.Parse(value, CultureInfo.InvariantCulture)),
        FormFieldKind.YesNo => JsonValue.Create(value == "yes"),
        _ => JsonValue.Create(value),
    };

    /// <summary>As a browser's number field sends it.</summary>
    private static decimal? NumberOf(string value) =>
        decimal.TryParse(value, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static bool LooksLikeEmail(string value) =>
        value.Length <= 254 && value.IndexOf('@', StringComparison.Ordinal) is > 0 and var at && value.IndexOf('@', at + 1) < 0
        && value.IndexOf('.', at) is var dot && dot > at + 1 && dot < value.Length - 1 && !value.Any(char.IsWhiteSpace);

    private JsonObject Call(string type, string messageId, JsonObject said)
    {
        var context = new JsonObject { ["library"] = new JsonObject { ["name"] = "form" } };
        context.Put("userAgent", UserAgent);
        if (Page is not null)
        {
            context["page"] = new JsonObject { ["url"] = Page };
        }

        said["type"] = type;
        said["messageId"] = messageId;
        said["anonymousId"] = AnonymousId ?? $"form-{Id}";
        said["context"] = context;
        return said;
    }
}
