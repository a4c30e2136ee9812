using System.Security.Cryptography;
using CdpMonolith.Platform.Secrets;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Platform;

public sealed class SecretsTests
{
    private const string Password = "hunter2-of-the-webhook-7731";

    [Test]
    public async Task A_secret_survives_a_restart()
    {
        using var folder = new TempFolder();
        string secret;
        await using (var before = new TestStore(folder: folder))
        {
            secret = before.Get<ISecrets>().Protect(Password);
        }

        await using var after = new TestStore(folder: folder);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(secret, Does.Not.Contain("hunter2"));
            Assert.That(after.Get<ISecrets>().Reveal(secret), Is.EqualTo(Password));
        }
    }

    [Test]
    public async Task A_secret_of_another_folder_or_a_changed_one_is_refused()
    {
        await using var here = new TestStore();
        await using var there = new TestStore();
        var secret = there.Get<ISecrets>().Protect(Password);
        var changed = here.Get<ISecrets>().Protect(Password)[..^3] + "AAA";
        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => here.Get<ISecrets>().Reveal(secret), Throws.InstanceOf<CryptographicException>());
            Assert.That(() => here.Get<ISecrets>().Reveal(changed), Throws.InstanceOf<CryptographicException>());
        }
    }

    [Test]
    public async Task Keys_lie_wrapped_in_files_that_only_their_owner_can_read()
    {
        using var folder = new TempFolder();
        await using var test = new TestStore(folder: folder);
        test.Get<ISecrets>().Protect(Password);
        var ring = Directory.GetFiles(folder.PathOf("keys"), "*.xml").Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.ReadAllText(ring), Does.Contain("AES-256-GCM").And.Not.Contain("masterKey"));
            if (!OperatingSystem.IsWindows())
            {
                Assert.That(File.GetUnixFileMode(folder.PathOf("master.key")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
                Assert.That(
                    File.GetUnixFileMode(folder.PathOf("keys")),
                    Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute));
            }
        }
    }

    [Test]
    public async Task A_folder_without_its_master_key_is_not_opened_with_a_new_one()
    {
        using var folder = new TempFolder();
        await using (var before = new TestStore(folder: folder))
        {
            before.Get<ISecrets>().Protect(Password);
        }

        File.Delete(folder.PathOf("master.key"));
        await using var after = new TestStore(folder: folder);
        Assert.That(() => after.Get<ISecrets>(), Throws.InvalidOperationException.With.Message.Contains("master.key"));
    }
}
