using System.ComponentModel.DataAnnotations;

namespace CdpMonolith.Ingestion.Fetch;

/// <summary>What feeds may do. Section <c>Feeds</c>.</summary>
internal sealed class FeedOptions
{
    public const string Section = "Feeds";

    /// <summary>
    /// The folder below which watched folders lie; feeds read nothing outside it. Empty: no folder is watched, so that nobody can read
    /// the machine's files through the console.
    /// </summary>
    public string Root { get; set; } = "";

    /// <summary>Size of one file, packed or not, in mebibytes; a larger one is not taken.</summary>
    [Range(1, 4096)]
    public int FileMiB { get; set; } = 1024;

    /// <summary>Lets feeds fetch from this machine and its network. Link-local addresses, where clouds keep their secrets, stay refused.</summary>
    public bool AllowPrivateNetworks { get; set; }

    /// <summary>How long a server may take to send a file, in seconds.</summary>
    [Range(1, 86400)]
    public int TimeoutSeconds { get; set; } = 1800;

    /// <summary>A file of a folder is taken when it has not changed for so long, in seconds.</summary>
    [Range(1, 3600)]
    public int StableSeconds { get; set; } = 5;

    /// <summary>Days after which the copy of a file that a feed brought is deleted, once its import has ended; 0: never.</summary>
    [Range(0, 3650)]
    public int KeepDays { get; set; } = 90;
}
