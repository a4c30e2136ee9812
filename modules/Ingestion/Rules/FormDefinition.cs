using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using CdpMonolith.Platform;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>How a question is asked. Stored and told by name.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FormFieldKind>))]
internal enum FormFieldKind
{
    Email,
    Phone,
    Text,
    LongText,
    Number,
    Date,

    /// <summary>One of the options.</summary>
    Choice,

    /// <summary>Any of the options.</summary>
    Choices,

    YesNo,

    /// <summary>1 to 5.</summary>
    Rating,

    /// <summary>0 to 10: how likely one is to recommend.</summary>
    Nps,
}

/// <summary>A question of a form.</summary>
/// <param name="Key">Stable name of the question in events: lower-case letters, digits and underscores.</param>
/// <param name="Trait">The trait that the answer becomes; empty: an event "Survey Answered". E-mail and phone are always traits.</param>
internal sealed record FormField(string Key, string Label, FormFieldKind Kind, bool Required, string Trait, IReadOnlyList<string> Options)
{
    public bool HasOptions => Kind is FormFieldKind.Choice or FormFieldKind.Choices;

    /// <summary>The trait that the answer becomes; null: it is an answer.</summary>
    public string? TraitName => Kind switch
    {
        FormFieldKind.Email => "email",
        FormFieldKind.Phone => "phone",
        _ => Trait.Length > 0 ? Trait : null,
    };

    /// <summary>What can be picked, as it is sent; empty: the answer is free.</summary>
    public IReadOnlyList<string> Picks => Kind switch
    {
        FormFieldKind.Choice or FormFieldKind.Choices => Options,
        FormFieldKind.YesNo => ["yes", "no"],
        FormFieldKind.Rating => ["1", "2", "3", "4", "5"],
        FormFieldKind.Nps => ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
        _ => [],
    };
}

/// <summary>A box that is ticked to agree; never ticked beforehand.</summary>
/// <param name="Channel">A channel of the consent module, such as <c>email</c>; <c>any</c>: all.</param>
/// <param name="Wording">What the person agrees to, word by word.</param>
internal sealed record FormConsent(string Purpose, string Channel, string Wording, bool Required)
{
    /// <summary>Names this wording in consent records: the beginning of its SHA-256.</summary>
    public string TextVersion => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Wording)).AsSpan(0, 8));
}

