using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Reads one call in one pass: takes its known members out and checks that what is kept can be read again for ever.</summary>
/// <remarks>
/// JSON readers accept text that they cannot give back later: bytes that are no UTF-8, half surrogate pairs, two members of one
/// name, numbers beyond a double. All of that is found here, at the door.
/// </remarks>
internal ref struct CallReader(ReadOnlyMemory<byte> body, bool isUtf8, int propertiesAtMost)
{
    /// <summary>Levels of nesting in a call, the call itself being the first.</summary>
    public const int DepthAtMost = 32;

    /// <summary>Bytes of an id or a name.</summary>
    public const int TextAtMost = 1000;

    private MemberNames _names = null!;
    private Refusal? _refusal;
    private bool _isNameInside;

    private enum Member
    {
        Other, Type, MessageId, UserId, AnonymousId, PreviousId, GroupId, Event, Name, WriteKey,
        Timestamp, OriginalTimestamp, SentAt, Context, Integrations, Properties, Traits,
    }

    /// <summary>
    /// Reads the value that <paramref name="json"/> stands on; leaves it on that value's last token. What is wrong with the call
    /// stands in <see cref="Call.Refusal"/>; only broken JSON throws.
    /// </summary>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    public Call Read(ref Utf8JsonReader json)
    {
        var call = new Call();
        var start = (int)json.TokenStartIndex;
        _refusal = null;
        if (json.TokenType != JsonTokenType.StartObject)
        {
            _refusal = Refusal.CallNotObject;
            json.Skip();
        }
        else if (!isUtf8 && !IsUtf8(json, start))
        {
            _refusal = Refusal.NotUtf8;
            json.Skip();
        }
        else
        {
            var depth = json.CurrentDepth;
            ReadMembers(ref json, call, start);
            while (json.CurrentDepth != depth || json.TokenType != JsonTokenType.EndObject)
            {
                json.Read();
            }
        }

        call.Raw = call.Body = body[start..(int)json.BytesConsumed];
        call.Refusal = _refusal;
        return call;
    }

    /// <summary>Stops at the end of the object or at the first thing that is wrong with it.</summary>
    private void ReadMembers(ref Utf8JsonReader json, Call call, int start)
    {
        _names = MemberNames.Take();
        _names.Open();
        var root = json.CurrentDepth;
        var member = Member.Other;
        var valueStart = 0;
        while (_refusal is null)
        {
            json.Read();
            var depth = json.CurrentDepth - root;
            switch (json.TokenType)
            {
                case JsonTokenType.PropertyName:
                    ReadName(ref json, depth, call, ref member);
                    continue;

                case JsonTokenType.EndObject:
                    if (!_names.Close(out var members))
                    {
                        _refusal = Refusal.DuplicateKey;
                        return;
                    }

                    if (depth == 0)
                    {
                        return;
                    }

                    if (depth == 1 && member is Member.Properties or Member.Traits && members > propertiesAtMost)
                    {
                        _refusal = Refusal.TooManyProperties(member == Member.Traits ? "traits" : "properties", propertiesAtMost);
                    }

                    break;

                case JsonTokenType.StartObject or JsonTokenType.StartArray when depth >= DepthAtMost:
                    _refusal = Refusal.TooDeep;
                    return;

                case JsonTokenType.StartObject:
                    _names.Open();
                    break;

                case JsonTokenType.String:
                    CheckEscapes(ref json);
                    break;

                case JsonTokenType.Number when json.ValueSpan.Length > 15 || json.ValueSpan.ContainsAny((byte)'e', (byte)'E'):
                    if (!json.TryGetDouble(out var number) || !double.IsFinite(number))
                    {
                        _refusal = Refusal.NumberOutOfRange;
                    }

                    break;
            }

            if (_isNameInside && depth == 2)
            {
                call.NameInside = Text(ref json, null);
                _isNameInside = false;
            }

            if (depth == 1 && member != Member.Other && _refusal is null)
            {
                if (json.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray))
                {
                    valueStart = (int)json.TokenStartIndex - start;
                    TakeValue(ref json, call, member);
                }

                var span = valueStart..((int)json.BytesConsumed - start);
                if (member == Member.Context)
                {
                    call.Context = span;
                }
                else if (member == Member.Integrations)
                {
                    call.Integrations = span;
                }
            }
        }
    }

    private void ReadName(ref Utf8JsonReader json, int depth, Call call, ref Member member)
    {
        if (!json.ValueIsEscaped)
        {
            TakeName(json.ValueSpan, depth, call, ref member);
            return;
        }

        CheckEscapes(ref json);
        if (_refusal is null)
        {
            var plain = ArrayPool<byte>.Shared.Rent(json.ValueSpan.Length);
            TakeName(plain.AsSpan(0, json.CopyString(plain)), depth, call, ref member);
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    private void TakeName(ReadOnlySpan<byte> name, int depth, Call call, ref Member member)
    {
        _names.Add(name);
        if (depth == 1)
        {
            member = Which(name);
        }
        else if (depth == 2 && member == Member.Context && (name.SequenceEqual("consent"u8) || name.SequenceEqual("consentManagement"u8) || name.SequenceEqual("globalPrivacyControl"u8)))
        {
            call.Flags |= EventFlags.HasConsent;
        }

        _isNameInside = depth == 2 && member == Member.Properties && name.SequenceEqual("name"u8);
    }

    private static Member Which(ReadOnlySpan<byte> name) => name.Length switch
    {
        4 => name.SequenceEqual("type"u8) ? Member.Type : name.SequenceEqual("name"u8) ? Member.Name : Member.Other,
        5 => name.SequenceEqual("event"u8) ? Member.Event : Member.Other,
        6 => name.SequenceEqual("userId"u8) ? Member.UserId
            : name.SequenceEqual("sentAt"u8) ? Member.SentAt
            : name.SequenceEqual("traits"u8) ? Member.Traits : Member.Other,
        7 => name.SequenceEqual("context"u8) ? Member.Context : name.SequenceEqual("groupId"u8) ? Member.GroupId : Member.Other,
        8 => name.SequenceEqual("writeKey"u8) ? Member.WriteKey : Member.Other,
        9 => name.SequenceEqual("messageId"u8) ? Member.MessageId
            : name.SequenceEqual("timestamp"u8) ? Member.Timestamp : Member.Other,
        10 => name.SequenceEqual("properties"u8) ? Member.Properties
            : name.SequenceEqual("previousId"u8) ? Member.PreviousId : Member.Other,
        11 => name.SequenceEqual("anonymousId"u8) ? Member.AnonymousId : Member.Other,
        12 => name.SequenceEqual("integrations"u8) ? Member.Integrations : Member.Other,
        17 => name.SequenceEqual("originalTimestamp"u8) ? Member.OriginalTimestamp : Member.Other,
        _ => Member.Other,
    };

    private void TakeValue(ref Utf8JsonReader json, Call call, Member member)
    {
        switch (member)
        {
            case Member.Type: call.TypeText = Text(ref json, "type"); break;
            case Member.UserId: call.UserId = Text(ref json, "userId"); break;
            case Member.AnonymousId: call.AnonymousId = Text(ref json, "anonymousId"); break;
            case Member.PreviousId: call.PreviousId = Text(ref json, "previousId"); break;
            case Member.GroupId: call.GroupId = Text(ref json, "groupId"); break;
            case Member.Event: call.Event = Text(ref json, "event"); break;
            case Member.Name: call.Name = Text(ref json, null); break;
            case Member.MessageId: call.MessageId = Text(ref json, null, bounded: false); break;
            case Member.WriteKey: call.WriteKey = Text(ref json, null); break;
            case Member.Timestamp: call.Timestamp = Time(ref json); break;
            case Member.OriginalTimestamp: call.OriginalTimestamp = Time(ref json); break;
            case Member.SentAt: call.SentAt = Time(ref json); break;
            case Member.Context: MustBeObject(ref json, "context"); break;
            case Member.Integrations: MustBeObject(ref json, "integrations"); break;
            case Member.Properties: MustBeObject(ref json, "properties"); break;
            case Member.Traits: MustBeObject(ref json, "traits"); break;
        }
    }

    /// <summary>Text, or a number as it is written. Blank and null count as not sent.</summary>
    /// <param name="required">The member's name when anything else is an error; null: it is then as if not sent.</param>
    private ReadOnlyMemory<byte> Text(ref Utf8JsonReader json, string? required, bool bounded = true)
    {
        ReadOnlyMemory<byte> text;
        switch (json.TokenType)
        {
            case JsonTokenType.String when json.ValueIsEscaped:
                var plain = new byte[json.ValueSpan.Length];
                text = plain.AsMemory(0, json.CopyString(plain));
                break;
            case JsonTokenType.String:
                text = body.Slice((int)json.TokenStartIndex + 1, json.ValueSpan.Length);
                break;
            case JsonTokenType.Number:
                text = body.Slice((int)json.TokenStartIndex, json.ValueSpan.Length);
                break;
            case JsonTokenType.Null:
                return default;
            default:
                _refusal = required is null ? null : Refusal.NotText(required);
                return default;
        }

        if (bounded && text.Length > TextAtMost)
        {
            _refusal = required is null ? null : Refusal.TooLong(required, TextAtMost);
            return default;
        }

        return text.Span.Trim(" \t\r\n"u8).IsEmpty ? default : text;
    }

    private static long Time(ref Utf8JsonReader json)
    {
        switch (json.TokenType)
        {
            case JsonTokenType.Null:
                return Times.Absent;
            case JsonTokenType.Number:
                return Times.ParseNumber(json.ValueSpan);
            case JsonTokenType.String when json.ValueSpan.Length <= 256:
                Span<byte> plain = stackalloc byte[256];
                return Times.Parse(plain[..json.CopyString(plain)]);
            default:
                return Times.Unusable;
        }
    }

    private void MustBeObject(ref Utf8JsonReader json, string name)
    {
        if (json.TokenType is JsonTokenType.StartObject or JsonTokenType.Null)
        {
            return;
        }

        // PHP writes an empty object as an empty array.
        var next = json;
        if (json.TokenType != JsonTokenType.StartArray || !next.Read() || next.TokenType != JsonTokenType.EndArray)
        {
            _refusal = Refusal.MemberNotObject(name);
        }
    }

    /// <summary>Of the text that was written with escapes: whole surrogate pairs only, and no U+0000.</summary>
    private void CheckEscapes(ref Utf8JsonReader json)
    {
        if (!json.ValueIsEscaped)
        {
            return;
        }

        var text = json.ValueSpan;
        for (var at = text.IndexOf((byte)'\\'); at >= 0;)
        {
            if (text[at + 1] != 'u')
            {
                text = text[(at + 2)..];
            }
            else
            {
                var unit = Hex(text.Slice(at + 2, 4));
                text = text[(at + 6)..];
                if (unit == 0)
                {
                    _refusal = Refusal.Nul;
                    return;
                }

                if (char.IsSurrogate((char)unit))
                {
                    if (!char.IsHighSurrogate((char)unit) || text is not [(byte)'\\', (byte)'u', ..]
                        || !char.IsLowSurrogate((char)Hex(text.Slice(2, 4))))
                    {
                        _refusal = Refusal.LoneSurrogate;
                        return;
                    }

                    text = text[6..];
                }
            }

            at = text.IndexOf((byte)'\\');
        }
    }

    private static int Hex(ReadOnlySpan<byte> four)
    {
        var value = 0;
        foreach (var digit in four)
        {
            value = (value << 4) | (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }

        return value;
    }

    private readonly bool IsUtf8(Utf8JsonReader json, int start)
    {
        json.Skip();
        return Utf8.IsValid(body.Span[start..(int)json.BytesConsumed]);
    }
}
