using System.IO.Enumeration;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Fetch;

/// <summary>How a run of a feed ended.</summary>
/// <param name="Taken">Files that became imports.</param>
/// <param name="Problem">What stands in the way; null: all went well.</param>
/// <param name="Stops">The feed is not to run again until somebody lets it.</param>
/// <param name="Again">When to look again, if sooner than the schedule.</param>
internal sealed record FeedRun(int Taken, Problem? Problem = null, bool Stops = false, TimeSpan? Again = null);

/// <summary>
/// Looks into a watched folder. A file that two looks found unchanged is taken; that it was, is written in the transaction that makes
/// the import, and only then is it moved away. So a stop at any point leaves a file that is still to be taken, or one that is known.
/// </summary>
internal sealed class FolderFeed(IStore store, WatchedRoot root, FeedTaker taker, IOptions<FeedOptions> options, TimeProvider clock)
{
    private const int TakenAtOnce = 100;
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);
    private static readonly string[] Unfinished = [".part", ".partial", ".filepart", ".tmp", ".crdownload", ".swp"];

    private TimeSpan Stable => TimeSpan.FromSeconds(options.Value.StableSeconds);

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    public async Task<FeedRun> RunAsync(Feed feed, CancellationToken ct)
    {
        var place = root.Find(feed.Place);
        if (!place.Met(out var folder))
        {
            return new FeedRun(0, place.Problem);
        }

        var looks = await store.ReadAsync(read => FeedStore.Looks(read, feed.Id), ct);
        var files = FilesOf(folder, feed.Pattern);
        foreach (var gone in looks.Keys.Except(files.Select(file => file.Name)).ToList())
        {
            await store.WriteAsync(write => FeedStore.ForgetLook(write, feed.Id, gone), ct);
        }

        var (taken, again) = (0, (TimeSpan?)null);
        Problem? problem = null;
        foreach (var file in files)
        {
            var (length, changed) = StampOf(file);
            var before = looks.GetValueOrDefault(file.Name);
            if (before is null || before.SizeBytes != length || before.ChangedAt != changed)
            {
                await LookAsync(feed, new FeedLook(file.Name, length, changed, Now, FeedLook.Seen), ct);
                again ??= Stable;
                continue;
            }

            if (before.State != FeedLook.Seen)
            {
                problem = PutAway(feed, folder, before) ?? problem;
                continue;
            }

            if (Now - before.LookedAt < Stable.TotalMilliseconds)
            {
                again ??= Stable;
                continue;
            }

            if (taken == TakenAtOnce)
            {
                again = AtOnce;
                break;
            }

            var (end, refused) = await TakeAsync(feed, folder, file, before, ct);
            switch (end)
            {
                case TakeEnd.Taken:
                    taken++;
                    break;
                case TakeEnd.Changing:
                    again ??= Stable;
                    break;
                case TakeEnd.OtherColumns:
                    return new FeedRun(taken, refused, Stops: true);
                case TakeEnd.Failed:
                    return new FeedRun(taken, refused);
            }

            problem = refused ?? problem;
        }

        return new FeedRun(taken, problem, Again: again);
    }

    private async Task<(TakeEnd End, Problem? Problem)> TakeAsync(Feed feed, string folder, FileInfo file, FeedLook look, CancellationToken ct)
    {
        if (look.SizeBytes > options.Value.FileMiB * 1024L * 1024)
        {
            return await RefuseAsync(feed, folder, look, $"'{file.Name}' is larger than {options.Value.FileMiB} MiB. Bring it in by hand, or raise Feeds:FileMiB.", ct);
        }

        FileStream opened;
        try
        {
            opened = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan | FileOptions.Asynchronous);
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            return (TakeEnd.Changing, null);
        }
        catch (Exception fault) when (fault is UnauthorizedAccessException or IOException)
        {
            return (TakeEnd.Closed, new Problem("feed.file_forbidden", $"The program cannot open '{file.Name}'. Give it the right to, or take the file away; others are taken meanwhile."));
        }

        await using var content = opened;
        var (end, problem) = await taker.TakeAsync(
            feed, file.Name, content, () => IsAs(file.FullName, look), (write, current) =>
            {
                FeedStore.Look(write, feed.Id, look with { State = FeedLook.Taken });
                return current;
            }, ct);
        switch (end)
        {
            case TakeEnd.Changing:
                return (end, null);
            case TakeEnd.Same:
                await LookAsync(feed, look with { State = FeedLook.Taken }, ct);
                return (end, PutAway(feed, folder, look with { State = FeedLook.Taken }));
            case TakeEnd.Taken:
                return (end, PutAway(feed, folder, look with { State = FeedLook.Taken }));
            case TakeEnd.Refused:
                return await RefuseAsync(feed, folder, look, $"'{file.Name}': {problem!.Message}", ct);
            default:
                return (end, problem);
        }
    }

    private async Task<(TakeEnd End, Problem? Problem)> RefuseAsync(Feed feed, string folder, FeedLook look, string message, CancellationToken ct)
    {
        var refused = look with { State = FeedLook.Refused };
        await store.WriteAsync(
            write =>
            {
                FeedStore.Look(write, feed.Id, refused);
                FeedStore.AddFile(write, feed.Id, look.Name, null, FeedLook.Refused, null, message, Now);
            }, ct);
        PutAway(feed, folder, refused);
        return (TakeEnd.Refused, new Problem("feed.file_refused", message));
    }

    private Task LookAsync(Feed feed, FeedLook look, CancellationToken ct) => store.WriteAsync(write => FeedStore.Look(write, feed.Id, look), ct);

    /// <summary>Moves a file that is settled to where it belongs. It stays known for as long as it lies there.</summary>
    private Problem? PutAway(Feed feed, string folder, FeedLook look)
    {
        var from = Path.Combine(folder, look.Name);
        if (feed.Afterwards != Feed.Move || !IsAs(from, look))
        {
            return null;
        }

        var into = Path.Combine(folder, look.State == FeedLook.Refused ? WatchedRoot.Failed : WatchedRoot.Done);
        try
        {
            if (Directory.CreateDirectory(into).LinkTarget is not null)
            {
                throw new IOException($"{into} is a link.");
            }

            var to = Path.Combine(into, look.Name);
            if (File.Exists(to))
            {
                to = Path.Combine(into, FormattableString.Invariant(
                    $"{Path.GetFileNameWithoutExtension(look.Name)}-{clock.GetUtcNow():yyyyMMdd'T'HHmmssfff}-{Guid.NewGuid().ToString("N")[..4]}{Path.GetExtension(look.Name)}"));
            }

            File.Move(from, to);
            if (!IsAs(to, look) && !File.Exists(from))
            {
                // Another file came in its place at this very moment: it is still to be taken.
                File.Move(to, from);
            }

            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return new Problem(
                "feed.not_moved", $"'{look.Name}' is settled, but it could not be moved to {into}: {fault.Message}. It is not loaded again. Let the program write there, or have files left where they are.");
        }
    }

    private static List<FileInfo> FilesOf(string folder, string pattern) =>
    [
        .. new DirectoryInfo(folder).EnumerateFiles("*", new EnumerationOptions { AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Hidden | FileAttributes.System })
            .Where(file => FileSystemName.MatchesSimpleExpression(pattern, file.Name) && !file.Name.StartsWith('.')
                && !Unfinished.Contains(file.Extension, StringComparer.OrdinalIgnoreCase)
                // An empty one is being written; pipes and devices are empty too.
                && file.LinkTarget is null && file.Length > 0)
            .OrderBy(file => file.LastWriteTimeUtc).ThenBy(file => file.Name, StringComparer.Ordinal),
    ];

    private static bool IsAs(string path, FeedLook look)
    {
        var file = new FileInfo(path);
        return file.Exists && file.LinkTarget is null && StampOf(file) == (look.SizeBytes, look.ChangedAt);
    }

    private static (long Length, long ChangedAt) StampOf(FileInfo file) => (file.Length, new DateTimeOffset(file.LastWriteTimeUtc).ToUnixTimeMilliseconds());
}
