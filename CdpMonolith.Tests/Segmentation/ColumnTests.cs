using System.Text;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Rules;

namespace CdpMonolith.Tests.Segmentation;

public sealed class ColumnTests
{
    [Test]
    public void A_table_is_in_the_order_of_time_whatever_the_order_of_arrival([Range(1, 20)] int seed)
    {
        var random = new Random(seed);
        var table = new EventTable("Order Completed");
        var expected = new List<(long Time, int Arrival, Fact Amount)>();
        for (var round = 0; round < 5; round++)
        {
            for (var i = random.Next(60); i > 0; i--)
            {
                var time = random.Next(1 + random.Next(500));
                var row = table.Add(expected.Count, time);
                var amount = random.Next(4) switch
                {
                    0 => Fact.Absent, 1 => Fact.Of(random.Next(9)), 2 => Fact.Of(random.Next(2) == 0), _ => Fact.Of($"x{random.Next(9)}"),
                };
                var column = table.PropertyForWriting("amount")!;
                switch (amount.Kind)
                {
                    case FactKind.Number: column.Set(row, amount.Number); break;
                    case FactKind.Truth: column.Set(row, amount.Truth); break;
                    case FactKind.Text: column.Set(row, Encoding.UTF8.GetBytes(amount.Text!)); break;
                }

                expected.Add((time, expected.Count, amount));
            }

            table.Sort();
            var sorted = expected.OrderBy(entry => entry.Time).ThenBy(entry => entry.Arrival).ToList();
            using (Assert.EnterMultipleScope())
            {
                Assert.That(table.Times.ToArray(), Is.EqualTo(sorted.Select(entry => entry.Time)));
                Assert.That(table.Profiles.ToArray(), Is.EqualTo(sorted.Select(entry => entry.Arrival)));
                Assert.That(sorted.Select((_, row) => table.Properties["amount"].FactAt(row)), Is.EqualTo(sorted.Select(entry => entry.Amount)));
            }
        }
    }

    [Test]
    public void A_row_holds_the_value_that_was_set_last()
    {
        var column = new Column();
        column.Set(3, "seven"u8);
        column.Set(3, 7);
        var number = column.FactAt(3);
        column.Set(3, true);
        var truth = column.FactAt(3);
        column.Clear(3);
        Assert.That((number, truth, column.FactAt(3), column.FactAt(99)), Is.EqualTo((Fact.Of(7), Fact.Of(true), Fact.Absent, Fact.Absent)));
    }

    [Test]
    public void A_pool_gives_each_text_one_number_and_gives_the_text_back()
    {
        var pool = new TextPool();
        var texts = Enumerable.Range(0, 5000).Select(i => i % 3 == 0 ? $"order-{i}" : $"ø{i}").Append("").ToList();
        var first = texts.Select(text => pool.Add(Encoding.UTF8.GetBytes(text))).ToList();
        var again = texts.Select(text => pool.Add(Encoding.UTF8.GetBytes(text))).ToList();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(first, Is.EqualTo(Enumerable.Range(0, texts.Count)));
            Assert.That(again, Is.EqualTo(first));
            Assert.That(first.Select(pool.Text), Is.EqualTo(texts));
        }
    }

    [Test]
    public void A_text_that_is_too_long_is_cut_between_characters()
    {
        var pool = new TextPool();
        var text = pool.Text(pool.Add(Encoding.UTF8.GetBytes(new string('ก', 400))));
        Assert.That(text, Is.EqualTo(new string('ก', TextPool.LongestText / 3)));
    }

    [Test]
    public void Sets_of_people_are_cut_joined_and_counted_whatever_their_length()
    {
        var small = Of(1, 63);
        var large = Of(63, 64, 500);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(small.Clone().And(large).Ids(), Is.EqualTo(new[] { 63 }));
            Assert.That(small.Clone().Or(large).Ids(), Is.EqualTo(new[] { 1, 63, 64, 500 }));
            Assert.That(large.Clone().Without(small).Ids(), Is.EqualTo(new[] { 64, 500 }));
            Assert.That((large.Count(), large[500], large[501], small[100_000]), Is.EqualTo((3, true, false, false)));
            Assert.That(large.Ids(64), Is.EqualTo(new[] { 64, 500 }));
        }
    }

    private static Bitmap Of(params int[] ids)
    {
        var bitmap = new Bitmap();
        foreach (var id in ids)
        {
            bitmap.Add(id);
        }

        return bitmap;
    }
}
