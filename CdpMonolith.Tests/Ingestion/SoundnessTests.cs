using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>Whatever bytes come, the door neither breaks nor lets in what cannot be read again.</summary>
public sealed class SoundnessTests
{
    private const int Rounds = 12_000;

    private static readonly string[] Seeds =
    [
        """{"batch":[{"type":"track","userId":"u1","event":"Order Completed","messageId":"m1","timestamp":"2026-03-02T09:00:00Z","properties":{"total":12.5,"products":[{"sku":"a","n":1},{"sku":"b","n":-2e10}],"note":"caf\u00e9 \ud83d\ude00 ว"}},{"type":"identify","anonymousId":"a1","traits":{"email":"ann@example.com","deep":{"a":{"b":{"c":[[[{}]]]}}}}}],"context":{"ip":"1.1.1.1","consent":{"categoryPreferences":{"ads":true}}},"integrations":{"All":false},"sentAt":"2026-03-02T09:00:01Z","writeKey":"k"}""",
        """{"batch":[{"type":"group","userId":7,"groupId":"g","traits":[]},{"type":"alias","userId":"n","previousId":"o"},{"type":"page","anonymousId":"x","name":"Home","context":{"page":{"url":"https://x"}}},{"type":"screen","userId":"s","name":null}]}""",
    ];

    private static readonly string[] Bits =
    [
        "\"", "\\", "\\u0000", "\\ud800", "\\udc00", "{", "}", "[", "]", ",", ":", "null", "1e400", "-0", "\"userId\":\"z\",", "\"context\":{},",
        "\"type\":", "\"a\":1,\"a\":2", "\u0001", "\uFEFF", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "{\"batch\":[", "  ", "0", "true",
    ];

    [Test]
    public void Mutated_requests_are_taken_apart_without_a_fault_and_what_is_let_in_can_be_read_again([Values(1, 2, 3)] int seed)
    {
        var random = new Random(seed);
        var limits = new IngestionOptions();
        var (calls, kept) = (0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            var body = Mutate(random, Encoding.UTF8.GetBytes(Seeds[random.Next(Seeds.Length)]));
            var request = BodyReader.Read(body, isBatch: true, limits);
            if (request.Refusal is not null)
            {
                Assert.That(request.Calls, Is.Empty);
                continue;
            }

            foreach (var call in request.Calls)
            {
                calls++;
                CallRules.Complete(call, request.Shared, null, 1, 1_772_442_000_000, EventFlags.None, limits);
                if (call.Refusal is null)
                {
                    kept++;
                    ReadAll(call, body);
                }
            }
        }

        TestContext.Out.WriteLine($"{calls} calls, {kept} let in");
        Assert.That((calls, kept), Is.GreaterThan((Rounds / 4, Rounds / 8)));
    }

    /// <summary>Every name, text and number of it, by the strict reader.</summary>
    private static void ReadAll(Call call, byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(
                call.Body, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = CallReader.DepthAtMost });
            Walk(json.RootElement);
            Assert.That(call.Flags.HasFlag(EventFlags.HasConsent), Is.EqualTo(HasConsent(json.RootElement)), "consent");
            Assert.That(Encoding.UTF8.GetString(call.UserId.Span), Is.EqualTo(Text(json.RootElement, "userId")), "userId");
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException)
        {
            Assert.Fail($"{fault.Message}\n{Encoding.Latin1.GetString(body)}");
        }
    }

    private static bool HasConsent(JsonElement call) =>
        call.TryGetProperty("context", out var context) && context.ValueKind == JsonValueKind.Object
        && (context.TryGetProperty("consent", out _) || context.TryGetProperty("consentManagement", out _));

    private static string Text(JsonElement call, string name) =>
        !call.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null ? ""
        : value.ValueKind == JsonValueKind.Number ? value.GetRawText()
        : string.IsNullOrWhiteSpace(value.GetString()) ? "" : value.GetString()!;

    private static void Walk(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in value.EnumerateObject())
                {
                    Assert.That(member.Name, Does.Not.Contain('\0'));
                    Walk(member.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray())
                {
                    Walk(item);
                }

                break;
            case JsonValueKind.String:
                Assert.That(value.GetString(), Does.Not.Contain('\0'));
                break;
            case JsonValueKind.Number:
                Assert.That(double.IsFinite(value.GetDouble()));
                break;
        }
    }

    private static byte[] Mutate(Random random, byte[] body)
    {
        for (var left = random.Next(1, 4); left > 0; left--)
        {
            var at = random.Next(body.Length);
            body = random.Next(5) switch
            {
                0 => With(body, at, (byte)(body[at] ^ (1 << random.Next(8)))),
                1 => [.. body[..at], .. Encoding.UTF8.GetBytes(Bits[random.Next(Bits.Length)]), .. body[at..]],
                2 => [.. body[..at], .. body[Math.Min(body.Length, at + random.Next(1, 12))..]],
                3 => [.. body[..at], .. body.AsSpan(random.Next(body.Length)).ToArray().Take(random.Next(40)), .. body[at..]],
                _ => With(body, at, (byte)random.Next(256)),
            };
            if (body.Length == 0)
            {
                return [0];
            }
        }

        return body;
    }

    private static byte[] With(byte[] body, int at, byte value)
    {
        body[at] = value;
        return body;
    }
}
