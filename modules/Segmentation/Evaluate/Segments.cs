using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Rules;
using CdpMonolith.Segmentation.Storage;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>A segment as somebody wants it.</summary>
/// <param name="Rule">The rule's JSON.</param>
/// <param name="Version">The version that was edited; null: whichever there is.</param>
internal sealed record WantedSegment(string Name, string? Description, string Rule, int? Version = null);

/// <summary>Segments: asked for, made, changed and deleted.</summary>
internal sealed class Segments(
    IStore store, SegmentStore segmentStore, MemberStore memberStore, Catalog catalog, AudienceColumns columns, Evaluator evaluator,
    Memberships memberships, IEnumerable<ISegmentUses> uses, IAudit audit) : ISegments
{
    private const int LongestName = 100;
    private const int LongestDescription = 1000;
    private static readonly Problem NameTaken = new("segment.name_taken", "Another segment has this name.", "name");

    public IReadOnlyList<MembershipChanged> ReadChanges(long after, int limit) => memberStore.ReadChanges(after, limit);

    public async Task<IReadOnlyList<Segment>> ListAsync(CancellationToken ct) =>
        [.. (await segmentStore.AllAsync(ct)).Select(memberships.WithLatest)];

    public async Task<Segment?> FindAsync(long segmentId, CancellationToken ct) =>
        (await ListAsync(ct)).FirstOrDefault(segment => segment.Id == segmentId);

    public Task<IReadOnlyList<long>> MembersAsync(long segmentId, long after, int limit, CancellationToken ct) =>
        memberStore.MembersAsync(segmentId, after, limit, ct);

    public async Task<IReadOnlyList<(Segment Segment, long Since)>> OfAsync(long canonicalId, CancellationToken ct)
    {
        var segments = (await ListAsync(ct)).ToDictionary(segment => segment.Id);
        return
        [
            .. from member in await memberStore.OfAsync(canonicalId, ct)
               where segments.ContainsKey(member.SegmentId)
               select (segments[member.SegmentId], member.Since),
        ];
    }

    /// <summary>What stands on the segment: other segments, and what modules above tell.</summary>
    public async Task<ILookup<long, SegmentUse>> UsesAsync(string kindOfSegment, CancellationToken ct)
    {
        var all = new List<(long Id, SegmentUse Use)>();
        foreach (var segment in catalog.Segments.Values.OrderBy(segment => segment.Segment.Name, StringComparer.OrdinalIgnoreCase))
        {
            all.AddRange(RuleInputs.Of(segment.Rule).Segments.Select(id =>
                (id, new SegmentUse(kindOfSegment, segment.Segment.Name, FormattableString.Invariant($"/segments/{segment.Id}")))));
        }

        foreach (var teller in uses)
        {
            all.AddRange(from used in await teller.UsesAsync(ct) from use in used select (used.Key, use));
        }

        return all.ToLookup(use => use.Id, use => use.Use);
    }

    /// <summary>Saves a new segment and, when the columns are there, who is in it.</summary>
    public async Task<Outcome<Segment>> CreateAsync(WantedSegment wanted, Actor actor, CancellationToken ct)
    {
        if (Check(wanted, null) is { Problem: { } problem })
        {
            return problem;
        }

        var rule = RuleParser.Parse(wanted.Rule).Rule!;
        var now = evaluator.Now();

        // Its number is known only inside the lane; until then it is 0.
        var answers = columns.Loaded ? evaluator.Ask([(0, 1, rule)], evaluator.RuleOf) : [];
        long? id = null;
        var unfinished = await store.WriteAsync(
            write =>
            {
                id = SegmentStore.Add(write, wanted.Name.Trim(), wanted.Description?.Trim() ?? "", wanted.Rule, actor.Name, now);
                if (id is not { } given)
                {
                    return [];
                }

                audit.Record(write, actor, "segment.created", Subject(given), new { name = wanted.Name.Trim() });
                write.OnCommitted(catalog.Changed);
                answers = [.. answers.Select(answer => answer with { SegmentId = given })];
                return evaluator.Write(write, answers);
            }, ct);
        if (id is not { } created)
        {
            return NameTaken;
        }

        await FinishAsync([created], answers, unfinished, ct);
        return (await FindAsync(created, ct))!;
    }

    /// <summary>Changes name, description and rule; a new rule is evaluated at once, together with the segments that ask for it.</summary>
    public async Task<Outcome<Segment>> UpdateAsync(long segmentId, WantedSegment wanted, Actor actor, CancellationToken ct)
    {
        if ((await segmentStore.AllAsync(ct)).FirstOrDefault(segment => segment.Id == segmentId) is not { } before)
        {
            return new Problem("segment.not_found", "There is no such segment.");
        }

        if (wanted.Version is { } edited && edited != before.Version)
        {
            return new Problem("segment.changed_meanwhile", "Somebody else has changed this segment meanwhile. Open it again.", "version");
        }

        if (Check(wanted, segmentId) is { Problem: { } problem })
        {
            return problem;
        }

        var newRule = wanted.Rule != before.Rule;
        var after = before with
        {
            Name = wanted.Name.Trim(), Description = wanted.Description?.Trim() ?? "", Rule = wanted.Rule,
            Version = before.Version + (newRule ? 1 : 0),
        };
        var concerned = newRule ? catalog.WithThoseThatAskFor([segmentId]) : new HashSet<long>();
        var answers = newRule && columns.Loaded ? Ask(after, concerned) : [];
        var outcome = await store.WriteAsync<Outcome<List<long>>>(
            write =>
            {
                if (SegmentStore.VersionOf(write, segmentId) != before.Version)
                {
                    return new Problem("segment.changed_meanwhile", "Somebody else has changed this segment meanwhile. Open it again.", "version");
                }

                if (!SegmentStore.Update(write, after, newRule, actor.Name, evaluator.Now()))
                {
                    return NameTaken;
                }

                audit.Record(write, actor, "segment.changed", Subject(segmentId), new { name = after.Name, version = after.Version });
                write.OnCommitted(catalog.Changed);
                return evaluator.Write(write, answers).ToList();
            }, ct);
        if (!outcome.Met(out var unfinished))
        {
            return outcome.Problem!;
        }

        await FinishAsync(concerned, answers, unfinished, ct);
        return (await FindAsync(segmentId, ct))!;
    }

    /// <summary>Deletes a segment that nothing stands on. Its members leave, which the log says.</summary>
    public async Task<Outcome<Segment>> DeleteAsync(long segmentId, Actor actor, CancellationToken ct)
    {
        if (await FindAsync(segmentId, ct) is not { } segment)
        {
            return new Problem("segment.not_found", "There is no such segment.");
        }

        if ((await UsesAsync("Segment", ct))[segmentId].Select(use => use.Name).ToList() is { Count: > 0 } names)
        {
            return new Problem("segment.in_use", $"It is used by {string.Join(", ", names)}. Take it out there first.");
        }

        await store.WriteAsync(
            write =>
            {
                memberships.Empty(write, segmentId, segment.Version, evaluator.Now());
                SegmentStore.Delete(write, segmentId);
                audit.Record(write, actor, "segment.deleted", Subject(segmentId), new { name = segment.Name });
                write.OnCommitted(catalog.Changed);
            }, ct);
        return segment;
    }

    /// <summary>Reads a rule and holds it against the other segments.</summary>
    /// <param name="segmentId">The segment that is to have it; null: a new one.</param>
    public ParsedRule Read(string rule, long? segmentId)
    {
        var parsed = RuleParser.Parse(rule);
        if (parsed.Rule is null)
        {
            return parsed;
        }

        var problems = new List<Problem>();
        foreach (var node in RuleInputs.Nodes(parsed.Rule.Match).OfType<SegmentNode>())
        {
            if (!catalog.Segments.ContainsKey(node.SegmentId))
            {
                problems.Add(new Problem("rule.segment_unknown", "There is no such segment.", node.Path + ".segment"));
            }
            else if (segmentId is { } id && Loop(id, node.SegmentId) is { } loop)
            {
                problems.Add(new Problem(
                    "rule.segment_loop", $"Segments cannot ask for each other in a circle: {loop}.", node.Path + ".segment"));
            }
        }

        return problems.Count == 0 ? parsed : new ParsedRule(null, problems);
    }

    private string? Loop(long segmentId, long first)
    {
        var way = SegmentLoops.Find(
            segmentId,
            id => id == segmentId ? [first] : catalog.Segments.TryGetValue(id, out var segment) ? RuleInputs.Of(segment.Rule).Segments : []);
        return way is null ? null : string.Join(" → ", way.Select(id => catalog.Segments[id].Segment.Name));
    }

    private Outcome<string> Check(WantedSegment wanted, long? segmentId)
    {
        if (string.IsNullOrWhiteSpace(wanted.Name) || wanted.Name.Trim().Length > LongestName)
        {
            return new Problem("segment.name_invalid", "Give a name of at most 100 characters.", "name");
        }

        if (wanted.Description?.Length > LongestDescription)
        {
            return new Problem("segment.description_too_long", "The description may have 1000 characters.", "description");
        }

        var parsed = Read(wanted.Rule ?? "", segmentId);
        return parsed.Rule is null ? parsed.Problems[0] with { Field = $"rule.{parsed.Problems[0].Field}".TrimEnd('.') } : wanted.Name;
    }

    private IReadOnlyList<Evaluated> Ask(Segment changed, IEnumerable<long> concerned)
    {
        var rule = RuleParser.Parse(changed.Rule).Rule!;
        var all = concerned.Where(catalog.Segments.ContainsKey).Select(id => id == changed.Id
            ? (id, changed.Version, rule)
            : (id, catalog.Segments[id].Segment.Version, catalog.Segments[id].Rule)).ToList();
        return evaluator.Ask(all, id => id == changed.Id ? rule : evaluator.RuleOf(id));
    }

    /// <summary>
    /// Writes what did not fit into the first transaction, and has the stage look once more: what came in between was not its
    /// concern yet.
    /// </summary>
    private async Task FinishAsync(
        IEnumerable<long> concerned, IReadOnlyList<Evaluated> answers, IReadOnlyList<long> unfinished, CancellationToken ct)
    {
        while (unfinished.Count > 0)
        {
            unfinished = await store.WriteAsync(write => evaluator.Write(write, answers), ct);
        }

        evaluator.NoteSegments(concerned);
    }

    private static string Subject(long id) => FormattableString.Invariant($"segment:{id}");
}
