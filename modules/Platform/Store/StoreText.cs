using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using System.Text.Unicode;
using Dapper;

namespace CdpMonolith.Platform.Store;

/// <summary>
/// What text both engines can hold: UTF-8 without the character NUL, which PostgreSQL refuses. What is not that is kept as
/// U+FFFD, the sign for a character that could not be read.
/// </summary>
internal static class StoreText
{
    private const byte Nul = 0;
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Properties = new();

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

    /// <summary>Parameters of Dapper: themselves, unless a text among them has the character.</summary>
    public static object? Sound(object? parameters)
    {
        if (parameters is null)
        {
            return null;
        }

        var properties = Properties.GetOrAdd(parameters.GetType(), type => [.. type.GetProperties().Where(property => property.GetIndexParameters().Length == 0)]);
        if (!Array.Exists(properties, property => property.PropertyType == typeof(string) && HasNul(property.GetValue(parameters))))
        {
            return parameters;
        }

        var sound = new DynamicParameters();
        foreach (var property in properties)
        {
            var value = property.GetValue(parameters);
            sound.Add(property.Name, HasNul(value) ? ((string)value!).Replace('\0', '\uFFFD') : value);
        }

        return sound;

        static bool HasNul(object? value) => value is string text && text.Contains('\0', StringComparison.Ordinal);
    }

    public static bool IsSound(ReadOnlySpan<byte> utf8) => !utf8.Contains(Nul) && Utf8.IsValid(utf8);

    /// <summary>Also bytes that are no UTF-8, which only PostgreSQL looks for.</summary>
    public static byte[] Sound(ReadOnlySpan<byte> utf8) => WithoutNul(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(utf8)));
}
