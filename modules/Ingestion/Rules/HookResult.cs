using System.Text.Json;
using System.Text.Json.Nodes;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>What became of a webhook. Stored by these names, in lower case.</summary>
internal enum HookState
{
    /// <summary>Kept, not looked at yet.</summary>
    Waiting,

    /// <summary>Its calls are events.</summary>
    Done,

    /// <summary>Of a kind that says nothing of a customer.</summary>
    Ignored,

    /// <summary>Of a kind that is not known here.</summary>
    Unknown,

    /// <summary>It could not be made into calls, or the door refused them.</summary>
    Failed,
}

/// <summary>A webhook to be made into calls.</summary>
/// <param name="Topic">What it says it is about, in the sender's words; empty: it does not say.</param>
/// <param name="Delivery">The sender's id of it.</param>
/// <param name="Purpose">The consent purpose that the shop's marketing flag is about.</param>
/// <param name="ContextOfOrder">The context that the calls of an earlier order had: who it was; null: no such order.</param>
internal sealed record Hook(string Topic, JsonElement Body, string Delivery, string Purpose, Func<string, JsonObject?> ContextOfOrder);

/// <summary>The calls of a webhook, as a client would send them.</summary>
/// <param name="Reason">Code of why there are none; null: there are.</param>
/// <param name="Order">The order that it is about.</param>
internal sealed record HookResult(HookState State, IReadOnlyList<JsonObject> Calls, string? Reason, string? Message, string? Order)
{
    public static readonly HookResult Ignored = new(HookState.Ignored, [], null, null, null);

    public static HookResult Of(string? order, params IReadOnlyList<JsonObject> calls) => new(HookState.Done, calls, null, null, order);

    public static HookResult Failed(string reason, string message, string? order = null) => new(HookState.Failed, [], reason, message, order);

    public static HookResult Unknown(string topic) =>
        new(HookState.Unknown, [], "hook.topic_unknown", topic.Length == 0 ? "It does not say what it is about." : $"Nothing is known of the topic {topic}.", null);

    public static HookResult Nobody(string? order) =>
        Failed("hook.nobody", "It has no customer: neither an id nor an e-mail address nor a phone number.", order);
}
