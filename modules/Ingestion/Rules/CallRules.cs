using System.Text;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>What a call must have, and what the door adds to it.</summary>
internal static class CallRules
{
    private static readonly byte[] ConsentEvent = Encoding.ASCII.GetBytes("Segment Consent Preference Updated");

    /// <summary>Makes a call that was read ready to be stored, or says in <see cref="Call.Refusal"/> what it lacks.</summary>
    /// <param name="route">What the path says it is; null: the call itself must say.</param>
    /// <param name="received">Unix ms.</param>
    /// <param name="more">Flags that the way in adds.</param>
    /// <param name="needsId">It must have a userId or an anonymousId.</param>
    /// <param name="isLong">It may be as large as a request.</param>
    public static void Complete(
        Call call, Shared shared, CallType? route, long sourceId, long received, EventFlags more, IngestionOptions limits,
        bool needsId = true, bool isLong = false)
    {
        var most = isLong ? limits.BodyBytes : limits.EventBytes;
        if (call.Raw.Length > most)
        {
            call.Refusal = Refusal.TooLarge(call.Raw.Length, most);
        }

        call.Refusal ??= Check(call, route, needsId);
        if (call.Refusal is not null)
        {
            return;
        }

        call.MessageId = call.MessageId.IsEmpty ? MessageKey.Made() : MessageKey.Kept(call.MessageId);
        call.Key = MessageKey.Of(sourceId, call.MessageId.Span);
        if (call.SentAt == Times.Absent)
        {
            call.SentAt = shared.SentAt;
        }

        (call.OccurredAt, var clamped) = Times.Correct(call.Timestamp, call.OriginalTimestamp, call.SentAt, received);
        call.Flags |= more
            | (clamped ? EventFlags.TimeClamped : 0)
            | (call.Type == CallType.Track && !call.Name.Equals(call.Event) ? EventFlags.Renamed : 0)
            | (shared.HasConsent || IsConsentUpdate(call) ? EventFlags.HasConsent : 0);
        if (!shared.Context.IsEmpty || !shared.Integrations.IsEmpty)
        {
            var size = call.Raw.Length + shared.Context.Length + shared.Integrations.Length;
            if (size > most)
            {
                call.Refusal = Refusal.TooLarge(size, most);
                return;
            }

            call.Body = Merge.Into(call, shared);
        }
    }

    /// <summary>It tells of a change of what the person agrees to.</summary>
    public static bool IsConsentUpdate(Call call) => call.Type == CallType.Track && call.Name.Span.SequenceEqual(ConsentEvent);

    /// <summary>The type that a text names, in any case.</summary>
    public static CallType? TypeOf(ReadOnlySpan<byte> text) => text.Length switch
    {
        4 when Ascii.EqualsIgnoreCase(text, "page"u8) => CallType.Page,
        5 when Ascii.EqualsIgnoreCase(text, "track"u8) => CallType.Track,
        5 when Ascii.EqualsIgnoreCase(text, "group"u8) => CallType.Group,
        5 when Ascii.EqualsIgnoreCase(text, "alias"u8) => CallType.Alias,
        6 when Ascii.EqualsIgnoreCase(text, "screen"u8) => CallType.Screen,
        8 when Ascii.EqualsIgnoreCase(text, "identify"u8) => CallType.Identify,
        _ => null,
    };

    private static Refusal? Check(Call call, CallType? route, bool needsId)
    {
        if ((route ?? TypeOf(call.TypeText.Span)) is not { } type)
        {
            return call.TypeText.IsEmpty ? Refusal.TypeMissing : Refusal.TypeUnknown;
        }

        call.Type = type;
        call.Name = type switch
        {
            CallType.Track => EventNames.Today(call.Event),
            CallType.Group => call.GroupId,
            CallType.Page or CallType.Screen => call.Name.IsEmpty ? call.NameInside : call.Name,
            _ => default,
        };
        return type switch
        {
            CallType.Alias when call.UserId.IsEmpty => Refusal.AliasUserMissing,
            CallType.Alias when call.PreviousId.IsEmpty => Refusal.PreviousMissing,
            _ when needsId && call.UserId.IsEmpty && call.AnonymousId.IsEmpty => Refusal.IdMissing,
            CallType.Track when call.Name.IsEmpty => Refusal.NameMissing,
            CallType.Group when call.Name.IsEmpty => Refusal.GroupMissing,
            _ => null,
        };
    }
}
