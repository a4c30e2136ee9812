using CdpMonolith.Platform.Store;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Storage;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>The people for whom a rule held.</summary>
/// <param name="AsOf">Unix ms.</param>
/// <param name="Turn">Grows with each evaluation: of two answers the one of the later turn knows more.</param>
internal sealed record Evaluated(long SegmentId, int Version, Bitmap People, long AsOf, long Turn);

/// <summary>
/// Turns answers into entries and exits. What is stored is remembered here as bitmaps; the last seq of the log says whether the
/// memory is still the truth, so it is read anew after a crash, an undone transaction or anything else.
/// </summary>
internal sealed class Memberships(MemberStore store)
{
    /// <summary>Entries and exits written by one transaction at most; more follow in the next ones.</summary>
    public const int MostAtOnce = 100_000;

    private const long SaveEvaluatedEvery = 60_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, Bitmap> _members = [];
    private readonly Dictionary<long, long> _turns = [];
    private readonly Dictionary<long, Stand> _stands = [];
    private long _nextSeq;

    private readonly record struct Stand(long Size, long At, long SavedAt);

    /// <summary>Reads the members of segments that are not remembered yet, so that the write lane need not.</summary>
    public void Prepare(IReadOnlyCollection<long> segmentIds)
    {
        lock (_gate)
        {
            if (_nextSeq == 0)
            {
                _members.Clear();
            }

            var unknown = segmentIds.Where(id => !_members.ContainsKey(id)).ToList();
            if (unknown.Count == 0)
            {
                return;
            }

            var (lastSeq, members) = store.Snapshot(unknown);
            if (_nextSeq == 0 || _nextSeq == lastSeq + 1)
            {
                Remember(lastSeq, members);
            }
        }
    }

    /// <summary>Nothing that is remembered is sure any more.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            _members.Clear();
            _nextSeq = 0;
        }
    }

    /// <summary>Size and moment of the last evaluation, also when nothing changed and so nothing was stored.</summary>
    public Segment WithLatest(Segment segment)
    {
        lock (_gate)
        {
            return _stands.TryGetValue(segment.Id, out var stand) && stand.At >= (segment.EvaluatedAt ?? 0)
                ? segment with { Size = stand.Size, EvaluatedAt = stand.At }
                : segment;
        }
    }

    /// <summary>In the write lane: writes who entered and left.</summary>
    /// <returns>Segments of which not all could be written yet.</returns>
    public IReadOnlyList<long> Write(WriteSession write, IEnumerable<Evaluated> answers)
    {
        lock (_gate)
        {
            var room = MostAtOnce;
            var unfinished = new List<long>();
            foreach (var answer in answers)
            {
                if (SegmentStore.VersionOf(write, answer.SegmentId) != answer.Version
                    || _turns.GetValueOrDefault(answer.SegmentId) > answer.Turn)
                {
                    continue;
                }

                var held = Held(write, answer.SegmentId);
                var left = held.Clone().Without(answer.People).Ids().Take(room).ToList();
                room -= left.Count;
                var entered = answer.People.Clone().Without(held).Ids().Take(room).ToList();
                room -= entered.Count;
                _turns[answer.SegmentId] = answer.Turn;
                Move(write, answer.SegmentId, answer.Version, held, left, entered, answer.AsOf);
                Note(write, answer, held.Count());
                if (room == 0)
                {
                    unfinished.Add(answer.SegmentId);
                }
            }

            return unfinished;
        }
    }

    /// <summary>In the write lane: everybody leaves, for the segment will be no more.</summary>
    public void Empty(WriteSession write, long segmentId, int version, long at)
    {
        lock (_gate)
        {
            var held = Held(write, segmentId);
            Move(write, segmentId, version, held, [.. held.Ids()], [], at);
            _stands.Remove(segmentId);
        }
    }

    private Bitmap Held(WriteSession write, long segmentId)
    {
        if (_nextSeq != write.NextSeq(ISegments.Log))
        {
            _members.Clear();
        }

        if (!_members.ContainsKey(segmentId))
        {
            var (lastSeq, members) = MemberStore.Snapshot(write, [segmentId]);
            Remember(lastSeq, members);
        }

        return _members[segmentId];
    }

    private void Move(WriteSession write, long segmentId, int version, Bitmap held, List<int> left, List<int> entered, long at)
    {
        if (left.Count + entered.Count == 0)
        {
            return;
        }

        // Whatever fails from here on, the memory counts as unknown until it is known to be right.
        _nextSeq = 0;
        MemberStore.Write(write, segmentId, version, left, entered, at);
        left.ForEach(held.Remove);
        entered.ForEach(held.Add);
        _nextSeq = write.NextSeq(ISegments.Log);
    }

    private void Note(WriteSession write, Evaluated answer, long size)
    {
        var known = _stands.TryGetValue(answer.SegmentId, out var stand);
        var save = !known || stand.Size != size || answer.AsOf - stand.SavedAt >= SaveEvaluatedEvery;
        if (save)
        {
            SegmentStore.SetEvaluated(write, answer.SegmentId, size, answer.AsOf);
        }

        _stands[answer.SegmentId] = new Stand(size, answer.AsOf, save ? answer.AsOf : stand.SavedAt);
    }

    private void Remember(long lastSeq, Dictionary<long, List<int>> members)
    {
        foreach (var (id, ids) in members)
        {
            var bitmap = new Bitmap(ids.Count == 0 ? 0 : ids[^1] + 1);
            ids.ForEach(bitmap.Add);
            _members[id] = bitmap;
        }

        _nextSeq = lastSeq + 1;
    }
}
