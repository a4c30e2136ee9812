namespace CdpMonolith.Profiles.Contracts;

/// <summary>A value of a trait and how many people have it.</summary>
public sealed record TraitValue(string Value, long People);

/// <summary>Traits as people have them now. Told by the floor that keeps them in columns.</summary>
public interface ITraitValues
{
    /// <summary>False: they are being read; ask again.</summary>
    bool IsReady { get; }

    /// <summary>Names of all traits.</summary>
    IReadOnlyList<string> Traits();

    /// <summary>All values of a trait but lists and objects, the most frequent first. Numbers and truths as text.</summary>
    IReadOnlyList<TraitValue> Of(string trait);
}
