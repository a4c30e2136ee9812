using CdpMonolith.Commands.Bench;
using CdpMonolith.Commands.Demo;

namespace CdpMonolith.Commands;

/// <summary>What can be typed after <c>cdp</c>. Nothing: serve.</summary>
internal static class CommandLine
{
    private const string Help = """
        CdpMonolith, a customer data platform in one file.

          cdp [serve]            serve the console and the API
          cdp demo               serve a demo, filled with the samples
          cdp import FILE …      load a CSV file; cdp import --help says more
          cdp bench [NAME]       measure this machine
          cdp user reset EMAIL   print a link that sets a new password
          cdp version            print the version

        Settings, each also as an environment variable (Store__Folder) or in appsettings.json beside the program:
          --Store:Folder=DIR     where data lies (default: data)
          --urls=http://IP:PORT  where to listen (default: http://127.0.0.1:5080)
        """;

    /// <returns>0 done, 1 failed, 2 the command line or a setting is wrong.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        try
        {
            return await DoAsync(args, output);
        }
        catch (WrongSettingsException wrong)
        {
            await Console.Error.WriteLineAsync(wrong.Message);
            return 2;
        }
    }

    private static async Task<int> DoAsync(string[] args, TextWriter output)
    {
        var (verb, rest) = args is [var first, .. var others] && (!first.StartsWith('-') || first is "--help" or "-h" or "--version") ? (first, others) : ("serve", args);
        if (verb is "serve" or "user" && rest.Any(one => one is "--help" or "-h"))
        {
            verb = "help";
        }

        switch (verb)
        {
            case "serve":
                return await ServeCommand.RunAsync(rest, output);
            case "demo":
                return await DemoCommand.RunAsync(rest, output);
            case "import":
                return await ImportCommand.RunAsync(rest, output);
            case "bench":
                return await BenchCommand.RunAsync(rest, output);
            case "user":
                return await UserCommand.RunAsync(rest, output);
            case "version" or "--version":
                await output.WriteLineAsync(typeof(CommandLine).Assembly.GetName().Version!.ToString(3));
                return 0;
            case "help" or "--help" or "-h":
                await output.WriteLineAsync(Help);
                return 0;
            default:
                await Console.Error.WriteLineAsync($"There is no command '{verb}'.\n\n{Help}");
                return 2;
        }
    }
}
