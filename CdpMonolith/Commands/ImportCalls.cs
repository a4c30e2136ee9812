using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace CdpMonolith.Commands;

/// <summary>What the import API wants to know of a file; null takes what is found in the file.</summary>
/// <param name="Mapping">What each column becomes, as JSON; or <paramref name="Map"/> in the short form.</param>
internal sealed record ImportWish(
    JsonNode? Mapping, string? Map = null, string? Event = null, string? TimeZone = null, string? DateOrder = null, bool DecimalComma = false,
    string? Encoding = null, string? Delimiter = null, bool? HasHeader = null, string? Quote = null, bool DryRun = false);

/// <summary>Brings files into a running server through its API and tells how it goes.</summary>
/// <param name="again">Connects anew to a server that was started again; null where the server is this program itself.</param>
internal sealed class ImportCalls(HttpClient server, TextWriter output, Func<CancellationToken, Task<HttpClient?>>? again = null)
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan WaitsForServer = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LooksForServerEvery = TimeSpan.FromSeconds(1);

    private HttpClient _server = server;

    /// <summary>What was refused was said on the command line.</summary>
    public bool IsCommandLineWrong { get; private set; }

    /// <summary>Imports a file and waits for its end.</summary>
    /// <returns>The import as the API shows it at its end; null when it was refused or did not end well, which was then told.</returns>
    public async Task<JsonNode?> RunAsync(Stream content, string fileName, long sourceId, ImportWish wish, CancellationToken ct)
    {
        using var kept = await _server.PostAsync($"/api/imports/files?name={Uri.EscapeDataString(fileName)}", new StreamContent(content), ct);
        if (await BodyAsync(kept, ct) is not { } file)
        {
            return null;
        }

        var fileId = (long)file["fileId"]!;
        if (wish.Encoding is not null || wish.Delimiter is not null || wish.HasHeader is not null || wish.Quote is not null)
        {
            using var shaped = await _server.PutAsJsonAsync(
                FormattableString.Invariant($"/api/imports/files/{fileId}/shape"), new { encoding = wish.Encoding, delimiter = wish.Delimiter, hasHeader = wish.HasHeader, quote = wish.Quote }, ct);
            if (await BodyAsync(shaped, ct) is not { } asSaid)
            {
                return null;
            }

            file = asSaid;
        }

        if (wish.Mapping is null && wish.Map is null)
        {
            await TellLeftOutAsync(file);
        }

        using var started = await _server.PostAsJsonAsync(wish.DryRun ? "/api/imports/dry-run" : "/api/imports", new
        {
            fileId, sourceId, mapping = wish.Mapping ?? (wish.Map is null ? file["suggested"]?.DeepClone() : null), map = wish.Map, @event = wish.Event,
            timeZone = wish.TimeZone, dateOrder = wish.DateOrder, decimalComma = wish.DecimalComma ? true : (bool?)null,
        }, ct);
        return await BodyAsync(started, ct) is not { } import ? null
            : wish.DryRun ? await TellAsync(import) : await FollowAsync((long)import["id"]!, ct);
    }

    /// <summary>A wish with what a saved mapping says where the wish says nothing, and the mapping's source.</summary>
    /// <returns>Null: there is no such mapping, which was told.</returns>
    public async Task<(ImportWish Wish, long? SourceId)?> SavedAsync(string name, ImportWish wish, CancellationToken ct)
    {
        var all = (await _server.GetFromJsonAsync<JsonArray>("/api/mappings", ct))!;
        if (all.FirstOrDefault(saved => string.Equals((string)saved!["name"]!, name, StringComparison.OrdinalIgnoreCase)) is not { } found)
        {
            await Console.Error.WriteLineAsync(
                $"There is no saved mapping '{name}'{(all.Count == 0 ? "; save one in the console, under Imports" : $"; there are {string.Join(", ", all.Select(saved => $"'{saved!["name"]}'"))}")}.");
            return null;
        }

        return (wish with
        {
            Mapping = found["mapping"]!.DeepClone(), Encoding = wish.Encoding ?? (string)found["encoding"]!, Delimiter = wish.Delimiter ?? (string)found["delimiter"]!,
            HasHeader = wish.HasHeader ?? (bool)found["hasHeader"]!, Quote = wish.Quote ?? (string)found["quote"]!,
        }, (long?)found["sourceId"]);
    }

    /// <summary>The source of this name; made, as one of files, when there is none and one may be.</summary>
    /// <returns>0: there is none.</returns>
    public async Task<long> SourceAsync(string name, bool mayMake, CancellationToken ct)
    {
        var sources = (await _server.GetFromJsonAsync<JsonArray>("/api/sources", ct))!;
        if (sources.FirstOrDefault(source => string.Equals((string)source!["name"]!, name, StringComparison.OrdinalIgnoreCase)) is { } known)
        {
            return (long)known["id"]!;
        }

        if (!mayMake)
        {
            return 0;
        }

        using var made = await _server.PostAsJsonAsync("/api/sources", new { name, kind = "file" }, ct);
        made.EnsureSuccessStatusCode();
        return (long)(await made.Content.ReadFromJsonAsync<JsonNode>(ct))!["id"]!;
    }

    /// <summary>The rejected rows of an import, as CSV.</summary>
    public Task<Stream> RejectsAsync(long id, CancellationToken ct) => _server.GetStreamAsync(FormattableString.Invariant($"/api/imports/{id}/rejected.csv"), ct);

    /// <summary>Names the columns that a mapping which nobody wrote leaves out, and why.</summary>
    private async Task TellLeftOutAsync(JsonNode file)
    {
        var columns = file["suggested"]!["columns"]!.AsObject();
        var blank = file["blank"]!.AsArray().Select(name => (string)name!).ToHashSet();
        var leftOut = file["header"]!.AsArray().Select(name => (string)name!)
            .Where(name => !name.StartsWith("rejected_", StringComparison.Ordinal) && (columns[name] is null || (string?)columns[name]!["to"] == "ignore")).ToList();
        var remembered = (bool)file["isRemembered"]!;
        foreach (var (names, why) in new[]
        {
            (leftOut.Where(blank.Contains).ToList(), "they are empty in the first rows"),
            (leftOut.Where(name => !blank.Contains(name)).ToList(), remembered ? "as last time" : "their meaning was not found"),
        })
        {
            if (names.Count > 0)
            {
                await output.WriteLineAsync($"left out, {why}: {string.Join(", ", names)}; say with --map what they become");
            }
        }
    }

    private async Task<JsonNode> TellAsync(JsonNode counts)
    {
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"would take {(long)counts["taken"]!:#,0} of {(long)counts["rows"]!:#,0} rows, {(long)counts["alreadyThere"]!:#,0} are there already; {(long)counts["newPeople"]!:#,0} new people, {(long)counts["matchedPeople"]!:#,0} known ones{((long?)counts["peopleCountedTo"] is { } row ? $" of the first {row:#,0} rows" : "")}; nothing was stored"));
        foreach (var reason in counts["reasons"]!.AsArray())
        {
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"  {(long)reason!["rows"]!:#,0} rejected, first row {(long)reason["firstRow"]!:#,0}: {reason["code"]}{(reason["field"] is { } field ? $" ({field})" : "")} {reason["message"]}"));
        }

        return counts;
    }

    private async Task<JsonNode?> FollowAsync(long id, CancellationToken ct)
    {
        var shown = 0L;
        while (true)
        {
            if (await LookAsync(id, ct) is not { } import)
            {
                return null;
            }

            var rows = (long)import["rowsDone"]!;
            if (rows != shown)
            {
                shown = rows;
                var share = (double?)import["share"];
                await output.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture, $"{rows:#,0} rows{(share is null ? "" : $" ({share:P0})")}, {(long)import["rejected"]!:#,0} rejected"));
            }

            switch ((string)import["state"]!)
            {
                case "Done":
                    await output.WriteLineAsync(string.Create(
                        CultureInfo.InvariantCulture,
                        $"done: {(long)import["stored"]!:#,0} calls stored, {(long)import["duplicates"]!:#,0} were there already, {(long)import["rejected"]!:#,0} rows rejected"));
                    return import;
                case "Failed" or "Cancelled":
                    await Console.Error.WriteLineAsync($"The import {import["state"]!.ToString().ToLowerInvariant()}. {import["error"]}");
                    return null;
            }

            await Task.Delay(Between, ct);
        }
    }

    /// <summary>The import as it stands; when the server is gone, once it is there again.</summary>
    /// <returns>Null: it did not come back in time, which was told.</returns>
    private async Task<JsonNode?> LookAsync(long id, CancellationToken ct)
    {
        var path = FormattableString.Invariant($"/api/imports/{id}");
        try
        {
            return await _server.GetFromJsonAsync<JsonNode>(path, ct);
        }
        catch (Exception fault) when (again is not null && IsGone(fault))
        {
            await output.WriteLineAsync(FormattableString.Invariant($"the server does not answer; waiting up to {WaitsForServer.TotalSeconds:0} s for it to come back"));
        }

        for (var waited = TimeSpan.Zero; waited < WaitsForServer; waited += LooksForServerEvery)
        {
            await Task.Delay(LooksForServerEvery, ct);
            try
            {
                if (await again(ct) is { } back)
                {
                    _server = back;
                    var import = await back.GetFromJsonAsync<JsonNode>(path, ct);
                    await output.WriteLineAsync("the server is back");
                    return import;
                }
            }
            catch (Exception fault) when (IsGone(fault))
            {
                // It stopped once more, or is not ready yet.
            }
        }

        await Console.Error.WriteLineAsync("The server did not come back. The import goes on where it was when the server runs again; see Imports in the console.");
        return null;
    }

    /// <summary>The server stopped, or is another one by now and does not know the token.</summary>
    public static bool IsGone(Exception fault) => fault is HttpRequestException { StatusCode: null or HttpStatusCode.Unauthorized or HttpStatusCode.ServiceUnavailable } or IOException;

    private async Task<JsonNode?> BodyAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        var isJson = answer.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) == true;
        var body = isJson ? await answer.Content.ReadFromJsonAsync<JsonNode>(ct) : null;
        if (answer.IsSuccessStatusCode)
        {
            return body;
        }

        IsCommandLineWrong = (string?)body?["code"] is { } code && (code.StartsWith("mapping.", StringComparison.Ordinal) || code is "file.encoding_unknown" or "file.delimiter_unknown");
        await Console.Error.WriteLineAsync($"{body?["title"] ?? answer.ReasonPhrase}{(body?["field"] is { } field ? $" ({field})" : "")}");
        return null;
    }
}
