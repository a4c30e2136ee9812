using System.ComponentModel.DataAnnotations;

namespace CdpMonolith.Platform.Store;

/// <summary>Where and how data is kept. Section <c>Store</c>.</summary>
public sealed class StoreOptions
{
    public const string Section = "Store";

    /// <summary>The one folder that holds everything: keys, uploads, exports and, unless PostgreSql is set, the database.</summary>
    [Required]
    public string Folder { get; set; } = "data";

    /// <summary>
    /// Connection string of the PostgreSQL database that holds the data instead of a file in the folder, such as
    /// <c>Host=127.0.0.1;Database=cdp;Username=cdp;Password=…</c>. Null: SQLite.
    /// </summary>
    public string? PostgreSql { get; set; }

    /// <summary>Memory that the writing connection may use for database pages, in mebibytes.</summary>
    [Range(4, 4096)]
    public int WriterCacheMiB { get; set; } = 64;

    /// <summary>What is written to the write-ahead log before it is copied back into the database, in mebibytes.</summary>
    [Range(1, 1024)]
    public int CheckpointMiB { get; set; } = 64;

    /// <summary>
    /// Space on the volume of the folder, in mebibytes, below which nothing more is taken in: senders are asked to come again later.
    /// </summary>
    [Range(0, 1024 * 1024)]
    public int FreeMiB { get; set; } = 256;

    /// <summary>How many reads may run at once; further ones wait.</summary>
    [Range(2, 64)]
    public int Readers { get; set; } = 8;

    /// <summary>Off only to measure what durability costs: an answered write may then be lost with the power.</summary>
    public bool Durable { get; set; } = true;
}
