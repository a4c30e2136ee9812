using System.Globalization;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>Bringing files in over HTTP: the console's upload and the command line use these.</summary>
internal static class ImportEndpoints
{
    private const long FileAtMost = 4L << 30;
    private const int RejectsAtOnce = 1000;

    private static readonly Problem NoUndo = new("undo.unknown", "Nobody asked to undo this import.");

    public static void MapImports(this IEndpointRouteBuilder endpoints)
    {
        var imports = endpoints.MapGroup("/api/imports").RequireAuthorization(Policies.Analyse);
        imports.MapPost("/files", KeepAsync);
        imports.MapGet("/files/{id:long}", async (long id, Imports use, CancellationToken ct) => Answer(await use.InspectAsync(id, ct), FindingsOf));
        imports.MapPut("/files/{id:long}/shape", ReshapeAsync);
        imports.MapPost("/preview", PreviewAsync);
        imports.MapPost("/dry-run", TryAsync);
        imports.MapPost("/", StartAsync);
        imports.MapGet("/", async (Imports use, CancellationToken ct, long before = long.MaxValue, int limit = 50) =>
            (await use.LatestAsync(before, Math.Clamp(limit, 1, 200), ct)).Select(import => ViewOf(import, use)));
        imports.MapGet("/{id:long}", async (long id, Imports use, CancellationToken ct) =>
            await use.FindAsync(id, ct) is { } import ? Results.Ok(ViewOf(import, use)) : Refused(Imports.UnknownImport));
        imports.MapPost("/{id:long}/pause", async (long id, HttpContext http, Imports use, CancellationToken ct) =>
            Answer(await use.PauseAsync(Actor.Of(http.User), id, ct), import => ViewOf(import, use)));
        imports.MapPost("/{id:long}/resume", async (long id, HttpContext http, Imports use, CancellationToken ct) =>
            Answer(await use.ResumeAsync(Actor.Of(http.User), id, ct), import => ViewOf(import, use)));
        imports.MapPost("/{id:long}/cancel", async (long id, HttpContext http, Imports use, CancellationToken ct) =>
            Answer(await use.CancelAsync(Actor.Of(http.User), id, ct), import => ViewOf(import, use)));
        imports.MapPost("/{id:long}/undo", async (long id, HttpContext http, Undos use, CancellationToken ct) =>
            Answer(await use.StartAsync(Actor.Of(http.User), id, ct), UndoOf)).RequireAuthorization(Policies.Administer);
        imports.MapGet("/{id:long}/undo", async (long id, Undos use, CancellationToken ct) =>
            await use.FindAsync(id, ct) is { } undo ? Results.Ok(UndoOf(undo)) : Refused(NoUndo));
        imports.MapGet("/{id:long}/rejected.csv", RejectsAsync);
    }

