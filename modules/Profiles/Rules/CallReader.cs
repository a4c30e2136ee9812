using System.Buffers;
using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Profiles.Rules;

/// <summary>Reads from an event whom it names and what it says of them. Not for two threads at once.</summary>
/// <remarks>
/// Identifiers: <c>userId</c>, <c>anonymousId</c>, an alias's <c>previousId</c>, <c>email</c> and <c>phone</c> of an identify
/// call's <c>traits</c> and of any call's <c>context.traits</c>, and <c>context.externalIds</c> of the collection
/// <c>users</c>. Traits: an identify call's <c>traits</c> and <c>context.traits</c>, of which the former wins; other calls carry
/// in <c>context.traits</c> what their client remembers, not news. Group traits are the group's. A phone number without a country is
/// one of the country that the call itself names, else of the source's.
/// </remarks>
/// <param name="countries">Where phone numbers of a source belong; null: nothing is known of that.</param>
internal sealed class CallReader(IdentifierRules rules, ISourceCountries? countries = null)
{
    private const int LongestName = 255;
    private const int LongestRemembered = 64;
    private const int Remembered = 2000;
    private const int PlacesOfTraits = 4;
    private const int PlaceOfAddress = 2;

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _types = new(StringComparer.Ordinal);

    private readonly List<Identifier> _named = [];
    private readonly List<Trait> _said = [];
    private readonly List<Trait> _inContext = [];
    private readonly ArrayBufferWriter<byte> _value = new(256);
    private readonly List<string> _phones = [];

    /// <summary>The country as the call says it, in the order in which it counts: code, name, that of the address; traits before context.</summary>
    private readonly string?[] _places = new string?[2 * PlacesOfTraits];
    private string? _country;

    public Call Read(Event call)
    {
        _named.Clear();
        _said.Clear();
        _inContext.Clear();
        _phones.Clear();
        Array.Clear(_places);
        _country = countries?.Of(call.SourceId);
        Add(IdentifierTypes.UserId, call.UserId);
        if (MayNameMore(call))
        {
            ReadBody(call);
            AddPhones();
        }

        Add(IdentifierTypes.AnonymousId, call.AnonymousId);
        var traits = call.Type == CallType.Identify ? TraitsOf() : Traits.None;
        return new Call(call, InOrder(), traits);
    }

    /// <summary>Most bodies hold nothing that we want; a search for the words is cheaper than reading them.</summary>
    private static bool MayNameMore(Event call) =>
        call.Type is CallType.Identify or CallType.Alias
        || call.Body.AsSpan().IndexOf("\"traits\""u8) >= 0
        || call.Body.AsSpan().IndexOf("\"externalIds\""u8) >= 0;

    private void ReadBody(Event call)
    {
        var reader = new Utf8JsonReader(call.Body);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (call.Type == CallType.Identify && reader.ValueTextEquals("traits"u8))
            {
                reader.Read();
                ReadTraits(ref reader, call, _said, keep: true);
            }
            else if (reader.ValueTextEquals("context"u8))
            {
                reader.Read();
                ReadContext(ref reader, call);
            }
            else if (call.Type == CallType.Alias && reader.ValueTextEquals("previousId"u8))
            {
                reader.Read();
                AddPrevious(Text(ref reader), call.AnonymousId);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }
    }

