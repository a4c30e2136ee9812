using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Contracts;

/// <summary>Somebody that a row is about, as the people of the store see it.</summary>
/// <param name="Keys">The identifiers in the spelling that is compared, those that point to a person.</param>
/// <param name="ProfileId">The profile of the first of them that is a person's already; null: none is.</param>
public sealed record LookedUp(IReadOnlyList<string> Keys, long? ProfileId);

/// <summary>Answers who of a file or of the calls just come is there already; the floor that keeps people implements it.</summary>
public interface IKnownPeople
{
    /// <param name="people">Of each the (type, value) pairs that the row has, as written.</param>
    /// <returns>In the order given.</returns>
    IReadOnlyList<LookedUp> Look(ReadSession read, IReadOnlyList<IReadOnlyList<(string Type, string Value)>> people);
}
