using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace CdpMonolith.Tests.Ingestion;

/// <summary>A request to the door and what must become of it.</summary>
/// <param name="Path">Under /v1/.</param>
/// <param name="Status">Of the answer.</param>
/// <param name="Stored">Events that it adds.</param>
/// <param name="Aside">Entries that it adds to the quarantine.</param>
/// <param name="Code">In the answer, or of what was put aside; null: none.</param>
/// <param name="Key">As Basic authentication; null: no such header.</param>
/// <param name="Headers">Further ones.</param>
internal sealed record DoorCase(
    string Name, string Path, byte[] Body, int Status, int Stored, int Aside, string? Code, string? Key = DoorCases.Mine, string? Coding = null,
    params (string Name, string Value)[] Headers)
{
    public string Method { get; init; } = "POST";

    public override string ToString() => Name;
}

/// <summary>Everything that has been seen to go wrong at doors like ours, and its neighbours that must go right.</summary>
internal static class DoorCases
{
    /// <summary>Stands for the source's write key.</summary>
    public const string Mine = "{key}";

    private const string Now = "2026-03-02T09:00:00Z";

    public static IEnumerable<DoorCase> All => [.. Json(), .. Bytes(), .. Numbers(), .. Times(), .. Members(), .. Keys(), .. Sizes(), .. Batches(), .. Codings(), .. Senders()];

    private static DoorCase Track(string name, string body, int status, string? code, int stored = 0) =>
        new(name, "track", Encoding.UTF8.GetBytes(body), status, stored, code is null ? 0 : 1, code);

    private static DoorCase Good(string name, string more) => Track(name, $$"""{"userId":"u","event":"E",{{more}}}""", 200, null, 1);

    private static DoorCase Bad(string name, string more, string code) => Track(name, $$"""{"userId":"u","event":"E",{{more}}}""", 200, code);

    private static IEnumerable<DoorCase> Json()
    {
        foreach (var (name, body) in new[]
        {
            ("no body", ""), ("white space", " \n\t "), ("text", "hello"), ("cut in a name", "{\"user"), ("cut in a value", "{\"userId\":\"u"),
            ("cut before the end", "{\"userId\":\"u\",\"event\":\"E\""), ("comma at the end", "{\"userId\":\"u\",\"event\":\"E\",}"),
            ("comma at the beginning", "{,\"userId\":\"u\",\"event\":\"E\"}"), ("two commas", "{\"userId\":\"u\",,\"event\":\"E\"}"),
            ("no colon", "{\"userId\" \"u\"}"), ("no quotes around names", "{userId:\"u\",event:\"E\"}"), ("single quotes", "{'userId':'u','event':'E'}"),
            ("a comment", "{/* who */\"userId\":\"u\",\"event\":\"E\"}"), ("a line comment", "{\"userId\":\"u\",\"event\":\"E\"}//end"),
            ("two objects", "{\"userId\":\"u\",\"event\":\"E\"}{\"userId\":\"u\",\"event\":\"E\"}"), ("something behind", "{\"userId\":\"u\",\"event\":\"E\"} x"),
            ("lines of JSON", "{\"userId\":\"u\",\"event\":\"E\"}\n{\"userId\":\"v\",\"event\":\"E\"}"), ("undefined", "{\"userId\":undefined}"),
            ("TRUE", "{\"userId\":\"u\",\"event\":\"E\",\"properties\":{\"a\":TRUE}}"), ("a bracket that does not match", "{\"a\":[1,2}"),
            ("a form", "userId=u&event=E"), ("XML", "<event user=\"u\"/>"), ("a line break in text", "{\"userId\":\"u\nv\",\"event\":\"E\"}"),
            ("a tab in text", "{\"userId\":\"u\tv\",\"event\":\"E\"}"), ("an unknown escape", "{\"userId\":\"\\x41\",\"event\":\"E\"}"),
            ("half an escape", "{\"userId\":\"\\u12\",\"event\":\"E\"}"), ("an escape of no digits", "{\"userId\":\"\\uzzzz\",\"event\":\"E\"}"),
            ("a number as a name", "{1:\"u\"}"), ("a function", "{\"userId\":function(){}}"), ("an open array", "["), ("a closing brace", "}"),
        })
        {
            yield return Track($"not JSON: {name}", body, 400, "body.not_json");
        }

        foreach (var body in new[] { "[]", "[{\"userId\":\"u\",\"event\":\"E\"}]", "null", "true", "false", "1", "\"text\"", "-1.5e3" })
        {
            yield return Track($"no object: {body}", body, 400, "body.not_object");
        }

        yield return Track("a byte order mark", "\uFEFF{\"userId\":\"u\",\"event\":\"E\"}", 200, null, 1);
        yield return Track("white space around", " \r\n\t{\"userId\":\"u\",\"event\":\"E\"}\r\n ", 200, null, 1);
        yield return Track("an empty object", "{}", 200, "event.id_missing");
        yield return Good("deep in arrays", "\"properties\":{\"a\":[[[[1]]]]}");
        yield return Good("empty names", "\"properties\":{\"\":1}");
        yield return Good("names like ours inside", "\"properties\":{\"userId\":1,\"event\":[],\"context\":null}");
        yield return Good("names of prototypes", "\"properties\":{\"__proto__\":{\"a\":1},\"constructor\":1}");
        yield return Good("SQL", "\"properties\":{\"note\":\"'; DROP TABLE ingestion_event; --\"}");
        yield return Good("markup", "\"properties\":{\"note\":\"<script>alert(1)</script>\"}");
    }

