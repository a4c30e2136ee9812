using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;

namespace CdpMonolith.Profiles.Storage;

/// <summary>Which people a list shows.</summary>
internal enum PeopleFilter
{
    All,
    Known,
    Anonymous,
}

/// <summary>A person as a line of a list.</summary>
/// <param name="LastSeenAt">Time of the latest event, Unix ms; null when none is kept.</param>
/// <param name="SourceIds">Sources that first named an identifier or said something of the person, ascending.</param>
internal sealed record PersonRow(Person Person, long? LastSeenAt, IReadOnlyList<long> SourceIds)
{
    public bool IsAnonymous => Person.IsAnonymous;
}

/// <summary>Lists of people, last born first, and the search among them.</summary>
internal sealed class PeopleStore(IStore store, IdentifierRules rules)
{
    /// <summary>A search looks at so many matches of each word and no more.</summary>
    private const int Matches = 2000;

    private const string ListAll =
        "SELECT id FROM profiles_profile WHERE id < $1 AND canonical_id = id ORDER BY id DESC LIMIT $2";

    private const string ListKnown = """
        SELECT id
        FROM   (SELECT id FROM profiles_profile
                WHERE  canonical_id = id AND type <> 'anonymous_id' AND id < $1
                ORDER  BY id DESC
                LIMIT  $2) AS themselves
        UNION
        SELECT canonical_id
        FROM   (SELECT DISTINCT canonical_id FROM profiles_profile
                WHERE  canonical_id <> id AND type <> 'anonymous_id' AND canonical_id < $1
                ORDER  BY canonical_id DESC
                LIMIT  $2) AS by_others
        ORDER  BY id DESC
        LIMIT  $2
        """;

    private const string ListAnonymous = """
        SELECT p.id
        FROM   profiles_profile AS p
        WHERE  p.id < $1 AND p.canonical_id = p.id AND p.type = 'anonymous_id'
          AND  NOT EXISTS (SELECT 1 FROM profiles_profile AS k WHERE k.canonical_id = p.id AND k.canonical_id <> k.id AND k.type <> 'anonymous_id')
        ORDER  BY p.id DESC
        LIMIT  $2
        """;

    private const string FindByBeginning = """
        SELECT canonical_id FROM profiles_profile WHERE value >= $1 AND value < $2 ORDER BY value LIMIT $3
        """;

    private const string FindLastSeen = """
        SELECT occurred_at
        FROM   profiles_change
        WHERE  kind = 1 AND profile_id = $1
        ORDER  BY occurred_at DESC
        LIMIT  1
        """;

    private const string FindSources = """
        SELECT source_id FROM profiles_profile WHERE id = $1
        UNION
        SELECT source_id FROM profiles_source_record WHERE profile_id = $1
        """;

    /// <param name="before">Canonical profile that the page before ended with; <see cref="long.MaxValue"/> for the first page.</param>
    public Task<IReadOnlyList<PersonRow>> ListAsync(PeopleFilter filter, long before, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<PersonRow>>(
            read =>
            {
                var row = read.Prepare(filter switch
                {
                    PeopleFilter.Known => ListKnown, PeopleFilter.Anonymous => ListAnonymous, _ => ListAll,
                }).Set(1, before).Set(2, limit);
                var ids = new List<long>();
                while (row.Step())
                {
                    ids.Add(row.Int64(0));
                }

                return [.. ids.Select(id => RowOf(read, id)).OfType<PersonRow>()];
            }, ct);

    /// <summary>People with an identifier that begins with the text, or with all of its words in their names.</summary>
    public Task<IReadOnlyList<PersonRow>> SearchAsync(string text, PeopleFilter filter, long before, int limit, CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<PersonRow>>(
            read =>
            {
                var people = ByIdentifier(read, text.Trim());
                people.UnionWith(ByWords(read, NameWords.Of(text).Distinct(StringComparer.Ordinal).ToList()));
                return
                [
                    .. people.Where(id => id < before).OrderDescending().Select(id => RowOf(read, id)).OfType<PersonRow>()
                        .Where(row => filter == PeopleFilter.All || row.IsAnonymous == (filter == PeopleFilter.Anonymous))
                        .Take(limit),
                ];
            }, ct);

    public static PersonRow? RowOf(ReadSession read, long canonicalId) =>
        ProfileReader.Find(read, canonicalId) is { } person
            ? new PersonRow(person, LastSeenAt(read, canonicalId), SourcesOf(read, canonicalId))
            : null;

    private static long? LastSeenAt(ReadSession read, long canonicalId)
    {
        long? latest = null;
        foreach (var member in ProfileReader.MembersOf(read, canonicalId))
        {
            var row = read.Prepare(FindLastSeen).Set(1, member);
            if (row.Step())
            {
                latest = Math.Max(latest ?? long.MinValue, row.Int64(0));
            }

            row.Reset();
        }

        return latest;
    }

    private static List<long> SourcesOf(ReadSession read, long canonicalId)
    {
        var sources = new SortedSet<long>();
        foreach (var member in ProfileReader.MembersOf(read, canonicalId))
        {
            var row = read.Prepare(FindSources).Set(1, member);
            while (row.Step())
            {
                sources.Add(row.Int64(0));
            }
        }

        return [.. sources];
    }

    private HashSet<long> ByIdentifier(ReadSession read, string text)
    {
        var people = new HashSet<long>();
        if (text.Length == 0)
        {
            return people;
        }

        var digits = string.Concat(text.Where(sign => char.IsAsciiDigit(sign) || sign == '+'));
        var asPhone = digits.StartsWith("00", StringComparison.Ordinal) ? "+" + digits[2..] : digits;
        var isPhone = digits.Length >= 4 && text.All(sign => char.IsAsciiDigit(sign) || "+-() .".Contains(sign, StringComparison.Ordinal));
        foreach (var beginning in new[]
        {
            text, text.ToLowerInvariant(), isPhone ? asPhone : text, isPhone ? "+" + digits.TrimStart('+') : text,
            rules.Normalise(IdentifierTypes.Phone, text)?.Value ?? text, rules.Normalise(IdentifierTypes.Email, text)?.Value ?? text,
        }.Distinct())
        {
            var row = read.Prepare(FindByBeginning).Set(1, beginning).Set(2, WordStore.After(beginning)).Set(3, Matches);
            while (row.Step())
            {
                people.Add(row.Int64(0));
            }
        }

        return people;
    }

    private static HashSet<long> ByWords(ReadSession read, List<string> words)
    {
        if (words.Count == 0)
        {
            return [];
        }

        var rarest = words.Count == 1 ? words[0] : words.MinBy(word => WordStore.CountOf(read, word, Matches))!;
        var due = WordStore.Due(read).Changes;
        return
        [
            .. WordStore.Profiles(read, rarest, Matches, due)
                .Where(profile => (words.Count == 1 && due.Count == 0) || HasAll(read, profile, words))
                .Select(profile => ProfileReader.CanonicalOf(read, profile)).OfType<long>(),
        ];
    }

    private static bool HasAll(ReadSession read, long profileId, List<string> words)
    {
        var named = new List<string>();
        RecordStore.Of(read, profileId).ForEach(record => NameWords.Add(record.Traits, named));
        return words.TrueForAll(word => named.Exists(name => name.StartsWith(word, StringComparison.Ordinal)));
    }
}
