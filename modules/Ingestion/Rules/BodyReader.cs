using System.Text.Json;
using System.Text.Unicode;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>What a batch says once for all its calls.</summary>
/// <param name="Context">A JSON object; empty: none.</param>
/// <param name="Integrations">A JSON object; empty: none.</param>
/// <param name="SentAt">Unix ms, <see cref="Times.Absent"/> or <see cref="Times.Unusable"/>.</param>
/// <param name="SentAtText">As it was written, a JSON value; empty: none.</param>
internal sealed record Shared(
    ReadOnlyMemory<byte> Context, ReadOnlyMemory<byte> Integrations, long SentAt, ReadOnlyMemory<byte> SentAtText, bool HasConsent)
{
    public static readonly Shared Nothing = new(default, default, Times.Absent, default, HasConsent: false);
}

/// <summary>The calls of a request.</summary>
/// <param name="Refusal">Why nothing of it can be taken; null: it can, call by call.</param>
/// <param name="WriteKey">The key in the body; empty: none.</param>
internal sealed record Request(Refusal? Refusal, IReadOnlyList<Call> Calls, Shared Shared, ReadOnlyMemory<byte> WriteKey)
{
    public static Request Refused(Refusal refusal) => new(refusal, [], Shared.Nothing, default);
}

/// <summary>Takes the body of a request apart. One unusable call costs its neighbours nothing.</summary>
internal static class BodyReader
{
    /// <summary>Depth is limited call by call, so that one call too deep does not make the whole batch unreadable.</summary>
    private static readonly JsonReaderOptions Options = new() { MaxDepth = int.MaxValue };

    /// <param name="isBatch">The body is <c>{ batch: [call, …] }</c>; else it is one call.</param>
    public static Request Read(ReadOnlyMemory<byte> body, bool isBatch, IngestionOptions limits)
    {
        if (body.Span.StartsWith("\uFEFF"u8))
        {
            body = body[3..];
        }

        var isUtf8 = Utf8.IsValid(body.Span);
        var json = new Utf8JsonReader(body.Span, Options);
        var reader = new CallReader(body, isUtf8, limits.Properties);
        try
        {
            json.Read();
            if (json.TokenType != JsonTokenType.StartObject)
            {
                json.Skip();
                json.Read();
                return Request.Refused(Refusal.NotObject);
            }

            var request = isBatch ? ReadBatch(ref json, ref reader, body, limits) : ReadSingle(ref json, ref reader);

            // Nothing but white space may follow.
            json.Read();
            return request;
        }
        catch (JsonException)
        {
            return Request.Refused(Refusal.NotJson);
        }
    }

    private static Request ReadSingle(ref Utf8JsonReader json, ref CallReader reader)
    {
        var call = reader.Read(ref json);
        return new Request(null, [call], Shared.Nothing, call.WriteKey);
    }

    private static Request ReadBatch(
        ref Utf8JsonReader json, ref CallReader reader, ReadOnlyMemory<byte> body, IngestionOptions limits)
    {
        List<Call>? calls = null;
        var (hasBatch, hasSentAt) = (false, false);
        Refusal? refusal = null;
        ReadOnlyMemory<byte> context = default, integrations = default, sentAtText = default, writeKey = default;
        var sentAt = Times.Absent;
        var hasConsent = false;
        while (json.Read() && json.TokenType != JsonTokenType.EndObject)
        {
            // An escaped name is none of these.
            var name = json.ValueSpan;
            json.Read();
            if (name.SequenceEqual("batch"u8) && !hasBatch && json.TokenType == JsonTokenType.StartArray)
            {
                (hasBatch, calls) = (true, []);
                while (json.Read() && json.TokenType != JsonTokenType.EndArray)
                {
                    calls.Add(reader.Read(ref json));
                    if (calls.Count > limits.BatchEvents)
                    {
                        refusal = TooMany(limits.BatchEvents);
                        calls.Clear();
                    }
                }
            }
            else if (name.SequenceEqual("context"u8) && json.TokenType != JsonTokenType.Null)
            {
                var call = reader.Read(ref json);
                refusal ??= call.Refusal is null && context.IsEmpty ? null : Refusal.SharedUnusable;
                context = call.Raw;
                hasConsent = call.Refusal is null && Merge.Members(context).Any(member => member.Name is "consent" or "consentManagement");
            }
            else if (name.SequenceEqual("integrations"u8) && json.TokenType != JsonTokenType.Null)
            {
                var call = reader.Read(ref json);
                refusal ??= call.Refusal is null && integrations.IsEmpty ? null : Refusal.SharedUnusable;
                integrations = call.Raw;
            }
            else
            {
                var start = (int)json.TokenStartIndex;
                if (name.SequenceEqual("batch"u8))
                {
                    refusal ??= hasBatch ? Refusal.SharedTwice : null;
                    hasBatch = true;
                }
                else if (name.SequenceEqual("sentAt"u8))
                {
                    refusal ??= hasSentAt ? Refusal.SharedTwice : null;
                    hasSentAt = true;
                }

                if (name.SequenceEqual("sentAt"u8) && json.TokenType is JsonTokenType.String or JsonTokenType.Number)
                {
                    sentAtText = body[start..(int)json.BytesConsumed];
                    sentAt = json.TokenType == JsonTokenType.Number ? Times.ParseNumber(json.ValueSpan) : Times.Parse(json.ValueSpan);
                }
                else if (name.SequenceEqual("writeKey"u8) && json.TokenType == JsonTokenType.String)
                {
                    writeKey = body.Slice(start + 1, json.ValueSpan.Length);
                }

                json.Skip();
            }
        }

        refusal ??= calls is null ? Refusal.BatchMissing : null;
        return new Request(
            refusal, refusal is null ? calls! : [], new Shared(context, integrations, sentAt, sentAtText, hasConsent), writeKey);
    }

    private static Refusal TooMany(int limit) => new(
        "batch.too_many_events", FormattableString.Invariant($"The batch has more than {limit:N0} calls."), "batch");
}
