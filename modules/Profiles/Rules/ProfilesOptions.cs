using System.ComponentModel.DataAnnotations;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Profiles.Rules;

/// <summary>Guards of the identity graph. Section <c>Profiles</c>.</summary>
internal sealed class ProfilesOptions
{
    public const string Section = "Profiles";

    /// <summary>How many user ids one person may have.</summary>
    [Range(1, 1000)]
    public int UserIdsPerPerson { get; set; } = 1;

    /// <summary>How many e-mail addresses one person may have.</summary>
    [Range(1, 1000)]
    public int EmailsPerPerson { get; set; } = 5;

    /// <summary>How many phone numbers one person may have.</summary>
    [Range(1, 1000)]
    public int PhonesPerPerson { get; set; } = 5;

    /// <summary>How many anonymous ids one person may have.</summary>
    [Range(1, 10_000)]
    public int AnonymousIdsPerPerson { get; set; } = 100;

    /// <summary>How many identifiers of each further type one person may have.</summary>
    [Range(1, 1000)]
    public int OthersPerPerson { get; set; } = 5;

    /// <summary>An identifier seen together with more than this many known identifiers is shared too widely to prove anything.</summary>
    [Range(1, 10_000)]
    public int KnownNeighbours { get; set; } = 100;

    /// <summary>An identifier seen together with more than this many anonymous ids says nothing about any of them.</summary>
    [Range(1, 10_000)]
    public int AnonymousNeighbours { get; set; } = 200;

    /// <summary>Further values that stand for nobody, compared without regard to case.</summary>
    public IList<string> BlockedValues { get; } = [];

    /// <summary>How many identifiers of a type one person may have.</summary>
    public int LimitOf(string type) => type switch
    {
        IdentifierTypes.UserId => UserIdsPerPerson,
        IdentifierTypes.Email => EmailsPerPerson,
        IdentifierTypes.Phone => PhonesPerPerson,
        IdentifierTypes.AnonymousId => AnonymousIdsPerPerson,
        _ => OthersPerPerson,
    };
}
