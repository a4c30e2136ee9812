using CdpMonolith.Insights.Contracts;
using CdpMonolith.Insights.Rules;
using CdpMonolith.Insights.Storage;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Insights.Jobs;

/// <summary>Notes how many people there are, and thins what is older than two days to the last of each hour.</summary>
internal sealed class SampleJob(IStore store, IProfiles profiles, TimeProvider clock) : IJob
{
    private const long DetailKept = 48 * Spans.Hour;

    public string Name => "insights.sample";

    public string DefaultCron => "0 * * * * ?";

    public async Task<string> RunAsync(JobRun run, CancellationToken ct)
    {
        var facts = await profiles.FactsAsync(ct);
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var thinned = await store.WriteAsync(
            write =>
            {
                InsightsStore.PutPeople(write, new PeopleSample(Spans.StartOf(now, Spans.Minute), facts.Known, facts.Anonymous, facts.Merges));
                return InsightsStore.Thin(write, Spans.StartOf(now - DetailKept, Spans.Hour));
            }, ct);
        return FormattableString.Invariant($"{facts.Known} known and {facts.Anonymous} anonymous people noted; {thinned} old figures thinned.");
    }
}
