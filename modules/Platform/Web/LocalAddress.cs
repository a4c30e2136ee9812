namespace CdpMonolith.Platform.Web;

/// <summary>Addresses that come with a request and are gone to afterwards.</summary>
public static class LocalAddress
{
    /// <summary>The address when it leads to a page of this console, else <paramref name="otherwise"/>.</summary>
    /// <remarks>Browsers read <c>//host</c> and <c>/\host</c> as another site, and drop tabs and line ends.</remarks>
    public static string Of(string? address, string otherwise = "/") =>
        address is ['/', ..] and not ['/', '/' or '\\', ..] && !address.Any(c => char.IsControl(c) || c == '\\') ? address : otherwise;
}