    private static IEnumerable<DoorCase> Bytes()
    {
        foreach (var (name, bytes) in new (string, byte[])[]
        {
            ("a lone continuation", [0x80]), ("a lead without its follower", [0xC3]), ("two of three bytes", [0xE2, 0x82]), ("an overlong slash", [0xC0, 0xAF]),
            ("an overlong NUL", [0xC0, 0x80]), ("a surrogate in bytes", [0xED, 0xA0, 0x80]), ("a surrogate pair in bytes", [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80]),
            ("beyond the last character", [0xF4, 0x90, 0x80, 0x80]), ("FE", [0xFE]), ("FF", [0xFF]), ("Latin 1", [0xE6, 0xF8, 0xE5]), ("Windows 874", [0xA1, 0xD2, 0xC3]),
        })
        {
            byte[] body = [.. "{\"userId\":\"u\",\"event\":\"E\",\"properties\":{\"a\":\""u8, .. bytes, .. "\"}}"u8];
            yield return new DoorCase($"bytes: {name}", "track", body, 200, 0, 1, "event.not_utf8");
        }

        yield return new DoorCase("UTF-16", "track", Encoding.Unicode.GetBytes("{\"userId\":\"u\",\"event\":\"E\"}"), 400, 0, 1, "body.not_json");
        yield return new DoorCase("UTF-32", "track", Encoding.UTF32.GetBytes("{\"userId\":\"u\",\"event\":\"E\"}"), 400, 0, 1, "body.not_json");
        yield return new DoorCase("zeros", "track", new byte[100], 400, 0, 1, "body.not_json");
        foreach (var (name, text) in new[]
        {
            ("a NUL by escape", "a\\u0000b"), ("a NUL alone", "\\u0000"),
        })
        {
            yield return Bad($"text: {name}", $"\"properties\":{{\"a\":\"{text}\"}}", "event.nul");
        }

        foreach (var text in new[] { "\\ud83d", "\\ud83dx", "\\ude00", "\\ud83d\\ud83d", "\\ud83d\\n", "\\uDBFF\\u0041", "\\ude00\\ud83d" })
        {
            yield return Bad($"half a pair: {text}", $"\"properties\":{{\"a\":\"{text}\"}}", "event.lone_surrogate");
            yield return Bad($"half a pair in a name: {text}", $"\"properties\":{{\"{text}\":1}}", "event.lone_surrogate");
        }

        foreach (var (name, text) in new[]
        {
            ("a pair by escape", "\\ud83d\\ude00"), ("a face", "😀"), ("Thai", "สวัสดี"), ("Norwegian", "blåbærgrød"), ("right to left", "\u202Eabc"), ("a family", "👩‍👩‍👧‍👦"),
            ("no character for ever", "\uFFFE\uFFFF"), ("the replacement", "\uFFFD"), ("control characters by escape", "\\u0001\\u001f\\u007f"), ("line separators", "\u2028\u2029"),
            ("not composed", "e\u0301"), ("the last character", char.ConvertFromUtf32(0x10FFFF)), ("private use", "\uE000"), ("all escapes", "\\\"\\\\\\/\\b\\f\\n\\r\\t"),
        })
        {
            yield return Good($"text: {name}", $"\"properties\":{{\"a\":\"{text}\",\"{text}\":1}}");
        }
    }

