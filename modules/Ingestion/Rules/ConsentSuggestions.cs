namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// Guesses which columns tell of consent: a yes or no, when it was said, which wording was seen, where it was given. A date is taken for
/// a yes only where no column beside it could say no.
/// </summary>
internal static class ConsentSuggestions
{
    private const string Purpose = "newsletter";

    private static readonly string[] ConsentWords =
    [
        "consent", "opt in", "opt-in", "optin", "opted in", "subscribed", "accepts marketing", "accepts email marketing",
        "accepts sms marketing", "samtykke", "persetujuan", "ยินยอม",
    ];

    private static readonly string[] RefusalWords = ["opted out", "opt out", "opt-out", "optout", "unsubscribed", "do not email", "do not contact"];

    /// <summary>Whole headings, of columns of yes and no.</summary>
    private static readonly string[] Newsletters =
    [
        "newsletter", "newsletters", "newsletter signup", "newsletter subscription", "newsletter subscriber", "wants newsletter", "receive newsletter",
        "marketing", "email marketing", "e-mail marketing", "sms marketing", "marketing emails", "nyhetsbrev", "markedsføring", "buletin", "จดหมายข่าว",
    ];

    /// <summary>What newsletter tools write instead of yes and no, whatever the heading.</summary>
    private static readonly string[] Answers = ["subscribed", "unsubscribed", "opted in", "opted out", "opt-in", "opt-out"];

    private static readonly string[] TextWords = ["text", "version", "wording", "teks", "versi"];
    private static readonly string[] SourceWords = ["source", "origin", "sumber"];
    private static readonly string[] AsideWords = ["ip", "note", "notes", "comment", "method", "url", "page", "country", "id"];
    private static readonly string[] TimeWords = ["date", "time", "timestamp", "at", "on", "tanggal", "waktu"];

    /// <summary>Words that Norwegian and Thai write together with the one before.</summary>
    private static readonly string[] TextEnds = ["tekst", "versjon", "ข้อความ"];
    private static readonly string[] SourceEnds = ["kilde", "แหล่งที่มา"];
    private static readonly string[] TimeEnds = ["dato", "tid", "tidspunkt", "วันที่"];

    private static readonly string[] BareTexts = ["text version"];
    private static readonly string[] BareSources = ["signup source", "sign up source", "sign-up source"];

    private enum Kind
    {
        /// <summary>A yes or no.</summary>
        Answer,

        /// <summary>When somebody agreed.</summary>
        Time,

        /// <summary>When somebody refused.</summary>
        RefusalTime,
        Text,
        Source,

        /// <summary>About consent, and it could say no, in a way that is not understood.</summary>
        Unclear,
    }

    /// <summary>What the columns that tell of consent become, by their place; the others are not in it.</summary>
    /// <param name="headers">Of each column the heading in lower case, as it is and with its words apart.</param>
    public static IReadOnlyDictionary<int, ColumnMapping> For(IReadOnlyList<IReadOnlyList<string>> headers, IReadOnlyList<ColumnValues> values)
    {
        var found = headers.Select((words, at) => (At: at, Kind: KindOf(words, values[at]), Channel: ChannelOf(words), Refuses: Says(words, RefusalWords)))
            .Where(column => column.Kind is not null).ToList();

        // A heading such as Newsletter counts where no other says consent in so many words.
        var answers = found.Where(column => column.Kind == Kind.Answer).ToList();
        answers.RemoveAll(weak => !weak.Refuses && !Says(headers[weak.At], ConsentWords)
            && answers.Exists(other => other.At != weak.At && (other.Refuses || Says(headers[other.At], ConsentWords)) && AreOfOne(other.Channel, weak.Channel)));
        var unclear = found.Where(column => column.Kind is Kind.Unclear or Kind.RefusalTime).ToList();
        var becomes = answers.ToDictionary(
            column => column.At, column => new ColumnMapping(ColumnTarget.Consent, Purpose: Purpose, Channel: column.Channel ?? "email", Inverted: column.Refuses));

        var times = new List<(int At, string? Channel)>();
        foreach (var column in found.Where(column => column.Kind == Kind.Time))
        {
            if (answers.Any(answer => AreOfOne(answer.Channel, column.Channel)))
            {
                times.Add((column.At, column.Channel));
            }
            else if (!unclear.Any(other => AreOfOne(other.Channel, column.Channel)))
            {
                becomes[column.At] = new ColumnMapping(ColumnTarget.Consent, Purpose: Purpose, Channel: column.Channel ?? "email");
            }
        }

        // A row has one time of consent: a column of times serves when it can be that of every answer.
        if (times.Count == 0 && answers.Any(answer => answer.Refuses))
        {
            times.AddRange(found.Where(column => column.Kind == Kind.RefusalTime).Select(column => (column.At, column.Channel)));
        }

        if (times.Count > 0 && times.Select(time => time.Channel).Distinct().Count() == 1 && answers.All(answer => AreOfOne(answer.Channel, times[0].Channel)))
        {
            becomes[times[0].At] = new ColumnMapping(ColumnTarget.ConsentTime);
        }

        if (becomes.Values.Any(column => column.To == ColumnTarget.Consent))
        {
            Take(Kind.Text, ColumnTarget.ConsentText);
            Take(Kind.Source, ColumnTarget.ConsentSource);
        }

        return becomes;

        void Take(Kind kind, ColumnTarget to)
        {
            if (found.FindIndex(column => column.Kind == kind) is var at and >= 0)
            {
                becomes[found[at].At] = new ColumnMapping(to);
            }
        }
    }

    private static Kind? KindOf(IReadOnlyList<string> words, ColumnValues values)
    {
        var refuses = Says(words, RefusalWords);
        if (!refuses && !Says(words, ConsentWords))
        {
            return BareTexts.Any(words.Contains) ? Kind.Text
                : BareSources.Any(words.Contains) ? Kind.Source
                : Newsletters.Any(words.Contains) || values.All.Any(value => Answers.Contains(value.ToLowerInvariant()))
                    ? (values.All.Count > 0 && values.AreYesOrNo ? Kind.Answer : Kind.Unclear)
                : null;
        }

        return Has(words, TextWords, TextEnds) ? Kind.Text
            : Has(words, SourceWords, SourceEnds) ? Kind.Source
            : Has(words, AsideWords, []) ? null
            : values.All.Count == 0 ? Kind.Unclear
            : values.AreYesOrNo ? Kind.Answer
            : values.AreDates || (values.AreTimes && Has(words, TimeWords, TimeEnds)) ? (refuses ? Kind.RefusalTime : Kind.Time)
            : Kind.Unclear;
    }

    /// <summary>The channel that the heading names; null: none.</summary>
    private static string? ChannelOf(IReadOnlyList<string> words) =>
        Says(words, ["sms"]) ? "sms" : Says(words, ["email", "e-mail", "e-post", "epost", "อีเมล"]) ? "email" : null;

    /// <summary>One that names no channel may be of any.</summary>
    private static bool AreOfOne(string? one, string? other) => one is null || other is null || one == other;

    private static bool Says(IReadOnlyList<string> words, string[] known) => known.Any(one => words.Any(word => word.Contains(one, StringComparison.Ordinal)));

    private static bool Has(IReadOnlyList<string> words, string[] known, string[] ends) =>
        words[^1].Split([' ', '-', '/', '.'], StringSplitOptions.RemoveEmptyEntries)
            .Any(word => known.Contains(word) || ends.Any(end => word.EndsWith(end, StringComparison.Ordinal)));
}
