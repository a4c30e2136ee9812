using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace CdpMonolith.Tests.Support;

/// <summary>A mail as it came.</summary>
/// <param name="Headers">Unfolded, by name in lower case.</param>
internal sealed record ArrivedMail(string From, string To, bool WasEncrypted, string? SignedInAs, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>A real mail server of RFC 5321 on a port of this machine, as far as a client that sends needs one: STARTTLS, AUTH LOGIN, MAIL, RCPT, DATA.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly X509Certificate2? _certificate;
    private readonly (string User, string Password)? _asks;
    private readonly Task _running;

    /// <param name="certificate">STARTTLS is offered with it; null: it is not offered.</param>
    /// <param name="asks">Who may send; null: everybody.</param>
    public MailServer(X509Certificate2? certificate = null, (string User, string Password)? asks = null)
    {
        (_certificate, _asks) = (certificate, asks);
        _listener.Start();
        _running = Task.Run(ListenAsync);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public ConcurrentQueue<ArrivedMail> Arrived { get; } = new();

    /// <summary>What is said to who connects.</summary>
    public string Greeting { get; set; } = "220 mail.example ESMTP";

    /// <summary>What is answered to a mail instead of yes, such as <c>451 try later</c>; null: yes.</summary>
    public string? Refusal { get; set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _running;
        _stop.Dispose();
    }

    private async Task ListenAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = Task.Run(async () =>
                {
                    using (client)
                    {
                        try
                        {
                            await TalkAsync(client.GetStream());
                        }
                        catch (Exception fault) when (fault is IOException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
                        {
                            // The client has gone.
                        }
                    }
                });
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // It stops.
        }
    }

    private async Task TalkAsync(Stream stream)
    {
        var (reader, writer) = Over(stream);
        var (encrypted, who, from, to) = (false, (string?)null, "", "");
        await SayAsync(Greeting);
        while (await reader.ReadLineAsync(_stop.Token) is { } line)
        {
            switch (line.Split(' ', ':')[0].ToUpperInvariant())
            {
                case "EHLO":
                    await SayAsync("250-mail.example");
                    if (_certificate is not null && !encrypted)
                    {
                        await SayAsync("250-STARTTLS");
                    }

                    await SayAsync(_asks is null ? "250 SIZE 1000000" : "250 AUTH LOGIN");
                    break;

                case "STARTTLS":
                    await SayAsync("220 go ahead");
                    var tls = new SslStream(stream);
                    await tls.AuthenticateAsServerAsync(_certificate!);
                    (reader, writer) = Over(tls);
                    encrypted = true;
                    break;

                case "AUTH":
                    var user = line.Split(' ') is [_, _, { } given] ? given : await AskAsync("334 VXNlcm5hbWU6");
                    var password = await AskAsync("334 UGFzc3dvcmQ6");
                    who = (Plain(user), Plain(password)) == _asks ? Plain(user) : null;
                    await SayAsync(who is null ? "535 5.7.8 wrong" : "235 welcome");
                    break;

                case "MAIL":
                    from = line[(line.IndexOf('<') + 1)..line.IndexOf('>')];
                    await SayAsync(_asks is not null && who is null ? "530 5.7.0 sign in first" : "250 ok");
                    break;

                case "RCPT":
                    to = line[(line.IndexOf('<') + 1)..line.IndexOf('>')];
                    await SayAsync("250 ok");
                    break;

                case "DATA":
                    await SayAsync("354 go ahead");
                    var lines = new List<string>();
                    while (await reader.ReadLineAsync(_stop.Token) is { } text && text != ".")
                    {
                        lines.Add(text.StartsWith('.') ? text[1..] : text);
                    }

                    if (Refusal is null)
                    {
                        Arrived.Enqueue(Read(from, to, encrypted, who, lines));
                    }

                    await SayAsync(Refusal ?? "250 taken");
                    break;

                case "QUIT":
                    await SayAsync("221 bye");
                    return;

                default:
                    await SayAsync("250 ok");
                    break;
            }
        }

        Task SayAsync(string answer) => writer.WriteLineAsync(answer);

        async Task<string> AskAsync(string question)
        {
            await SayAsync(question);
            return await reader.ReadLineAsync(_stop.Token) ?? "";
        }
    }

    private static (StreamReader, StreamWriter) Over(Stream stream) =>
        (new StreamReader(stream, Encoding.ASCII), new StreamWriter(stream, Encoding.ASCII) { AutoFlush = true, NewLine = "\r\n" });

    private static string Plain(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));

    private static ArrivedMail Read(string from, string to, bool encrypted, string? who, List<string> lines)
    {
        var end = lines.IndexOf("");
        var headers = new Dictionary<string, string>();
        var name = "";
        foreach (var line in lines.Take(end))
        {
            if (line[0] is ' ' or '\t')
            {
                headers[name] += line.Trim();
                continue;
            }

            name = line[..line.IndexOf(':')].ToLowerInvariant();
            headers[name] = line[(line.IndexOf(':') + 1)..].Trim();
        }

        var body = string.Join('\n', lines.Skip(end + 1));
        body = headers.GetValueOrDefault("content-transfer-encoding") switch
        {
            "base64" => Plain(body.Replace("\n", "", StringComparison.Ordinal)),
            _ => body.Replace("=\n", "", StringComparison.Ordinal),
        };
        return new ArrivedMail(from, to, encrypted, who, headers, body);
    }
}
