using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Insights.Contracts;
using CdpMonolith.Insights.Jobs;
using CdpMonolith.Insights.Rules;
using CdpMonolith.Insights.Storage;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Tests.Ingestion;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Insights;

public sealed class SampleTests
{
    [Test]
    public async Task A_sample_notes_who_is_known_and_who_is_not()
    {
        await using var door = await Door.OpenAsync();
        await door.SendAsync("{'batch':[{'type':'page','anonymousId':'x'},{'type':'identify','userId':'ann','anonymousId':'y'}]}");
        await door.Test.CatchUpAsync();
        await RunAsync(door.Test);
        Assert.That(door.Test.Store.Read(read => InsightsStore.People(read, 0)), Is.EqualTo(new[]
        {
            new PeopleSample(door.Test.Clock.NowMs, Known: 1, Anonymous: 1, Merges: 1),
        }));
    }

    [Test]
    public async Task Samples_older_than_two_days_are_thinned_to_the_last_of_each_hour()
    {
        await using var test = new TestStore();
        var start = test.Clock.NowMs;
        for (var n = 0; n < 24; n++)
        {
            await RunAsync(test);
            test.Clock.Advance(TimeSpan.FromMinutes(5));
        }

        await test.Store.WriteAsync(
            write =>
            {
                InsightsStore.PutSize(write, 7, new SizeAt(start, 1));
                InsightsStore.PutSize(write, 7, new SizeAt(start + Spans.Minute, 2));
                InsightsStore.PutSize(write, 8, new SizeAt(start, 3));
            }, default);
        test.Clock.Advance(TimeSpan.FromHours(48));
        await RunAsync(test);

        var people = test.Store.Read(read => InsightsStore.People(read, 0)).Select(sample => (sample.At - start) / Spans.Minute);
        Assert.That(people, Is.EqualTo(new[] { 55, 115, 3000 }));
        var sizes = test.Store.Read(read => InsightsStore.Sizes(read, 0));
        Assert.That((sizes[7].Single().Size, sizes[8].Single().Size), Is.EqualTo((2, 3)));
    }

    private static Task<string> RunAsync(TestStore test) =>
        test.Get<SampleJob>().RunAsync(new JobRun(1, test.Clock.NowMs, (_, _) => Task.CompletedTask), default);
}
