using CdpMonolith.Activation.Contracts;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Insights.Contracts;
using CdpMonolith.Insights.Rules;
using CdpMonolith.Insights.Storage;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Contracts;

namespace CdpMonolith.Insights.Report;

/// <summary>Brings the figures of all modules together. Many readers at once share one reading of a second.</summary>
internal sealed class Overview(
    IStore store, IStages stages, ISources sources, IIngestionReport ingestion, IProfiles profiles, IConsent consent,
    ISegments segments, IActivation activation, TimeProvider clock)
{
    /// <summary>Hours that the charts may span.</summary>
    public static readonly int[] Choices = [24, 48, 168];

    private const int LinePoints = 72;
    private const long SharedFor = 1000;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Dictionary<int, OverviewFigures> _shared = [];

    /// <param name="hours">One of <see cref="Choices"/>; another number becomes the first.</param>
    public async Task<OverviewFigures> ReadAsync(int hours, CancellationToken ct)
    {
        hours = Choices.Contains(hours) ? hours : Choices[0];
        await _turn.WaitAsync(ct);
        try
        {
            var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
            if (!_shared.TryGetValue(hours, out var figures) || now - figures.AsOf is < 0 or >= SharedFor)
            {
                _shared[hours] = figures = await ReadAsync(hours, now, ct);
            }

            return figures;
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<OverviewFigures> ReadAsync(int hours, long now, CancellationToken ct)
    {
        var from = Spans.FirstHour(now, hours);
        var states = await stages.StatesAsync(ct);
        var door = await ingestion.FactsAsync(ct);
        var people = await profiles.FactsAsync(ct);
        var known = await sources.ListAsync(ct);
        var saved = await segments.ListAsync(ct);
        var (counts, samples, sizes) = await store.ReadAsync(
            read => (InsightsStore.Hours(read, from), InsightsStore.People(read, from), InsightsStore.Sizes(read, from)), ct);
        var perHour = await activation.PerHourAsync(from, ct);
        return new OverviewFigures(
            now, from, hours,
            new FirstSteps(known.Count > 0, door.Events > 0, saved.Count > 0, await activation.DestinationsAsync(ct) > 0),
            door, door.Quarantined + states.Sum(stage => stage.Quarantined),
            BySource(counts, from, hours, sources.NameOf),
            people, [.. samples, new PeopleSample(now, people.Known, people.Anonymous, people.Merges)],
            Coverage(await consent.CoverageAsync(ct), await consent.PurposesAsync(ct), people.Known),
            [.. saved.OrderByDescending(segment => segment.Size).Select(segment => HistoryOf(segment, sizes.GetValueOrDefault(segment.Id) ?? [], from, now))],
            await activation.FactsAsync(ct), FillHours(perHour, from, hours),
            states, SystemNow(), states.Where(stage => stage.Name == HoursStage.StageName).Sum(stage => stage.Behind), ingestion.Quiet());
    }

    private static List<SourceHours> BySource(List<HourCount> counts, long from, int hours, Func<long, string> nameOf) =>
    [
        .. counts.GroupBy(count => count.SourceId).Select(group =>
        {
            var (live, imported) = (new long[hours], new long[hours]);
            foreach (var count in group)
            {
                // An hour ahead is one of a clock that was set back since.
                var at = (int)Math.Min((count.Hour - from) / Spans.Hour, hours - 1);
                live[at] += count.Events - count.Imported;
                imported[at] += count.Imported;
            }

            return new SourceHours(group.Key, nameOf(group.Key), live, imported);
        }).OrderByDescending(source => source.Live.Sum()).ThenByDescending(source => source.Imported.Sum()).ThenBy(source => source.SourceId),
    ];

    private static List<PurposeCoverage> Coverage(
        IReadOnlyList<ConsentCoverage> rows, IReadOnlyList<Purpose> purposes, long known)
    {
        var names = purposes.ToDictionary(purpose => purpose.Key, purpose => purpose.Name);
        return
        [
            .. rows.GroupBy(row => row.Purpose)
                .Select(group => group.MaxBy(row => row.Granted + row.Denied + row.Withdrawn)!)
                .OrderByDescending(row => row.Granted).ThenBy(row => row.Purpose, StringComparer.Ordinal)
                .Select(row => new PurposeCoverage(
                    row.Purpose, names.GetValueOrDefault(row.Purpose) is { Length: > 0 } name ? name : row.Purpose, row.Channel,
                    row.Granted, row.Denied, row.Withdrawn, Math.Max(0, known - row.Granted - row.Denied - row.Withdrawn))),
        ];
    }

    private static SegmentHistory HistoryOf(Segment segment, List<SizeAt> sizes, long from, long now) => new(
        segment.Id, segment.Name, segment.Size, segment.EvaluatedAt,
        segment.Size - Staircase.At(sizes, from), Staircase.Sample(sizes, from, now, LinePoints));

    private static List<DeliveriesOfHour> FillHours(IReadOnlyList<DeliveriesOfHour> known, long from, int hours)
    {
        var byHour = known.ToDictionary(hour => hour.Hour);
        return
        [
            .. Enumerable.Range(0, hours).Select(n => from + (n * Spans.Hour))
                .Select(hour => byHour.GetValueOrDefault(hour) ?? new DeliveriesOfHour(hour, 0, 0, 0)),
        ];
    }

    private SystemFigures SystemNow()
    {
        var facts = store.Facts();
        return new SystemFigures(
            facts.SizeBytes, facts.FreeBytes, Environment.WorkingSet, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, facts.WaitingWrites);
    }
}
