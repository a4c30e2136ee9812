using System.Text.Json;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Activation.Rules;

/// <summary>A trait and the field of the destination that it goes to.</summary>
internal sealed record MappedTrait(string Trait, string Field);

/// <summary>What of a person leaves with a sync.</summary>
/// <param name="Identifiers">Types of which a person must have at least one; only these leave.</param>
internal sealed record SyncMapping(IReadOnlyList<string> Identifiers, IReadOnlyList<MappedTrait> Traits)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>What a channel cannot do without.</summary>
    public static IReadOnlyList<string> IdentifiersFor(string channel) => channel switch
    {
        Channels.Email => [IdentifierTypes.Email],
        Channels.Sms or Channels.Phone => [IdentifierTypes.Phone],
        Channels.Web => [IdentifierTypes.UserId, IdentifierTypes.AnonymousId],
        _ => [IdentifierTypes.Email, IdentifierTypes.Phone, IdentifierTypes.UserId],
    };

    /// <summary>The person's identifiers that leave, strongest first.</summary>
    public IReadOnlyList<Identifier> Of(Person person) =>
        [.. person.Identifiers.Where(identifier => Identifiers.Contains(identifier.Type))];

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public static SyncMapping FromJson(string json) => JsonSerializer.Deserialize<SyncMapping>(json, Json)!;

    /// <summary>Lists make records compare by reference; a mapping is equal when it says the same.</summary>
    public bool Equals(SyncMapping? other) => other?.ToJson() == ToJson();

    public override int GetHashCode() => ToJson().GetHashCode(StringComparison.Ordinal);
}
