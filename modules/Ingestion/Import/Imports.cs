using System.Security.Cryptography;
using System.Text;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Import;

/// <summary>What was found in a file: its shape, its columns, its first rows, and a mapping to start from.</summary>
/// <param name="IsRemembered">The mapping was used before for a file with these columns.</param>
internal sealed record FileFindings(
    ImportFile File, IReadOnlyList<string> Header, IReadOnlyList<IReadOnlyList<string>> Rows, ImportMapping Suggested, bool IsRemembered)
{
    /// <summary>Saved mappings that suit the columns, the best first.</summary>
    public IReadOnlyList<MappingOffer> Saved { get; init; } = [];
}

/// <summary>A file that lies on disk whole but is not kept yet.</summary>
/// <param name="Guess">How it seems to be written.</param>
internal sealed record Arriving(string Path, string Sha256, CsvShape Guess);

/// <summary>A row as it would be stored.</summary>
/// <param name="Calls">The calls it becomes, as JSON; empty when it is refused.</param>
internal sealed record PreviewedRow(long Row, IReadOnlyList<string> Cells, IReadOnlyList<string> Calls, RowProblem? Problem, int Line);

/// <summary>Bringing files in: keep them, look into them, start and stop their imports.</summary>
internal sealed class Imports(
    IStore store, DataFolder folder, ImportRunner runner, SourceMap sources, ISourceCountries countries, IAudit audit, TimeProvider clock)
{
    public const int PreviewRows = 50;
    private const int HeadBytes = 256 * 1024;
    private const int NameAtMost = 200;

    internal static readonly Problem UnknownFile = new("file.unknown", "There is no such file; bring it in again.", "fileId");
    internal static readonly Problem UnknownImport = new("import.unknown", "There is no such import.");

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Writes a file to disk as it comes and looks at its beginning. What it holds is not changed.</summary>
    /// <param name="name">What the sender calls it; shown, never used as a path.</param>
    public Task<Outcome<ImportFile>> KeepAsync(Actor actor, string name, Stream content, CancellationToken ct) => KeepAsync(actor, name, content, null, ct);

    /// <summary>As above, for who has more to say about what is kept.</summary>
    /// <param name="judge">Says how the file is to be read, or why it is not to be kept; null: as guessed.</param>
    public async Task<Outcome<ImportFile>> KeepAsync(
        Actor actor, string name, Stream content, Func<Arriving, Task<Outcome<CsvShape>>>? judge, CancellationToken ct)
    {
        name = Path.GetFileName(name.Replace('\\', '/')) is { Length: > 0 } plain ? plain[..Math.Min(plain.Length, NameAtMost)] : "file.csv";
        var temporary = folder.FolderOf("uploads") + Path.DirectorySeparatorChar + Guid.NewGuid().ToString("N") + ImportRunner.PartOfUpload;
        try
        {
            string sha256;
            await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16, useAsync: true))
            {
                using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                var buffer = new byte[1 << 16];
                int got;
                while ((got = await content.ReadAsync(buffer, ct)) > 0)
                {
                    hash.AppendData(buffer, 0, got);
                    await file.WriteAsync(buffer.AsMemory(0, got), ct);
                }

                DiskSync.Flush(file);
                sha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
            }

            var size = new FileInfo(temporary).Length;
            if (size == 0)
            {
                return new Problem("file.empty", "The file is empty.", "file");
            }

            CsvShape shape;
            try
            {
                if (await Task.Run(() => Packed.DocumentIn(temporary), ct) is { } document)
                {
                    return document;
                }

                await Task.Run(() => Packed.CheckWhole(temporary), ct);
                var (head, isWhole) = CsvRows.Head(temporary, HeadBytes);
                if (head.Length == 0)
                {
                    throw new InvalidDataException("Nothing came out of the packed file.");
                }

                if (FileKind.NoTable(head) is { } other)
                {
                    return other;
                }

                shape = CsvShape.Guess(head, isWhole);
                if (!shape.IsWide && head.Take(1024).Count(b => b == 0) > 256)
                {
                    return new Problem("file.not_text", "The file is not text. Save the table as CSV and bring that in.", "file");
                }
            }
            catch (NotUnpackedException fault)
            {
                return new Problem("file.not_readable", fault.Message, "file");
            }
            catch (InvalidDataException)
            {
                return new Problem("file.not_readable", "The file is packed but cannot be unpacked to its end: it is damaged or was cut off.", "file");
            }

            if (judge is not null)
            {
                var verdict = await judge(new Arriving(temporary, sha256, shape));
                if (!verdict.Met(out var said))
                {
                    return verdict.Problem!;
                }

                shape = said;
            }

            var kept = await store.WriteAsync(
                write =>
                {
                    var added = ImportStore.AddFile(write, name, size, sha256, shape, Now, actor.Name);
                    audit.Record(write, actor, "file.kept", FormattableString.Invariant($"file:{added.Id}"), new { size });
                    return added;
                }, ct);
            File.Move(temporary, PathOf(folder, kept.Id));
            return kept;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Throws away files of theirs that no import was made of: a crash came between.</summary>
    public async Task DropUnusedAsync(Actor actor, CancellationToken ct)
    {
        foreach (var id in await store.ReadAsync(read => ImportStore.UnusedFiles(read, actor.Name), ct))
        {
            File.Delete(PathOf(folder, id));
            await store.WriteAsync(write => ImportStore.RemoveUnused(write, id), ct);
        }
    }

    /// <summary>Says how to read a kept file from now on, where the guess was wrong, and looks into it anew.</summary>
    public async Task<Outcome<FileFindings>> ReshapeAsync(Actor actor, long fileId, CsvShape shape, CancellationToken ct)
    {
        if (await FindFileAsync(fileId, ct) is not { } file)
        {
            return UnknownFile;
        }

        var isSet = shape == file.Shape || await store.WriteAsync(
            write =>
            {
                if (!ImportStore.SetShape(write, fileId, shape))
                {
                    return false;
                }

                audit.Record(
                    write, actor, "file.reshaped", FormattableString.Invariant($"file:{fileId}"),
                    new { shape.Encoding, delimiter = shape.Delimiter.ToString(), quote = shape.Quote.ToString().ToLowerInvariant(), shape.HasHeader, shape.SkippedLines });
                return true;
            }, ct);
        return isSet
            ? await InspectAsync(fileId, ct)
            : new Problem("file.in_use", "An import of this file is under way; it would go on at other rows. Cancel it, or load the file again.", "file");
    }

    /// <summary>Looks into a kept file, read as guessed or as said before.</summary>
    public async Task<Outcome<FileFindings>> InspectAsync(long fileId, CancellationToken ct)
    {
        if (await FindFileAsync(fileId, ct) is not { } file)
        {
            return UnknownFile;
        }

        using var csv = new CsvRows(PathOf(folder, fileId), file.Shape);
        var rows = new List<IReadOnlyList<string>>();
        while (rows.Count < PreviewRows && csv.Read())
        {
            rows.Add(csv.Cells);
        }

        if (csv.Header.Count == 0)
        {
            return new Problem("file.no_columns", "The file has no columns.", "file");
        }

        // A report of rejected rows that was mended: its own columns are left out, the rest is the table as it was.
        var own = MendedReport.OwnColumns(csv.Header);
        var header = csv.Header.Skip(own).ToList();
        var (remembered, saved) = await store.ReadAsync(read => (ImportStore.LastMapping(read, HeaderKey(header)), SavedMappings.Offers(read, header)), ct);
        remembered ??= saved is [{ Likeness: 1 } same, ..] ? MappingFit.For(same.Saved.Mapping, header) : null;
        remembered = remembered is null ? null : remembered with { Columns = remembered.Columns.Where(column => header.Contains(column.Key)).ToDictionary() };
        var suggested = remembered ?? ColumnSuggestions.For(header, own == 0 ? rows : [.. rows.Select(row => row.Skip(own).ToList())]);
        return new FileFindings(file, csv.Header, rows, suggested, remembered is not null) { Saved = saved };
    }

    /// <summary>The first rows as they would be stored.</summary>
    public async Task<Outcome<IReadOnlyList<PreviewedRow>>> PreviewAsync(long fileId, long sourceId, ImportMapping mapping, CancellationToken ct)
    {
        if (await FindFileAsync(fileId, ct) is not { } file)
        {
            return UnknownFile;
        }

        using var csv = new CsvRows(PathOf(folder, fileId), file.Shape);
        if (mapping.Check(csv.Header.ToList()) is { } problem)
        {
            return problem;
        }

        mapping = mapping with { TimeZone = mapping.TimeZone ?? sources.Find(sourceId)?.Settings.TimeZone };
        var calls = new RowCalls(csv.Header, mapping, OwnIdType(sourceId), "preview", "0", countries.Of(sourceId));
        var groups = new RowGroups(csv, mapping, new HashSet<long>());
        var previewed = new List<PreviewedRow>();
        while (previewed.Count < PreviewRows && groups.Read())
        {
            calls.Write(groups.Rows, out var fault);
            List<string> written = [.. calls.Take().Select(call => Encoding.UTF8.GetString(call.Span))];
            previewed.AddRange(groups.Rows.Select((row, line) => new PreviewedRow(row.Number, row.Cells, written, fault?.Of(row), line)));
        }

        return previewed.Take(PreviewRows).ToList();
    }

    /// <summary>Queues an import; it starts at once when no other runs.</summary>
    public Task<Outcome<FileImport>> StartAsync(Actor actor, long fileId, long sourceId, ImportMapping mapping, CancellationToken ct) =>
        StartAsync(actor, fileId, sourceId, mapping, null, ct);

    /// <summary>As above, with more in the same transaction.</summary>
    /// <param name="also">Is given the id of the import.</param>
    public async Task<Outcome<FileImport>> StartAsync(
        Actor actor, long fileId, long sourceId, ImportMapping mapping, Action<WriteSession, long>? also, CancellationToken ct)
    {
        if (await FindFileAsync(fileId, ct) is not { } file)
        {
            return UnknownFile;
        }

        if (sources.Find(sourceId) is not { } source)
        {
            return new Problem("source.unknown", "There is no such source.", "sourceId");
        }

        mapping = mapping with { TimeZone = mapping.TimeZone ?? source.Settings.TimeZone };
        string headerKey;
        using (var csv = new CsvRows(PathOf(folder, fileId), file.Shape))
        {
            if (mapping.Check(csv.Header.ToList()) is { } problem)
            {
                return problem;
            }

            headerKey = HeaderKey([.. csv.Header.Skip(MendedReport.OwnColumns(csv.Header))]);
        }

        var id = await store.WriteAsync(
            write =>
            {
                var added = ImportStore.Add(write, fileId, sourceId, headerKey, mapping, Now, actor.Name);
                audit.Record(write, actor, "import.started", Subject(added), new { fileId, sourceId });
                also?.Invoke(write, added);
                return added;
            }, ct);
        runner.Wake();
        return (await FindAsync(id, ct))!;
    }

    public Task<Outcome<FileImport>> PauseAsync(Actor actor, long id, CancellationToken ct) =>
        TurnAsync(actor, id, "import.paused", ImportState.Paused, [ImportState.Queued, ImportState.Running], ct);

    /// <summary>Goes on with the row after the last that was taken.</summary>
    public Task<Outcome<FileImport>> ResumeAsync(Actor actor, long id, CancellationToken ct) =>
        TurnAsync(actor, id, "import.resumed", ImportState.Queued, [ImportState.Paused, ImportState.Failed], ct);

    /// <summary>Stops it for good; what was taken stays.</summary>
    public Task<Outcome<FileImport>> CancelAsync(Actor actor, long id, CancellationToken ct) =>
        TurnAsync(actor, id, "import.cancelled", ImportState.Cancelled, [ImportState.Queued, ImportState.Running, ImportState.Paused], ct);

    public Task<FileImport?> FindAsync(long id, CancellationToken ct) => store.ReadAsync(read => ImportStore.Find(read, id), ct);

    /// <summary>Null as well when it is not on disk any more.</summary>
    public async Task<ImportFile?> FindFileAsync(long id, CancellationToken ct) =>
        File.Exists(PathOf(folder, id)) ? await store.ReadAsync(read => ImportStore.FindFile(read, id), ct) : null;

    /// <summary>The newest import of a file with the same content; null: none.</summary>
    public Task<FileImport?> FindEarlierAsync(ImportFile file, CancellationToken ct) =>
        store.ReadAsync(read => ImportStore.LatestOfContent(read, file.Sha256), ct);

    /// <summary>Newest first.</summary>
    public Task<IReadOnlyList<FileImport>> LatestAsync(long before, int limit, CancellationToken ct) =>
        store.ReadAsync(read => ImportStore.Latest(read, before, limit), ct);

    public Task<IReadOnlyList<RejectedRow>> RejectsAsync(long id, long after, int limit, CancellationToken ct) =>
        store.ReadAsync(read => ImportStore.Rejects(read, id, after, limit), ct);

    public Task<IReadOnlyList<(string Code, long Count)>> RejectsByReasonAsync(long id, CancellationToken ct) =>
        store.ReadAsync(read => ImportStore.RejectsByReason(read, id), ct);

    /// <summary>How much of the file a running import has read, 0 to 1; null when it does not run.</summary>
    public double? ShareOf(long id) => runner.ShareOf(id);

    internal static string PathOf(DataFolder folder, long fileId) => folder.PathOf("uploads", FormattableString.Invariant($"{fileId}.csv"));

    /// <summary>The identifier type of a source's own ids, as the profiles know it.</summary>
    internal static string OwnIdType(long sourceId) => FormattableString.Invariant($"source_{sourceId}_id");

    /// <summary>The same for the same columns in any order.</summary>
    private static string HeaderKey(IReadOnlyList<string> header) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\u001F', header.Order(StringComparer.Ordinal)))))[..16];

    private static string Subject(long id) => FormattableString.Invariant($"import:{id}");

    private async Task<Outcome<FileImport>> TurnAsync(Actor actor, long id, string action, ImportState to, ImportState[] from, CancellationToken ct)
    {
        var problem = await store.WriteAsync(
            write =>
            {
                if (ImportStore.Find(write, id) is not { } import)
                {
                    return UnknownImport;
                }

                if (!from.Contains(import.State))
                {
                    return new Problem("import.not_possible", $"The import is {import.State.ToString().ToLowerInvariant()}.");
                }

                ImportStore.SetState(write, id, to, Now);
                audit.Record(write, actor, action, Subject(id));
                return null;
            }, ct);
        if (problem is not null)
        {
            return problem;
        }

        runner.Wake();
        return (await FindAsync(id, ct))!;
    }
}