    private void ReadContext(ref Utf8JsonReader reader, Event call)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isTraits = reader.ValueTextEquals("traits"u8);
            var isExternal = reader.ValueTextEquals("externalIds"u8);
            reader.Read();
            if (isTraits)
            {
                ReadTraits(ref reader, call, _inContext, keep: call.Type == CallType.Identify);
            }
            else if (isExternal)
            {
                ReadExternalIds(ref reader);
            }
            else
            {
                reader.Skip();
            }
        }
    }

    private void ReadTraits(ref Utf8JsonReader reader, Event call, List<Trait> into, bool keep)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isEmail = reader.ValueTextEquals("email"u8);
            var isPhone = reader.ValueTextEquals("phone"u8);
            var place = reader.ValueTextEquals("countryCode"u8) ? 0 : reader.ValueTextEquals("country"u8) ? 1 : reader.ValueTextEquals("address"u8) ? PlaceOfAddress : -1;
            if (!keep && !isEmail && !isPhone && place < 0)
            {
                reader.Read();
                reader.Skip();
                continue;
            }

            var name = isEmail ? "email" : isPhone ? "phone" : Name(ref reader);
            reader.Read();
            if (isEmail)
            {
                Add(IdentifierTypes.Email, Text(ref reader));
            }
            else if (isPhone && Text(ref reader) is { } phone)
            {
                _phones.Add(phone);
            }
            else if (place >= 0)
            {
                KeepPlace(reader, place + (into == _said ? 0 : PlacesOfTraits));
            }

            if (keep && name.Length is > 0 and <= LongestName && !IsEmpty(ref reader))
            {
                into.Add(new Trait(name, Value(ref reader), call.OccurredAt));
            }
            else
            {
                reader.Skip();
            }
        }
    }

    /// <param name="reader">A copy: the value is read once more.</param>
    private void KeepPlace(Utf8JsonReader reader, int place)
    {
        if (reader.TokenType == JsonTokenType.String && place % PlacesOfTraits != PlaceOfAddress)
        {
            _places[place] = reader.GetString();
        }

        if (reader.TokenType != JsonTokenType.StartObject || place % PlacesOfTraits != PlaceOfAddress)
        {
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var at = reader.ValueTextEquals("countryCode"u8) ? place : reader.ValueTextEquals("country"u8) ? place + 1 : -1;
            reader.Read();
            if (at >= 0 && reader.TokenType == JsonTokenType.String)
            {
                _places[at] = reader.GetString();
            }

            reader.Skip();
        }
    }

    /// <summary>Phone numbers, once all is read that may tell where they belong.</summary>
    private void AddPhones()
    {
        if (_phones.Count == 0)
        {
            return;
        }

        string? own = null;
        foreach (var place in _places)
        {
            own ??= place is null ? null : CountryNames.ToIso2(place);
        }

        foreach (var phone in _phones)
        {
            Add(IdentifierTypes.Phone, phone, own is not null && PhoneNumbers.ToE164(phone, own) is not null ? own : _country);
        }
    }

    private void ReadExternalIds(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                continue;
            }

            string? id = null, type = null, collection = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isId = reader.ValueTextEquals("id"u8);
                var isType = reader.ValueTextEquals("type"u8);
                var isCollection = reader.ValueTextEquals("collection"u8);
                reader.Read();
                var text = Text(ref reader);
                id = isId ? text : id;
                type = isType ? text : type;
                collection = isCollection ? text : collection;
                reader.Skip();
            }

            if (type is not null && collection is null or "users")
            {
                type = _types.TryGetValue(type, out var known) ? known : TypeOf(type);
                if (type == IdentifierTypes.Phone && id is not null)
                {
                    _phones.Add(id);
                }
                else
                {
                    Add(type, id);
                }
            }
        }
    }

    private void AddPrevious(string? previousId, string? anonymousId)
    {
        if (previousId is not null)
        {
            Add(IdentifierRules.LooksAnonymous(previousId, anonymousId) ? IdentifierTypes.AnonymousId : IdentifierTypes.UserId, previousId);
        }
    }

    private void Add(string type, string? value, string? country = null)
    {
        if (rules.Normalise(type, value, country) is { } identifier && !_named.Contains(identifier))
        {
            _named.Add(identifier);
        }
    }

    /// <summary>Strongest first; of one rank in the order of the type's name, then of the call.</summary>
    private Identifier[] InOrder()
    {
        for (var i = 1; i < _named.Count; i++)
        {
            var identifier = _named[i];
            var place = i;
            for (; place > 0 && Compare(_named[place - 1], identifier) > 0; place--)
            {
                _named[place] = _named[place - 1];
            }

            _named[place] = identifier;
        }

        return [.. _named];
    }

    private static int Compare(Identifier a, Identifier b)
    {
        var rank = IdentifierRules.RankOf(a.Type).CompareTo(IdentifierRules.RankOf(b.Type));
        return rank != 0 ? rank : string.CompareOrdinal(a.Type, b.Type);
    }

    private Trait[] TraitsOf()
    {
        _inContext.RemoveAll(trait => _said.Exists(said => said.Name == trait.Name));
        _said.AddRange(_inContext);
        AddCode("country", "countryCode");
        AddCodeOfAddress();
        AddCode("currency", "currencyCode");
        return Traits.Of(_said);
    }

    /// <summary>
    /// Beside a country or currency as it was sent stands its code, unless the sender says that itself. One that nobody knows has none.
    /// </summary>
    private void AddCode(string name, string codeName)
    {
        var at = _said.FindIndex(trait => trait.Name == name);
        if (at < 0 || _said.Exists(trait => trait.Name == codeName))
        {
            return;
        }

        var reader = new Utf8JsonReader(_said[at].Value);
        reader.Read();
        var code = reader.TokenType != JsonTokenType.String ? null
            : name == "country" ? CountryNames.ToIso2(reader.GetString()!) : CurrencyCodes.ToIso4217(reader.GetString()!, _country);
        _said.Add(new Trait(codeName, code is null ? Traits.NullValue : Encoding.UTF8.GetBytes($"\"{code}\""), _said[at].At));
    }

    /// <summary>The same of Segment's <c>address.country</c>, when nothing else tells the country.</summary>
    private void AddCodeOfAddress()
    {
        var at = _said.FindIndex(trait => trait.Name == "address");
        if (at < 0 || _said.Exists(trait => trait.Name is "country" or "countryCode"))
        {
            return;
        }

        var address = new Utf8JsonReader(_said[at].Value);
        address.Read();
        Array.Clear(_places);
        KeepPlace(address, PlaceOfAddress);
        if (_said[at].Value[0] == '{' && (_places[PlaceOfAddress] ?? _places[PlaceOfAddress + 1]) is { Length: > 0 } said)
        {
            var code = CountryNames.ToIso2(said);
            _said.Add(new Trait("countryCode", code is null ? Traits.NullValue : Encoding.UTF8.GetBytes($"\"{code}\""), _said[at].At));
        }
    }

    private static string? Text(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString(),
        JsonTokenType.Number => Encoding.UTF8.GetString(reader.ValueSpan),
        _ => null,
    };

    /// <summary>A field left empty says nothing; to take a value back a source sends null.</summary>
    private static bool IsEmpty(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String && reader.ValueSpan.Trim(" \t"u8).IsEmpty;

    /// <summary>Names come again and again: one string for all, within bounds.</summary>
    private string Name(ref Utf8JsonReader reader)
    {
        Span<char> text = stackalloc char[LongestRemembered];
        if (reader.ValueIsEscaped || reader.ValueSpan.Length > LongestRemembered)
        {
            return reader.GetString()!;
        }

        var name = text[..reader.CopyString(text)];
        var names = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        if (names.TryGetValue(name, out var known))
        {
            return known;
        }

        if (_names.Count < Remembered)
        {
            names.Add(name);
        }

        return name.ToString();
    }

    private string TypeOf(string type)
    {
        var known = type.Trim().ToLowerInvariant();
        if (_types.Count < Remembered)
        {
            _types.Add(type, known);
        }

        return known;
    }

    private byte[] Value(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return Traits.NullValue;
        }

        _value.ResetWrittenCount();
        CompactJson.Copy(ref reader, _value);
        return _value.WrittenSpan.ToArray();
    }
}
