using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>A silence that the owners were told of. Times are Unix ms.</summary>
/// <param name="LastEventAt">When the source was last heard.</param>
internal sealed record ToldSilence(long SourceId, long LastEventAt, long ToldAt);

/// <summary>What the owners were told of silent sources, on the store.</summary>
internal static class SilenceStore
{
    private const string SelectAll = "SELECT source_id AS SourceId, last_event_at AS LastEventAt, told_at AS ToldAt FROM ingestion_silence ORDER BY source_id";

    private const string Insert = """
        INSERT INTO ingestion_silence (source_id, last_event_at, told_at)
        VALUES (@SourceId, @LastEventAt, @ToldAt)
        ON CONFLICT (source_id) DO NOTHING
        """;

    private const string Delete = "DELETE FROM ingestion_silence WHERE source_id = @sourceId";

    public static IReadOnlyList<ToldSilence> Told(ReadSession read) => [.. read.Query<ToldSilence>(SelectAll)];

    /// <returns>False: it was told already.</returns>
    public static bool Note(WriteSession write, ToldSilence silence) => write.Execute(Insert, silence) > 0;

    /// <returns>False: nothing was told.</returns>
    public static bool Forget(WriteSession write, long sourceId) => write.Execute(Delete, new { sourceId }) > 0;
}
