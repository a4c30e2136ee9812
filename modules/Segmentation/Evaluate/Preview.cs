using CdpMonolith.Platform;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>What a rule would give.</summary>
/// <param name="Count">People who meet it.</param>
/// <param name="People">Of how many in all.</param>
/// <param name="Sample">Some of them, spread over all, by canonical profile.</param>
/// <param name="Ms">How long the evaluation took.</param>
/// <param name="AsOf">The moment that was asked about, Unix ms.</param>
internal sealed record PreviewResult(int Count, int People, IReadOnlyList<long> Sample, double Ms, long AsOf);

/// <summary>Tries a rule without saving it.</summary>
internal sealed class Preview(AudienceColumns columns, Segments segments, Evaluator evaluator, TimeProvider clock)
{
    public static Problem NotLoaded { get; } =
        new("segmentation.loading", "The audience is being read from the store after a start. Try again in a moment.");

    /// <param name="segmentId">The segment that is being edited; null: a new one.</param>
    /// <param name="asOf">Unix ms; null: now.</param>
    public Outcome<PreviewResult> Try(string rule, long? segmentId, long? asOf, int sample)
    {
        var parsed = segments.Read(rule, segmentId);
        if (parsed.Rule is null)
        {
            return parsed.Problems[0];
        }

        if (!columns.Loaded)
        {
            return NotLoaded;
        }

        var moment = asOf ?? evaluator.Now();
        return columns.Ask<Outcome<PreviewResult>>(all =>
        {
            var began = clock.GetTimestamp();
            var people = new Evaluation(all, moment, evaluator.RuleOf).Of(parsed.Rule);
            var count = people.Count();
            var ms = clock.GetElapsedTime(began).TotalMilliseconds;
            return new PreviewResult(count, all.People.Everybody.Count(), Spread(people, count, sample), ms, moment);
        });
    }

    /// <summary>Every n-th, so that those who came first are not the only ones to be seen.</summary>
    private static IReadOnlyList<long> Spread(Bitmap people, int count, int wanted)
    {
        var step = Math.Max(1, count / Math.Max(1, wanted));
        return [.. people.Ids().Where((_, index) => index % step == 0).Take(wanted).Select(id => (long)id)];
    }
}