    private static IEnumerable<DoorCase> Numbers()
    {
        foreach (var number in new[] { "1e400", "-1e400", "1e309", "123456789e400", "1" + new string('0', 400) })
        {
            yield return Bad($"number: {number[..Math.Min(12, number.Length)]}, {number.Length} digits", $"\"properties\":{{\"a\":{number}}}", "event.number_out_of_range");
        }

        foreach (var number in new[]
        {
            "0", "-0", "0.1", "1e-400", "1E+2", "9007199254740993", "18446744073709551616", "-9223372036854775809", "1.7976931348623157e308", "5e-324",
            "3.14159265358979323846264338327950288", "1e0", "0.0000000000000000000000001",
        })
        {
            yield return Good($"number: {number}", $"\"properties\":{{\"a\":{number}}}");
        }

        foreach (var number in new[] { "NaN", "Infinity", "-Infinity", "+1", ".5", "5.", "01", "0x10", "1_000", "1,5", "1e", "--1", "-", "1.2.3" })
        {
            yield return Track($"no number: {number}", $"{{\"userId\":\"u\",\"event\":\"E\",\"properties\":{{\"a\":[{number}]}}}}", number == "1,5" ? 200 : 400, number == "1,5" ? null : "body.not_json", number == "1,5" ? 1 : 0);
        }
    }

    /// <summary>A time never costs the event: what is unusable becomes the time of receipt.</summary>
    private static IEnumerable<DoorCase> Times()
    {
        foreach (var time in new[]
        {
            $"\"{Now}\"", "\"2026-03-02T09:00:00.123Z\"", "\"2026-03-02T09:00:00+07:00\"", "\"2026-03-02T09:00:00.123456789+05:30\"", "\"2026-03-02 09:00:00\"", "\"2026-03-02\"",
            "1772442000", "1772442000000", "1772442000.5", "\"1772442000\"", "\"Mon, 02 Mar 2026 09:00:00 GMT\"",
            "\"02/03/2026\"", "\"yesterday\"", "\"\"", "null", "true", "{}", "[]", "\"2026-13-45T99:99:99Z\"", "\"2026-02-30T00:00:00Z\"", "\"0001-01-01T00:00:00Z\"",
            "\"9999-12-31T23:59:59Z\"", "\"2569-03-02T09:00:00Z\"", "0", "-1", "99999999999999999999", "1e30", "\"1969-12-31T23:59:59Z\"", "\"2026-03-02T09:00:00+99:00\"",
            "\"" + new string('9', 400) + "\"",
        })
        {
            yield return Good($"timestamp: {time[..Math.Min(40, time.Length)]}", $"\"timestamp\":{time}");
            yield return Good($"sentAt: {time[..Math.Min(40, time.Length)]}", $"\"sentAt\":{time},\"timestamp\":\"{Now}\"");
        }
    }