    /// <summary>The body is the file itself; its name is in the query. Streamed to disk, whatever its size.</summary>
    private static async Task<IResult> KeepAsync(string name, HttpContext http, Imports use, CancellationToken ct)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = FileAtMost;
        }

        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        var kept = await use.KeepAsync(Actor.Of(http.User), name, http.Request.Body, ct);
        return kept.Met(out var file) ? Answer(await use.InspectAsync(file.Id, ct), FindingsOf) : Refused(kept.Problem!);
    }

    /// <summary>Says how the file is to be read, where the guess was wrong.</summary>
    private static async Task<IResult> ReshapeAsync(long id, ShapeWish wanted, HttpContext http, Imports use, CancellationToken ct)
    {
        if (await use.FindFileAsync(id, ct) is not { } file)
        {
            return Refused(Imports.UnknownFile);
        }

        var shape = file.Shape.With(wanted.Encoding, wanted.Delimiter, wanted.HasHeader, wanted.Quote);
        return shape.Met(out var said) ? Answer(await use.ReshapeAsync(Actor.Of(http.User), id, said, ct), FindingsOf) : Refused(shape.Problem!);
    }

    /// <summary>The first rows as they would be stored; nothing is.</summary>
    private static async Task<IResult> PreviewAsync(StartImport wanted, Imports use, CancellationToken ct)
    {
        var mapping = wanted.ToMapping();
        return mapping.Met(out var columns)
            ? Answer(await use.PreviewAsync(wanted.FileId, wanted.SourceId, columns, ct), rows => rows.Select(row => new
            {
                row.Row, row.Cells, Calls = row.Calls.Select(call => JsonSerializer.Deserialize<JsonElement>(call)), row.Problem?.Code, row.Problem?.Message, row.Problem?.Field,
            }))
            : Refused(mapping.Problem!);
    }

    /// <summary>The whole file as it would be stored, counted; nothing is stored.</summary>
    private static async Task<IResult> TryAsync(StartImport wanted, DryRun use, CancellationToken ct)
    {
        var mapping = wanted.ToMapping();
        return mapping.Met(out var columns)
            ? Answer(await use.RunAsync(wanted.FileId, wanted.SourceId, columns, ct), counts => counts)
            : Refused(mapping.Problem!);
    }

    private static async Task<IResult> StartAsync(StartImport wanted, HttpContext http, Imports use, CancellationToken ct)
    {
        var mapping = wanted.ToMapping();
        if (!mapping.Met(out var columns))
        {
            return Refused(mapping.Problem!);
        }

        var started = await use.StartAsync(Actor.Of(http.User), wanted.FileId, wanted.SourceId, columns, ct);
        return started.Match(
            import => Results.Created(FormattableString.Invariant($"/api/imports/{import.Id}"), ViewOf(import, use)), Refused);
    }

    /// <summary>The rows that were not taken, with row number and reason before the original cells; formulas are made harmless.</summary>
    private static async Task RejectsAsync(long id, HttpContext http, Imports use, CancellationToken ct)
    {
        if (await use.FindAsync(id, ct) is not { } import)
        {
            await Refused(Imports.UnknownImport).ExecuteAsync(http);
            return;
        }

        // The copy of the file may be gone by now; its rows are here, only the names of the columns are not.
        var header = (await use.InspectAsync(import.FileId, ct)).Met(out var file) ? file.Header
            : [.. (await use.RejectsAsync(id, 0, 1, ct)).SelectMany(row => row.Cells).Select((_, at) => FormattableString.Invariant($"Column {at + 1}"))];

        http.Response.ContentType = "text/csv; charset=utf-8";
        http.Response.Headers.ContentDisposition = FormattableString.Invariant($"attachment; filename=\"import-{id}-rejected.csv\"");
        http.Response.Headers.XContentTypeOptions = "nosniff";
        await using var text = new StreamWriter(http.Response.Body, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        var own = MendedReport.OwnColumns(header);
        await text.WriteLineAsync(Line([.. MendedReport.Columns, .. header.Skip(own)]));
        long after = 0;
        while (await use.RejectsAsync(id, after, RejectsAtOnce, ct) is { Count: > 0 } rows)
        {
            foreach (var row in rows)
            {
                await text.WriteLineAsync(Line([row.Row.ToString(CultureInfo.InvariantCulture), row.Code, row.Field ?? "", row.Message, .. row.Cells.Skip(own).Select(cell => own == 0 ? cell : MendedReport.Cell(cell))]));
            }

            after = rows[^1].Row;
        }
    }

    private static string Line(IEnumerable<string> cells) => string.Join(',', cells.Select(Cell.Csv));

    private static IResult Answer<T>(Outcome<T> outcome, Func<T, object> view) where T : notnull =>
        outcome.Match(value => Results.Ok(view(value)), Refused);

    private static IResult Refused(Problem problem) => problem.ToHttp(
        problem.Code.EndsWith(".unknown", StringComparison.Ordinal) ? StatusCodes.Status404NotFound : StatusCodes.Status422UnprocessableEntity);

    private static object FindingsOf(FileFindings found) => new
    {
        fileId = found.File.Id, found.File.Name, found.File.SizeBytes, found.File.Shape.Encoding, Delimiter = found.File.Shape.Delimiter.ToString(),
        found.File.Shape.HasHeader, found.File.Shape.Quote, found.Header, Rows = found.Rows.Take(10), Blank = found.Header.Where((_, at) => found.Rows.All(row => row.Count <= at || string.IsNullOrWhiteSpace(row[at]))), Suggested = JsonSerializer.Deserialize<JsonElement>(found.Suggested.ToJson()), found.IsRemembered,
        Saved = found.Saved.Select(offer => new { offer.Saved.Id, offer.Saved.Name, offer.Saved.SourceId, offer.Likeness, offer.Missing, offer.New }),
    };

    private static object UndoOf(ImportUndo undo) => new { undo.ImportId, undo.Events, undo.AskedAt, undo.EndedAt, undo.Actor, undo.Error };

    private static object ViewOf(FileImport import, Imports use) => new
    {
        import.Id, import.FileId, import.FileName, import.SourceId, State = import.State.ToString(), import.RowsDone, import.Stored, import.Duplicates,
        import.Rejected, import.CreatedAt, import.StartedAt, import.EndedAt, import.Error, Share = use.ShareOf(import.Id),
    };

    /// <summary>How a file is written; null: as it was guessed or said before.</summary>
    internal sealed record ShapeWish(string? Encoding, string? Delimiter, bool? HasHeader, CsvQuote? Quote);

    /// <param name="Mapping">As JSON; or <paramref name="Map"/> in the short form of the command line.</param>
    internal sealed record StartImport(
        long FileId, long SourceId, JsonElement? Mapping, string? Map, string? Event, string? TimeZone, DateOrder? DateOrder, bool? DecimalComma)
    {
        public Outcome<ImportMapping> ToMapping()
        {
            var mapping = Mapping is { ValueKind: JsonValueKind.Object } json ? ImportMapping.Parse(json.GetRawText()) : ImportMapping.ParseShort(Map ?? "");
            return mapping.Met(out var columns)
                ? columns with
                {
                    Event = Event ?? columns.Event, TimeZone = TimeZone ?? columns.TimeZone,
                    DateOrder = DateOrder ?? columns.DateOrder, DecimalComma = DecimalComma ?? columns.DecimalComma,
                }
                : mapping;
        }
    }
}
