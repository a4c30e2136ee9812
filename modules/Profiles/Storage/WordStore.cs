using System.Globalization;
using System.Text;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Profiles.Storage;

/// <summary>A word of a name and the profile that it is said of.</summary>
internal readonly record struct Word(string Text, long ProfileId) : IComparable<Word>
{
    public int CompareTo(Word other) =>
        string.CompareOrdinal(Text, other.Text) is var order && order != 0 ? order : ProfileId.CompareTo(other.ProfileId);
}

/// <summary>
/// The words people are found by. A change of them is first appended to <c>profiles_token_due</c>, a row for a whole batch, and put into the
/// table of words later, many at once and in their order: each by itself would touch a page of its own. Who searches looks at both.
/// </summary>
internal static class WordStore
{
    private const string DueCounter = "profiles.token_due";
    private const char Added = '+';
    private const char Dropped = '-';

    private const string Find = "SELECT profile_id FROM profiles_token WHERE token >= $1 AND token < $2 ORDER BY token LIMIT $3";

    private const string Count = """
        SELECT COUNT(*) FROM (SELECT 1 FROM profiles_token WHERE token >= $1 AND token < $2 LIMIT $3) AS few
        """;

    private const string ReadDue = "SELECT id, words FROM profiles_token_due ORDER BY id";
    private const string AnyDue = "SELECT 1 FROM profiles_token_due LIMIT 1";
    private const string DropDue = "DELETE FROM profiles_token_due WHERE id <= $1";
    private const string Put = "INSERT INTO profiles_token (token, profile_id) VALUES ($1, $2) ON CONFLICT (token, profile_id) DO NOTHING";
    private const string Drop = "DELETE FROM profiles_token WHERE token = $1 AND profile_id = $2";

    public static void Append(WriteSession write, IReadOnlyCollection<Word> added, IReadOnlyCollection<Word> dropped)
    {
        if (added.Count + dropped.Count == 0)
        {
            return;
        }

        var words = new StringBuilder((added.Count + dropped.Count) * 16);
        foreach (var word in dropped)
        {
            Line(words, Dropped, word);
        }

        foreach (var word in added)
        {
            Line(words, Added, word);
        }

        var rows = write.Append("profiles_token_due", "id, words");
        rows.Add(write.NextSeq(DueCounter)).Add(words.ToString()).EndRow();
        rows.Done();
        write.Advance(DueCounter, 1);
    }

    public static bool IsAnyDue(ReadSession read)
    {
        var row = read.Prepare(AnyDue);
        var any = row.Step();
        row.Reset();
        return any;
    }

    /// <summary>The changes that wait, the last one of each word, in the order of the table; and the last of the rows that hold them.</summary>
    public static (List<(Word Word, bool IsAdded)> Changes, long LastId) Due(ReadSession read)
    {
        var changes = new Dictionary<Word, bool>();
        var last = 0L;
        for (var row = read.Prepare(ReadDue); row.Step();)
        {
            last = row.Int64(0);
            foreach (var line in row.Text(1).AsSpan().EnumerateLines())
            {
                if (line.IndexOf('\t') is > 0 and var tab)
                {
                    changes[new Word(line[1..tab].ToString(), long.Parse(line[(tab + 1)..], CultureInfo.InvariantCulture))] = line[0] == Added;
                }
            }
        }

        var sorted = changes.Select(change => (Word: change.Key, IsAdded: change.Value)).ToList();
        sorted.Sort(static (a, b) => a.Word.CompareTo(b.Word));
        return (sorted, last);
    }

    /// <summary>Puts changes into the table. To do it once more changes nothing.</summary>
    public static void Settle(WriteSession write, IEnumerable<(Word Word, bool IsAdded)> changes)
    {
        var (put, drop) = (write.Prepare(Put), write.Prepare(Drop));
        foreach (var (word, isAdded) in changes)
        {
            (isAdded ? put : drop).Set(1, word.Text).Set(2, word.ProfileId).Run();
        }
    }

    /// <summary>The changes up to a row are in the table now.</summary>
    public static void Forget(WriteSession write, long lastId) => write.Prepare(DropDue).Set(1, lastId).Run();

    /// <summary>
    /// Profiles with a name of which a word begins so, at most so many from the table; what waits is added, and what it drops may be among them.
    /// </summary>
    public static HashSet<long> Profiles(ReadSession read, string beginning, int atMost, IReadOnlyList<(Word Word, bool IsAdded)> due)
    {
        var found = new HashSet<long>();
        for (var row = read.Prepare(Find).Set(1, beginning).Set(2, After(beginning)).Set(3, atMost); row.Step();)
        {
            found.Add(row.Int64(0));
        }

        foreach (var (word, isAdded) in due)
        {
            if (isAdded && word.Text.StartsWith(beginning, StringComparison.Ordinal))
            {
                found.Add(word.ProfileId);
            }
        }

        return found;
    }

    /// <summary>How many words of the table begin so, counted up to a bound.</summary>
    public static long CountOf(ReadSession read, string beginning, int atMost)
    {
        var row = read.Prepare(Count).Set(1, beginning).Set(2, After(beginning)).Set(3, atMost);
        row.Step();
        var count = row.Int64(0);
        row.Reset();
        return count;
    }

    /// <summary>The end of the range of texts that begin so.</summary>
    public static string After(string beginning) => beginning + "\U0010FFFF";

    private static void Line(StringBuilder words, char sign, Word word) =>
        words.Append(sign).Append(word.Text).Append('\t').Append(CultureInfo.InvariantCulture, $"{word.ProfileId}").Append('\n');
}
