using System.Buffers;
using System.Text;
using System.Text.Json;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Gives a call what its batch says for all of them. What the call says itself wins, member by member.</summary>
internal static class Merge
{
    /// <summary>The call's body with the batch's context and integrations in it.</summary>
    public static ReadOnlyMemory<byte> Into(Call call, Shared shared)
    {
        var raw = call.Raw;
        var to = new ArrayBufferWriter<byte>(raw.Length + shared.Context.Length + shared.Integrations.Length + 32);
        to.Write("{"u8);
        var first = true;
        Put(to, "\"context\":"u8, call, call.Context, shared.Context, ref first);
        Put(to, "\"integrations\":"u8, call, call.Integrations, shared.Integrations, ref first);
        foreach (var member in Members(raw))
        {
            var replaced = (member.Name == "context" && !shared.Context.IsEmpty)
                || (member.Name == "integrations" && !shared.Integrations.IsEmpty);
            if (!replaced)
            {
                Separate(to, ref first);
                to.Write(member.Text.Span);
            }
        }

        to.Write("}"u8);
        return to.WrittenMemory;
    }

    /// <summary>What a batch said for all its calls, as one JSON object; null: nothing.</summary>
    public static string? Envelope(Shared shared)
    {
        var members = new[] { ("context", shared.Context), ("integrations", shared.Integrations), ("sentAt", shared.SentAtText) }
            .Where(member => !member.Item2.IsEmpty)
            .Select(member => $"\"{member.Item1}\":{Encoding.UTF8.GetString(member.Item2.Span)}").ToList();
        return members.Count == 0 ? null : $"{{{string.Join(',', members)}}}";
    }

    /// <summary>The members of an object; <c>Text</c> is name and value as written.</summary>
    public static List<(string Name, ReadOnlyMemory<byte> Text)> Members(ReadOnlyMemory<byte> value)
    {
        var members = new List<(string, ReadOnlyMemory<byte>)>();
        var json = new Utf8JsonReader(value.Span, new JsonReaderOptions { MaxDepth = int.MaxValue });
        if (value.IsEmpty || !json.Read() || json.TokenType != JsonTokenType.StartObject)
        {
            return members;
        }

        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var start = (int)json.TokenStartIndex;
            var name = json.GetString()!;
            json.Read();
            json.Skip();
            members.Add((name, value[start..(int)json.BytesConsumed]));
        }

        return members;
    }

    private static void Put(
        ArrayBufferWriter<byte> to, ReadOnlySpan<byte> name, Call call, Range own, ReadOnlyMemory<byte> shared, ref bool first)
    {
        if (shared.IsEmpty)
        {
            return;
        }

        Separate(to, ref first);
        to.Write(name);
        var said = Members(call.Raw[own]);
        if (said.Count == 0)
        {
            to.Write(shared.Span);
            return;
        }

        to.Write("{"u8);
        var names = said.Select(member => member.Name).ToHashSet(StringComparer.Ordinal);
        var firstInside = true;
        foreach (var (_, text) in said.Concat(Members(shared).Where(member => !names.Contains(member.Name))))
        {
            Separate(to, ref firstInside);
            to.Write(text.Span);
        }

        to.Write("}"u8);
    }

    private static void Separate(ArrayBufferWriter<byte> to, ref bool first)
    {
        if (!first)
        {
            to.Write(","u8);
        }

        first = false;
    }
}
