using Microsoft.Extensions.Localization;

namespace CdpMonolith.Platform.Console;

/// <summary>
/// What stages and jobs are called in the reader's language: the text <c>Stage.name</c> or <c>Job.name</c> of the module that the
/// name begins with. A name without a text stands for itself.
/// </summary>
public sealed class WorkNames(IStringLocalizerFactory localizers, IEnumerable<NavItem> items)
{
    private readonly Dictionary<string, IStringLocalizer> _texts = items.Select(item => item.Texts).Distinct()
        .ToDictionary(texts => texts.Namespace!.Split('.')[^1], localizers.Create, StringComparer.OrdinalIgnoreCase);

    /// <param name="name">Such as <c>profiles.unify</c>.</param>
    public string Stage(string name) => Of($"Stage.{name}", name);

    /// <param name="name">Such as <c>insights.sample</c>.</param>
    public string Job(string name) => Of($"Job.{name}", name);

    private string Of(string key, string name) =>
        _texts.TryGetValue(name.Split('.')[0], out var texts) && texts[key] is { ResourceNotFound: false } text ? text : name;
}
