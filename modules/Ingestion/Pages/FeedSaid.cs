using CdpMonolith.Ingestion.Storage;

namespace CdpMonolith.Ingestion.Pages;

/// <summary>How pages speak of feeds.</summary>
internal static class FeedSaid
{
    public static string Tone(Feed feed) => feed.State switch
    {
        Feed.Stopped => "bad",
        Feed.Paused => "muted",
        _ => feed.Error is null ? "good" : "warn",
    };

    /// <summary>The name of the text that says it.</summary>
    public static string State(Feed feed, bool isRunning) => feed.State switch
    {
        Feed.On when isRunning => "FeedState.running",
        Feed.On when feed.Error is not null => "FeedState.trouble",
        _ => $"FeedState.{feed.State}",
    };

    /// <summary>Of an address only the server and the path: the rest may hold a secret.</summary>
    public static string Place(Feed feed) => feed.Kind == Feed.Https
        ? new Uri(feed.Place).GetLeftPart(UriPartial.Path)
        : feed.Place.Length == 0 ? feed.Pattern : $"{feed.Place}/{feed.Pattern}";

    /// <summary>When it looks next, Unix ms; null: it does not.</summary>
    public static long? Next(Feed feed) => feed.LookAgainAt is { } sooner && !(feed.NextRunAt < sooner) ? sooner : feed.NextRunAt;
}
