using System.Net;
using System.Net.Sockets;

namespace CdpMonolith.Platform.Web;

/// <summary>The address that a name stands for is not one that may be called.</summary>
public sealed class AddressRefusedException() : IOException("The address is on this machine or its network.");

/// <summary>
/// Connections to other people's machines, for a <c>ConnectCallback</c>. The address is checked after the name was resolved, so that a name
/// that changes its mind is caught too.
/// </summary>
public static class GuardedConnection
{
    /// <param name="resolve">How names become addresses.</param>
    /// <exception cref="AddressRefusedException">None of the addresses may be called.</exception>
    public static async ValueTask<Stream> OpenAsync(
        DnsEndPoint endPoint, bool allowLocal, Func<string, CancellationToken, Task<IPAddress[]>> resolve, CancellationToken ct)
    {
        var addresses = IPAddress.TryParse(endPoint.Host, out var literal) ? [literal] : await resolve(endPoint.Host, ct);
        var allowed = addresses.Where(address => NetworkGuard.Allows(address, allowLocal)).ToArray();
        if (allowed.Length == 0 && addresses.Length > 0)
        {
            throw new AddressRefusedException();
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // The very addresses that were checked: the name is not asked again.
            await socket.ConnectAsync(allowed, endPoint.Port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
