using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Consent.Contracts;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Activation.Pages;

/// <summary>Words of Activation in the reader's language.</summary>
internal static class Say
{
    /// <summary>Why a delivery waits or ended, in a sentence.</summary>
    public static string Reason(IStringLocalizer<Texts> texts, string reason, long? status = null)
    {
        var sentence = texts[$"Reason.{reason}", status ?? 0];
        return sentence.ResourceNotFound ? reason : sentence;
    }

    public static string Channel(IStringLocalizer<Texts> texts, string channel) =>
        Channels.All.Contains(channel) ? texts[$"Channel.{channel}"] : channel;

    public static string Identifier(IStringLocalizer<Texts> texts, string type)
    {
        var name = texts[$"Identifier.{type}"];
        return name.ResourceNotFound ? type : name;
    }

    public static string Tone(DeliveryState state) => state switch
    {
        DeliveryState.Delivered => "good",
        DeliveryState.Withheld => "warn",
        DeliveryState.Parked => "bad",
        DeliveryState.Pending => "info",
        _ => "muted",
    };

    /// <param name="held">Nothing is sent to it for a while, because it does not answer or asked for a rest.</param>
    public static string Tone(Destination destination, bool held = false) =>
        destination.Active ? held ? "warn" : "good" : destination.StopCode is null ? "muted" : "bad";

    /// <summary>Key of the word for how a destination stands.</summary>
    /// <param name="held">Nothing is sent to it for a while, because it does not answer or asked for a rest.</param>
    public static string State(Destination destination, bool held = false) =>
        destination.Active ? held ? "Destination.NotAnswering" : "Destination.Active"
        : destination.StopCode is null ? "Destination.Paused" : "Destination.Stopped";

    public static string Tone(SegmentSync sync) => sync.Active ? "good" : "muted";

    public static string State(SegmentSync sync) =>
        sync.Active ? sync.ReconcileAfter is null ? "Sync.Running" : "Sync.Comparing" : sync.StartedAt is null ? "Sync.New" : "Sync.Paused";
}
