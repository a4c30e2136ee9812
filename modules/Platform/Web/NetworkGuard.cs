using System.Net;
using System.Net.Sockets;

namespace CdpMonolith.Platform.Web;

/// <summary>Which addresses may be called: what we send to and fetch from is somebody else's machine on the internet.</summary>
/// <remarks>Ranges of the IANA special-purpose address registries, of IPv4 and of IPv6.</remarks>
public static class NetworkGuard
{
    private static readonly IPNetwork[] Special =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
            "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20", "5f00::/16",
            "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        }.Select(range => IPNetwork.Parse(range)),
    ];

    private static readonly IPNetwork[] Local =
    [
        .. new[] { "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7" }
            .Select(range => IPNetwork.Parse(range)),
    ];

    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");

    /// <param name="allowLocal">
    /// Somebody has allowed this machine and its network; link-local addresses, where clouds keep their secrets, stay refused.
    /// </param>
    public static bool Allows(IPAddress address, bool allowLocal)
    {
        var plain = Plain(address);
        return !Special.Any(range => range.Contains(plain)) || (allowLocal && Local.Any(range => range.Contains(plain)));
    }

    /// <summary>The IPv4 address inside an IPv6 one that only wraps it.</summary>
    private static IPAddress Plain(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        var bytes = address.GetAddressBytes();
        // A scope such as %eth0 would make ranges not match.
        var bare = new IPAddress(bytes);
        return bare.IsIPv4MappedToIPv6 ? bare.MapToIPv4()
            : Nat64.Contains(bare) ? new IPAddress(bytes.AsSpan(12, 4))
            : SixToFour.Contains(bare) ? new IPAddress(bytes.AsSpan(2, 4))
            : bare;
    }
}
