using CdpMonolith.Platform.Store;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Platform;

/// <summary>Where the engines by themselves would answer differently: one answer for both.</summary>
[TestFixture(Engine.Sqlite)]
[TestFixture(Engine.Postgres)]
[Category(Engine.One)]
public sealed class EngineTests(string engine)
{
    private TempFolder _folder = null!;
    private TestStore? _opened;

    /// <summary>There is none where the engine is missing: the test is skipped then.</summary>
    private TestStore Test => _opened!;

    [SetUp]
    public void Open()
    {
        _folder = new TempFolder(engine);
        _opened = new TestStore(folder: _folder);
    }

    [TearDown]
    public async Task Close()
    {
        if (_opened is not null)
        {
            await _opened.DisposeAsync();
        }

        _folder.Dispose();
    }

    [Test]
    public async Task The_character_nul_is_kept_as_the_sign_for_one_that_could_not_be_read()
    {
        await Test.Store.WriteAsync(
            write =>
            {
                AddPurpose(write, "by-dapper", "a\0b");
                write.Prepare("INSERT INTO consent_purpose (key, name, description, seen, created_at) VALUES ($1, $2, '', 0, 0)")
                    .Set(1, "by-statement").Set(2, "a\0b").Run();
                write.Append("consent_purpose", "key, name, description, seen, created_at")
                    .Add("by-rows").AddUtf8("a\0b"u8).Add("").Add(0).Add(0).EndRow();
            }, default);
        Assert.That(await NamesAsync("ORDER BY key"), Is.EqualTo(new[] { "a\uFFFDb", "a\uFFFDb", "a\uFFFDb" }));
    }

    [Test]
    public async Task Text_is_ordered_by_its_bytes()
    {
        await AddAsync("ä", "a", "Z", "B", "aa", "a b", "😀", "é");
        Assert.That(await NamesAsync("ORDER BY name"), Is.EqualTo(new[] { "B", "Z", "a", "a b", "aa", "ä", "é", "😀" }));
        Assert.That(await NamesAsync("WHERE name >= 'a' AND name < 'b' ORDER BY name"), Is.EqualTo(new[] { "a", "a b", "aa" }));
    }

    [Test]
    public async Task Lower_changes_ascii_letters_only()
    {
        await AddAsync("ÅSE Ærlig İ");
        var lower = await Test.Store.ReadAsync(read => read.Scalar<string>("SELECT LOWER(name) FROM consent_purpose"), default);
        Assert.That(lower, Is.EqualTo("Åse Ærlig İ"));
    }

    [Test]
    public async Task Text_is_equal_only_when_every_byte_is()
    {
        await AddAsync("e\u0301", "E");
        Assert.That(await NamesAsync("WHERE name = 'é' OR name = 'e'"), Is.Empty);
    }

    [Test]
    public async Task An_empty_text_is_not_null()
    {
        await AddAsync("");
        Assert.That(await NamesAsync("WHERE name = '' AND name IS NOT NULL"), Is.EqualTo(new[] { "" }));
    }

    [Test]
    public async Task Whole_numbers_have_64_bits_and_stay_whole()
    {
        await AddAsync("any");
        await Test.Store.WriteAsync(write => { write.Execute("UPDATE consent_purpose SET created_at = @at", new { at = long.MinValue }); }, default);
        var row = await Test.Store.ReadAsync(
            read =>
            {
                var statement = read.Prepare("SELECT created_at, created_at / 2, created_at % 1000, SUM(seen), COUNT(*), MAX(created_at) FROM consent_purpose GROUP BY created_at");
                statement.Step();
                return (statement.Int64(0), statement.Int64(1), statement.Int64(2), statement.Int64(3), statement.Int64(4), statement.Int64(5));
            }, default);
        Assert.That(row, Is.EqualTo((long.MinValue, long.MinValue / 2, long.MinValue % 1000, 0L, 1L, long.MinValue)));
    }

    [Test]
    public async Task Fractions_come_back_to_the_last_bit()
    {
        double[] values = [0.1, -1.5, 1e308, double.Epsilon, 1.0 / 3];
        await Test.Store.WriteAsync(
            write =>
            {
                write.Execute("CREATE TABLE test_fraction (id BIGINT NOT NULL PRIMARY KEY, value DOUBLE PRECISION NOT NULL)");
                for (var i = 0; i < values.Length; i++)
                {
                    write.Append("test_fraction", "id, value").Add(i).Add(values[i]).EndRow();
                }
            }, default);
        var back = await Test.Store.ReadAsync(read => read.Query<double>("SELECT value FROM test_fraction ORDER BY id").ToArray(), default);
        Assert.That(back.Select(BitConverter.DoubleToInt64Bits), Is.EqualTo(values.Select(BitConverter.DoubleToInt64Bits)));
    }

