using CdpMonolith.Segmentation.Contracts;

namespace CdpMonolith.Tests.Activation;

/// <summary>Segments whose members the test names.</summary>
internal sealed class FakeSegments(Func<long> now) : ISegments
{
    private readonly SortedSet<long> _members = [];
    private readonly List<MembershipChanged> _changes = [];

    public IReadOnlyCollection<long> Members => _members;

    /// <summary>Runs when a page of members was read, once.</summary>
    public Action? AfterPage { get; set; }

    /// <summary>In the segment from the beginning: no change tells of it.</summary>
    public void Has(params long[] people) => _members.UnionWith(people);

    public void Enter(params long[] people) => Change(true, people);

    public void Leave(params long[] people) => Change(false, people);

    public IReadOnlyList<MembershipChanged> ReadChanges(long after, int limit) => [.. _changes.Where(c => c.Seq > after).Take(limit)];

    public Task<IReadOnlyList<Segment>> ListAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<Segment>>([Only!]);

    public Task<Segment?> FindAsync(long segmentId, CancellationToken ct) => Task.FromResult(segmentId == 1 ? Only : null);

    public Task<IReadOnlyList<long>> MembersAsync(long segmentId, long after, int limit, CancellationToken ct)
    {
        IReadOnlyList<long> page = [.. _members.Where(id => id > after).Take(limit)];
        var then = AfterPage;
        AfterPage = null;
        then?.Invoke();
        return Task.FromResult(page);
    }

    public Task<IReadOnlyList<(Segment Segment, long Since)>> OfAsync(long canonicalId, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<(Segment, long)>>(_members.Contains(canonicalId) ? [(Only!, 0)] : []);

    private Segment? Only => new(1, "Regulars", "", 1, "{}", _members.Count, 0, 0);

    private void Change(bool entered, long[] people)
    {
        foreach (var id in people.Where(id => entered ? _members.Add(id) : _members.Remove(id)))
        {
            _changes.Add(new MembershipChanged(_changes.Count + 1, 1, id, entered, now(), 1));
        }
    }
}
