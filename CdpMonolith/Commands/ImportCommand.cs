using System.Text.Json;
using System.Text.Json.Nodes;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Commands;

/// <summary>
/// <c>cdp import</c>: hands a file to the server that holds the data folder; when none runs, runs one for as long as the import
/// takes.
/// </summary>
internal static class ImportCommand
{
    private const string Help = """
        cdp import FILE --source NAME [--map MAP] [options]
        cdp import FILE --mapping NAME [options]

          FILE                   a CSV file, also packed with gzip or zip
          --source NAME          the source that the file is from; made when there is none of this name
          --map MAP              what each column becomes, either a JSON file or Column=target,Column=target,…;
                                 default: as the last import of these columns, else as the headings suggest
          --mapping NAME         a saved mapping: what each column becomes, how the file is written and its source, where not said here
          --dry-run              say what would be stored, matched and rejected, and store nothing
          --event NAME           each row is also this event
          --date-order ORDER     ymd, dmy or mdy, for dates such as 1/2/2026
          --time-zone ZONE       such as Europe/Oslo, for times without one (default: UTC)
          --decimal-comma        numbers are written 1.234,56
          --encoding NAME        utf-8, utf-16, utf-16BE, windows-1252 or windows-874 (default: guessed)
          --delimiter SIGN       one sign, or comma, semicolon, tab or bar (default: guessed)
          --quote SIGN           what stands around cells: double, single or none (default: guessed)
          --header, --no-header  whether the first row names the columns (default: guessed)
          --Store:Folder=DIR     the data folder (default: data)

        Targets: userId, email, phone, ownId, anonymousId, trait:NAME[:TYPE] (text, number, boolean, date or currency),
                 property:NAME[:TYPE], eventName, time, messageId,
                 orderId and line:NAME[:TYPE] (rows that are lines of orders),
                 groupId, groupTrait:NAME[:TYPE],
                 consent:PURPOSE[:CHANNEL], consentTime, consentText, consentSource, ignore
        Example: cdp import contacts.csv --source CRM --map "Id=ownId,Email=email,Name=trait:name,News=consent:newsletter:email"

        Rejected rows are written to import-N-rejected.csv in the folder where the command runs.
        Ends with 0 when every row was taken, 1 when rows were rejected or it failed, 2 when the command line is wrong.
        """;

    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        if (args.Length == 0 || args.Contains("--help") || args.Contains("-h"))
        {
            await output.WriteLineAsync(Help);
            return args.Length == 0 ? 2 : 0;
        }

        if (Options.Read(args, out var problem) is not { } options)
        {
            await Console.Error.WriteLineAsync($"{problem}\n\n{Help}");
            return 2;
        }

        if (await LocalAccess.ConnectAsync(options.Folder, CancellationToken.None) is { } running)
        {
            using (running)
            {
                return await ImportAsync(running, options, output, ct => LocalAccess.ConnectAsync(options.Folder, ct));
            }
        }

