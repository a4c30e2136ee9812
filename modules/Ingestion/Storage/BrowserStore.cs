using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>How the first-party script of a source behaves.</summary>
/// <param name="AwaitsConsent">It stores nothing in the browser and sends nothing until the visitor agrees.</param>
/// <param name="Purpose">The purpose that must be granted; empty: any one.</param>
/// <param name="PageViews">It sends a page call for each page by itself.</param>
/// <param name="HeedsGpc">Where the browser sends Global Privacy Control, it awaits consent too.</param>
internal sealed record BrowserSettings(bool AwaitsConsent, string Purpose, bool PageViews, bool HeedsGpc)
{
    public static readonly BrowserSettings Default = new(AwaitsConsent: false, "", PageViews: true, HeedsGpc: true);
}

/// <summary>Settings of the first-party script on the store.</summary>
internal static class BrowserStore
{
    private const string ReadAll = """
        SELECT source_id      AS SourceId,
               awaits_consent AS AwaitsConsent,
               purpose        AS Purpose,
               page_views     AS PageViews,
               heeds_gpc      AS HeedsGpc
        FROM   ingestion_browser
        """;

    private const string Upsert = """
        INSERT INTO ingestion_browser (source_id, awaits_consent, purpose, page_views, heeds_gpc)
        VALUES (@sourceId, @awaits, @purpose, @views, @gpc)
        ON CONFLICT (source_id) DO UPDATE
        SET awaits_consent = excluded.awaits_consent, purpose = excluded.purpose,
            page_views = excluded.page_views, heeds_gpc = excluded.heeds_gpc
        """;

    public static IReadOnlyDictionary<long, BrowserSettings> Read(ReadSession read) =>
        read.Query<Row>(ReadAll).ToDictionary(
            row => row.SourceId,
            row => new BrowserSettings(row.AwaitsConsent != 0, row.Purpose, row.PageViews != 0, row.HeedsGpc != 0));

    public static void Save(WriteSession write, long sourceId, BrowserSettings settings) => write.Execute(Upsert, new
    {
        sourceId, awaits = settings.AwaitsConsent ? 1L : 0L, purpose = settings.Purpose,
        views = settings.PageViews ? 1L : 0L, gpc = settings.HeedsGpc ? 1L : 0L,
    });

    private sealed record Row(long SourceId, long AwaitsConsent, string Purpose, long PageViews, long HeedsGpc);
}
