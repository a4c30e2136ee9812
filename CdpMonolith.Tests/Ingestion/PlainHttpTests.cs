using System.Net;
using System.Text.Json;
using CdpMonolith.Ingestion.Endpoints;
using Microsoft.AspNetCore.Http;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>Who may send over plain http, and what the others are told.</summary>
public sealed class PlainHttpTests
{
    [TestCase("127.0.0.1", "http", true)]
    [TestCase("::1", "http", true)]
    [TestCase("192.168.1.20", "http", true)]
    [TestCase("::ffff:10.0.0.7", "http", true)]
    [TestCase("fd00::7", "http", true)]
    [TestCase(null, "http", true, Description = "a socket without an address, such as a proxy's on the same machine")]
    [TestCase("93.184.216.34", "https", true)]
    [TestCase("93.184.216.34", "http", false)]
    [TestCase("2606:2800:220:1::1", "http", false)]
    [TestCase("::ffff:93.184.216.34", "http", false)]
    public async Task Plain_http_from_the_internet_is_refused_with_a_sentence(string? from, string scheme, bool taken)
    {
        var http = new DefaultHttpContext { Response = { Body = new MemoryStream() }, Request = { Scheme = scheme } };
        http.Connection.RemoteIpAddress = from is null ? null : IPAddress.Parse(from);
        http.Request.Headers.Origin = "http://shop.example";
        var asked = false;
        await PlainHttp.Refuse(_ =>
        {
            asked = true;
            return Task.CompletedTask;
        })(http);
        Assert.That(asked, Is.EqualTo(taken));
        if (!taken)
        {
            http.Response.Body.Position = 0;
            var answer = (await JsonDocument.ParseAsync(http.Response.Body)).RootElement;
            Assert.That(http.Response.StatusCode, Is.EqualTo(403));
            Assert.That(answer.GetProperty("code").GetString(), Is.EqualTo("http.not_secure"));
            Assert.That(answer.GetProperty("message").GetString(), Does.Contain("https://"));
            Assert.That(http.Response.Headers.AccessControlAllowOrigin.ToString(), Is.EqualTo("http://shop.example"), "a browser's console shows it");
        }
    }
}