/// <summary>A hosted form or survey.</summary>
/// <param name="Language">Of its texts, such as <c>en</c> or <c>nb</c>.</param>
internal sealed partial record FormDefinition(
    string Title, string Intro, string Button, string Thanks, string Language, IReadOnlyList<FormField> Fields, IReadOnlyList<FormConsent> Consents)
{
    private const int FieldsAtMost = 50;
    private const int ConsentsAtMost = 10;
    private const int OptionsAtMost = 50;
    private const int LineAtMost = 200;
    private const int TextAtMost = 4000;

    /// <summary>The channels of the consent module.</summary>
    public static readonly IReadOnlyList<string> Channels = ["any", "email", "sms", "phone", "post", "ads", "web"];

    /// <summary>Without what surrounds the words, and without empty options.</summary>
    public FormDefinition Tidy() => new(
        (Title ?? "").Trim(), (Intro ?? "").Trim(), (Button ?? "").Trim(), (Thanks ?? "").Trim(), (Language ?? "").Trim(),
        [.. (Fields ?? []).Select(field => new FormField(
            (field.Key ?? "").Trim(), (field.Label ?? "").Trim(), field.Kind, field.Required, (field.Trait ?? "").Trim(),
            field.HasOptions ? [.. (field.Options ?? []).Select(option => (option ?? "").Trim()).Where(option => option.Length > 0)] : []))],
        [.. (Consents ?? []).Select(consent => new FormConsent(
            (consent.Purpose ?? "").Trim().ToLowerInvariant(), (consent.Channel ?? "").Trim(), (consent.Wording ?? "").Trim(), consent.Required))]);

    /// <summary>What keeps it from being shown; null: nothing. For one that is tidy.</summary>
    public Problem? Check()
    {
        if (Title.Length is 0 or > LineAtMost)
        {
            return new Problem("form.title_missing", "Give the form a title of at most 200 characters.", "title");
        }

        if (Button.Length is 0 or > LineAtMost)
        {
            return new Problem("form.button_missing", "Give the button a text of at most 200 characters.", "button");
        }

        if (Intro.Length > TextAtMost || Thanks.Length > TextAtMost)
        {
            return new Problem("form.text_too_long", "The texts before and after the form have at most 4,000 characters each.", "intro");
        }

        if (!LanguageTag().IsMatch(Language))
        {
            return new Problem("form.language_unusable", "Name the language by its tag, such as en, nb, th or id.", "language");
        }

        if (Fields.Count is 0 or > FieldsAtMost)
        {
            return new Problem("form.no_questions", "A form has 1 to 50 questions.", "fields");
        }

        if (Consents.Count > ConsentsAtMost)
        {
            return new Problem("form.too_many_consents", "A form has at most 10 boxes to agree.", "consents");
        }

        return Fields.Select((field, n) => CheckField(field, n)).FirstOrDefault(problem => problem is not null)
            ?? Consents.Select(CheckConsent).FirstOrDefault(problem => problem is not null);
    }

    private Problem? CheckField(FormField field, int n)
    {
        var at = FormattableString.Invariant($"fields[{n}]");
        if (field.Label.Length is 0 or > LineAtMost)
        {
            return new Problem("form.question_missing", FormattableString.Invariant($"Question {n + 1} needs a text of at most 200 characters."), $"{at}.label");
        }

        if (!KeyShape().IsMatch(field.Key))
        {
            return new Problem("form.key_unusable", FormattableString.Invariant($"Question {n + 1} needs a key of lower-case letters, digits and underscores."), $"{at}.key");
        }

        if (Fields.Take(n).Any(other => other.Key == field.Key))
        {
            return new Problem("form.key_twice", FormattableString.Invariant($"Question {n + 1} has the key of an earlier question."), $"{at}.key");
        }

        if (field.Trait.Length > LineAtMost)
        {
            return new Problem("form.trait_too_long", FormattableString.Invariant($"The trait of question {n + 1} has more than 200 characters."), $"{at}.trait");
        }

        if (field.TraitName is { } trait && Fields.Take(n).Any(other => other.TraitName == trait))
        {
            return new Problem("form.trait_twice", FormattableString.Invariant($"Question {n + 1} would fill the trait of an earlier question."), $"{at}.trait");
        }

        return field.HasOptions && (field.Options.Count is < 2 or > OptionsAtMost || field.Options.Any(option => option.Length > LineAtMost) || field.Options.Distinct().Count() < field.Options.Count)
            ? new Problem("form.options_unusable", FormattableString.Invariant($"Question {n + 1} needs 2 to 50 different options of at most 200 characters."), $"{at}.options")
            : null;
    }

    private static Problem? CheckConsent(FormConsent consent, int n)
    {
        var at = FormattableString.Invariant($"consents[{n}]");
        return !PurposeShape().IsMatch(consent.Purpose)
            ? new Problem("form.purpose_unusable", FormattableString.Invariant($"Box {n + 1} needs a purpose of letters, digits, dots, dashes and underscores."), $"{at}.purpose")
            : !Channels.Contains(consent.Channel)
            ? new Problem("form.channel_unknown", FormattableString.Invariant($"Box {n + 1} must name one of these channels: any, email, sms, phone, post, ads, web."), $"{at}.channel")
            : consent.Wording.Length is 0 or > TextAtMost
            ? new Problem("form.wording_missing", FormattableString.Invariant($"Box {n + 1} must say what the person agrees to, in at most 4,000 characters."), $"{at}.wording")
            : null;
    }

    [GeneratedRegex(@"^[a-z0-9_]{1,64}\z")]
    private static partial Regex KeyShape();

    [GeneratedRegex(@"^[a-z0-9._-]{1,64}\z")]
    private static partial Regex PurposeShape();

    [GeneratedRegex(@"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\z")]
    private static partial Regex LanguageTag();
}
