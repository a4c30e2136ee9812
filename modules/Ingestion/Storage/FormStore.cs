using System.Text.Json;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Storage;

/// <summary>How often an answer that can be picked was given.</summary>
/// <param name="Question">Empty: the forms sent.</param>
internal sealed record FormCount(string Question, string Answer, long Given);

/// <summary>Hosted forms on the store.</summary>
internal static class FormStore
{
    private const string ReadForm = "SELECT definition FROM ingestion_form WHERE source_id = @sourceId";

    private const string Upsert = """
        INSERT INTO ingestion_form (source_id, version, definition, changed_at)
        VALUES (@sourceId, 1, @definition, @now)
        ON CONFLICT (source_id) DO UPDATE
        SET version = ingestion_form.version + 1, definition = excluded.definition, changed_at = excluded.changed_at
        """;

    private const string PutText = """
        INSERT INTO ingestion_form_text (hash, wording, shown_at)
        VALUES (@hash, @wording, @now)
        ON CONFLICT (hash) DO NOTHING
        """;

    private const string ReadText = "SELECT wording FROM ingestion_form_text WHERE hash = @hash";

    private const string AddCount = """
        INSERT INTO ingestion_form_count (source_id, question, answer, given)
        VALUES (@sourceId, @question, @answer, 1)
        ON CONFLICT (source_id, question, answer) DO UPDATE SET given = ingestion_form_count.given + 1
        """;

    private const string ReadCounts = """
        SELECT   question AS Question,
                 answer   AS Answer,
                 given    AS Given
        FROM     ingestion_form_count
        WHERE    source_id = @sourceId
        ORDER BY question, answer
        """;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <returns>Null: the source has no form yet.</returns>
    public static FormDefinition? Find(ReadSession read, long sourceId) =>
        read.FirstOrDefault<string>(ReadForm, new { sourceId }) is { } kept ? JsonSerializer.Deserialize<FormDefinition>(kept, Json) : null;

    public static void Save(WriteSession write, long sourceId, FormDefinition form, long now)
    {
        write.Execute(Upsert, new { sourceId, definition = JsonSerializer.Serialize(form, Json), now });
        foreach (var consent in form.Consents)
        {
            write.Execute(PutText, new { hash = consent.TextVersion, wording = consent.Wording, now });
        }
    }

    /// <returns>Null: no form ever showed it.</returns>
    public static string? Wording(ReadSession read, string hash) => read.FirstOrDefault<string>(ReadText, new { hash });

    public static void Count(WriteSession write, long sourceId, IEnumerable<(string Question, string Answer)> picked)
    {
        write.Execute(AddCount, new { sourceId, question = "", answer = "" });
        foreach (var (question, answer) in picked)
        {
            write.Execute(AddCount, new { sourceId, question, answer });
        }
    }

    public static IReadOnlyList<FormCount> Counts(ReadSession read, long sourceId) => [.. read.Query<FormCount>(ReadCounts, new { sourceId })];
}
