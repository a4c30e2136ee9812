using System.Globalization;
using System.Text;
using CdpMonolith.Ingestion.Rules;

namespace CdpMonolith.Tests.Ingestion;

public sealed class TimesTests
{
    private static readonly long Received = At("2026-03-02T09:00:00Z");

    [TestCase("2026-03-02T09:00:00Z", "2026-03-02T09:00:00.000Z")]
    [TestCase("2026-03-02T09:00:00.123Z", "2026-03-02T09:00:00.123Z")]
    [TestCase("2026-03-02T09:00:00.1239999Z", "2026-03-02T09:00:00.123Z")]
    [TestCase("2026-03-02t09:00:00z", "2026-03-02T09:00:00Z")]
    [TestCase("2026-03-02 09:00:00", "2026-03-02T09:00:00Z")]
    [TestCase("2026-03-02T09:00", "2026-03-02T09:00:00Z")]
    [TestCase("2026-03-02", "2026-03-02T00:00:00Z")]
    [TestCase("2026-03-02T09:00:00+07:00", "2026-03-02T02:00:00Z")]
    [TestCase("2026-03-02T09:00:00-0330", "2026-03-02T12:30:00Z")]
    [TestCase("2026-03-02T09:00:00+01", "2026-03-02T08:00:00Z")]
    [TestCase("2024-02-29T23:59:60Z", "2024-02-29T23:59:59Z")]
    [TestCase("1772442000", "2026-03-02T09:00:00Z")]
    [TestCase("1772442000123", "2026-03-02T09:00:00.123Z")]
    [TestCase("1772442000.5", "2026-03-02T09:00:00.500Z")]
    [TestCase("Mon, 02 Mar 2026 09:00:00 GMT", "2026-03-02T09:00:00Z")]
    public void Times_are_read_as_clients_write_them(string written, string meant) =>
        Assert.That(Times.Parse(Encoding.UTF8.GetBytes(written)), Is.EqualTo(At(meant)));

    [TestCase("")]
    [TestCase("yesterday")]
    [TestCase("2026-13-02T09:00:00Z")]
    [TestCase("2026-02-29")]
    [TestCase("2026-03-02T24:00:00Z")]
    [TestCase("2026-03-02T09:00:00.Z")]
    [TestCase("2026-03-02T09:00:00+25:00")]
    [TestCase("2026-03-02T09:00:00Zulu")]
    [TestCase("02/03/2026")]
    [TestCase("NaN")]
    [TestCase("1e300")]
    public void What_is_no_time_is_not_guessed(string written) =>
        Assert.That(Times.Parse(Encoding.UTF8.GetBytes(written)), Is.EqualTo(Times.Unusable));

    [TestCase("2026-03-02T08:00:00Z", null, null, "2026-03-02T08:00:00Z", false, Description = "nothing to correct by")]
    [TestCase("2026-03-02T10:00:00Z", null, "2026-03-02T10:00:30Z", "2026-03-02T08:59:30Z", false, Description = "a clock an hour ahead")]
    [TestCase("2020-01-01T00:00:00Z", null, "2026-03-02T09:00:00Z", "2020-01-01T00:00:00Z", false, Description = "history")]
    [TestCase(null, "2026-03-02T10:00:00Z", "2026-03-02T10:00:30Z", "2026-03-02T08:59:30Z", false, Description = "RudderStack")]
    [TestCase("2026-03-02T08:30:00Z", "2026-03-02T10:00:00Z", "2026-03-02T10:00:30Z", "2026-03-02T08:30:00Z", false, Description = "already corrected")]
    [TestCase(null, null, "2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", false, Description = "no time at all")]
    [TestCase("2026-03-02T09:04:59Z", null, null, "2026-03-02T09:04:59Z", false, Description = "a little ahead")]
    [TestCase("2026-03-02T09:05:01Z", null, null, "2026-03-02T09:00:00Z", true, Description = "in the future")]
    [TestCase("1989-12-31T23:59:59Z", null, null, "2026-03-02T09:00:00Z", true, Description = "before our time")]
    [TestCase("soon", null, "2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z", true, Description = "unusable")]
    [TestCase("2026-03-02T08:00:00Z", null, "soon", "2026-03-02T08:00:00Z", false, Description = "unusable sentAt")]
    public void The_clock_of_the_sender_is_corrected(string? timestamp, string? original, string? sent, string occurred, bool clamped) =>
        Assert.That(Times.Correct(Read(timestamp), Read(original), Read(sent), Received), Is.EqualTo((At(occurred), clamped)));

    private static long Read(string? text) => text is null ? Times.Absent : Times.Parse(Encoding.UTF8.GetBytes(text));

    private static long At(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal).ToUnixTimeMilliseconds();
}
