using System.Net.Http.Headers;
using System.Text;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Stories;

/// <summary>Watched by strace: no call is answered with 200 before the write-ahead log that holds it was synced.</summary>
[Category(Engine.One)]
public sealed class DurabilityTests
{
    private const int Calls = 40;

    [Test]
    public async Task No_200_before_the_fdatasync_of_its_commit()
    {
        var strace = Tools.Need("strace", "/usr/bin/strace", "/usr/local/bin/strace");
        using var folder = new TempFolder(Engine.Sqlite);
        string key;
        await using (var app = await TestApp.StartAsync(folder: folder))
        {
            key = (await app.Get<Sources>().CreateAsync(Actor.CommandLine, "Till", SourceKind.Server, default)).Value.WriteKey;
        }

        using var traces = new TempFolder();
        var trace = traces.PathOf("trace");
        await using (var server = await ChildServer.StartAsync(
            folder, strace, "-f", "-qq", "-s", "200", "-e", "trace=fdatasync,fsync,sendto,sendmsg,write,writev", "-o", trace))
        {
            using var http = new HttpClient { BaseAddress = server.Address };
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(key + ":")));
            for (var n = 0; n < Calls; n++)
            {
                // One after the other, so that every sync since the answer before belongs to this call.
                using var answer = await http.PostAsync("/v1/track", new StringContent($$"""{"userId":"u{{n}}","event":"Paid","messageId":"m{{n}}"}"""));
                Assert.That((int)answer.StatusCode, Is.EqualTo(200));
            }
        }

        var synced = false;
        var answers = 0;
        var early = 0;
        foreach (var line in File.ReadLines(trace))
        {
            if (line.Contains("sync", StringComparison.Ordinal) && line.TrimEnd().EndsWith("= 0", StringComparison.Ordinal)
                && (line.Contains("fdatasync(", StringComparison.Ordinal) || line.Contains("fsync(", StringComparison.Ordinal) || line.Contains("sync resumed>", StringComparison.Ordinal)))
            {
                synced = true;
            }
            else if (line.Contains("HTTP/1.1 200", StringComparison.Ordinal) && line.Contains("success", StringComparison.Ordinal))
            {
                answers++;
                early += synced ? 0 : 1;
                synced = false;
            }
        }

        Assert.That((answers, early), Is.EqualTo((Calls, 0)), "answers seen, and those without a sync before them");
    }
}
