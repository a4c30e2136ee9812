using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using CdpMonolith.Platform;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Profiles.Rules;

/// <summary>A value as it should be, and how else people write it.</summary>
/// <param name="Written">Without regard to case, to white space around and between, and to how letters are composed.</param>
internal sealed record StandardValue(string Value, IReadOnlyList<string> Written);

/// <summary>What the values of a trait stand for: <c>F</c>, <c>Woman</c> and <c>หญิง</c> are all <c>female</c>.</summary>
internal sealed record ValueTable(string Trait, IReadOnlyList<StandardValue> Values)
{
    private const int NameAtMost = 255;
    private const int TextAtMost = 200;
    private const int WrittenAtMost = 10_000;

    /// <summary>Identifiers and what is made of them have rules of their own.</summary>
    private static readonly string[] OwnRules = [IdentifierTypes.Email, IdentifierTypes.Phone, "countryCode", "currencyCode"];

    /// <summary>Without white space around texts and without empty and repeated ones.</summary>
    public ValueTable Tidied() => new(
        Trait?.Trim() ?? "",
        [
            .. (Values ?? []).Select(value => new StandardValue(
                value.Value?.Trim() ?? "",
                [.. (value.Written ?? []).Select(text => text?.Trim() ?? "").Where(text => text.Length > 0).DistinctBy(Standards.KeyOf)])),
        ]);

    /// <summary>Why it cannot be; null: it can. Of a tidied table.</summary>
    public Problem? Check()
    {
        if (Trait.Length is 0 or > NameAtMost)
        {
            return new Problem("values.trait_missing", "Say which trait the table is of, in at most 255 characters.", "trait");
        }

        if (OwnRules.Contains(Trait))
        {
            return new Problem("values.trait_has_rules", $"The trait {Trait} has rules of its own.", "trait");
        }

        if (Values.Count == 0)
        {
            return new Problem("values.empty", "A table needs at least one value.", "values");
        }

        var taken = new Dictionary<string, string>();
        foreach (var value in Values)
        {
            if (value.Value.Length == 0)
            {
                return new Problem("values.value_missing", "A value has no name.", "values");
            }

            foreach (var text in value.Written.Prepend(value.Value).DistinctBy(Standards.KeyOf))
            {
                if (text.Length > TextAtMost)
                {
                    return new Problem("values.too_long", $"A value has at most {TextAtMost} characters.", "values");
                }

                if (!taken.TryAdd(Standards.KeyOf(text), value.Value))
                {
                    return new Problem("values.written_twice", $"'{text}' cannot stand for both '{taken[Standards.KeyOf(text)]}' and '{value.Value}'.", "values");
                }
            }
        }

        return taken.Count <= WrittenAtMost ? null : new Problem("values.too_many", "A table has at most 10,000 ways of writing.", "values");
    }
}

/// <summary>All tables of values, ready to be applied. Immutable.</summary>
internal sealed class Standards
{
    public static readonly Standards None = new([]);

    private readonly FrozenDictionary<string, FrozenDictionary<string, byte[]>> _tables;

    public Standards(IEnumerable<ValueTable> tables) => _tables = tables.ToFrozenDictionary(
        table => table.Trait,
        table => table.Values
            .SelectMany(value => value.Written.Prepend(value.Value).Select(text => (Key: KeyOf(text), Json: JsonOf(value.Value))))
            .DistinctBy(pair => pair.Key).ToFrozenDictionary(pair => pair.Key, pair => pair.Json));

    public bool IsEmpty => _tables.Count == 0;

    /// <summary>What a trait's value stands for; the value itself when no table knows it.</summary>
    /// <param name="value">JSON.</param>
    public byte[] Of(string trait, byte[] value) =>
        _tables.Count > 0 && _tables.TryGetValue(trait, out var table) && TextOf(value) is { } text && table.TryGetValue(KeyOf(text), out var standard)
            ? standard
            : value;

    /// <summary>Whether the trait has a table that does not know the text.</summary>
    public bool IsUnmatched(string trait, string text) => _tables.TryGetValue(trait, out var table) && !table.ContainsKey(KeyOf(text));

    /// <summary>Equal for texts that differ in case, white space or the composing of letters only.</summary>
    internal static string KeyOf(string text) =>
        string.Join(' ', text.Normalize(NormalizationForm.FormC).ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static byte[] JsonOf(string text)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        CompactJson.WriteString(output, text);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Null: a list, an object or nothing, which no table speaks of.</summary>
    private static string? TextOf(byte[] value)
    {
        var reader = new Utf8JsonReader(value);
        return !reader.Read() ? null : reader.TokenType switch
        {
            JsonTokenType.String => reader.GetString(),
            JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => Encoding.UTF8.GetString(reader.ValueSpan),
            _ => null,
        };
    }
}
