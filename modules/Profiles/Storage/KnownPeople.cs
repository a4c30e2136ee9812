using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;

namespace CdpMonolith.Profiles.Storage;

/// <summary>Which people of a file are there already.</summary>
internal sealed class KnownPeople(IdentifierRules rules) : IKnownPeople
{
    public IReadOnlyList<LookedUp> Look(ReadSession read, IReadOnlyList<IReadOnlyList<(string Type, string Value)>> people)
    {
        var normalised = people
            .Select(person => person.Select(one => rules.Normalise(one.Type, one.Value)).OfType<Identifier>().ToList())
            .ToList();
        var found = GraphStore.Find(read, normalised.SelectMany(person => person).ToHashSet());
        return [.. normalised.Select(person => new LookedUp(
            [.. person.Select(one => $"{one.Type}\u001F{one.Value}")],
            person.Where(found.ContainsKey).Select(one => (long?)found[one].Id).FirstOrDefault()))];
    }
}
