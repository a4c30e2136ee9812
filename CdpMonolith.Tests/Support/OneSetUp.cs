using CdpMonolith.Tests.Support;

/// <summary>What is shared by all tests is closed after the last; outside any namespace, so that it spans them all.</summary>
[SetUpFixture]
public sealed class OneSetUp
{
    [OneTimeTearDown]
    public async Task Close()
    {
        await Browser.CloseAsync();
        Engine.Close();
    }
}
