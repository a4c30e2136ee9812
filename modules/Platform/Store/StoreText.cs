using System.Text;
using System.Text.Unicode;

namespace CdpMonolith.Platform.Store;

/// <summary>
/// What text both engines can hold: UTF-8 without the character NUL, which PostgreSQL refuses. What is not that is kept as
/// U+FFFD, the sign for a character that could not be read.
/// </summary>
internal static class StoreText
{
    private const byte Nul = 0;

    public static byte[] WithoutNul(ReadOnlySpan<byte> utf8)
    {
        var clean = new List<byte>(utf8.Length + 2);
        foreach (var one in utf8)
        {
            if (one == Nul)
            {
                clean.AddRange("\uFFFD"u8);
            }
            else
            {
                clean.Add(one);
            }
        }

        return [.. clean];
    }

    public static bool IsSound(ReadOnlySpan<byte> utf8) => !utf8.Contains(Nul) && Utf8.IsValid(utf8);

    /// <summary>Also bytes that are no UTF-8, which only PostgreSQL looks for.</summary>
    public static byte[] Sound(ReadOnlySpan<byte> utf8) => WithoutNul(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(utf8)));
}
