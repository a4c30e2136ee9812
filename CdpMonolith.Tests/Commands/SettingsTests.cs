using System.Diagnostics;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Commands;

/// <summary>The program as it is started with settings that cannot be.</summary>
public sealed class SettingsTests
{
    private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(60);

    [TestCase("serve", "Ingestion:QuarantineDays must be between 1 and 3650.", "--Ingestion:QuarantineDays=0")]
    [TestCase("serve", "Ingestion:QuarantineDays must be a whole number.", "--Ingestion:QuarantineDays=ninety")]
    [TestCase("serve", "Ingestion:DefaultCountry must be an ISO 3166-1 alpha-2 code in upper case, such as NO.", "--Ingestion:DefaultCountry=Norway")]
    [TestCase("demo", "Ingestion:EventBytes must be between 1024 and 1048576.\nMail:Port must be between 1 and 65535.", "--Ingestion:EventBytes=1", "--Mail:Port=0")]
    public async Task Each_is_told_in_a_sentence_before_anything_is_opened(string command, string says, params string[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("cdp-test-").FullName;
        try
        {
            string[] line = [.. ChildServer.Program, command, "--urls=http://127.0.0.1:0", $"--Store:Folder={folder}", .. settings];
            using var process = Process.Start(new ProcessStartInfo(line[0], line[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var (said, wrong) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync().WaitAsync(EndsWithin);
            using (Assert.EnterMultipleScope())
            {
                Assert.That((process.ExitCode, (await wrong).TrimEnd().ReplaceLineEndings("\n"), await said), Is.EqualTo((2, says, "")));
                Assert.That(Directory.GetFiles(folder, "cdp.db*"), Is.Empty);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
