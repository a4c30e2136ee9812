using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;

namespace CdpMonolith.Profiles.Storage;

/// <summary>Figures kept with every change of the graph.</summary>
internal readonly record struct GraphFigures(long Known, long Anonymous, long ActiveLinks, long RefusedLinks);

/// <summary>A link with all that is kept of it.</summary>
internal sealed record StoredLink(
    long Low, long High, LinkState State, string? Reason, string Rule, long EvidenceSeq, long EvidenceAt, long SourceId,
    LinkDecision Decision, string? Actor, long? DecidedAt);

/// <summary>Evidence for a link, as a call gives it.</summary>
internal readonly record struct Evidence(long Seq, long At, long SourceId, string Rule);

/// <summary>Profiles and links: the identity graph.</summary>
internal static class GraphStore
{
    public const string IdCounter = "profiles.profile";

    private const string NodeColumns = "p.id, p.type, p.value, p.canonical_id, p.first_seen_at, p.source_id, p.named_links, p.anonymous_links";

    private const string ReadVersion = "SELECT version FROM profiles_state";
    private const string MoveVersion = "UPDATE profiles_state SET version = version + 1";
    private const string ReadFigures = "SELECT known, anonymous, active_links, refused_links FROM profiles_state";

    private const string AddFigures = """
        UPDATE profiles_state
        SET    known = known + $1, anonymous = anonymous + $2, active_links = active_links + $3, refused_links = refused_links + $4
        """;

    private const string LastId = "SELECT id FROM profiles_profile ORDER BY id DESC LIMIT 1";
    private const string FindByIdentifier = "SELECT id, first_seen_at FROM profiles_profile WHERE value = $1 AND type = $2";
    private static readonly string FindByValues = $"SELECT type, value, id, first_seen_at FROM profiles_profile WHERE value IN ({Lists.Places})";

    private const string FindNode = $"SELECT {NodeColumns} FROM profiles_profile AS p WHERE p.id = $1";

    /// <summary>The profile that gives a person its id, and the others.</summary>
    private const string FindMembers = $"""
        SELECT {NodeColumns} FROM profiles_profile AS p WHERE p.id = $1 AND p.canonical_id = p.id
        UNION ALL
        SELECT {NodeColumns} FROM profiles_profile AS p WHERE p.canonical_id = $1 AND p.canonical_id <> p.id
        """;

    private const string FindEvidenceAt = "SELECT evidence_at FROM profiles_link WHERE low = $1 AND high = $2";

    private const string LinkColumns = "l.low, l.high, l.state, l.reason, l.decision, l.evidence_at";

    private const string FindNeighboursAbove = $"""
        SELECT {NodeColumns}, {LinkColumns}
        FROM   profiles_link AS l
        JOIN   profiles_profile AS p ON p.id = l.high
        WHERE  l.low = $1
        """;

    private const string FindNeighboursBelow = $"""
        SELECT {NodeColumns}, {LinkColumns}
        FROM   profiles_link AS l
        JOIN   profiles_profile AS p ON p.id = l.low
        WHERE  l.high = $1
        """;

    private const string UpdateNode = """
        UPDATE profiles_profile
        SET    canonical_id = $2, first_seen_at = $3, source_id = $4, named_links = $5, anonymous_links = $6
        WHERE  id = $1
        """;

    private const string UpdateState = "UPDATE profiles_link SET state = $3, reason = $4 WHERE low = $1 AND high = $2";

    private const string UpdateEvidence = """
        UPDATE profiles_link
        SET    evidence_at = $3, evidence_seq = $4, source_id = $5, rule = $6
        WHERE  low = $1 AND high = $2
        """;

    private const string UpdateDecision = """
        UPDATE profiles_link SET decision = $3, actor = $4, decided_at = $5 WHERE low = $1 AND high = $2
        """;

    private const string FindLink = """
        SELECT low, high, state, reason, rule, evidence_seq, evidence_at, source_id, decision, actor, decided_at
        FROM   profiles_link
        WHERE  low = $1 AND high = $2
        """;

    /// <summary>Moves whenever a person decides or erases: what was decided on another version must be decided again.</summary>
    public static long Version(ReadSession read) => Number(read.Prepare(ReadVersion));

    public static void NextVersion(WriteSession write) => write.Prepare(MoveVersion).Run();

    public static GraphFigures Figures(ReadSession read)
    {
        var row = read.Prepare(ReadFigures);
        row.Step();
        var figures = new GraphFigures(row.Int64(0), row.Int64(1), row.Int64(2), row.Int64(3));
        row.Reset();
        return figures;
    }

    public static void Add(WriteSession write, GraphFigures change)
    {
        if (change != default)
        {
            write.Prepare(AddFigures)
                .Set(1, change.Known).Set(2, change.Anonymous).Set(3, change.ActiveLinks).Set(4, change.RefusedLinks).Run();
        }
    }

    /// <summary>The id that the next profile most likely gets; <see cref="IdCounter"/> has the last word.</summary>
    public static long LikelyNextId(ReadSession read)
    {
        var row = read.Prepare(LastId);
        var id = row.Step() ? row.Int64(0) + 1 : 1;
        row.Reset();
        return id;
    }

    public static (long Id, long FirstSeenAt)? Find(ReadSession read, Identifier identifier)
    {
        var row = read.Prepare(FindByIdentifier).Set(1, identifier.Value).Set(2, identifier.Type);
        if (!row.Step())
        {
            return null;
        }

        var found = (row.Int64(0), row.Int64(1));
        row.Reset();
        return found;
    }

