using System.Text;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Fetch;
using CdpMonolith.Ingestion.Import;
using CdpMonolith.Ingestion.Jobs;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Jobs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>Watched folders, on a real folder and the real store.</summary>
public sealed class FeedTests
{
    private const string EveryMinute = "0 * * * * ?";
    private TempFolder _drop = null!;
    private TestStore _test = null!;
    private Source _source = null!;
    private SavedMapping _mapping = null!;

    [SetUp]
    public async Task Open()
    {
        _drop = new TempFolder("sqlite");
        _test = Opened();
        _source = (await _test.Get<Sources>().CreateAsync(Actor.CommandLine, "CRM", SourceKind.File, default)).Value;
        _mapping = (await _test.Get<SavedMappings>().SaveAsync(
            Actor.CommandLine,
            new MappingWish("Contacts", ["Id", "Email", "Note"], ImportMapping.ParseShort("Id=userId,Email=email").Value, new CsvShape("utf-8", ',', true, 0), _source.Id),
            false, default)).Value;
    }

    [TearDown]
    public async Task Close()
    {
        await _test.DisposeAsync();
        _drop.Dispose();
    }

    [Test]
    public async Task A_file_is_taken_once_two_looks_found_it_unchanged_and_is_moved_to_done()
    {
        var feed = await FeedAsync();
        Drop("a.csv", "Id,Email,Note\nu1,ann@example.com,x\nu2,not-an-address,y\n");
        await RunAsync();
        Assert.That(await ImportsAsync(), Is.Empty, "it may still be growing");

        File.AppendAllText(_drop.PathOf("a.csv"), "u3,cid@example.com,z\n");
        await LaterAsync();
        Assert.That(await ImportsAsync(), Is.Empty, "it grew");

        await LaterAsync();
        var import = (await ImportsAsync()).Single();
        feed = (await _test.Get<Feeds>().FindAsync(feed.Id, default))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((import.FileName, import.State, import.RowsDone, import.Stored, import.Rejected, import.SourceId), Is.EqualTo(("a.csv", ImportState.Done, 3L, 2L, 1L, _source.Id)));
            Assert.That(import.Actor, Is.EqualTo($"feed:{feed.Id}"));
            Assert.That(Names(), Is.Empty);
            Assert.That(Names("done"), Is.EqualTo(new[] { "a.csv" }));
            Assert.That((feed.Taken, feed.State, feed.Error, feed.LookAgainAt), Is.EqualTo((1L, Feed.On, (string?)null, (long?)null)));
            Assert.That(feed.NextRunAt, Is.GreaterThan(_test.Clock.NowMs));
            Assert.That((await _test.Get<Feeds>().FilesAsync(feed.Id, 10, default)).Single().ImportId, Is.EqualTo(import.Id));
        }
    }

    [Test]
    public async Task The_same_content_is_taken_once_whatever_it_is_called_and_another_under_the_same_name_is_taken()
    {
        await FeedAsync();
        await DropAndTakeAsync("a.csv", "Id,Email,Note\nu1,ann@example.com,x\n");
        await DropAndTakeAsync("b.csv", "Id,Email,Note\nu1,ann@example.com,x\n");
        await DropAndTakeAsync("a.csv", "Id,Email,Note\nu2,bob@example.com,x\n");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await ImportsAsync()).Select(import => import.Stored), Is.EqualTo(new[] { 1L, 1L }));
            Assert.That(Names(), Is.Empty);
            Assert.That(Names("done"), Has.Length.EqualTo(3));
        }
    }

    [Test]
    public async Task Files_that_are_left_in_place_are_taken_once_and_again_when_they_change()
    {
        await FeedAsync(afterwards: Feed.Leave);
        await DropAndTakeAsync("a.csv", "Id,Email,Note\nu1,ann@example.com,x\n");
        await LaterAsync();
        await LaterAsync();
        Assert.That(await ImportsAsync(), Has.Count.EqualTo(1));
        await DropAndTakeAsync("a.csv", "Id,Email,Note\nu1,ann@example.com,x\nu2,bob@example.com,y\n");
        Assert.That(await ImportsAsync(), Has.Count.EqualTo(2));
        Assert.That(Names(), Is.EqualTo(new[] { "a.csv" }));
    }

    [Test]
    public async Task Other_columns_stop_the_feed_with_their_names_and_it_goes_on_once_the_mapping_knows_them()
    {
        var feed = await FeedAsync();
        await DropAndTakeAsync("a.csv", "Id,Mail,Note,Extra\nu1,ann@example.com,x,y\n");
        var stopped = (await _test.Get<Feeds>().FindAsync(feed.Id, default))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((stopped.State, stopped.ErrorCode, stopped.NextRunAt), Is.EqualTo((Feed.Stopped, "feed.columns_changed", (long?)null)));
            Assert.That(stopped.Error, Does.Contain("'a.csv'").And.Contain("'Email'").And.Contain("'Mail', 'Extra'"));
            Assert.That(await ImportsAsync(), Is.Empty);
            Assert.That(Names(), Is.EqualTo(new[] { "a.csv" }), "it waits where it is");
            Assert.That(Directory.GetFiles(Path.Combine(_test.Folder, "uploads")), Is.Empty);
        }

        await _test.Get<SavedMappings>().ChangeAsync(
            Actor.CommandLine, _mapping.Id,
            new MappingWish("Contacts", ["Id", "Mail", "Note", "Extra"], ImportMapping.ParseShort("Id=userId,Mail=email").Value, _mapping.Shape, null), default);
        await LaterAsync();
        Assert.That(await ImportsAsync(), Is.Empty, "nobody let it go on");
        await _test.Get<Feeds>().ResumeAsync(Actor.CommandLine, feed.Id, default);
        await LaterAsync();
        Assert.That((await ImportsAsync()).Single().Stored, Is.EqualTo(1));
    }

    [Test]
    public async Task Columns_in_another_order_and_case_are_the_same_columns()
    {
        await FeedAsync();
        await DropAndTakeAsync("a.csv", "note,EMAIL,Id\nx,ann@example.com,u1\n");
        var import = (await ImportsAsync()).Single();
        Assert.That((import.Stored, import.Rejected), Is.EqualTo((1L, 0L)));
        Assert.That(_test.Get<IEventLog>().Read(0, 10).Single().UserId, Is.EqualTo("u1"));
    }

    [Test]
    public async Task What_is_no_table_goes_to_failed_with_the_reason_and_holds_up_nothing()
    {
        var feed = await FeedAsync();
        File.WriteAllBytes(_drop.PathOf("a.csv"), [.. "PK\u0003\u0004"u8, 1, 2, 3]);
        Drop("b.csv", "Id,Email,Note\nu1,ann@example.com,x\n");
        await RunAsync();
        await LaterAsync();
        feed = (await _test.Get<Feeds>().FindAsync(feed.Id, default))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await ImportsAsync()).Single().FileName, Is.EqualTo("b.csv"));
            Assert.That((Names("failed").Single(), Names("done").Single()), Is.EqualTo(("a.csv", "b.csv")));
            Assert.That((feed.State, feed.ErrorCode), Is.EqualTo((Feed.On, "feed.file_refused")));
            Assert.That(feed.Error, Does.Contain("'a.csv'"));
            Assert.That((await _test.Get<Feeds>().FilesAsync(feed.Id, 10, default)).Select(file => file.State), Is.EquivalentTo(new[] { "taken", "refused" }));
        }

        await LaterAsync();
        Assert.That((await _test.Get<Feeds>().FindAsync(feed.Id, default))!.Error, Is.Not.Null, "it is told of until a later file was taken");
        await DropAndTakeAsync("c.csv", "Id,Email,Note\nu2,bob@example.com,x\n");
        Assert.That((await _test.Get<Feeds>().FindAsync(feed.Id, default))!.Error, Is.Null);
    }

    [Test]
    public async Task Wherever_the_program_dies_no_file_is_lost_and_none_is_loaded_twice()
    {
        await FeedAsync();
        Drop("a.csv", "Id,Email,Note\nu1,ann@example.com,x\n");
        Drop("b.csv", "Id,Email,Note\nu2,bob@example.com,x\n");
        await RunAsync();
        _test.Clock.Advance(TimeSpan.FromMinutes(2));

        // The n-th write of the run is the last that the program does.
        var cuts = 0;
        for (var cut = 1; cut < 20; cut++)
        {
            using var stop = new CancellationTokenSource();
            var writes = 0;
            var store = _test.Get<IStore>();
            void Count(IReadOnlyCollection<string> logs)
            {
                if (++writes == cut)
                {
                    stop.Cancel();
                }
            }

            store.LogsGrew += Count;
            try
            {
                await _test.Get<FeedRunner>().RunDueAsync(stop.Token);
            }
            catch (OperationCanceledException)
            {
                cuts++;
            }

            store.LogsGrew -= Count;
            _test.Clock.Advance(TimeSpan.FromMinutes(2));
        }

        await LaterAsync();
        await LaterAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(cuts, Is.EqualTo(2), "once before the kept file was an import, once before the taken file was moved");
            Assert.That((await ImportsAsync()).Select(import => (import.FileName, import.Stored)), Is.EquivalentTo(new[] { ("a.csv", 1L), ("b.csv", 1L) }));
            Assert.That(Names("done"), Is.EqualTo(new[] { "a.csv", "b.csv" }));
            Assert.That(Directory.GetFiles(Path.Combine(_test.Folder, "uploads")), Has.Length.EqualTo(2));
        }
    }

    [Test]
    public async Task A_file_that_was_taken_but_not_moved_before_the_end_is_moved_and_not_taken_again()
    {
        var feed = await FeedAsync(afterwards: Feed.Leave);
        await DropAndTakeAsync("a.csv", "Id,Email,Note\nu1,ann@example.com,x\n");
        await _test.Get<Feeds>().ChangeAsync(Actor.CommandLine, feed.Id, Wish(afterwards: Feed.Move), default);
        await LaterAsync();
        Assert.That((Names("done").Single(), (await ImportsAsync()).Count), Is.EqualTo(("a.csv", 1)));
    }

    [Test]
    public async Task A_file_that_was_kept_but_became_no_import_before_the_end_is_thrown_away_and_fetched_again()
    {
        var feed = await FeedAsync();
        using var content = new MemoryStream(Encoding.UTF8.GetBytes("Id,Email,Note\nu1,ann@example.com,x\n"));
        await _test.Get<Imports>().KeepAsync(FeedTaker.ActorOf(feed), "a.csv", content, default);
        await DropAndTakeAsync("a.csv", "Id,Email,Note\nu1,ann@example.com,x\n");
        Assert.That((await ImportsAsync()).Single().FileId, Is.EqualTo(2));
        Assert.That(Directory.GetFiles(Path.Combine(_test.Folder, "uploads")), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task The_copies_of_what_feeds_brought_are_deleted_after_90_days_and_others_are_not()
    {
        await FeedAsync();
        await DropAndTakeAsync("a.csv", "Id,Email,Note\nu1,ann@example.com,x\n");
        var import = (await ImportsAsync()).Single();
        await InspectAsync("Id,Email\nu1,ann@example.com\n");
        var job = ActivatorUtilities.CreateInstance<FeedTidyJob>(_test.Get<IServiceProvider>());
        var run = new JobRun(1, 0, (_, _) => Task.CompletedTask);
        _test.Clock.Advance(TimeSpan.FromDays(89));
        await job.RunAsync(run, default);
        Assert.That(Directory.GetFiles(Path.Combine(_test.Folder, "uploads")), Has.Length.EqualTo(2));
        _test.Clock.Advance(TimeSpan.FromDays(2));
        await job.RunAsync(run, default);
        Assert.That(Directory.GetFiles(Path.Combine(_test.Folder, "uploads")).Select(file => Path.GetFileName(file)), Is.EqualTo(new[] { "2.csv" }));
        Assert.That((await _test.Get<Imports>().FindAsync(import.Id, default))!.FileName, Is.EqualTo("a.csv"));
    }

    [TestCase("..", "feed.folder_outside")]
    [TestCase("sub/../../etc", "feed.folder_outside")]
    [TestCase("/etc", "feed.folder_outside")]
    [TestCase("nowhere", "feed.folder_missing")]
    [TestCase("link", "feed.folder_link")]
    [TestCase("link/inner", "feed.folder_link")]
    [TestCase("sub", null)]
    [TestCase("./sub/", null)]
    public async Task A_feed_reads_nothing_outside_the_root(string place, string? code)
    {
        using var outside = new TempFolder("sqlite");
        Directory.CreateDirectory(outside.PathOf("inner"));
        Directory.CreateDirectory(_drop.PathOf("sub"));
        Directory.CreateSymbolicLink(_drop.PathOf("link"), outside.Path);
        Assert.That((await _test.Get<Feeds>().CreateAsync(Actor.CommandLine, Wish(place: place), default)).Problem?.Code, Is.EqualTo(code));
    }

    [Test]
    public async Task The_data_folder_is_never_watched_although_the_root_holds_it()
    {
        using var folder = new TempFolder();
        await using var test = new TestStore(services => services.AddSingleton(Options.Create(new FeedOptions { Root = Path.GetDirectoryName(folder.Path)! })), folder);
        var root = test.Get<WatchedRoot>();
        var own = Path.GetFileName(folder.Path);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(root.Find(own).Problem?.Code, Is.EqualTo("feed.folder_own"));
            Assert.That(root.Find($"{own}/keys").Problem?.Code, Is.EqualTo("feed.folder_own"));
            Assert.That(root.Find(Path.GetFileName(_drop.Path)).Problem, Is.Null);
            Assert.That(root.Folders(), Has.None.StartsWith(own));
        }
    }

    [Test]
    public async Task One_that_cannot_be_opened_is_told_of_and_holds_up_no_other()
    {
        await FeedAsync();
        Drop("a.csv", "Id,Email,Note\nu1,ann@example.com,x\n");
        Drop("b.csv", "Id,Email,Note\nu2,bob@example.com,x\n");
        await RunAsync();
        // Somebody writes into it, and lets nobody else in.
        using (new FileStream(_drop.PathOf("a.csv"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            await LaterAsync();
            Assert.That((await ImportsAsync()).Select(import => import.FileName), Is.EqualTo(new[] { "b.csv" }));
            Assert.That((await _test.Get<Feeds>().ListAsync(default)).Single().ErrorCode, Is.EqualTo("feed.file_forbidden"));
        }

        await LaterAsync();
        Assert.That((await ImportsAsync()).Select(import => import.FileName), Is.EqualTo(new[] { "a.csv", "b.csv" }));
        Assert.That((await _test.Get<Feeds>().ListAsync(default)).Single().Error, Is.Null);
    }

    [Test]
    public async Task A_link_in_a_watched_folder_is_not_followed_and_unfinished_files_wait()
    {
        using var outside = new TempFolder("sqlite");
        File.WriteAllText(outside.PathOf("secret.csv"), "Id,Email,Note\nu1,ann@example.com,x\n");
        await FeedAsync();
        File.CreateSymbolicLink(_drop.PathOf("a.csv"), outside.PathOf("secret.csv"));
        Drop("b.csv.part", "Id,Email,Note\nu2,bob@example.com,x\n");
        Drop(".c.csv", "Id,Email,Note\nu3,cid@example.com,x\n");
        Drop("d.csv", "");
        Drop("e.txt", "Id,Email,Note\nu4,dee@example.com,x\n");
        await RunAsync();
        await LaterAsync();
        Assert.That(await ImportsAsync(), Is.Empty);
        Assert.That((await _test.Get<Feeds>().ListAsync(default)).Single().Error, Is.Null);
    }

    [Test]
    public async Task Without_a_root_no_folder_is_watched()
    {
        await using var test = new TestStore();
        var made = await test.Get<Feeds>().CreateAsync(Actor.CommandLine, Wish(), default);
        Assert.That((made.Problem!.Code, made.Problem.Field), Is.EqualTo(("source.unknown", "sourceId")));
        var source = (await test.Get<Sources>().CreateAsync(Actor.CommandLine, "CRM", SourceKind.File, default)).Value;
        Assert.That((await test.Get<Feeds>().CreateAsync(Actor.CommandLine, Wish() with { SourceId = source.Id }, default)).Problem!.Code, Is.EqualTo("feed.folders_off"));
    }

    [Test]
    public async Task A_paused_feed_takes_nothing_and_a_deleted_one_leaves_what_it_brought()
    {
        var feeds = _test.Get<Feeds>();
        var feed = await FeedAsync();
        await feeds.PauseAsync(Actor.CommandLine, feed.Id, default);
        Assert.That((await feeds.RunNowAsync(Actor.CommandLine, feed.Id, default)).Problem!.Code, Is.EqualTo("feed.not_on"));
        await DropAndTakeAsync("a.csv", "Id,Email,Note\nu1,ann@example.com,x\n");
        Assert.That(await ImportsAsync(), Is.Empty);
        await feeds.ResumeAsync(Actor.CommandLine, feed.Id, default);
        await RunAsync();
        await LaterAsync();
        Assert.That(await ImportsAsync(), Has.Count.EqualTo(1));
        Assert.That((await _test.Get<SavedMappings>().DeleteAsync(Actor.CommandLine, _mapping.Id, default)).Problem!.Code, Is.EqualTo("mapping.in_use"));
        await feeds.DeleteAsync(Actor.CommandLine, feed.Id, default);
        var mapping = await _test.Get<SavedMappings>().DeleteAsync(Actor.CommandLine, _mapping.Id, default);
        Assert.That((mapping.Problem, (await feeds.ListAsync(default)).Count, (await ImportsAsync()).Count), Is.EqualTo(((CdpMonolith.Platform.Problem?)null, 0, 1)));
    }

    [TestCase("", "job.cron_invalid")]
    [TestCase("* * * * * ?", "feed.too_often")]
    [TestCase("0 0 3 * * ?", null)]
    public async Task A_schedule_is_a_cron_expression_of_a_minute_or_more(string cron, string? code) =>
        Assert.That((await _test.Get<Feeds>().CreateAsync(Actor.CommandLine, Wish() with { Cron = cron }, default)).Problem?.Code, Is.EqualTo(code));

    [Test]
    public async Task A_saved_mapping_is_offered_for_nearly_the_same_columns_and_fills_in_the_same_ones()
    {
        var same = await InspectAsync("ID;Email;Note\n1;ann@example.com;x\n");
        var near = await InspectAsync("Id,Email,Note,Extra\n1,ann@example.com,x,y\n");
        var other = await InspectAsync("When,What\n2025-01-01,x\n");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((same.IsRemembered, same.Suggested.Columns["ID"].To), Is.EqualTo((true, ColumnTarget.UserId)));
            Assert.That(near.Saved.Select(offer => (offer.Saved.Name, offer.Likeness, offer.New.Single(), offer.Missing.Count)), Is.EqualTo(new[] { ("Contacts", 0.75, "Extra", 0) }));
            Assert.That(near.IsRemembered, Is.False);
            Assert.That(other.Saved, Is.Empty);
        }
    }

    private static FeedWish Wish(string place = "", string pattern = "*.csv", string afterwards = Feed.Move) =>
        new("Drop", Feed.Folder, place, pattern, null, null, null, EveryMinute, 1, 1, afterwards);

    private TestStore Opened() => new(services => services.AddSingleton(Options.Create(new FeedOptions { Root = _drop.Path })));

    private async Task<Feed> FeedAsync(string afterwards = Feed.Move) =>
        (await _test.Get<Feeds>().CreateAsync(Actor.CommandLine, Wish(afterwards: afterwards), default)).Value;

    private void Drop(string name, string content) => File.WriteAllText(_drop.PathOf(name), content);

    private string[] Names(string folder = "") => Directory.Exists(_drop.PathOf(folder))
        ? [.. Directory.GetFiles(_drop.PathOf(folder)).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)] : [];

    private Task RunAsync() => _test.Get<FeedRunner>().RunDueAsync(default);

    private Task LaterAsync()
    {
        _test.Clock.Advance(TimeSpan.FromMinutes(1));
        return RunAsync();
    }

    private async Task DropAndTakeAsync(string name, string content)
    {
        Drop(name, content);
        await LaterAsync();
        await LaterAsync();
    }

    private async Task<List<FileImport>> ImportsAsync()
    {
        await _test.Get<ImportRunner>().RunQueuedAsync(default);
        return [.. await _test.Get<Imports>().LatestAsync(long.MaxValue, 100, default)];
    }

    private async Task<FileFindings> InspectAsync(string content)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(content));
        var file = (await _test.Get<Imports>().KeepAsync(Actor.CommandLine, "x.csv", stream, default)).Value;
        return (await _test.Get<Imports>().InspectAsync(file.Id, default)).Value;
    }
}
