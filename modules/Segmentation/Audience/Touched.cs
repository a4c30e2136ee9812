using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>What has changed in the columns since somebody last looked.</summary>
internal sealed class Touched
{
    private readonly HashSet<string> _events = [];
    private readonly HashSet<string> _traits = [];

    /// <summary>Somebody is new, two became one, or one became two: that can change every answer.</summary>
    public bool People { get; set; }

    public bool Consents { get; set; }

    public bool Anything => People || Consents || _events.Count > 0 || _traits.Count > 0;

    public void Event(string name) => _events.Add(name);

    public void Trait(string name) => _traits.Add(name);

    public void Add(Touched other)
    {
        People |= other.People;
        Consents |= other.Consents;
        _events.UnionWith(other._events);
        _traits.UnionWith(other._traits);
    }

    public bool Concerns(RuleInputs inputs) =>
        People
        || (Consents && inputs.Consents)
        || (_events.Count > 0 && (inputs.AnyEvent || inputs.Events.Overlaps(_events)))
        || inputs.Traits.Overlaps(_traits);
}
