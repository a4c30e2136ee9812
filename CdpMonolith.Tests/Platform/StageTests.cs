using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using CdpMonolith.Platform;

namespace CdpMonolith.Tests.Platform;

public sealed class StageTests
{
    private const string MakeTables = """
        CREATE TABLE test_entry (seq BIGINT NOT NULL PRIMARY KEY, amount BIGINT NOT NULL);
        CREATE TABLE test_sum (amount BIGINT NOT NULL);
        INSERT INTO test_sum (amount) VALUES (0);
        """;

    [Test]
    public async Task Every_entry_takes_effect_once()
    {
        await using var test = new TestStore(services => services.AddStage<Summing>());
        await AppendAsync(test, 1, 2, 3);
        await test.CatchUpAsync();
        await AppendAsync(test, 4);
        await test.CatchUpAsync();
        await test.CatchUpAsync();
        Assert.That(await SumAsync(test), Is.EqualTo(10));
    }

    [Test]
    public async Task An_entry_that_fails_is_put_aside_and_the_others_go_through_and_it_can_be_replayed()
    {
        await using var test = new TestStore(services => services.AddStage<Summing>());
        var stage = test.Get<Summing>();
        stage.Refuses = 2;
        await AppendAsync(test, 1, 2, 3);
        await test.CatchUpAsync();

        var aside = await test.Get<IStages>().QuarantineAsync(10, default);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await SumAsync(test), Is.EqualTo(4));
            Assert.That(aside.Single(), Is.EqualTo(new QuarantinedEntry(
                "test.sum", 2, "InvalidOperationException: refused", 3, test.Clock.NowMs)));
        }

        Assert.That(await test.Get<IStages>().ReplayAsync("test.sum", 2, default), Is.False);
        stage.Refuses = 0;
        Assert.That(await test.Get<IStages>().ReplayAsync("test.sum", 2, default), Is.True);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await SumAsync(test), Is.EqualTo(6));
            Assert.That(await test.Get<IStages>().QuarantineAsync(10, default), Is.Empty);
        }
    }

    [Test]
    public async Task A_rebuilt_stage_ends_where_it_was()
    {
        await using var test = new TestStore(services => services.AddStage<Summing>());
        await AppendAsync(test, 1, 2, 3);
        await test.CatchUpAsync();
        await test.Get<IStages>().RebuildAsync("test.sum", default);
        Assert.That(await SumAsync(test), Is.Zero);
        await test.CatchUpAsync();
        Assert.That(await SumAsync(test), Is.EqualTo(6));
    }

    [Test]
    public async Task A_stage_tells_how_far_it_is()
    {
        await using var test = new TestStore(services => services.AddStage<Summing>());
        await AppendAsync(test, 1, 2, 3);
        var before = (await test.Get<IStages>().StatesAsync(default)).Single(state => state.Name == "test.sum");
        await test.CatchUpAsync();
        var after = (await test.Get<IStages>().StatesAsync(default)).Single(state => state.Name == "test.sum");
        Assert.That((before.Behind, after.Behind, after.MovedAt), Is.EqualTo((3L, 0L, (long?)test.Clock.NowMs)));
    }

    private static Task AppendAsync(TestStore test, params long[] amounts) => test.Store.WriteAsync(
        write =>
        {
            var seq = write.NextSeq("test.log");
            if (seq == 1)
            {
                write.Execute(MakeTables);
            }

            foreach (var amount in amounts)
            {
                write.Append("test_entry", "seq, amount").Add(seq++).Add(amount).EndRow();
            }

            write.Advance("test.log", amounts.Length);
        }, default);

    private static Task<long> SumAsync(TestStore test) =>
        test.Store.ReadAsync(read => read.Scalar<long>("SELECT amount FROM test_sum"), default);

    private sealed record Entry(long Seq, long Amount) : ILogEntry;

    private sealed class Summing(IStore store) : Stage<Entry>
    {
        public long Refuses { get; set; }

        public override string Name => "test.sum";

        public override string Follows => "test.log";

        public override Action<WriteSession> Clear => write => write.Execute("UPDATE test_sum SET amount = 0");

        protected override IReadOnlyList<Entry> Read(long after, int limit) => store.Read(read =>
            read.Query<Entry>("SELECT seq AS Seq, amount AS Amount FROM test_entry WHERE seq > @after ORDER BY seq LIMIT @limit", new { after, limit })
                .ToList());

        protected override Action<WriteSession> Decide(IReadOnlyList<Entry> entries) => write =>
        {
            foreach (var entry in entries)
            {
                write.Execute("UPDATE test_sum SET amount = amount + @Amount", entry);
                if (entry.Amount == Refuses)
                {
                    throw new InvalidOperationException("refused");
                }
            }
        };
    }
}
