using CdpMonolith.Platform.Store;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>
/// Knows which segments must be asked again, asks them, and hands back what is to be written. Shared by the stages, which tell
/// it what changed, and by those who save segments.
/// </summary>
internal sealed class Evaluator(AudienceColumns columns, Catalog catalog, Memberships memberships, TimeProvider clock)
{
    /// <summary>Rules that time alone can change are asked at least so often, in ms.</summary>
    public const long AskAgainAfter = 15_000;

    private readonly Lock _gate = new();
    private readonly HashSet<long> _due = [];
    private readonly Dictionary<long, long> _askedAt = [];
    private readonly Dictionary<long, int> _askedVersion = [];
    private Touched _touched = new();
    private bool _all = true;
    private long _turn;

    /// <summary>How long the last evaluation took.</summary>
    public TimeSpan Took { get; private set; }

    /// <summary>When it ended, as a time stamp of the clock; null: never.</summary>
    public long? EndedAt { get; private set; }

    public void Note(Touched touched)
    {
        lock (_gate)
        {
            _touched.Add(touched);
        }
    }

    public void NoteSegments(IEnumerable<long> ids)
    {
        lock (_gate)
        {
            _due.UnionWith(ids);
        }
    }

    /// <summary>What was decided did not take effect, or nobody knows: all are asked again.</summary>
    public void NoteAll()
    {
        lock (_gate)
        {
            _all = true;
        }

        memberships.Forget();
    }

    /// <summary>Reads everything anew and asks all.</summary>
    public void StartOver()
    {
        columns.Discard();
        NoteAll();
    }

    /// <summary>Asks the segments whose answer may be another one now.</summary>
    /// <returns>What is to be written; null: nothing.</returns>
    public Action<WriteSession>? Evaluate()
    {
        lock (_gate)
        {
            var now = Now();
            NoteRulesOfOthers();
            var segments = catalog.Segments.Values.Where(segment => IsDue(segment, now)).ToList();
            _touched = new Touched();
            _due.Clear();
            _all = false;
            if (segments.Count == 0)
            {
                return null;
            }

            var answers = Ask([.. segments.Select(segment => (segment.Id, segment.Segment.Version, segment.Rule))], RuleOf, now);
            return write => Write(write, answers);
        }
    }

    /// <summary>Asks some segments now. In the write lane follows <see cref="Write"/> with the answers.</summary>
    /// <param name="ruleOf">The rules to go by, which need not be saved yet.</param>
    public IReadOnlyList<Evaluated> Ask(
        IReadOnlyList<(long Id, int Version, RuleTree Rule)> segments, Func<long, RuleTree?> ruleOf, long? asOf = null)
    {
        lock (_gate)
        {
            var moment = asOf ?? Now();
            var turn = ++_turn;
            var began = clock.GetTimestamp();
            var answers = columns.Ask(all =>
            {
                var evaluation = new Evaluation(all, moment, ruleOf);
                return segments.Select(segment => new Evaluated(segment.Id, segment.Version, evaluation.Of(segment.Rule), moment, turn)).ToList();
            });
            foreach (var (id, version, _) in segments)
            {
                (_askedAt[id], _askedVersion[id]) = (moment, version);
            }

            memberships.Prepare([.. segments.Select(segment => segment.Id)]);
            Took = clock.GetElapsedTime(began);
            EndedAt = clock.GetTimestamp();
            return answers;
        }
    }

    /// <summary>In the write lane. What does not fit into one transaction is asked again at the next turn.</summary>
    public IReadOnlyList<long> Write(WriteSession write, IEnumerable<Evaluated> answers)
    {
        var unfinished = memberships.Write(write, answers);
        NoteSegments(unfinished);
        return unfinished;
    }

    public RuleTree? RuleOf(long segmentId) => catalog.Segments.GetValueOrDefault(segmentId)?.Rule;

    public long Now() => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Rules that were saved where nobody evaluated them, by another process, and the segments that ask for theirs.</summary>
    private void NoteRulesOfOthers()
    {
        var changed = catalog.Segments.Values
            .Where(segment => _askedVersion.TryGetValue(segment.Id, out var asked) && asked != segment.Segment.Version)
            .Select(segment => segment.Id).ToList();
        if (changed.Count > 0)
        {
            _due.UnionWith(catalog.WithThoseThatAskFor(changed));
        }
    }

    private bool IsDue(LiveSegment segment, long now) =>
        _all || _due.Contains(segment.Id) || !_askedAt.TryGetValue(segment.Id, out var asked)
        || _touched.Concerns(segment.Inputs) || (segment.Inputs.Relative && now - asked >= AskAgainAfter);
}