    private static IEnumerable<DoorCase> Members()
    {
        foreach (var (value, name) in new[] { ("true", "a boolean"), ("[]", "an array"), ("{}", "an object"), ("[\"u\"]", "an array of one") })
        {
            yield return Track($"userId: {name}", $"{{\"userId\":{value},\"event\":\"E\"}}", 200, "event.not_text");
            yield return Track($"anonymousId: {name}", $"{{\"anonymousId\":{value},\"event\":\"E\"}}", 200, "event.not_text");
            yield return Track($"event: {name}", $"{{\"userId\":\"u\",\"event\":{value}}}", 200, "event.not_text");
        }

        foreach (var value in new[] { "null", "\"\"", "\"  \"", "\"\\t\\n\"" })
        {
            yield return Track($"userId: {value}", $"{{\"userId\":{value},\"event\":\"E\"}}", 200, "event.id_missing");
            yield return Track($"event: {value}", $"{{\"userId\":\"u\",\"event\":{value}}}", 200, "event.name_missing");
            yield return Track($"userId {value} beside an anonymousId", $"{{\"userId\":{value},\"anonymousId\":\"a\",\"event\":\"E\"}}", 200, null, 1);
        }

        yield return Track("userId: a number", "{\"userId\":42,\"event\":\"E\"}", 200, null, 1);
        yield return Track("userId: a fraction", "{\"userId\":4.2,\"event\":\"E\"}", 200, null, 1);
        yield return Track("userId: spaces around", "{\"userId\":\" u \",\"event\":\"E\"}", 200, null, 1);
        foreach (var (member, value) in from member in new[] { "properties", "context", "integrations" } from value in new[] { "\"text\"", "1", "true", "[1]" } select (member, value))
        {
            yield return Bad($"{member}: {value}", $"\"{member}\":{value}", "event.member_not_object");
        }

        foreach (var (member, value) in from member in new[] { "properties", "context", "integrations" } from value in new[] { "null", "{}", "[]" } select (member, value))
        {
            yield return Good($"{member}: {value}", $"\"{member}\":{value}");
        }

        foreach (var (path, body, code) in new[]
        {
            ("identify", "{}", "event.id_missing"), ("page", "{}", "event.id_missing"), ("screen", "{\"name\":\"S\"}", "event.id_missing"), ("group", "{\"userId\":\"u\"}", "event.group_missing"),
            ("alias", "{\"userId\":\"u\"}", "event.previous_missing"), ("alias", "{\"previousId\":\"u\"}", "event.user_missing"), ("group", "{\"groupId\":\"g\"}", "event.id_missing"),
            ("identify", "{\"userId\":\"u\",\"traits\":\"x\"}", "event.member_not_object"), ("group", "{\"userId\":\"u\",\"groupId\":{}}", "event.not_text"),
        })
        {
            yield return new DoorCase($"{path} {body}", path, Encoding.UTF8.GetBytes(body), 200, 0, 1, code);
        }

        foreach (var (path, body) in new[]
        {
            ("identify", "{\"userId\":\"u\"}"), ("page", "{\"anonymousId\":\"a\"}"), ("screen", "{\"userId\":\"u\",\"name\":null}"), ("group", "{\"userId\":\"u\",\"groupId\":7}"),
            ("alias", "{\"userId\":\"u\",\"previousId\":\"v\"}"), ("identify", "{\"userId\":\"u\",\"type\":\"track\"}"), ("identify", "{\"userId\":\"u\",\"traits\":{\"email\":[1,2]}}"),
            ("track", "{\"userId\":\"u\",\"event\":\"E\",\"messageId\":{}}"), ("track", "{\"userId\":\"u\",\"event\":7}"),
        })
        {
            yield return new DoorCase($"{path} {body}", path, Encoding.UTF8.GetBytes(body), 200, 1, 0, null);
        }
    }

    private static IEnumerable<DoorCase> Keys()
    {
        yield return Track("a member twice", "{\"userId\":\"u\",\"userId\":\"v\",\"event\":\"E\"}", 200, "event.duplicate_key");
        yield return Track("a member twice, once by escape", "{\"userId\":\"u\",\"user\\u0049d\":\"v\",\"event\":\"E\"}", 200, "event.duplicate_key");
        yield return Bad("a property twice", "\"properties\":{\"a\":1,\"a\":1}", "event.duplicate_key");
        yield return Bad("a member twice deep inside", "\"properties\":{\"a\":[{\"b\":{\"c\":1,\"d\":2,\"c\":3}}]}", "event.duplicate_key");
        yield return Bad("an empty name twice", "\"properties\":{\"\":1,\"\":2}", "event.duplicate_key");
        yield return Good("names that differ in case", "\"properties\":{\"a\":1,\"A\":2}");
        yield return Good("the same name in two objects", "\"properties\":{\"a\":{\"a\":1},\"b\":{\"a\":1}}");
        yield return Good("names that differ in their composition", "\"properties\":{\"\u00e9\":1,\"e\u0301\":2}");
    }

