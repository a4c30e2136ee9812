using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Insights.Report;
using CdpMonolith.Insights.Rules;
using CdpMonolith.Insights.Storage;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Tests.Ingestion;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Tests.Insights;

/// <summary>Events counted by the hour, behind the real door.</summary>
public sealed class HoursTests
{
    [Test]
    public async Task Events_count_in_the_hour_in_which_they_were_received_whatever_time_they_claim()
    {
        await using var door = await Door.OpenAsync();
        await SendAsync(door, "a", "2020-01-01T00:00:00Z");
        door.Test.Clock.Advance(TimeSpan.FromHours(1) - TimeSpan.FromMilliseconds(1));
        await SendAsync(door, "b");
        door.Test.Clock.Advance(TimeSpan.FromMilliseconds(1));
        await SendAsync(door, "c");
        await door.Test.CatchUpAsync();

        var nine = ManualClock.Start.ToUnixTimeMilliseconds();
        Assert.That(Hours(door), Is.EqualTo(new HourCount[]
        {
            new(nine, door.Source.Id, 2, 0), new(nine + Spans.Hour, door.Source.Id, 1, 0),
        }));
    }

    [Test]
    public async Task An_event_counts_once_however_often_it_is_sent_and_the_stage_runs()
    {
        await using var door = await Door.OpenAsync();
        await SendAsync(door, "a");
        await SendAsync(door, "a");
        await door.Test.CatchUpAsync();
        await door.Test.CatchUpAsync();
        Assert.That(Hours(door).Single().Events, Is.EqualTo(1));
    }

    [Test]
    public async Task A_crash_before_the_commit_counts_nothing_twice()
    {
        using var folder = new TempFolder();
        await using (var door = await Door.OpenAsync(folder))
        {
            await SendAsync(door, "a");
            await SendAsync(door, "b");

            // The stage decides, and the program ends before that is written.
            IStage stage = new HoursStage(door.Test.Get<IEventLog>());
            Assert.That(stage.Next(0, 10)!.Decide(), Is.Not.Null);
        }

        await using var again = await Door.OpenAsync(folder);
        await again.Test.CatchUpAsync();
        Assert.That(Hours(again).Single().Events, Is.EqualTo(2));
    }

    [Test]
    public async Task A_rebuilt_stage_counts_the_same()
    {
        await using var door = await Door.OpenAsync();
        for (var n = 0; n < 5; n++)
        {
            await SendAsync(door, $"m{n}");
            door.Test.Clock.Advance(TimeSpan.FromMinutes(25));
        }

        await door.Test.CatchUpAsync();
        var before = Hours(door);
        await door.Test.Get<IStages>().RebuildAsync(HoursStage.StageName, default);
        Assert.That(Hours(door), Is.Empty);
        await door.Test.CatchUpAsync();
        Assert.That(before.Sum(hour => hour.Events), Is.EqualTo(5));
        Assert.That(Hours(door), Is.EqualTo(before));
    }

    [Test]
    public async Task The_overview_has_a_number_for_each_hour_and_the_running_one_is_last()
    {
        await using var door = await Door.OpenAsync();
        await SendAsync(door, "a");
        door.Test.Clock.Advance(TimeSpan.FromHours(23));
        await SendAsync(door, "b");
        await SendAsync(door, "c");
        await door.Test.CatchUpAsync();
        var day = await door.Test.Get<Overview>().ReadAsync(24, default);
        var source = day.Events.Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(source.Name, Is.EqualTo("Web shop"));
            Assert.That(source.Live, Has.Count.EqualTo(24));
            Assert.That((source.Live[0], source.Live[^1], source.Live.Sum()), Is.EqualTo((1, 2, 3)));
            Assert.That(day.AsOf, Is.EqualTo(door.Test.Clock.NowMs));
            Assert.That(day.NotCounted, Is.Zero);
        }

        door.Test.Clock.Advance(TimeSpan.FromHours(1));
        Assert.That((await door.Test.Get<Overview>().ReadAsync(24, default)).Events.Single().Live.Sum(), Is.EqualTo(2), "a day on, the first hour is out");
    }

    [Test]
    public async Task The_overview_tells_what_is_not_counted_yet()
    {
        await using var door = await Door.OpenAsync();
        await SendAsync(door, "a");
        var figures = await door.Test.Get<Overview>().ReadAsync(24, default);
        Assert.That((figures.Ingestion.Events, figures.NotCounted, figures.Events.Count), Is.EqualTo((1, 1, 0)));
    }

    [Test]
    public async Task No_stage_is_behind_once_all_is_taken_even_those_that_most_events_say_nothing_to()
    {
        await using var door = await Door.OpenAsync();
        await SendAsync(door, "a");
        await door.Test.CatchUpAsync();
        var stages = (await door.Test.Get<Overview>().ReadAsync(24, default)).Stages;
        Assert.That(stages.Where(stage => stage.Behind != 0).Select(stage => stage.Name), Is.Empty);
        Assert.That(stages, Has.Count.GreaterThan(5));
    }

    private static Task SendAsync(Door door, string messageId, string timestamp = "2026-03-02T08:00:00Z") => door.SendAsync(
        $"{{'batch':[{{'type':'track','event':'Looked','messageId':'{messageId}','anonymousId':'x','timestamp':'{timestamp}'}}]}}");

    private static List<HourCount> Hours(Door door) => door.Test.Store.Read(read => InsightsStore.Hours(read, 0));
}
