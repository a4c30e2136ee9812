using CdpMonolith.Consent.Contracts;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Consent.Pages;

/// <summary>Channels in the reader's language.</summary>
internal static class ChannelText
{
    /// <summary>A channel that a sender made up is shown as written.</summary>
    public static string Of(IStringLocalizer<Texts> texts, string channel) =>
        Channels.All.Contains(channel) ? texts[$"Channel.{channel}"] : channel;

    public static string Icon(string channel) => channel switch
    {
        Channels.Email => "mail",
        Channels.Sms => "sms",
        Channels.Phone => "call",
        Channels.Post => "local_post_office",
        Channels.Ads => "campaign",
        Channels.Web => "web",
        _ => "all_inclusive",
    };
}
