using System.Globalization;
using System.Text;
using CdpMonolith.Ingestion.Rules;

namespace CdpMonolith.Ingestion.Pages;

/// <summary>A form that is being edited.</summary>
internal sealed class FormDraft
{
    public string Title { get; set; } = "";

    public string Intro { get; set; } = "";

    public string Button { get; set; } = "";

    public string Thanks { get; set; } = "";

    public string Language { get; set; } = "en";

    public List<FieldDraft> Fields { get; } = [];

    public List<ConsentDraft> Consents { get; } = [];

    public static FormDraft Of(FormDefinition form)
    {
        var draft = new FormDraft { Title = form.Title, Intro = form.Intro, Button = form.Button, Thanks = form.Thanks, Language = form.Language };
        draft.Fields.AddRange(form.Fields.Select(FieldDraft.Of));
        draft.Consents.AddRange(form.Consents.Select(ConsentDraft.Of));
        return draft;
    }

    public FormDefinition Definition()
    {
        var keys = new HashSet<string>(Fields.Select(field => field.Key).Where(key => key.Length > 0));
        foreach (var field in Fields.Where(field => field.Key.Length == 0))
        {
            field.Key = NewKey(field.Label, keys);
        }

        return new FormDefinition(
            Title, Intro, Button, Thanks, Language,
            [.. Fields.Select(field => new FormField(
                field.Key, field.Label, field.Kind, field.Required, field.AsTrait ? field.Trait : "",
                field.Options.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))],
            [.. Consents.Select(consent => new FormConsent(consent.Purpose, consent.Channel, consent.Wording, consent.Required))]);
    }

    public static void Move<T>(List<T> list, T item, int by)
    {
        var at = list.IndexOf(item);
        if (at >= 0 && at + by >= 0 && at + by < list.Count)
        {
            (list[at], list[at + by]) = (list[at + by], list[at]);
        }
    }

    /// <summary>A name for a question that stays when its text is changed later.</summary>
    private static string NewKey(string label, HashSet<string> taken)
    {
        var name = new StringBuilder();
        foreach (var c in label.Normalize(NormalizationForm.FormD).ToLowerInvariant())
        {
            if (char.IsAsciiLetterOrDigit(c))
            {
                name.Append(c);
            }
            else if (CharUnicodeInfo.GetUnicodeCategory(c) != UnicodeCategory.NonSpacingMark && name.Length > 0 && name[^1] != '_')
            {
                name.Append('_');
            }
        }

        var stem = name.ToString()[..Math.Min(name.Length, 40)].Trim('_');
        stem = stem.Length == 0 ? "question" : stem;
        var key = stem;
        for (var n = 2; !taken.Add(key); n++)
        {
            key = FormattableString.Invariant($"{stem}_{n}");
        }

        return key;
    }

    internal sealed class FieldDraft
    {
        public string Key { get; set; } = "";

        public string Label { get; set; } = "";

        public FormFieldKind Kind { get; set; } = FormFieldKind.Text;

        public bool Required { get; set; }

        /// <summary><c>answer</c> or <c>trait</c>.</summary>
        public string Keep { get; set; } = "answer";

        public bool AsTrait => Keep == "trait" && Kind is not (FormFieldKind.Email or FormFieldKind.Phone);

        public string Trait { get; set; } = "";

        /// <summary>One a line.</summary>
        public string Options { get; set; } = "";

        public static FieldDraft Of(FormField field) => new()
        {
            Key = field.Key, Label = field.Label, Kind = field.Kind, Required = field.Required, Keep = field.Trait.Length > 0 ? "trait" : "answer",
            Trait = field.Trait, Options = string.Join('\n', field.Options),
        };
    }

    internal sealed class ConsentDraft
    {
        public string Purpose { get; set; } = "";

        public string Channel { get; set; } = "email";

        public string Wording { get; set; } = "";

        public bool Required { get; set; }

        public static ConsentDraft Of(FormConsent consent) => new()
        {
            Purpose = consent.Purpose, Channel = consent.Channel, Wording = consent.Wording, Required = consent.Required,
        };
    }
}
