namespace CdpMonolith.Ingestion.Rules;

/// <summary>Why a call cannot become an event.</summary>
/// <param name="Code">Stable and made for programs: <c>thing.what</c>.</param>
/// <param name="Message">One English sentence for the developer who sent it.</param>
/// <param name="Field">The member of the call that it is about; null when it is about the whole.</param>
internal sealed record Refusal(string Code, string Message, string? Field = null)
{
    // ---- the whole request ----
    public static readonly Refusal NotJson = new("body.not_json", "The body is not JSON.");
    public static readonly Refusal NotObject = new("body.not_object", "The body must be one JSON object.");
    public static readonly Refusal BatchMissing = new("batch.missing", "The body must have an array named batch.", "batch");
    public static readonly Refusal SharedUnusable = new(
        "batch.shared_unusable", "The batch's own context or integrations is not a valid object, so it cannot be given to the calls.");

    public static readonly Refusal SharedTwice = new(
        "batch.member_twice", "The batch has a member twice, so that nobody can tell which of them is meant.");

    // ---- one call ----
    public static readonly Refusal CallNotObject = new("event.not_object", "The call is not a JSON object.");
    public static readonly Refusal NotUtf8 = new("event.not_utf8", "The call has bytes that are not UTF-8.");
    public static readonly Refusal LoneSurrogate = new("event.lone_surrogate", "The call has half a surrogate pair, which is no character.");
    public static readonly Refusal Nul = new("event.nul", "The call has the character U+0000.");
    public static readonly Refusal DuplicateKey = new("event.duplicate_key", "An object of the call has two members of one name.");
    public static readonly Refusal TooDeep = new("event.too_deep", "The call is nested more than 32 levels deep.");
    public static readonly Refusal NumberOutOfRange = new("event.number_out_of_range", "The call has a number that no 64-bit float can hold.");
    public static readonly Refusal TypeMissing = new("event.type_missing", "The call has no type.", "type");
    public static readonly Refusal TypeUnknown = new(
        "event.type_unknown", "The type must be identify, track, page, screen, group or alias.", "type");
    public static readonly Refusal IdMissing = new("event.id_missing", "The call needs a userId or an anonymousId.", "userId");
    public static readonly Refusal NameMissing = new("event.name_missing", "A track call needs the name of what happened in event.", "event");
    public static readonly Refusal GroupMissing = new("event.group_missing", "A group call needs a groupId.", "groupId");
    public static readonly Refusal PreviousMissing = new("event.previous_missing", "An alias call needs a previousId.", "previousId");

    /// <summary>Not kept anywhere: that is what the person asked for.</summary>
    public static readonly Refusal ConsentMissing = new(
        "event.consent_missing", "The call does not say that the person agreed to what this source needs agreement for.", "context.consent");

    public static readonly Refusal AliasUserMissing = new("event.user_missing", "An alias call needs a userId.", "userId");

    public static Refusal TooLarge(int bytes, int limit) => new(
        "event.too_large", FormattableString.Invariant($"The call has {bytes:N0} bytes; the limit is {limit:N0}."));

    public static Refusal TooManyProperties(string field, int limit) => new(
        "event.too_many_properties", FormattableString.Invariant($"The member {field} has more than {limit:N0} members."), field);

    public static Refusal NotText(string field) => new(
        "event.not_text", $"The member {field} must be text or a number.", field);

    public static Refusal TooLong(string field, int limit) => new(
        "event.too_long", FormattableString.Invariant($"The member {field} is longer than {limit:N0} bytes."), field);

    public static Refusal MemberNotObject(string field) => new(
        "event.member_not_object", $"The member {field} must be an object.", field);
}