    /// <summary>Those of the identifiers that are there.</summary>
    public static Dictionary<Identifier, (long Id, long FirstSeenAt)> Find(ReadSession read, IReadOnlyCollection<Identifier> identifiers)
    {
        var found = new Dictionary<Identifier, (long, long)>();
        foreach (var piece in identifiers.Select(identifier => identifier.Value).Chunk(Lists.AtOnce))
        {
            var row = read.Prepare(FindByValues).SetList(piece);
            while (row.Step())
            {
                found[new Identifier(row.Text(0), row.Text(1))] = (row.Int64(2), row.Int64(3));
            }
        }

        return found;
    }

    public static Node? Find(ReadSession read, long id)
    {
        var row = read.Prepare(FindNode).Set(1, id);
        var node = row.Step() ? ReadNode(row) : null;
        row.Reset();
        return node;
    }

    public static List<Node> Members(ReadSession read, long canonicalId)
    {
        var nodes = new List<Node>();
        var row = read.Prepare(FindMembers).Set(1, canonicalId);
        while (row.Step())
        {
            nodes.Add(ReadNode(row));
        }

        nodes.Sort(static (a, b) => a.Id.CompareTo(b.Id));
        return nodes;
    }

    /// <summary>When the link was first seen; null when there is none.</summary>
    public static long? EvidenceAt(ReadSession read, long low, long high)
    {
        var row = read.Prepare(FindEvidenceAt).Set(1, low).Set(2, high);
        long? at = row.Step() ? row.Int64(0) : null;
        row.Reset();
        return at;
    }

    /// <summary>The links of a profile with the node at the other end of each.</summary>
    public static List<(Node Other, StoredLink Link)> Neighbours(ReadSession read, long id)
    {
        var found = new List<(Node, StoredLink)>();
        foreach (var sql in (ReadOnlySpan<string>)[FindNeighboursAbove, FindNeighboursBelow])
        {
            var row = read.Prepare(sql).Set(1, id);
            while (row.Step())
            {
                found.Add((ReadNode(row), new StoredLink(
                    row.Int64(8), row.Int64(9), (LinkState)row.Int64(10), row.TextOrNull(11), "", 0, row.Int64(13), 0,
                    (LinkDecision)row.Int64(12), null, null)));
            }
        }

        return found;
    }

    public static StoredLink? FindBetween(ReadSession read, long a, long b)
    {
        var row = read.Prepare(FindLink).Set(1, Math.Min(a, b)).Set(2, Math.Max(a, b));
        var link = row.Step() ? ReadLink(row) : null;
        row.Reset();
        return link;
    }

    public static StoredLink ReadLink(Statement row) => new(
        row.Int64(0), row.Int64(1), (LinkState)row.Int64(2), row.TextOrNull(3), row.Text(4), row.Int64(5), row.Int64(6),
        row.Int64(7), (LinkDecision)row.Int64(8), row.TextOrNull(9), row.Int64OrNull(10));

    public static void Insert(WriteSession write, IEnumerable<Node> nodes)
    {
        var rows = write.Append(
            "profiles_profile", "id, type, value, canonical_id, first_seen_at, source_id, named_links, anonymous_links");
        foreach (var node in nodes)
        {
            rows.Add(node.Id).Add(node.Identifier.Type).Add(node.Identifier.Value).Add(node.CanonicalId).Add(node.FirstSeenAt)
                .Add(node.SourceId).Add(node.NamedLinks).Add(node.AnonymousLinks).EndRow();
        }

        rows.Done();
    }

    public static void Update(WriteSession write, Node node) =>
        write.Prepare(UpdateNode)
            .Set(1, node.Id).Set(2, node.CanonicalId).Set(3, node.FirstSeenAt).Set(4, node.SourceId)
            .Set(5, node.NamedLinks).Set(6, node.AnonymousLinks).Run();

    public static void Insert(WriteSession write, IEnumerable<(Link Link, Evidence Evidence)> links)
    {
        var rows = write.Append(
            "profiles_link", "low, high, state, reason, rule, evidence_seq, evidence_at, source_id, decision");
        foreach (var (link, evidence) in links)
        {
            rows.Add(link.Low.Id).Add(link.High.Id).Add((long)link.State).Add(link.Reason).Add(evidence.Rule)
                .Add(evidence.Seq).Add(evidence.At).Add(evidence.SourceId).Add((long)link.Decision).EndRow();
        }

        rows.Done();
    }

    public static void UpdateStateOf(WriteSession write, Link link) =>
        write.Prepare(UpdateState)
            .Set(1, link.Low.Id).Set(2, link.High.Id).Set(3, (long)link.State).Set(4, link.Reason).Run();

    public static void UpdateEvidenceOf(WriteSession write, long low, long high, Evidence evidence) =>
        write.Prepare(UpdateEvidence)
            .Set(1, low).Set(2, high).Set(3, evidence.At).Set(4, evidence.Seq).Set(5, evidence.SourceId).Set(6, evidence.Rule).Run();

    public static void Decide(WriteSession write, long low, long high, LinkDecision decision, string actor, long at) =>
        write.Prepare(UpdateDecision).Set(1, low).Set(2, high).Set(3, (long)decision).Set(4, actor).Set(5, at).Run();

    private static long Number(Statement row)
    {
        row.Step();
        var number = row.Int64(0);
        row.Reset();
        return number;
    }

    private static Node ReadNode(Statement row) => new()
    {
        Id = row.Int64(0), Identifier = new Identifier(row.Text(1), row.Text(2)), CanonicalId = row.Int64(3),
        StoredCanonicalId = row.Int64(3), FirstSeenAt = row.Int64(4), SourceId = row.Int64(5),
        NamedLinks = row.Int64(6), AnonymousLinks = row.Int64(7),
        StoredNamedLinks = row.Int64(6), StoredAnonymousLinks = row.Int64(7),
    };
}
