using CdpMonolith.Platform;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Tests.Platform;

/// <summary>Several processes on one PostgreSQL database, each played by a store of its own.</summary>
[Category(Engine.One)]
public sealed class SharedStoreTests
{
    private const string Log = "test.shared";
    private TempFolder _folder = null!;
    private TempFolder? _beside;
    private TestStore _one = null!;
    private TestStore _two = null!;
    private Watch _watch = null!;

    [SetUp]
    public async Task Open()
    {
        _folder = new TempFolder(Engine.Postgres);
        _watch = new Watch();
        _one = new TestStore(Change, _folder);
        _beside = _folder.Beside();
        _two = new TestStore(Change, _beside);
        await _one.Store.WriteAsync(
            write => write.Execute("CREATE TABLE test_entry (seq BIGINT NOT NULL PRIMARY KEY, writer TEXT NOT NULL); CREATE TABLE test_sum (seq BIGINT NOT NULL)"), default);

        void Change(IServiceCollection services)
        {
            services.AddSingleton<TimeProvider>(_watch);
            services.AddStage<Copying>();
        }
    }

    [TearDown]
    public async Task Close()
    {
        if (_two is not null)
        {
            await _two.DisposeAsync();
        }

        if (_one is not null)
        {
            await _one.DisposeAsync();
        }

        _beside?.Dispose();
        _folder.Dispose();
    }