    private static IEnumerable<DoorCase> Sizes()
    {
        yield return Good("32 levels", "\"properties\":" + Nested(31));
        yield return Bad("33 levels", "\"properties\":" + Nested(32), "event.too_deep");
        yield return Bad("5,000 levels", "\"properties\":" + Nested(5000), "event.too_deep");
        yield return Bad("10,000 arrays", "\"properties\":{\"a\":" + new string('[', 10_000) + new string(']', 10_000) + "}", "event.too_deep");
        yield return Good("2,000 properties", "\"properties\":" + Wide(2000));
        yield return Bad("2,001 properties", "\"properties\":" + Wide(2001), "event.too_many_properties");
        yield return Sized("32 KB", 32 * 1024, 200, null, 1);
        yield return Sized("32 KB and one byte", 32 * 1024 + 1, 200, "event.too_large", 0);
        yield return Sized("900 KB", 900_000, 200, "event.too_large", 0);
        yield return Sized("1 MB and one byte", 1024 * 1024 + 1, 413, null, 0);
        yield return Good("an id of 1,000 bytes", $"\"anonymousId\":\"{new string('x', 1000)}\"");
        yield return Bad("an id of 1,001 bytes", $"\"anonymousId\":\"{new string('x', 1001)}\"", "event.too_long");
        yield return Track("an event of 1,001 bytes", $"{{\"userId\":\"u\",\"event\":\"{new string('x', 1001)}\"}}", 200, "event.too_long");
        yield return Good("a message id of 5,000 characters", $"\"messageId\":\"{new string('m', 5000)}\"");
        yield return Good("a name of 10,000 characters", $"\"properties\":{{\"{new string('n', 10_000)}\":1}}");

        static DoorCase Sized(string name, int bytes, int status, string? code, int stored)
        {
            const string Empty = "{\"userId\":\"u\",\"event\":\"E\",\"x\":\"\"}";
            return Track(name, Empty.Insert(Empty.Length - 2, new string('x', bytes - Empty.Length)), status, code, stored);
        }

        static string Nested(int levels) =>
            string.Concat(Enumerable.Repeat("{\"a\":", levels - 1)) + "{}" + new string('}', levels - 1);

        static string Wide(int members) =>
            "{" + string.Join(',', Enumerable.Range(0, members).Select(n => $"\"p{n.ToString(CultureInfo.InvariantCulture)}\":1")) + "}";
    }

