using CdpMonolith.Insights.Contracts;
using CdpMonolith.Insights.Report;
using CdpMonolith.Insights.Rules;
using CdpMonolith.Insights.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CdpMonolith.Tests.Insights;

/// <summary>Sizes of segments over time, from a membership log as the test wants it.</summary>
public sealed class SizesTests
{
    private static readonly long Nine = ManualClock.Start.ToUnixTimeMilliseconds();

    private FakeLog _log = null!;
    private TestStore _test = null!;

    [SetUp]
    public void Open()
    {
        _log = new FakeLog();
        _test = new TestStore(services => services.RemoveAll<IStage>().AddStage<SizesStage>().AddSingleton<ISegments>(_log));
    }

    [TearDown]
    public async Task Close() => await _test.DisposeAsync();

    [Test]
    public async Task A_size_is_kept_for_each_minute_in_which_somebody_entered_or_left()
    {
        _log.Add(1, Nine, 3, 0);
        _log.Add(2, Nine + 1, 5, 0);
        _log.Add(1, Nine + Spans.Minute - 1, 2, 1);
        await _test.CatchUpAsync();
        _log.Add(1, Nine + Spans.Hour, 0, 4);
        await _test.CatchUpAsync();
        await _test.CatchUpAsync();

        var sizes = Sizes();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(sizes[1], Is.EqualTo(new SizeAt[] { new(Nine, 4), new(Nine + Spans.Hour, 0) }));
            Assert.That(sizes[2], Is.EqualTo(new SizeAt[] { new(Nine, 5) }));
        }
    }

    [Test]
    public async Task A_clock_that_was_set_back_loses_nobody()
    {
        _log.Add(1, Nine + Spans.Hour, 3, 0);
        await _test.CatchUpAsync();
        _log.Add(1, Nine, 2, 0);
        await _test.CatchUpAsync();
        Assert.That(Sizes()[1], Is.EqualTo(new SizeAt[] { new(Nine + Spans.Hour, 5) }));
    }

    [Test]
    public async Task A_rebuilt_stage_ends_with_the_same_sizes()
    {
        for (var n = 0; n < 7; n++)
        {
            _log.Add(1 + (n % 2), Nine + (n * Spans.Minute / 2), n + 1, n / 2);
        }

        await _test.CatchUpAsync();
        var before = Sizes();
        await _test.Get<IStages>().RebuildAsync("insights.segment_sizes", default);
        await _test.CatchUpAsync();
        Assert.That(Sizes(), Is.EqualTo(before));
        Assert.That(before[1][^1].Size, Is.EqualTo(1 + 3 + 5 + 7 - 1 - 2 - 3));
    }

    [Test]
    public async Task A_span_begins_with_the_size_that_held_before_it()
    {
        _log.Add(1, Nine, 3, 0);
        _log.Add(1, Nine + Spans.Hour, 1, 0);
        _log.Add(1, Nine + (3 * Spans.Hour), 1, 0);
        await _test.CatchUpAsync();
        var sizes = _test.Store.Read(read => InsightsStore.Sizes(read, Nine + (2 * Spans.Hour)));
        Assert.That(sizes[1].Select(size => size.Size), Is.EqualTo(new[] { 4, 5 }));
    }

    private Dictionary<long, List<SizeAt>> Sizes() => _test.Store.Read(read => InsightsStore.Sizes(read, 0));

    private sealed class FakeLog : ISegments
    {
        private readonly List<MembershipChanged> _changes = [];

        public void Add(long segment, long at, int entered, int left)
        {
            for (var n = 0; n < entered + left; n++)
            {
                _changes.Add(new MembershipChanged(_changes.Count + 1, segment, n + 1, n < entered, at, 1));
            }
        }

        public IReadOnlyList<MembershipChanged> ReadChanges(long after, int limit) => [.. _changes.Where(change => change.Seq > after).Take(limit)];

        public Task<IReadOnlyList<Segment>> ListAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<Segment>>([]);

        public Task<Segment?> FindAsync(long segmentId, CancellationToken ct) => Task.FromResult<Segment?>(null);

        public Task<IReadOnlyList<long>> MembersAsync(long segmentId, long after, int limit, CancellationToken ct) =>
            Task.FromResult<IReadOnlyList<long>>([]);

        public Task<IReadOnlyList<(Segment Segment, long Since)>> OfAsync(long canonicalId, CancellationToken ct) =>
            Task.FromResult<IReadOnlyList<(Segment Segment, long Since)>>([]);
    }
}