    [Test]
    public async Task A_follower_never_passes_an_entry_that_commits_late()
    {
        const int Writers = 4;
        const int Each = 150;
        var done = false;
        var follower = Task.Run(() =>
        {
            var seen = new List<long>();
            while (true)
            {
                var isLast = Volatile.Read(ref done);
                var after = seen.Count > 0 ? seen[^1] : 0;
                var more = _one.Store.Read(read => read.Query<long>("SELECT seq FROM test_entry WHERE seq > @after ORDER BY seq", new { after }).ToList());
                seen.AddRange(more);
                if (isLast && more.Count == 0)
                {
                    return seen;
                }
            }
        });
        var random = new Random(7);
        var sizes = Enumerable.Range(0, Writers * Each).Select(_ => random.Next(1, 6)).ToArray();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            var store = (writer % 2 == 0 ? _one : _two).Store;
            for (var i = 0; i < Each; i++)
            {
                var work = AppendAsync(store, $"w{writer}", sizes[writer * Each + i], fails: i % 10 == 3);
                if (i % 10 == 3)
                {
                    Assert.That(async () => await work, Throws.InvalidOperationException);
                }
                else
                {
                    await work;
                }
            }
        })));
        Volatile.Write(ref done, true);
        var seqs = await follower;
        Assert.That(seqs, Is.EqualTo(Enumerable.Range(1, seqs.Count).Select(n => (long)n)), "dense, and none came after a later one");
        Assert.That(seqs, Has.Count.GreaterThan(Writers * Each));
    }

    [Test]
    public async Task One_process_hears_of_what_the_other_appends()
    {
        var heard = new TaskCompletionSource<IReadOnlyCollection<string>>(TaskCreationOptions.RunContinuationsAsynchronously);
        _two.Store.LogsGrew += logs =>
        {
            if (logs.Contains(Log))
            {
                heard.TrySetResult(logs);
            }
        };

        // What it misses while it begins to listen it would find by looking.
        for (var tries = 0; !heard.Task.IsCompleted && tries < 100; tries++)
        {
            await AppendAsync(_one.Store, "a", 1);
            await Task.WhenAny(heard.Task, Task.Delay(100));
        }

        Assert.That(heard.Task.IsCompletedSuccessfully, Is.True);
    }

    [Test]
    public async Task A_lease_has_one_holder_and_goes_to_another_when_that_one_is_silent()
    {
        var (first, second) = (_one.Get<ILeases>(), _two.Get<ILeases>());
        Assert.That((await first.HoldAsync("test", default), await second.HoldAsync("test", default)), Is.EqualTo((true, false)));
        _watch.Ahead = TimeSpan.FromSeconds(4);
        Assert.That(await second.HoldAsync("test", default), Is.False);
        _watch.Ahead = TimeSpan.FromSeconds(6);
        Assert.That(await second.HoldAsync("test", default), Is.True);
        Assert.That((first.TokenOf("test"), second.TokenOf("test")), Is.EqualTo((1L, 2L)), "the first one does not know yet");

        Assert.That(async () => await WriteAsync(_one, first), Throws.InstanceOf<LeaseLostException>());
        await WriteAsync(_two, second);
        Assert.That(await _one.Store.ReadAsync(read => read.Query<long>("SELECT seq FROM test_sum").ToList(), default), Is.EqualTo(new[] { 2L }));

        async Task WriteAsync(TestStore test, ILeases leases)
        {
            using var lease = leases.Under("test");
            await test.Store.WriteAsync(write => write.Execute("INSERT INTO test_sum (seq) VALUES (@token)", new { token = leases.TokenOf("test") }), default);
        }
    }

    [Test]
    public async Task A_lease_that_is_given_back_can_be_taken_at_once()
    {
        await _one.Get<ILeases>().HoldAsync("test", default);
        await _one.DisposeAsync();
        Assert.That(await _two.Get<ILeases>().HoldAsync("test", default), Is.True);
    }

    [Test]
    public async Task A_stage_that_lost_its_lease_while_it_decided_writes_nothing_and_starts_over_when_it_has_it_again()
    {
        await AppendAsync(_one.Store, "a", 5);
        var paused = _one.Get<Copying>();
        paused.WhileDeciding = () =>
        {
            // The holder stands still; another one takes over, does the work and dies.
            _watch.Ahead += TimeSpan.FromSeconds(6);
            Assert.That(_two.Get<ILeases>().HoldAsync("test", default).GetAwaiter().GetResult(), Is.False, "it must see the number stand still first");
            _watch.Ahead += TimeSpan.FromSeconds(6);
            _two.CatchUpAsync().GetAwaiter().GetResult();
        };
        Assert.That(async () => await _one.CatchUpAsync(), Throws.InstanceOf<LeaseLostException>());
        Assert.That(await CopiedAsync(), Is.EqualTo(new[] { 1L, 2, 3, 4, 5 }), "once each");
        Assert.That(await _one.Get<IStages>().QuarantineAsync(10, default), Is.Empty);
    }

    [Test]
    public async Task A_process_that_stands_still_inside_a_transaction_loses_it_and_holds_nobody_up()
    {
        var others = new ManualResetEventSlim();
        var paused = _one.Store.WriteAsync(
            write =>
            {
                write.Execute("INSERT INTO test_sum (seq) VALUES (1)");
                Assert.That(others.Wait(TimeSpan.FromSeconds(30)), Is.True);
            }, default);
        var other = _two.Store.WriteAsync(write => write.Execute("INSERT INTO test_sum (seq) VALUES (2)"), default);
        await other;
        others.Set();
        Assert.That(async () => await paused, Throws.InstanceOf<StoreUnavailableException>());

        // And goes on by itself.
        await Eventually(async () =>
        {
            try
            {
                await _one.Store.WriteAsync(write => write.Execute("INSERT INTO test_sum (seq) VALUES (3)"), default);
                return true;
            }
            catch (StoreUnavailableException)
            {
                return false;
            }
        });
        Assert.That(await CopiedAsync(), Is.EqualTo(new[] { 2L, 3 }));
    }

    private static async Task Eventually(Func<Task<bool>> does)
    {
        for (var tries = 0; !await does(); tries++)
        {
            Assert.That(tries, Is.LessThan(200), "it did not happen in time");
            await Task.Delay(50);
        }
    }

    private static Task AppendAsync(IStore store, string writer, int count, bool fails = false) => store.WriteAsync(
        write =>
        {
            var seq = write.NextSeq(Log);
            var rows = write.Append("test_entry", "seq, writer");
            for (var i = 0; i < count; i++)
            {
                rows.Add(seq + i).Add(writer).EndRow();
            }

            rows.Done();
            write.Advance(Log, count);
            if (fails)
            {
                throw new InvalidOperationException("changed its mind");
            }
        }, default);

    private Task<List<long>> CopiedAsync() =>
        _two.Store.ReadAsync(read => read.Query<long>("SELECT seq FROM test_sum ORDER BY seq").ToList(), default);

    /// <summary>A clock whose stop watch a test can set forward.</summary>
    private sealed class Watch : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override long GetTimestamp() => System.GetTimestamp() + (long)(Ahead.TotalSeconds * System.TimestampFrequency);
    }

    private sealed record Entry(long Seq, string Writer) : ILogEntry;

    private sealed class Copying(IStore store) : Stage<Entry>
    {
        public Action? WhileDeciding { get; set; }

        public override string Name => "test.copy";

        public override string Follows => Log;

        protected override IReadOnlyList<Entry> Read(long after, int limit) => store.Read(read =>
            read.Query<Entry>("SELECT seq AS Seq, writer AS Writer FROM test_entry WHERE seq > @after ORDER BY seq LIMIT @limit", new { after, limit }).ToList());

        protected override Action<WriteSession> Decide(IReadOnlyList<Entry> entries)
        {
            var then = WhileDeciding;
            WhileDeciding = null;
            then?.Invoke();
            return write =>
            {
                foreach (var entry in entries)
                {
                    write.Execute("INSERT INTO test_sum (seq) VALUES (@Seq)", new { entry.Seq });
                }
            };
        }
    }
}
