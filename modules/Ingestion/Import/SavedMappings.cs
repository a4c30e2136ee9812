using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Import;

/// <summary>A saved mapping that suits a file.</summary>
/// <param name="Likeness">0 to 1; 1: the very same columns.</param>
/// <param name="Missing">Columns that the mapping was made for and the file has not.</param>
/// <param name="New">Columns of the file that the mapping does not know.</param>
internal sealed record MappingOffer(SavedMapping Saved, double Likeness, IReadOnlyList<string> Missing, IReadOnlyList<string> New);

/// <summary>A mapping as somebody wants to keep it.</summary>
internal sealed record MappingWish(string Name, IReadOnlyList<string> Header, ImportMapping Mapping, CsvShape Shape, long? SourceId);

/// <summary>Keeps mappings under names.</summary>
internal sealed class SavedMappings(IStore store, SourceMap sources, IAudit audit, TimeProvider clock)
{
    public const int NameAtMost = 80;
    private const int OffersAtMost = 5;

    internal static readonly Problem Unknown = new("mapping.unknown", "There is no such saved mapping.", "mappingId");
    private static readonly Problem NameTaken = new("mapping.name_taken", "Another saved mapping has this name.", "name");

    public Task<IReadOnlyList<SavedMapping>> ListAsync(CancellationToken ct) => store.ReadAsync(MappingStore.All, ct);

    public Task<SavedMapping?> FindAsync(long id, CancellationToken ct) => store.ReadAsync(read => MappingStore.Find(read, id), ct);

    /// <summary>Those made for the same or nearly the same columns, the best first.</summary>
    public static IReadOnlyList<MappingOffer> Offers(ReadSession read, IReadOnlyList<string> header) =>
    [
        .. MappingStore.All(read)
            .Select(saved => new MappingOffer(
                saved, MappingFit.Likeness(header, saved.Header), MappingFit.Without(saved.Header, header), MappingFit.Without(header, saved.Header)))
            .Where(offer => offer.Likeness >= MappingFit.Nearly)
            .OrderByDescending(offer => offer.Likeness).ThenByDescending(offer => offer.Saved.SavedAt).Take(OffersAtMost),
    ];

    /// <summary>Keeps a mapping.</summary>
    /// <param name="replace">One of that name is overwritten; else it stands in the way.</param>
    public Task<Outcome<SavedMapping>> SaveAsync(Actor actor, MappingWish wanted, bool replace, CancellationToken ct) =>
        KeepAsync(actor, 0, wanted, replace, ct);

    public Task<Outcome<SavedMapping>> ChangeAsync(Actor actor, long id, MappingWish wanted, CancellationToken ct) =>
        KeepAsync(actor, id, wanted, false, ct);

    /// <summary>Refused while a feed reads files with it.</summary>
    public async Task<Outcome<SavedMapping>> DeleteAsync(Actor actor, long id, CancellationToken ct) => await store.WriteAsync<Outcome<SavedMapping>>(
        write =>
        {
            if (MappingStore.Find(write, id) is not { } saved)
            {
                return Unknown;
            }

            if (FeedStore.UsingMapping(write, id) is { } feed)
            {
                return new Problem("mapping.in_use", $"The feed '{feed}' reads its files with this mapping. Give it another one first.");
            }

            MappingStore.Delete(write, id);
            audit.Record(write, actor, "mapping.deleted", Subject(id));
            return saved;
        }, ct);

    private async Task<Outcome<SavedMapping>> KeepAsync(Actor actor, long id, MappingWish wanted, bool replace, CancellationToken ct)
    {
        var name = wanted.Name?.Trim() ?? "";
        if (name.Length is 0 or > NameAtMost)
        {
            return name.Length == 0
                ? new Problem("mapping.name_missing", "Give the mapping a name.", "name")
                : new Problem("mapping.name_too_long", $"A name has at most {NameAtMost} characters.", "name");
        }

        if (wanted.Mapping.Check([.. wanted.Header]) is { } problem)
        {
            return problem;
        }

        if (wanted.SourceId is { } source && sources.Find(source) is null)
        {
            return new Problem("source.unknown", "There is no such source.", "sourceId");
        }

        return await store.WriteAsync<Outcome<SavedMapping>>(
            write =>
            {
                var other = MappingStore.FindByName(write, name);
                if (id != 0 && MappingStore.Find(write, id) is null)
                {
                    return Unknown;
                }

                if (other is not null && other.Id != id && !(replace && id == 0))
                {
                    return NameTaken;
                }

                var at = id != 0 ? id : other?.Id ?? 0;
                var kept = MappingStore.Save(write, new SavedMapping(
                    at, name, wanted.Header, wanted.Mapping, wanted.Shape, wanted.SourceId, clock.GetUtcNow().ToUnixTimeMilliseconds(), actor.Name));
                audit.Record(write, actor, at == 0 ? "mapping.saved" : "mapping.changed", Subject(kept.Id), new { columns = wanted.Header.Count, wanted.SourceId });
                return kept;
            }, ct);
    }

    private static string Subject(long id) => FormattableString.Invariant($"mapping:{id}");
}
