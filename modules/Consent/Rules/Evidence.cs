using System.Text.Json;
using System.Text.Json.Serialization;

namespace CdpMonolith.Consent.Rules;

/// <summary>How we know of a decision. Holds no name and no address of the person, nor of the user who recorded it.</summary>
/// <param name="Kind"><c>call</c>, <c>import</c> or <c>console</c>.</param>
/// <param name="Form"><c>state</c>: a banner's state that changed; <c>decision</c>: told as one; null for the console.</param>
/// <param name="EventSeq">The event in the event log.</param>
/// <param name="Page">Where it was given, without query.</param>
/// <param name="TextVersion">Which wording the person saw.</param>
/// <param name="Origin">What the sender says of where it comes from, such as a form's name.</param>
/// <param name="Missing">The purpose was left out of an update that named all that is agreed to.</param>
/// <param name="UserId">Console: who recorded it.</param>
/// <param name="Method">Console: how the person told us; a word of <see cref="Methods"/>.</param>
internal sealed record Evidence(
    string Kind, string? Form = null, long? EventSeq = null, long? SourceId = null, long? ImportId = null, string? Page = null,
    string? TextVersion = null, string? Origin = null, bool? Missing = null, long? UserId = null, string? Method = null,
    string? Note = null)
{
    public static readonly IReadOnlyList<string> Methods = ["form", "conversation", "phone", "message", "letter", "other"];

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public static Evidence FromJson(string json) => JsonSerializer.Deserialize<Evidence>(json, Json)!;
}