    [Test]
    public async Task A_moment_comes_back_to_the_millisecond()
    {
        var at = new DateTimeOffset(2026, 10, 25, 1, 59, 59, 999, TimeSpan.FromHours(2)).ToUnixTimeMilliseconds();
        await Test.Store.WriteAsync(write => AddPurpose(write, "k", "n", at), default);
        Assert.That(await Test.Store.ReadAsync(read => read.Scalar<long>("SELECT created_at FROM consent_purpose"), default), Is.EqualTo(at));
    }

    [Test]
    public async Task Statements_may_be_open_at_once_and_rows_are_seen_before_they_are_done()
    {
        await AddAsync("a", "b", "c");
        var seen = await Test.Store.WriteAsync(
            write =>
            {
                var found = new List<string>();
                var outer = write.Prepare("SELECT key, name FROM consent_purpose ORDER BY key");
                var rows = write.Append("consent_purpose", "key, name, description, seen, created_at");
                while (outer.Step())
                {
                    rows.Add($"0{outer.Text(0)}").Add("copy").Add("").Add(1).Add(0).EndRow();
                    var inner = write.Prepare("SELECT COUNT(*) FROM consent_purpose WHERE seen = $1").Set(1, 1);
                    inner.Step();
                    found.Add($"{outer.Text(1)}{inner.Int64(0)}");
                    inner.Reset();
                }

                rows.Done();
                return found;
            }, default);
        Assert.That(seen, Is.EqualTo(new[] { "a1", "b2", "c3" }));
    }

    [Test]
    public async Task Rows_that_the_table_refuses_undo_their_own_work_only()
    {
        var good = Test.Store.WriteAsync(write => AddPurpose(write, "good", "good"), default);
        var bad = Test.Store.WriteAsync(
            write =>
            {
                var rows = write.Append("consent_purpose", "key, name, description, seen, created_at");
                foreach (var key in new[] { "one", "two", "one" })
                {
                    rows.Add(key).Add("bad").Add("").Add(0).Add(0).EndRow();
                }

                rows.Done();
            }, default);
        var last = Test.Store.WriteAsync(write => AddPurpose(write, "last", "last"), default);
        await good;
        Assert.That(async () => await bad, Throws.Exception.Not.InstanceOf<StoreUnavailableException>());
        await last;
        Assert.That(await NamesAsync("ORDER BY key"), Is.EqualTo(new[] { "good", "last" }));
    }

    [Test]
    public async Task A_commit_that_fails_is_told_to_its_callers_and_the_next_one_goes_well()
    {
        await Test.Store.WriteAsync(
            write => write.Execute("""
                CREATE TABLE test_whole (id BIGINT NOT NULL PRIMARY KEY);
                CREATE TABLE test_part (whole BIGINT NOT NULL REFERENCES test_whole (id) DEFERRABLE INITIALLY DEFERRED)
                """), default);
        var bad = Test.Store.WriteAsync(write => write.Execute("INSERT INTO test_part (whole) VALUES (1)"), default);
        Assert.That(async () => await bad, Throws.InstanceOf<StoreUnavailableException>());
        await AddAsync("good");
        var left = await Test.Store.ReadAsync(read => read.Scalar<long>("SELECT COUNT(*) FROM test_part"), default);
        Assert.That((left, await NamesAsync("")), Is.EqualTo((0L, new[] { "good" })));
    }

    private static void AddPurpose(WriteSession write, string key, string name, long at = 0) => write.Execute(
        "INSERT INTO consent_purpose (key, name, description, seen, created_at) VALUES (@key, @name, '', 0, @at)", new { key, name, at });

    private Task AddAsync(params string[] names) => Test.Store.WriteAsync(
        write =>
        {
            for (var i = 0; i < names.Length; i++)
            {
                AddPurpose(write, $"k{i}", names[i]);
            }
        }, default);

    private Task<string[]> NamesAsync(string rest) =>
        Test.Store.ReadAsync(read => read.Query<string>($"SELECT name FROM consent_purpose {rest}").ToArray(), default);
}
