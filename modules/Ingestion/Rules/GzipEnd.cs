using System.IO.Compression;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>
/// Tells a whole gzip stream from one that was cut off, which the library reads without a word: a member of our own is put behind it, and
/// what it holds comes out last only if all before it was whole.
/// </summary>
internal static class GzipEnd
{
    private static readonly byte[] Mark = "\u0001end of the body\u0001"u8.ToArray();
    private static readonly byte[] Member = Pack();

    /// <summary>How many bytes come out behind the content.</summary>
    public static int Length => Mark.Length;

    /// <summary>Unpacks; whoever opened the packed stream closes it.</summary>
    public static Stream Unpack(Stream packed) => new GZipStream(new Joined(packed, new MemoryStream(Member, writable: false)), CompressionMode.Decompress);

    /// <summary>Whether what came out ends as it must.</summary>
    public static bool IsAtEndOf(ReadOnlySpan<byte> unpacked) => unpacked.EndsWith(Mark);

    private static byte[] Pack()
    {
        var bytes = new MemoryStream();
        using (var packing = new GZipStream(bytes, CompressionLevel.Fastest))
        {
            packing.Write(Mark);
        }

        return bytes.ToArray();
    }

    /// <summary>One stream after the other.</summary>
    private sealed class Joined(Stream first, Stream second) : Stream
    {
        private bool _isFirstRead;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (!_isFirstRead && first.Read(buffer) is var got and > 0)
            {
                return got;
            }

            _isFirstRead = true;
            return second.Read(buffer);
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
