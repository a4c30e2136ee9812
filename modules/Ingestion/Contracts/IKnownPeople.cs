using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Contracts;

/// <summary>Somebody that a row is about, as the people of the store see it.</summary>
/// <param name="Keys">The identifiers in the spelling that is compared, those that point to a person.</param>
/// <param name="IsKnown">One of them is a person's already.</param>
public sealed record LookedUp(IReadOnlyList<string> Keys, bool IsKnown);

/// <summary>Answers before an import who of a file is there already; the floor that keeps people implements it.</summary>
public interface IKnownPeople
{
    /// <param name="people">Of each the (type, value) pairs that the row has, as written.</param>
    /// <returns>In the order given.</returns>
    IReadOnlyList<LookedUp> Look(ReadSession read, IReadOnlyList<IReadOnlyList<(string Type, string Value)>> people);
}
