namespace CdpMonolith.Profiles.Contracts;

/// <summary>A (type, value) pair that points to a person.</summary>
/// <param name="Type">One of <see cref="IdentifierTypes"/>, or a type of the sender's own from <c>context.externalIds</c>.</param>
/// <param name="Value">Normalised: what is compared.</param>
public readonly record struct Identifier(string Type, string Value);

/// <summary>The identifier types the product knows, strongest first.</summary>
public static class IdentifierTypes
{
    public const string UserId = "user_id";
    public const string Email = "email";
    public const string Phone = "phone";
    public const string AnonymousId = "anonymous_id";

    /// <summary>A source's own id for a person, kept apart from the ids of other sources.</summary>
    public static string OwnIdOf(long sourceId) => FormattableString.Invariant($"source_{sourceId}_id");
}
