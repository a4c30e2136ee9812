using System.Text;
using System.Text.Json;

namespace CdpMonolith.Profiles.Rules;

/// <summary>The words by which a person is found: lower-cased, one spelling for what looks the same.</summary>
internal static class NameWords
{
    private const int Longest = 40;
    private const int Most = 12;

    private static readonly string[] Names = ["firstName", "first_name", "lastName", "last_name", "name", "username"];

    /// <summary>Adds the words of the traits that name a person, each once.</summary>
    public static void Add(Trait[] traits, List<string> words)
    {
        foreach (var trait in traits)
        {
            if (Array.IndexOf(Names, trait.Name) >= 0 && trait.Value is [(byte)'"', .. var text, (byte)'"'])
            {
                var name = text.AsSpan().Contains((byte)'\\') ? JsonSerializer.Deserialize<string>(trait.Value)! : Encoding.UTF8.GetString(text);
                foreach (var word in Of(name))
                {
                    if (words.Count < Most && !words.Contains(word))
                    {
                        words.Add(word);
                    }
                }
            }
        }
    }

    /// <summary>Words of a text: runs of letters, marks and digits.</summary>
    public static IEnumerable<string> Of(string text)
    {
        var one = text.ToLowerInvariant().Normalize(NormalizationForm.FormKC);
        var start = -1;
        for (var i = 0; i <= one.Length; i++)
        {
            if (i < one.Length && (char.IsLetterOrDigit(one[i]) || char.IsSurrogate(one[i]) || IsMark(one[i])))
            {
                start = start < 0 ? i : start;
            }
            else if (start >= 0)
            {
                yield return one[start..Math.Min(i, start + Longest)];
                start = -1;
            }
        }
    }

    private static bool IsMark(char sign) =>
        char.GetUnicodeCategory(sign) is System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.SpacingCombiningMark;
}
