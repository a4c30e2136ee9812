using System.Net;
using System.Net.Http.Headers;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CdpMonolith.Platform.Store;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Platform.Users;

/// <summary>
/// How the command line speaks to a running server: whoever may read the data folder may do all that an owner may. The server
/// writes its address and a token of this start into <c>run.json</c>, readable by its owner only; the token is taken from
/// loopback only.
/// </summary>
public static class LocalAccess
{
    /// <summary>Name of the authentication scheme, and of the identity's authentication type.</summary>
    public const string Scheme = "Local";

    internal const string FileName = "run.json";
    internal const string TokenPrefix = "cdp_local_";

    /// <summary>A client for the server that holds the folder, signed in; null when none is running.</summary>
    /// <param name="folder">The data folder.</param>
    public static async Task<HttpClient?> ConnectAsync(string folder, CancellationToken ct)
    {
        var file = Path.Combine(folder, FileName);
        if (!File.Exists(file))
        {
            return null;
        }

        RunFile? run;
        try
        {
            run = JsonSerializer.Deserialize<RunFile>(await File.ReadAllTextAsync(file, ct));
        }
        catch (JsonException)
        {
            return null;
        }

        if (run is null)
        {
            return null;
        }

        var client = new HttpClient { BaseAddress = new Uri(run.Address), Timeout = TimeSpan.FromMinutes(30) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", run.Token);
        try
        {
            using var answer = await client.GetAsync("/api/local", ct);
            if (answer.IsSuccessStatusCode)
            {
                return client;
            }
        }
        catch (HttpRequestException)
        {
            // A file left by a server that was killed.
        }

        client.Dispose();
        return null;
    }

    internal static IServiceCollection AddLocalAccess(this IServiceCollection services)
    {
        services.AddSingleton<LocalToken>();
        services.AddHostedService<RunFileWriter>();
        services.AddAuthentication().AddScheme<AuthenticationSchemeOptions, LocalHandler>(Scheme, null);
        services.PostConfigureAll<CookieAuthenticationOptions>(cookie =>
            cookie.ForwardDefaultSelector = http =>
                http.Request.Headers.Authorization.ToString().StartsWith($"Bearer {TokenPrefix}", StringComparison.Ordinal) ? Scheme : null);
        return services;
    }
}

internal sealed record RunFile(string Address, string Token, int Pid);

/// <summary>The token of this start.</summary>
internal sealed class LocalToken
{
    private readonly byte[] _bytes;

    public LocalToken()
    {
        Value = LocalAccess.TokenPrefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        _bytes = Encoding.ASCII.GetBytes(Value);
    }

    public string Value { get; }

    public bool Is(string given) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), _bytes);
}

internal sealed class LocalHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, LocalToken token)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var given = Request.Headers.Authorization.ToString();
        if (!given.StartsWith("Bearer ", StringComparison.Ordinal))
        {
            return Task.FromResult(AuthenticateResult.NoResult());
        }

        if (Context.Connection.RemoteIpAddress is not { } from || !IPAddress.IsLoopback(from) || !token.Is(given["Bearer ".Length..]))
        {
            return Task.FromResult(AuthenticateResult.Fail("Not the token of this start, or not from this machine."));
        }

        var identity = new ClaimsIdentity(
            [new Claim(ClaimTypes.Name, Actor.CommandLine.Name), new Claim(ClaimTypes.Role, Roles.Owner)], LocalAccess.Scheme);
        return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), LocalAccess.Scheme)));
    }
}

/// <summary>Writes <c>run.json</c> once the server listens, and takes it away when it stops.</summary>
internal sealed class RunFileWriter(DataFolder folder, LocalToken token, IHostApplicationLifetime life, IServiceProvider services) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        life.ApplicationStarted.Register(Write);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        File.Delete(folder.PathOf(LocalAccess.FileName));
        return Task.CompletedTask;
    }

    private void Write()
    {
        var addresses = services.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses;
        if (addresses?.FirstOrDefault() is not { } address)
        {
            return;
        }

        // An address that stands for every interface is reached from this machine by loopback.
        var local = address.Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal).Replace("[::]", "127.0.0.1", StringComparison.Ordinal)
            .Replace("//+", "//127.0.0.1", StringComparison.Ordinal).Replace("//*", "//127.0.0.1", StringComparison.Ordinal);
        var path = folder.PathOf(LocalAccess.FileName);
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var file = new FileStream(path, options);
        JsonSerializer.Serialize(file, new RunFile(local, token.Value, Environment.ProcessId));
    }
}
