using System.IO.Compression;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform;

namespace CdpMonolith.Ingestion.Import;

/// <summary>How far a packed file may swell.</summary>
/// <param name="Bytes">Unpacked, at most.</param>
/// <param name="Ratio">Unpacked bytes for one packed byte, at most; looked at once <see cref="RatioCountsFrom"/> bytes came out.</param>
internal sealed record UnpackBounds(long Bytes, int Ratio)
{
    public const long RatioCountsFrom = 16L << 20;

    /// <summary>Tables of text pack to a tenth, dull ones to a fiftieth.</summary>
    public static readonly UnpackBounds Default = new(64L << 30, 200);
}

/// <summary>The packed file is not one table, or swells beyond its bounds; the message is for people.</summary>
internal sealed class NotUnpackedException(string message) : IOException(message);

/// <summary>Reads a file as it is inside gzip or zip, or as it is.</summary>
internal static class Packed
{
    private static readonly byte[] GzipMark = [0x1F, 0x8B];

    /// <summary>The content; whoever opened the file closes it.</summary>
    /// <exception cref="NotUnpackedException">It is packed but cannot be unpacked.</exception>
    public static Stream Open(FileStream file, UnpackBounds? bounds = null)
    {
        var mark = HeadOf(file);
        bounds ??= UnpackBounds.Default;
        return mark.AsSpan().StartsWith(GzipMark) ? new Bounded(new GZipStream(file, CompressionMode.Decompress, leaveOpen: true), file.Length, bounds)
            : mark is [(byte)'P', (byte)'K', 3, 4] or [(byte)'P', (byte)'K', 5, 6] ? OpenZip(file, bounds)
            : file;
    }

    /// <summary>Reads a packed file to its end, so that one that was cut off is found before anything of it is taken.</summary>
    /// <exception cref="NotUnpackedException">It swells beyond the bounds.</exception>
    /// <exception cref="InvalidDataException">It breaks off or is damaged.</exception>
    public static void CheckWhole(string path)
    {
        using var file = File.OpenRead(path);
        var isGzip = HeadOf(file).AsSpan().StartsWith(GzipMark);
        using var unpacked = isGzip ? new Bounded(GzipEnd.Unpack(file), file.Length, UnpackBounds.Default) : Open(file);
        if (unpacked == file)
        {
            return;
        }

        var buffer = new byte[1 << 17];
        var kept = 0;
        while (unpacked.Read(buffer, kept, buffer.Length - kept) is var got and > 0)
        {
            // What came last stands before what comes next.
            var all = kept + got;
            kept = Math.Min(all, GzipEnd.Length);
            buffer.AsSpan(all - kept, kept).CopyTo(buffer);
        }

        if (isGzip && !GzipEnd.IsAtEndOf(buffer.AsSpan(0, kept)))
        {
            throw new InvalidDataException("The gzip stream breaks off.");
        }
    }

    /// <summary>An office document, which is a zip of many parts; null: the file is none.</summary>
    public static Problem? DocumentIn(string path)
    {
        using var file = File.OpenRead(path);
        if (HeadOf(file) is not [(byte)'P', (byte)'K', 3, 4])
        {
            return null;
        }

        using var zip = new ZipArchive(file, ZipArchiveMode.Read);
        return FileKind.OfParts([.. zip.Entries.Select(entry => entry.FullName)]);
    }

    /// <summary>The first four bytes, or as many as there are; the file is at its beginning again.</summary>
    private static byte[] HeadOf(FileStream file)
    {
        var mark = new byte[4];
        var got = file.ReadAtLeast(mark, 4, throwOnEndOfStream: false);
        file.Position = 0;
        return mark[..got];
    }

    private static Bounded OpenZip(FileStream file, UnpackBounds bounds)
    {
        var zip = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true);
        try
        {
            // What macOS adds for itself is no table.
            var tables = zip.Entries
                .Where(entry => entry.Name.Length > 0 && entry.Name[0] != '.' && !entry.FullName.StartsWith("__MACOSX/", StringComparison.Ordinal))
                .Take(2).ToList();
            return tables switch
            {
                [] => throw new NotUnpackedException("The zip holds no file."),
                [_, _] => throw new NotUnpackedException("The zip holds more than one file. Bring in one table at a time."),
                [{ IsEncrypted: true }] => throw new NotUnpackedException("The zip has a password. Unpack it first."),
                [var one] when one.Length > bounds.Bytes => throw TooLarge(bounds),
                [var one] => new Bounded(one.Open(), Math.Max(one.CompressedLength, 1), bounds, zip),
                _ => throw new InvalidOperationException(),
            };
        }
        catch
        {
            zip.Dispose();
            throw;
        }
    }

    private static NotUnpackedException TooLarge(UnpackBounds bounds) =>
        new(FormattableString.Invariant($"The packed file holds more than {bounds.Bytes >> 30:N0} GB."));

    /// <summary>Counts what comes out.</summary>
    private sealed class Bounded(Stream from, long packedBytes, UnpackBounds bounds, IDisposable? holder = null) : Stream
    {
        private long _out;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => _out;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var got = from.Read(buffer);
            _out += got;
            if (_out > bounds.Bytes)
            {
                throw TooLarge(bounds);
            }

            return _out > UnpackBounds.RatioCountsFrom && _out / bounds.Ratio > packedBytes
                ? throw new NotUnpackedException(FormattableString.Invariant($"The packed file swells more than {bounds.Ratio} times."))
                : got;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                from.Dispose();
                holder?.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
