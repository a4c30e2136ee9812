using CdpMonolith.Segmentation.Evaluate;

namespace CdpMonolith.Tests.Segmentation;

public sealed class BenchTests
{
    [Test]
    public void The_measuring_of_segments_runs_and_its_rules_tell_people_apart()
    {
        var result = SegmentBench.Run(2_000, 20_000, rounds: 1);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((result.People, result.Events), Is.EqualTo((2_000, 20_000L)));
            Assert.That(result.Timings.Select(timing => timing.People), Has.All.InRange(1, 1_999));
        }
    }
}
