using CdpMonolith.Insights.Contracts;
using CdpMonolith.Insights.Rules;

namespace CdpMonolith.Tests.Insights;

public sealed class SpanTests
{
    private const long Ten = 36_000_000;

    [TestCase(Ten, Ten)]
    [TestCase(Ten + 1, Ten)]
    [TestCase(Ten + Spans.Hour - 1, Ten)]
    [TestCase(Ten + Spans.Hour, Ten + Spans.Hour)]
    [TestCase(-1, -Spans.Hour)]
    public void An_hour_holds_its_start_and_not_its_end(long moment, long start) =>
        Assert.That(Spans.StartOf(moment, Spans.Hour), Is.EqualTo(start));

    [Test]
    public void A_day_of_hours_ends_with_the_running_one() =>
        Assert.That(Spans.FirstHour((30 * Spans.Hour) + 5, 24), Is.EqualTo(7 * Spans.Hour));

    [Test]
    public void A_line_holds_each_size_until_the_next_and_begins_where_the_first_is_known()
    {
        SizeAt[] known = [new(100, 3), new(200, 8)];
        Assert.That(Staircase.Sample(known, 0, 300, 5), Is.EqualTo(new SizeAt[] { new(100, 3), new(150, 3), new(200, 8), new(250, 8), new(300, 8) }));
    }

    [Test]
    public void A_line_begins_with_the_size_that_held_before_the_span()
    {
        SizeAt[] known = [new(100, 3), new(260, 8)];
        Assert.That(Staircase.Sample(known, 200, 300, 3), Is.EqualTo(new SizeAt[] { new(200, 3), new(250, 3), new(300, 8) }));
    }

    [Test]
    public void A_size_is_not_known_before_the_first()
    {
        SizeAt[] known = [new(100, 3)];
        Assert.That((Staircase.At(known, 99), Staircase.At(known, 100)), Is.EqualTo(((long?)null, (long?)3)));
        Assert.That(Staircase.Sample(known, 0, 99, 3), Is.Empty);
    }
}