    private static IEnumerable<DoorCase> Batches()
    {
        const string Call = "{\"type\":\"track\",\"userId\":\"u\",\"event\":\"E\"}";
        foreach (var (name, body, status, stored, aside, code) in new (string, string, int, int, int, string?)[]
        {
            ("none", "{}", 400, 0, 1, "batch.missing"), ("null", "{\"batch\":null}", 400, 0, 1, "batch.missing"), ("an object", "{\"batch\":{}}", 400, 0, 1, "batch.missing"),
            ("text", "{\"batch\":\"[]\"}", 400, 0, 1, "batch.missing"), ("empty", "{\"batch\":[]}", 200, 0, 0, null), ("an array", $"[{Call}]", 400, 0, 1, "body.not_object"),
            ("one", $"{{\"batch\":[{Call}]}}", 200, 1, 0, null), ("not closed", $"{{\"batch\":[{Call}", 400, 0, 1, "body.not_json"),
            ("with null", $"{{\"batch\":[{Call},null,{Call}]}}", 200, 2, 1, "event.not_object"), ("with a number", $"{{\"batch\":[1,{Call}]}}", 200, 1, 1, "event.not_object"),
            ("with an array", $"{{\"batch\":[[{Call}],{Call}]}}", 200, 1, 1, "event.not_object"), ("with text", $"{{\"batch\":[\"x\",{Call}]}}", 200, 1, 1, "event.not_object"),
            ("without a type", $"{{\"batch\":[{{\"userId\":\"u\"}},{Call}]}}", 200, 1, 1, "event.type_missing"), ("of an unknown type", $"{{\"batch\":[{{\"type\":\"delete\",\"userId\":\"u\"}},{Call}]}}", 200, 1, 1, "event.type_unknown"),
            ("one too deep", $"{{\"batch\":[{{\"type\":\"track\",\"userId\":\"u\",\"event\":\"E\",\"properties\":{{\"a\":{new string('[', 500)}{new string(']', 500)}}}}},{Call}]}}", 200, 1, 1, "event.too_deep"),
            ("one with a NUL", $"{{\"batch\":[{{\"type\":\"track\",\"userId\":\"\\u0000\",\"event\":\"E\"}},{Call}]}}", 200, 1, 1, "event.nul"),
            ("one too large", $"{{\"batch\":[{Call},{{\"type\":\"track\",\"userId\":\"u\",\"event\":\"E\",\"x\":\"{new string('x', 40_000)}\"}}]}}", 200, 1, 1, "event.too_large"),
            ("types in capitals", "{\"batch\":[{\"type\":\"TRACK\",\"userId\":\"u\",\"event\":\"E\"}]}", 200, 1, 0, null),
            ("the same twice", $"{{\"batch\":[{{\"type\":\"track\",\"userId\":\"u\",\"event\":\"E\",\"messageId\":\"same\"}},{{\"type\":\"track\",\"userId\":\"u\",\"event\":\"E\",\"messageId\":\"same\"}}]}}", 200, 1, 0, null),
            ("context as text", $"{{\"batch\":[{Call}],\"context\":\"x\"}}", 400, 0, 1, "batch.shared_unusable"), ("context twice", $"{{\"batch\":[{Call}],\"context\":{{}},\"context\":{{}}}}", 400, 0, 1, "batch.shared_unusable"),
            ("batch twice", $"{{\"batch\":[{Call}],\"batch\":[{Call}]}}", 400, 0, 1, "batch.member_twice"), ("batch empty and again", $"{{\"batch\":[],\"batch\":[{Call}]}}", 400, 0, 1, "batch.member_twice"),
            ("batch of nothing and again", $"{{\"batch\":null,\"batch\":[{Call}]}}", 400, 0, 1, "batch.member_twice"), ("sentAt twice", $"{{\"batch\":[{Call}],\"sentAt\":1,\"sentAt\":\"{Now}\"}}", 400, 0, 1, "batch.member_twice"),
            ("context with a pair cut in half", $"{{\"batch\":[{Call}],\"context\":{{\"a\":\"\\ud800\"}}}}", 400, 0, 1, "batch.shared_unusable"),
            ("context null", $"{{\"batch\":[{Call}],\"context\":null}}", 200, 1, 0, null), ("sentAt of nonsense", $"{{\"batch\":[{Call}],\"sentAt\":{{\"a\":1}}}}", 200, 1, 0, null),
            ("members that nobody knows", $"{{\"batch\":[{Call}],\"x\":[1,{{\"y\":null}}]}}", 200, 1, 0, null), ("context after the calls", $"{{\"batch\":[{Call}],\"context\":{{\"a\":1}}}}", 200, 1, 0, null),
            ("5,000 calls", $"{{\"batch\":[{string.Join(',', Enumerable.Repeat(Call, 5000))}]}}", 200, 5000, 0, null),
            ("5,001 calls", $"{{\"batch\":[{string.Join(',', Enumerable.Repeat(Call, 5001))}]}}", 413, 0, 1, "batch.too_many_events"),
        })
        {
            yield return new DoorCase($"batch: {name}", "batch", Encoding.UTF8.GetBytes(body), status, stored, aside, code);
        }

        yield return new DoorCase(
            "batch: one not UTF-8", "batch", [.. "{\"batch\":[{\"type\":\"track\",\"userId\":\""u8, 0xFF, .. "\",\"event\":\"E\"},"u8, .. Encoding.UTF8.GetBytes(Call), .. "]}"u8], 200, 1, 1, "event.not_utf8");
    }

