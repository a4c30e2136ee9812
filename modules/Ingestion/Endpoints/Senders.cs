using System.Text;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>Tells which source a request is from. A key that nobody has is counted, so that a wrong set-up can be seen.</summary>
internal sealed class Senders(SourceMap sources, Tallies tallies)
{
    public static readonly Refusal KeyMissing = new(
        "write_key.missing", "The request names no source: send the write key by Basic authentication or as writeKey in the body.", "writeKey");

    public static readonly Refusal KeyUnknown = new("write_key.unknown", "No source has this write key.", "writeKey");

    /// <summary>By Basic authentication. Neither: the header does not say.</summary>
    public (Source? Source, Refusal? Refusal) ByHeader(HttpRequest request)
    {
        var header = request.Headers.Authorization;
        if (header.Count != 1 || header[0] is not { } text)
        {
            return default;
        }

        return sources.FindByHeader(text) is { } source ? (source, null)
            : KeyOf(text) is { Length: > 0 } key ? Known(key)
            : default;
    }

    public (Source? Source, Refusal? Refusal) ByBodyOrRest(HttpRequest request, Request body)
    {
        // The header first: Jitsu's clients, who send it, put a mask of the key into the body.
        var key = request.Headers["X-Write-Key"] is { Count: > 0 } header ? header.ToString()
            : !body.WriteKey.IsEmpty ? Encoding.UTF8.GetString(body.WriteKey.Span)
            : request.Query["writeKey"].ToString();
        if (key.Length > 0)
        {
            return Known(key);
        }

        tallies.CountRejected("");
        return (null, KeyMissing);
    }

    /// <summary>By a key as it was sent. Jitsu's clients put a secret behind it, <c>key:secret</c>, which is not needed here.</summary>
    public (Source? Source, Refusal? Refusal) Known(string key)
    {
        var colon = key.IndexOf(':', StringComparison.Ordinal);
        if ((sources.FindByKey(key) ?? (colon > 0 ? sources.FindByKey(key[..colon]) : null)) is { } source)
        {
            return (source, null);
        }

        tallies.CountRejected(key);
        return (null, KeyUnknown);
    }

    /// <summary>The user name of Basic authentication; null: it is not that.</summary>
    private static string? KeyOf(string header)
    {
        if (!header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var packed = header.AsSpan(6).Trim();
        var bytes = new byte[packed.Length];
        if (!Convert.TryFromBase64Chars(packed, bytes, out var length))
        {
            return null;
        }

        var text = Encoding.UTF8.GetString(bytes, 0, length);
        return text.IndexOf(':', StringComparison.Ordinal) is var colon and >= 0 ? text[..colon] : text;
    }
}
