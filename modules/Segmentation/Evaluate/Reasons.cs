using CdpMonolith.Platform;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>Why a person is in a segment or not.</summary>
internal sealed class Reasons(AudienceColumns columns, Segments segments, Evaluator evaluator, IProfiles profiles)
{
    /// <param name="rule">A rule that may not be saved yet.</param>
    /// <param name="asOf">Unix ms; null: now.</param>
    public Outcome<Verdict> Of(string rule, long profileId, long? asOf = null)
    {
        var parsed = segments.Read(rule, null);
        if (parsed.Rule is null)
        {
            return parsed.Problems[0];
        }

        if (!columns.Loaded)
        {
            return Preview.NotLoaded;
        }

        if (profiles.CanonicalOf(profileId) is not { } person)
        {
            return new Problem("profile.not_found", "There is no such person.");
        }

        return columns.Ask<Outcome<Verdict>>(all => new Explanation(all, (int)person, asOf ?? evaluator.Now(), evaluator.RuleOf).Of(parsed.Rule));
    }
}
