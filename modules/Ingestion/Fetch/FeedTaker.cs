using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Fetch;

/// <summary>Somebody changed or deleted the feed while it ran; what it was about to take is left.</summary>
internal sealed class FeedChangedException : Exception;

/// <summary>What became of a file.</summary>
internal enum TakeEnd
{
    /// <summary>It is an import now.</summary>
    Taken,

    /// <summary>A file with the same content was taken before.</summary>
    Same,

    /// <summary>It changed while it was read.</summary>
    Changing,

    /// <summary>It can never be taken as it is.</summary>
    Refused,

    /// <summary>Its columns are not those of the mapping.</summary>
    OtherColumns,

    /// <summary>It cannot be opened; others may.</summary>
    Closed,

    /// <summary>It could not be taken for a reason that does not lie in the file.</summary>
    Failed,
}

/// <summary>Makes an import of a file that a feed found, once for each content.</summary>
internal sealed class FeedTaker(IStore store, Imports imports, FreeSpace space, TimeProvider clock)
{
    public const string ActorPrefix = "feed:";
    private const int ColumnsNamed = 5;

    private static readonly Problem SameContent = new("feed.same_content", "A file with the same content was taken before.");
    private static readonly Problem Changing = new("feed.file_changing", "The file changed while it was read.");

    /// <summary>Who feeds are in the audit trail and in the list of imports.</summary>
    public static Actor ActorOf(Feed feed) => new(null, FormattableString.Invariant($"{ActorPrefix}{feed.Id}"));

    /// <summary>Reads it to its end, looks whether it is what the mapping was made for, and queues the import.</summary>
    /// <param name="isWhole">Asked once all was read: false when the file changed meanwhile.</param>
    /// <param name="also">Written in the transaction in which it becomes an import.</param>
    /// <exception cref="FeedChangedException">The feed is not what it was when the run began.</exception>
    public async Task<(TakeEnd End, Problem? Problem)> TakeAsync(
        Feed feed, string name, Stream content, Func<bool> isWhole, Func<WriteSession, Feed, Feed>? also, CancellationToken ct)
    {
        if (space.IsShort)
        {
            return (TakeEnd.Failed, new Problem("feed.disk_full", "The disk is nearly full. Make room; the feed then goes on by itself."));
        }

        if (await store.ReadAsync(read => MappingStore.Find(read, feed.MappingId), ct) is not { } saved)
        {
            return (TakeEnd.Failed, new Problem("feed.no_mapping", "Its mapping was deleted. Give the feed another one."));
        }

        string? sha256 = null;
        IReadOnlyList<string> header = [];
        var kept = await imports.KeepAsync(ActorOf(feed), name, content, async arriving =>
        {
            sha256 = arriving.Sha256;
            if (!isWhole())
            {
                return Changing;
            }

            if (await store.ReadAsync(read => FeedStore.HasTaken(read, feed.Id, sha256), ct))
            {
                return SameContent;
            }

            // What is no UTF-8 is never read as such; else the file is read as the mapping says.
            var encoding = saved.Shape.Encoding == "utf-8" ? arriving.Guess.Encoding : saved.Shape.Encoding;
            var shape = saved.Shape with { Encoding = encoding, SkippedLines = arriving.Guess.SkippedLines };
            using var csv = new CsvRows(arriving.Path, shape);
            header = [.. csv.Header.Skip(MendedReport.OwnColumns(csv.Header))];
            return ColumnsProblem(name, saved, header) is { } problem ? problem : shape;
        }, ct);
        if (!kept.Met(out var file))
        {
            return (EndOf(kept.Problem!), kept.Problem);
        }

        var started = await imports.StartAsync(
            ActorOf(feed), file.Id, feed.SourceId, MappingFit.For(saved.Mapping, header), (write, importId) =>
            {
                var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
                if (FeedStore.Find(write, feed.Id) is not { } current || !current.IsAs(feed))
                {
                    throw new FeedChangedException();
                }

                FeedStore.AddFile(write, feed.Id, name, sha256, FeedLook.Taken, importId, null, now);
                current = current with { Taken = current.Taken + 1, LastTakenAt = now };
                FeedStore.Save(write, also?.Invoke(write, current) ?? current);
            }, ct);
        return started.Problem is { } refused ? (TakeEnd.Failed, refused) : (TakeEnd.Taken, null);
    }

    private static TakeEnd EndOf(Problem problem) =>
        problem == SameContent ? TakeEnd.Same
        : problem == Changing ? TakeEnd.Changing
        : problem.Code == "feed.columns_changed" ? TakeEnd.OtherColumns
        : TakeEnd.Refused;

    private static Problem? ColumnsProblem(string name, SavedMapping saved, IReadOnlyList<string> header)
    {
        var (missing, added) = (MappingFit.Without(saved.Header, header), MappingFit.Without(header, saved.Header));
        return missing.Count + added.Count == 0
            ? null
            : new Problem(
                "feed.columns_changed",
                (missing.Count, added.Count) switch
                {
                    (0, _) => $"'{name}' has columns that the mapping '{saved.Name}' does not know: {Named(added)}. Nothing was loaded. Say in the mapping what they are, then let the feed go on.",
                    (_, 0) => $"'{name}' lacks columns of the mapping '{saved.Name}': {Named(missing)}. Nothing was loaded. Mend the file or the mapping, then let the feed go on.",
                    _ => $"'{name}' has other columns than the mapping '{saved.Name}': {Named(missing)} are missing, {Named(added)} are new. Nothing was loaded. Mend the file or the mapping, then let the feed go on.",
                });
    }

    private static string Named(IReadOnlyList<string> columns) =>
        string.Join(", ", columns.Take(ColumnsNamed).Select(column => $"'{column}'")) + (columns.Count > ColumnsNamed ? FormattableString.Invariant($" and {columns.Count - ColumnsNamed} more") : "");
}
