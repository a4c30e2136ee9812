using System.Globalization;
using System.Text.Json.Nodes;
using CdpMonolith.Commands.Demo;

namespace CdpMonolith.Tests.Commands;

/// <summary>The samples of the demo keep their weekdays and end in the week before it starts.</summary>
public sealed class DemoSamplesTests
{
    [TestCase("2026-11-23T06:00:00Z", 0)]
    [TestCase("2026-11-27T20:59:00Z", 0)]
    [TestCase("2026-11-27T21:00:00Z", 7)]
    [TestCase("2027-03-10T12:00:00Z", 105)]
    [TestCase("2026-11-10T12:00:00Z", -14)]
    public void Dates_are_moved_by_whole_weeks_and_never_past_now(string now, int days)
    {
        var samples = new DemoSamples(DateTimeOffset.Parse(now, CultureInfo.InvariantCulture));
        var last = Lines(samples.Orders()).Skip(1).Where(line => line.Length > 16).Select(line => line[..16]).Max();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(samples.Moved, Is.EqualTo(TimeSpan.FromDays(days)));
            Assert.That(last, Is.EqualTo(new DateTime(2026, 11, 20, 11, 34, 0).AddDays(days).ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)));
        }
    }

    [Test]
    public void Every_kind_of_time_is_moved_and_birthdays_stay()
    {
        var (here, later) = (Of("2026-11-23T06:00:00Z"), Of("2026-12-07T06:00:00Z"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Lines(later.Contacts())[1], Is.EqualTo(Lines(here.Contacts())[1].Replace("19/01/2025", "02/02/2025", StringComparison.Ordinal)));
            Assert.That(Lines(later.Contacts())[1], Does.Contain("1991-11-24"));
            Assert.That(Lines(later.Subscribers())[1], Is.EqualTo(Lines(here.Subscribers())[1].Replace("28.09.2025", "12.10.2025", StringComparison.Ordinal)));
            Assert.That((string)JsonNode.Parse(later.WebBatches().First())!["batch"]![0]!["timestamp"]!, Is.EqualTo("2026-11-05T17:37:00.000Z"));
        }
    }

    [Test]
    public void Visitors_are_customers_of_the_samples_and_view_their_products()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(DemoSamples.Customers(), Has.Count.GreaterThan(500).And.All.Matches("^[0-9]+$"));
            Assert.That(DemoSamples.Products(), Has.Count.GreaterThan(50));
            Assert.That(DemoSamples.Products().Select(product => (double)product["price"]!), Is.All.GreaterThan(0));
        }
    }

    private static DemoSamples Of(string now) => new(DateTimeOffset.Parse(now, CultureInfo.InvariantCulture));

    private static string[] Lines(Stream content)
    {
        using var reader = new StreamReader(content);
        return reader.ReadToEnd().Split('\n');
    }
}
