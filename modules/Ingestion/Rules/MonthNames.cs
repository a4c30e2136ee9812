using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// Names of months in English, Norwegian, Danish, Swedish, German, Dutch, French, Spanish, Italian, Portuguese, Indonesian and Thai, as
/// people write them into dates.
/// </summary>
internal static class MonthNames
{
    private static readonly string[] Names =
    [
        "jan january januar januari janvier janv enero ene gennaio gen janeiro มกราคม ม.ค",
        "feb february februar februari février fevrier févr fév fev febrero febbraio fevereiro กุมภาพันธ์ ก.พ",
        "mar march mars märz mrz maart mrt marzo março marco maret มีนาคม มี.ค",
        "apr april avril avr abril abr aprile เมษายน เม.ย",
        "may mai maj mei mayo maggio mag maio พฤษภาคม พ.ค",
        "jun june juni juin junio giugno giu junho มิถุนายน มิ.ย",
        "jul july juli juillet juil julio luglio lug julho กรกฎาคม ก.ค",
        "aug august augustus augusti août aout agosto ago agustus agu agt สิงหาคม ส.ค",
        "sep sept september septembre septiembre settembre set setembro กันยายน ก.ย",
        "oct october oktober okt octobre octubre ottobre ott outubro out ตุลาคม ต.ค",
        "nov november novembre noviembre novembro nopember พฤศจิกายน พ.ย",
        "dec december desember des dezember dez décembre decembre déc diciembre dic dicembre dezembro ธันวาคม ธ.ค",
    ];

    private static readonly FrozenDictionary<string, int> Numbers = Names
        .SelectMany((names, n) => names.Split(' ').Select(name => (Name: name, Month: n + 1))).ToFrozenDictionary(pair => pair.Name, pair => pair.Month);

    /// <summary>Words between the parts of a date that tell nothing: <c>5 de enero de 2026</c>, <c>Mon 5th of Jan</c>.</summary>
    private static readonly FrozenSet<string> Between = new[]
    {
        "de", "del", "of", "den", "der", "the", "kl", "st", "nd", "rd", "th", "พ.ศ", "ค.ศ", "น",
        "mon", "monday", "tue", "tues", "tuesday", "wed", "wednesday", "thu", "thur", "thurs", "thursday", "fri", "friday", "sat", "saturday", "sun", "sunday",
    }.ToFrozenSet();

    /// <summary>
    /// A date whose month has a name, with the English short name in its place: <c>5. januar 2026</c> becomes <c>5 Jan 2026</c>. Two digits of a
    /// year beside a Thai month are of the Buddhist era. Null: no month is named.
    /// </summary>
    public static string? InEnglish(string text)
    {
        if (!text.Any(char.IsLetter))
        {
            return null;
        }

        var parts = new List<string>();
        var (month, isThai) = (0, false);
        for (var at = 0; at < text.Length;)
        {
            var start = at;
            var isWord = IsOfWord(text[at]);
            while (at < text.Length && IsOfWord(text[at]) == isWord)
            {
                at++;
            }

            var part = text[start..at];
            if (!isWord)
            {
                parts.Add(part);
                continue;
            }

            var word = part.Trim('.').ToLowerInvariant();
            if (month == 0 && Numbers.TryGetValue(word, out month))
            {
                isThai = word[0] >= '\u0E00' && word[0] <= '\u0E7F';
                parts.Add($" {CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedMonthNames[month - 1]} ");
            }
            else
            {
                // A point alone may be that of 5. or of 10.30; what is left of the words is for the reader of dates to refuse.
                parts.Add(word.Length == 0 ? part : Between.Contains(word) ? " " : $" {word} ");
            }
        }

        if (month == 0)
        {
            return null;
        }

        var pieces = string.Concat(parts).Split([' ', ',', '-', '/'], StringSplitOptions.RemoveEmptyEntries).Select(piece => piece.Trim('.')).Where(piece => piece.Length > 0).ToList();
        if (isThai && pieces.Count > 2 && pieces[2].Length == 2)
        {
            pieces[2] = "25" + pieces[2];
        }

        return string.Join(' ', pieces);
    }

    private static bool IsOfWord(char letter) =>
        letter == '.' || char.IsLetter(letter) || CharUnicodeInfo.GetUnicodeCategory(letter) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
}
