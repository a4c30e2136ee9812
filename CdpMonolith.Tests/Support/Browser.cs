using Microsoft.Playwright;

namespace CdpMonolith.Tests.Support;

/// <summary>Debian's Chromium, one for all tests; a test asks for a page with storage of its own.</summary>
internal static class Browser
{
    private static readonly string[] Flags =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
    ];

    private static readonly SemaphoreSlim Starting = new(1, 1);
    private static IPlaywright? _playwright;
    private static IBrowser? _browser;

    /// <summary>Where Chromium is; skips the test with one line when it is nowhere, which CI does not allow.</summary>
    public static string Path => Tools.Need("chromium", Environment.GetEnvironmentVariable("CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome");

    public static async Task<IPage> OpenAsync(Uri address, int width = 1440, int height = 900, bool dark = false)
    {
        var path = Path;
        await Starting.WaitAsync();
        try
        {
            _playwright ??= await Playwright.CreateAsync();
            _browser ??= await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = path, Headless = true, Args = Flags });
        }
        finally
        {
            Starting.Release();
        }

        var context = await _browser.NewContextAsync(new()
        {
            BaseURL = address.ToString(), ViewportSize = new() { Width = width, Height = height },
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light, AcceptDownloads = true,
        });
        context.SetDefaultTimeout(15_000);
        return await context.NewPageAsync();
    }

    public static async Task CloseAsync()
    {
        if (_browser is not null)
        {
            await _browser.CloseAsync();
        }

        _playwright?.Dispose();
    }
}

/// <summary>Programs that some tests need beyond the SDK.</summary>
internal static class Tools
{
    /// <summary>The first of the paths that exists. None: the test is skipped in one line; in CI it fails.</summary>
    public static string Need(string name, params string?[] paths)
    {
        var found = paths.FirstOrDefault(path => !string.IsNullOrEmpty(path) && File.Exists(path));
        if (found is null)
        {
            Missing(name);
        }

        return found!;
    }

    /// <summary>The path of Node, with the clients of the field beside it in <c>Clients/node_modules</c>.</summary>
    public static string NodeWithClients()
    {
        if (!Directory.Exists(Repo.Path("CdpMonolith.Tests", "Clients", "node_modules", "@jitsu")))
        {
            Missing("CdpMonolith.Tests/Clients/node_modules (npm ci makes it)");
        }

        return Need("node", Environment.GetEnvironmentVariable("NODE"), "/usr/bin/node", "/usr/local/bin/node");
    }

    /// <summary>Says in one line that something is not here: a skip, in CI a failure.</summary>
    public static void Missing(string name)
    {
        if (Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail($"{name} is not on this machine; CI must have it.");
        }

        Assert.Ignore($"skipped: {name} is not on this machine");
    }
}