    private static IEnumerable<DoorCase> Codings()
    {
        var body = "{\"userId\":\"u\",\"event\":\"E\"}"u8.ToArray();
        yield return new DoorCase("gzip", "track", Pack(body, "gzip"), 200, 1, 0, null, Coding: "gzip");
        yield return new DoorCase("GZIP in capitals", "track", Pack(body, "gzip"), 200, 1, 0, null, Coding: "GZIP");
        yield return new DoorCase("x-gzip", "track", Pack(body, "gzip"), 200, 1, 0, null, Coding: "x-gzip");
        yield return new DoorCase("deflate", "track", Pack(body, "deflate"), 200, 1, 0, null, Coding: "deflate");
        yield return new DoorCase("br", "track", Pack(body, "br"), 200, 1, 0, null, Coding: "br");
        yield return new DoorCase("identity", "track", body, 200, 1, 0, null, Coding: "identity");
        foreach (var coding in new[] { "gzip", "br", "deflate" })
        {
            yield return new DoorCase($"{coding} that is none", "track", body, 400, 0, 0, "body.encoding_broken", Coding: coding);
            yield return new DoorCase($"{coding} of 200 MB", "track", Pack(new byte[200_000_000], coding), 413, 0, 0, "body.too_large", Coding: coding);
        }

        // Even when the text is whole as far as it goes.
        yield return new DoorCase("gzip without its check sum", "track", Pack(body, "gzip")[..^6], 400, 0, 0, "body.encoding_broken", Coding: "gzip");
        yield return new DoorCase("br cut short", "track", Pack(body, "br")[..^6], 400, 0, 0, "body.encoding_broken", Coding: "br");
        yield return new DoorCase("deflate cut short", "track", Pack(body, "deflate")[..^8], 400, 0, 0, "body.encoding_broken", Coding: "deflate");
        foreach (var coding in new[] { "zstd", "compress", "gzip, gzip", "nonsense" })
        {
            yield return new DoorCase($"coding {coding}", "track", body, 400, 0, 0, "body.encoding_unknown", Coding: coding);
        }

        yield return new DoorCase("gzip not said", "track", Pack(body, "gzip"), 400, 0, 1, "body.not_json");
        foreach (var type in new[] { "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "application/json; charset=iso-8859-1", "image/png" })
        {
            yield return new DoorCase($"type {type}", "track", body, 200, 1, 0, null, Headers: ("Content-Type", type));
        }
    }

    private static IEnumerable<DoorCase> Senders()
    {
        var body = "{\"userId\":\"u\",\"event\":\"E\"}"u8.ToArray();
        yield return new DoorCase("no key", "track", body, 401, 0, 0, "write_key.missing", Key: null);
        yield return new DoorCase("an unknown key", "track", body, 401, 0, 0, "write_key.unknown", Key: "nobody");
        yield return new DoorCase("an unknown key in the body", "track", "{\"writeKey\":\"nobody\",\"userId\":\"u\",\"event\":\"E\"}"u8.ToArray(), 401, 0, 0, "write_key.unknown", Key: null);
        yield return new DoorCase("an empty key", "track", body, 401, 0, 0, "write_key.missing", Key: "");
        foreach (var header in new[] { "Basic", "Basic !!!!", "Basic " + Convert.ToBase64String([0xFF, 0xFE]), "Bearer x", "Basic  ", "Digest a=b" })
        {
            yield return new DoorCase($"authorization {header}", "track", body, 401, 0, 0, null, Key: null, Headers: ("Authorization", header));
        }

        yield return new DoorCase("the key in a header of its own", "track", body, 200, 1, 0, null, Key: null, Headers: ("X-Write-Key", Mine));
        yield return new DoorCase("the key in the address", $"track?writeKey={Mine}", body, 200, 1, 0, null, Key: null);
        yield return new DoorCase("GET", "track", [], 405, 0, 0, "method.not_allowed") { Method = "GET" };
        yield return new DoorCase("PUT", "track", body, 405, 0, 0, "method.not_allowed") { Method = "PUT" };
        yield return new DoorCase("DELETE", "batch", [], 405, 0, 0, "method.not_allowed") { Method = "DELETE" };
        yield return new DoorCase("an unknown path", "trak", body, 404, 0, 0, "route.unknown");
        yield return new DoorCase("a path up and down", "../v1/track", body, 200, 1, 0, null);
        yield return new DoorCase("preflight", "track", [], 204, 0, 0, null) { Method = "OPTIONS" };
    }

    private static byte[] Pack(byte[] bytes, string coding)
    {
        using var packed = new MemoryStream();
        using (Stream to = coding switch
        {
            "deflate" => new ZLibStream(packed, CompressionLevel.Fastest),
            "br" => new BrotliStream(packed, CompressionLevel.Fastest),
            _ => new GZipStream(packed, CompressionLevel.Fastest),
        })
        {
            to.Write(bytes);
        }

        return packed.ToArray();
    }
}
