using System.ComponentModel.DataAnnotations;

namespace CdpMonolith.Ingestion;

/// <summary>Limits at the door. Section <c>Ingestion</c>.</summary>
internal sealed class IngestionOptions
{
    public const string Section = "Ingestion";

    /// <summary>Size of one call, in bytes; a larger one goes into quarantine.</summary>
    [Range(1024, 1024 * 1024)]
    public int EventBytes { get; set; } = 32 * 1024;

    /// <summary>Size of a request once unpacked, in bytes; a larger one is answered with 413.</summary>
    [Range(1024, 64 * 1024 * 1024)]
    public int BodyBytes { get; set; } = 1024 * 1024;

    /// <summary>Calls in one batch; a longer one is answered with 413.</summary>
    [Range(1, 100_000)]
    public int BatchEvents { get; set; } = 5000;

    /// <summary>
    /// Events a second that a source may send in the long run, 0 for any number; sources may have their own. Beyond it the answer is 429.
    /// </summary>
    [Range(0, 1_000_000)]
    public int EventsPerSecond { get; set; } = 500;

    /// <summary>Days after which a call in quarantine is thrown away.</summary>
    [Range(1, 3650)]
    public int QuarantineDays { get; set; } = 90;

    /// <summary>Room for the bytes of calls in quarantine, in mebibytes; beyond it the oldest are thrown away.</summary>
    [Range(1, 1024 * 1024)]
    public int QuarantineMiB { get; set; } = 1024;

    /// <summary>Members of a call's <c>properties</c> or <c>traits</c>; a call with more goes into quarantine.</summary>
    [Range(1, 100_000)]
    public int Properties { get; set; } = 2000;

    /// <summary>Where the first-party script and its calls are, such as <c>/s</c>. Change it to what no list of blockers knows.</summary>
    [RegularExpression("^(/[A-Za-z0-9_-]+)+$")]
    public string BrowserPath { get; set; } = "/s";

    /// <summary>Calls over plain http are taken from public addresses too; without it they are answered with 403.</summary>
    public bool AllowPlainHttp { get; set; }

    /// <summary>How long the old write key is still taken after a new one was made.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "3650.00:00:00")]
    public TimeSpan OldKeyLives { get; set; } = TimeSpan.FromDays(30);

    /// <summary>Where phone numbers without a country belong, ISO 3166-1 alpha-2 such as <c>NO</c>; empty: they stay as they are.</summary>
    public string DefaultCountry { get; set; } = "";
}
