using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace CdpMonolith.Tests.Support;

/// <summary>
/// What strace saw of a server, played again up to any line: what was answered until then, and the files as the disk may hold them if
/// the power fails there. Of a file that is what a sync that ended had found written when it began, and of the writes since any.
/// </summary>
/// <param name="start">Files as they were when the trace began, by their names.</param>
internal sealed partial class PowerCut(IReadOnlyDictionary<string, byte[]> start)
{
    /// <summary>Arguments for strace: the calls that are looked at, with names of files and all bytes.</summary>
    public static readonly string[] Tracing =
        ["-f", "-qq", "-y", "-xx", "-s", "20000", "-e", "trace=pwrite64,ftruncate,fsync,fdatasync,sendto,sendmsg,recvfrom,recvmsg", "-e", "signal=none"];

    private readonly Dictionary<string, Disk> _disks = start.ToDictionary(file => file.Key, file => new Disk(file.Value));
    private readonly Dictionary<string, string> _unfinished = [];
    private readonly Dictionary<string, string> _asked = [];
    private readonly Dictionary<string, int> _syncs = [];

    /// <summary>Message ids whose 200 went out.</summary>
    public List<string> Answered { get; } = [];

    /// <summary>Plays the next line of the trace.</summary>
    public void Play(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        var (thread, call) = (line[..space], line[space..].TrimStart());
        if (call.EndsWith("<unfinished ...>", StringComparison.Ordinal))
        {
            _unfinished[thread] = call[..^"<unfinished ...>".Length];
            Begin(thread, call);
            return;
        }

        if (call.StartsWith("<... ", StringComparison.Ordinal) && _unfinished.Remove(thread, out var began))
        {
            call = began + call[(call.IndexOf('>', StringComparison.Ordinal) + 1)..];
        }
        else
        {
            Begin(thread, call);
        }

        End(thread, call);
    }

    /// <summary>The files after the power failed here.</summary>
    /// <param name="keeps">Whether a write that no sync covers got to the disk.</param>
    public IEnumerable<(string Name, byte[] Bytes)> Files(Func<bool> keeps) => _disks.Select(disk => (disk.Key, disk.Value.After(keeps)));

    private void Begin(string thread, string call)
    {
        if (Sync().Match(call) is { Success: true } sync && DiskOf(sync.Groups["file"].Value) is { } disk)
        {
            _syncs[thread] = disk.Written;
        }
        else if (call.StartsWith("send", StringComparison.Ordinal) && Socket().Match(call) is { Success: true } socket
            && _asked.TryGetValue(socket.Groups["fd"].Value, out var id) && Text(call).StartsWith("HTTP/1.1 200", StringComparison.Ordinal))
        {
            Answered.Add(id);
        }
    }

    private void End(string thread, string call)
    {
        if (Write().Match(call) is { Success: true } write)
        {
            DiskOf(write.Groups["file"].Value)?.Write(Number(write.Groups["at"].Value), Bytes(write.Groups["hex"].Value));
        }
        else if (Truncate().Match(call) is { Success: true } cut)
        {
            DiskOf(cut.Groups["file"].Value)?.Truncate(Number(cut.Groups["length"].Value));
        }
        else if (Sync().Match(call) is { Success: true } sync)
        {
            if (DiskOf(sync.Groups["file"].Value) is { } disk && call.TrimEnd().EndsWith("= 0", StringComparison.Ordinal))
            {
                disk.Sync(_syncs[thread]);
            }
        }
        else if (call.StartsWith("recv", StringComparison.Ordinal) && Socket().Match(call) is { Success: true } socket
            && MessageId().Match(Text(call)) is { Success: true } message)
        {
            _asked[socket.Groups["fd"].Value] = message.Groups["id"].Value;
        }
    }

    private Disk? DiskOf(string path) => _disks.GetValueOrDefault(Path.GetFileName(Encoding.UTF8.GetString(Bytes(path))));

    private static int Number(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    /// <summary>All that is quoted in a call.</summary>
    private static string Text(string call) => Encoding.UTF8.GetString([.. Quoted().Matches(call).SelectMany(text => Bytes(text.Groups["hex"].Value))]);

    /// <summary>With -xx strace writes every byte of a text as <c>\x41</c>; names of files it may leave plain.</summary>
    private static byte[] Bytes(string text) => text.StartsWith(@"\x", StringComparison.Ordinal)
        ? Convert.FromHexString(text.Replace(@"\x", "", StringComparison.Ordinal))
        : Encoding.UTF8.GetBytes(text);

    [GeneratedRegex("""^(fsync|fdatasync)\(\d+<(?<file>[^>]*)>""")]
    private static partial Regex Sync();

    [GeneratedRegex("""^pwrite64\(\d+<(?<file>[^>]*)>, "(?<hex>[^"]*)", \d+, (?<at>\d+)\s*\)\s+= \d+""")]
    private static partial Regex Write();

    [GeneratedRegex("""^ftruncate\(\d+<(?<file>[^>]*)>, (?<length>\d+)\s*\)\s+= 0""")]
    private static partial Regex Truncate();

    [GeneratedRegex("""^\w+\((?<fd>\d+)<""")]
    private static partial Regex Socket();

    [GeneratedRegex("""
        "(?<hex>(\\x[0-9a-f]{2})*)"
        """)]
    private static partial Regex Quoted();

    [GeneratedRegex("""
        "messageId":"(?<id>[^"]+)"
        """)]
    private static partial Regex MessageId();

    /// <summary>One file: what is certainly on the disk, and what was written since.</summary>
    private sealed class Disk(byte[] synced)
    {
        private readonly List<Action<MemoryStream>> _since = [];
        private readonly MemoryStream _synced = With(synced);
        private int _applied;

        /// <summary>How many writes have ended so far.</summary>
        public int Written => _applied + _since.Count;

        public void Write(int at, byte[] bytes) => _since.Add(file =>
        {
            file.Position = at;
            file.Write(bytes);
        });

        public void Truncate(int length) => _since.Add(file => file.SetLength(length));

        public void Sync(int written)
        {
            for (; _applied < written; _applied++)
            {
                _since[0](_synced);
                _since.RemoveAt(0);
            }
        }

        public byte[] After(Func<bool> keeps)
        {
            var file = With(_synced.ToArray());
            foreach (var write in _since.Where(_ => keeps()))
            {
                write(file);
            }

            return file.ToArray();
        }

        private static MemoryStream With(byte[] bytes)
        {
            var stream = new MemoryStream();
            stream.Write(bytes);
            return stream;
        }
    }
}
