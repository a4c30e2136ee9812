using CdpMonolith.Platform.Store;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Platform;

public sealed class StoreTests
{
    private const string MakeTable = "CREATE TABLE test_thing (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)";
    private const string Insert = "INSERT INTO test_thing (id, name) VALUES (@id, @name)";
    private const string Names = "SELECT name FROM test_thing ORDER BY id";

    private TestStore _test = null!;

    [SetUp]
    public async Task Open()
    {
        _test = new TestStore();
        await _test.Store.WriteAsync(write => { write.Execute(MakeTable); }, default);
    }

    [TearDown]
    public async Task Close() => await _test.DisposeAsync();

    [Test]
    public async Task A_write_that_fails_leaves_its_neighbours_alone()
    {
        var good = _test.Store.WriteAsync(write => { write.Execute(Insert, new { id = 1, name = "Ann" }); }, default);
        var bad = _test.Store.WriteAsync(
            write =>
            {
                write.Execute(Insert, new { id = 2, name = "Bob" });
                throw new InvalidOperationException("changed its mind");
            }, default);
        var last = _test.Store.WriteAsync(write => { write.Execute(Insert, new { id = 3, name = "Cid" }); }, default);

        await good;
        Assert.That(async () => await bad, Throws.InvalidOperationException);
        await last;
        Assert.That(await NamesAsync(), Is.EqualTo(new[] { "Ann", "Cid" }));
    }

    [Test]
    public async Task A_log_that_a_failed_write_took_a_number_of_stays_dense()
    {
        var first = await _test.Store.WriteAsync(write => Take(write, 2), default);
        Assert.That(
            async () => await _test.Store.WriteAsync(
                write =>
                {
                    Take(write, 5);
                    throw new InvalidOperationException("changed its mind");
                }, default),
            Throws.InvalidOperationException);
        var second = await _test.Store.WriteAsync(write => Take(write, 1), default);

        Assert.That((first, second), Is.EqualTo((1L, 3L)));
    }

    [Test]
    public async Task Log_numbers_go_on_after_a_restart()
    {
        using var folder = new TempFolder();
        await using (var before = new TestStore(folder: folder))
        {
            await before.Store.WriteAsync(write => Take(write, 7), default);
        }

        await using var after = new TestStore(folder: folder);
        Assert.That(await after.Store.WriteAsync(write => Take(write, 1), default), Is.EqualTo(8));
    }

    [Test]
    public async Task Only_one_process_may_hold_the_folder()
    {
        using var folder = new TempFolder();
        await using var holder = new TestStore(folder: folder);
        Assert.That(
            () => new TestStore(folder: folder),
            Throws.InstanceOf<FolderInUseException>().With.Message.Contains(folder.Path).And.Message.Contains($"pid {Environment.ProcessId}"));
    }

    [Test]
    public async Task What_is_read_cannot_write() =>
        Assert.That(
            async () => await _test.Store.ReadAsync(read => read.Scalar<int>("DELETE FROM test_thing RETURNING 1"), default),
            Throws.Exception.With.Message.Contains("read").And.Message.Contains("only"));

    [Test, Category(Engine.One)]
    public async Task Deleted_text_is_gone_from_the_bytes_on_disk()
    {
        const string Secret = "kari.nordmann.7731@example.no";
        using var folder = new TempFolder(Engine.Sqlite);
        await using (var store = new TestStore(folder: folder))
        {
            await store.Store.WriteAsync(write => { write.Execute(MakeTable); write.Execute(Insert, new { id = 1, name = Secret }); }, default);
            await store.Store.WriteAsync(write => { write.Execute("DELETE FROM test_thing"); }, default);
        }

        var bytes = Directory.GetFiles(folder.Path, "*.db*").SelectMany(File.ReadAllBytes).ToArray();
        Assert.That(bytes.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(Secret)), Is.EqualTo(-1));
    }

    [Test, Category(Engine.One)]
    public async Task A_clean_stop_leaves_no_write_ahead_log()
    {
        using var folder = new TempFolder(Engine.Sqlite);
        await using (var store = new TestStore(folder: folder))
        {
            await store.Store.WriteAsync(write => { write.Execute(MakeTable); }, default);
        }

        Assert.That(Directory.GetFiles(folder.Path, "*-wal"), Is.Empty);
    }

    [Test]
    public async Task Prepared_statements_carry_every_type_there_and_back()
    {
        await _test.Store.WriteAsync(
            write =>
            {
                write.Execute("CREATE TABLE test_value (a BIGINT, b DOUBLE PRECISION, c TEXT, d TEXT, e TEXT)");
                write.Append("test_value", "a, b, c, d, e").Add(long.MaxValue).Add(0.1).Add("สมชาย").AddUtf8("Tromsø"u8).AddNull().EndRow();
                write.Append("test_value", "a, b, c, d, e").Add((long?)null).Add(-1.5).Add("").AddUtf8([]).AddNull().EndRow();
            }, default);
        var rows = await _test.Store.ReadAsync(
            read =>
            {
                var found = new List<(long?, double, string, string, string?)>();
                var statement = read.Prepare("SELECT a, b, c, d, e FROM test_value WHERE b <> $2 OR c = $1 ORDER BY b DESC").Set(1, "none").Set(2, 7.0);
                while (statement.Step())
                {
                    found.Add((statement.Int64OrNull(0), statement.Double(1), statement.Text(2), statement.Text(3), statement.TextOrNull(4)));
                }

                return found;
            }, default);
        Assert.That(rows, Is.EqualTo(new (long?, double, string, string, string?)[]
        {
            (long.MaxValue, 0.1, "สมชาย", "Tromsø", null), (null, -1.5, "", "", null),
        }));
    }

    private static long Take(WriteSession write, int count)
    {
        var first = write.NextSeq("test.log");
        write.Advance("test.log", count);
        return first;
    }

    private Task<string[]> NamesAsync() => _test.Store.ReadAsync(read => read.Query<string>(Names).ToArray(), default);
}
