using System.Globalization;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Platform.Console;

/// <summary>Texts that tell how many: <c>key</c>, and <c>key.One</c> for one.</summary>
public static class Plurals
{
    /// <param name="count">Stands in the text as {0}, with its thousands apart.</param>
    /// <param name="others">{1}, {2}, …</param>
    public static LocalizedString Counted(this IStringLocalizer texts, string key, long count, params object[] others) =>
        texts[count == 1 ? $"{key}.One" : key, [count.ToString("N0", CultureInfo.CurrentCulture), .. others]];
}