        try
        {
            await using var app = Server.Build(
                ["--urls=http://127.0.0.1:0", $"--Store:Folder={options.Folder}", "--Logging:LogLevel:Default=Warning"]);
            await app.StartAsync();
            using var own = await LocalAccess.ConnectAsync(options.Folder, CancellationToken.None)
                ?? throw new InvalidOperationException("The server that this command started does not answer.");
            var code = await ImportAsync(own, options, output, again: null);
            await app.StopAsync();
            return code;
        }
        catch (FolderInUseException inUse)
        {
            await Console.Error.WriteLineAsync(inUse.Message);
            return 1;
        }
    }

    /// <param name="again">Connects to the server anew.</param>
    private static async Task<int> ImportAsync(HttpClient server, Options options, TextWriter output, Func<CancellationToken, Task<HttpClient?>>? again)
    {
        try
        {
            return await TakeAsync(server, options, output, again);
        }
        catch (HttpRequestException fault) when (fault.StatusCode is { } status && !ImportCalls.IsGone(fault))
        {
            await Console.Error.WriteLineAsync(FormattableString.Invariant($"The server answered with {(int)status}; its log says why."));
            return 1;
        }
        catch (Exception fault) when (ImportCalls.IsGone(fault) || fault is TaskCanceledException)
        {
            await Console.Error.WriteLineAsync("The server stopped answering. Run the same command again once it is there: what was taken already is not taken twice.");
            return 1;
        }
    }

    private static async Task<int> TakeAsync(HttpClient server, Options options, TextWriter output, Func<CancellationToken, Task<HttpClient?>>? again)
    {
        var calls = new ImportCalls(server, output, again);
        var (wish, mappedFor) = (options.Wish, (long?)null);
        if (options.Mapping is { } name)
        {
            if (await calls.SavedAsync(name, wish, CancellationToken.None) is not { } saved)
            {
                return 1;
            }

            (wish, mappedFor) = saved;
        }

        var sourceId = options.Source is { } source ? await calls.SourceAsync(source, mayMake: !wish.DryRun, CancellationToken.None) : mappedFor;
        if (sourceId is not { } from)
        {
            await Console.Error.WriteLineAsync($"The mapping '{options.Mapping}' is for no source of its own; say --source.");
            return 1;
        }

        await using var content = File.OpenRead(options.File);
        var import = await calls.RunAsync(content, Path.GetFileName(options.File), from, wish, CancellationToken.None);
        if (import is null)
        {
            return calls.IsCommandLineWrong ? 2 : 1;
        }

        if ((long)import["rejected"]! == 0 || options.Wish.DryRun)
        {
            return 0;
        }

        await WriteRejectsAsync(calls, (long)import["id"]!, output);
        return 1;
    }

    private static async Task WriteRejectsAsync(ImportCalls calls, long id, TextWriter output)
    {
        var path = FormattableString.Invariant($"import-{id}-rejected.csv");
        await using var from = await calls.RejectsAsync(id, CancellationToken.None);
        await using var to = File.Create(path);
        await from.CopyToAsync(to);
        await output.WriteLineAsync($"the rejected rows, with reasons, are in {path}");
    }

    private sealed record Options(string File, string? Source, string? Mapping, string Folder, ImportWish Wish)
    {
        public static Options? Read(string[] args, out string? problem)
        {
            string? file = null, source = null, map = null, saved = null, happening = null, zone = null, order = null;
            var folder = new StoreOptions().Folder;
            string? encoding = null, delimiter = null, quote = null;
            bool comma = false, dry = false;
            bool? header = null;
            problem = null;
            for (var i = 0; i < args.Length; i++)
            {
                var (name, value) = args[i].Split('=', 2) is [var left, var right] && left.StartsWith("--", StringComparison.Ordinal) ? (left, right) : (args[i], null);
                switch (name)
                {
                    case "--decimal-comma":
                        comma = true;
                        continue;
                    case "--dry-run":
                        dry = true;
                        continue;
                    case "--header" or "--no-header":
                        header = name == "--header";
                        continue;
                    case "--source" or "--map" or "--mapping" or "--event" or "--time-zone" or "--date-order" or "--encoding" or "--delimiter" or "--quote" or "--Store:Folder":
                        value ??= ++i < args.Length ? args[i] : null;
                        if (value is null)
                        {
                            problem = $"{name} needs a value.";
                            return null;
                        }

                        break;
                    case var other when other.StartsWith('-') || file is not null:
                        problem = $"'{other}' is not understood.";
                        return null;
                    default:
                        file = name;
                        continue;
                }

                _ = name switch
                {
                    "--source" => source = value,
                    "--map" => map = value,
                    "--mapping" => saved = value,
                    "--event" => happening = value,
                    "--time-zone" => zone = value,
                    "--date-order" => order = value,
                    "--encoding" => encoding = value,
                    "--delimiter" => delimiter = value,
                    "--quote" => quote = value,
                    _ => folder = value,
                };
            }

            problem = file is null ? "Which file?"
                : !System.IO.File.Exists(file) ? $"There is no file {file}."
                : source is null && saved is null ? "--source is missing."
                : map is not null && saved is not null ? "--map and --mapping are two answers to one question."
                : order is not (null or "ymd" or "dmy" or "mdy") ? "--date-order is ymd, dmy or mdy."
                : quote is not (null or "double" or "single" or "none") ? "--quote is double, single or none." : null;
            if (problem is not null)
            {
                return null;
            }

            JsonNode? mapping = null;
            if (map is not null && map.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && System.IO.File.Exists(map))
            {
                try
                {
                    mapping = JsonNode.Parse(System.IO.File.ReadAllText(map));
                }
                catch (JsonException fault)
                {
                    problem = $"{map} is not JSON: line {fault.LineNumber + 1}.";
                    return null;
                }
            }

            return new Options(file!, source, saved, folder, new ImportWish(mapping, mapping is null ? map : null, happening, zone, order, comma, encoding, delimiter, header, quote, dry));
        }
    }
}
